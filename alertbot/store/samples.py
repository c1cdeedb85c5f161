"""The stored grid: one row for each series and UTC day, holding its 288 slots as one array."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from alertbot.rules.base import Array
from alertbot.rules.grid import Grid
from alertbot.rules.selection import is_domain
from alertbot.units import DAY, DAY_SLOTS, SLOT

_DTYPE = "<f8"


def series_ids(db: Database, names: Iterable[str]) -> dict[str, int]:
    """The id of each series, inserted where there is none."""
    names = tuple(names)
    db.conn.executemany("INSERT INTO series (name) VALUES (?) ON CONFLICT DO NOTHING", ((name,) for name in names))
    rows = db.conn.execute(
        "SELECT name, id FROM series WHERE name IN (SELECT value FROM json_each(?))", (json.dumps(names),)
    )
    return dict(rows)


def series_names(db: Database) -> tuple[str, ...]:
    """Every series that was ever watched, in the order of their first appearance."""
    return tuple(name for (name,) in db.conn.execute("SELECT name FROM series ORDER BY id"))


def domain_names(db: Database) -> tuple[str, ...]:
    """Every domain that was ever watched: the series without the total and the groups' sums."""
    return tuple(name for name in series_names(db) if is_domain(name))


def cursors(db: Database) -> dict[str, int]:
    """The last slot judged of each series that has one."""
    return dict(db.conn.execute("SELECT name, cursor FROM series WHERE cursor IS NOT NULL"))


def cursor(db: Database, name: str) -> int | None:
    """The last slot judged of one series; ``None`` before the first."""
    row = db.conn.execute("SELECT cursor FROM series WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def begun(db: Database) -> dict[str, int]:
    """The frontier when each series was first judged."""
    return dict(db.conn.execute("SELECT name, begun FROM series WHERE begun IS NOT NULL"))


def write_begun(db: Database, ids: Mapping[str, int], begun: Mapping[str, int]) -> None:
    """Write the frontier when a series was first judged, unless it is known from before."""
    rows = ((slot, ids[name]) for name, slot in begun.items())
    db.conn.executemany("UPDATE series SET begun = ? WHERE id = ? AND begun IS NULL", rows)


def write_cursors(db: Database, ids: Mapping[str, int], cursor: Mapping[str, int]) -> None:
    """Move the cursors."""
    rows = ((slot, ids[name]) for name, slot in cursor.items())
    db.conn.executemany("UPDATE series SET cursor = ? WHERE id = ?", rows)


def write_days(db: Database, ids: Mapping[str, int], grid: Grid, touched: Iterable[tuple[str, int]]) -> None:
    """Write the arrays of these (series, day) pairs as the grid holds them."""
    rows = (
        (day, ids[name], np.ascontiguousarray(grid.day(day)[:, grid.column[name]], dtype=_DTYPE).tobytes())
        for name, day in touched
    )
    db.conn.executemany(
        "INSERT INTO samples (day, series, slots) VALUES (?, ?, ?)"
        " ON CONFLICT (day, series) DO UPDATE SET slots = excluded.slots",
        rows,
    )


def load(db: Database, grid: Grid, first: int, last: int) -> None:
    """Fill the grid with what is stored of its series from the slot ``first`` to ``last``, whole days."""
    for day in range(first // DAY, last // DAY + 1):
        block = None
        for name, slots in _day_rows(db, day):
            column = grid.column.get(name)
            if column is not None:
                block = grid.day(day) if block is None else block
                block[:, column] = np.frombuffer(slots, dtype=_DTYPE)


def _day_rows(db: Database, day: int) -> Iterator[tuple[str, bytes]]:
    yield from db.conn.execute(
        "SELECT series.name, slots FROM samples JOIN series ON series.id = samples.series WHERE day = ?", (day,)
    )


def days(db: Database) -> tuple[int, ...]:
    """The days of which anything is stored, oldest first."""
    return tuple(day for (day,) in db.conn.execute("SELECT DISTINCT day FROM samples ORDER BY day"))


def series_between(db: Database, name: str, first: int, last: int) -> Array:
    """The stored values of one series from the slot ``first`` to ``last``, both included; NaN where unknown."""
    start = first // DAY
    stored = np.full((last // DAY - start + 1) * DAY_SLOTS, np.nan)
    rows = db.conn.execute(
        "SELECT day, slots FROM samples JOIN series ON series.id = samples.series"
        " WHERE series.name = ? AND day BETWEEN ? AND ?",
        (name, start, last // DAY),
    )
    for day, slots in rows:
        stored[(day - start) * DAY_SLOTS :][:DAY_SLOTS] = np.frombuffer(slots, dtype=_DTYPE)
    begin = (first - start * DAY) // SLOT
    return stored[begin : begin + (last - first) // SLOT + 1]


def each_between(db: Database, spans: Mapping[str, tuple[int, int]]) -> dict[str, Array]:
    """The stored values of each series between its own two slots, both included; NaN where unknown."""
    stored = {name: np.full((last - first) // SLOT + 1, np.nan) for name, (first, last) in spans.items()}
    of_day: dict[int, list[str]] = {}
    for name, (first, last) in spans.items():
        for day in range(first // DAY, last // DAY + 1):
            of_day.setdefault(day, []).append(name)
    for day, names in of_day.items():
        for name, _, slots in _rows(db, names, day, day):
            first, last = spans[name]
            begin, end = max(first, day * DAY), min(last, (day + 1) * DAY - SLOT)
            found = np.frombuffer(slots, dtype=_DTYPE)[(begin - day * DAY) // SLOT : (end - day * DAY) // SLOT + 1]
            stored[name][(begin - first) // SLOT :][: len(found)] = found
    return stored


def means(db: Database, first: int, count: int) -> dict[str, tuple[float, int]]:
    """The mean of each series over what is known in ``count`` slots from ``first`` on, and how many slots that is."""
    sums: dict[str, tuple[float, int]] = {}
    last = first + (count - 1) * SLOT
    for day in range(first // DAY, last // DAY + 1):
        low, high = max(first - day * DAY, 0) // SLOT, min(last - day * DAY, DAY - SLOT) // SLOT
        for name, slots in _day_rows(db, day):
            values = np.frombuffer(slots, dtype=_DTYPE)[low : high + 1]
            known = values[~np.isnan(values)]
            so_far = sums.get(name, (0.0, 0))
            sums[name] = so_far[0] + float(known.sum()), so_far[1] + len(known)
    return {name: (total / known, known) for name, (total, known) in sums.items() if known}


def first_traffic(db: Database, name: str) -> int | None:
    """The first stored slot in which a series carried anything."""
    rows = db.conn.execute(
        "SELECT day, slots FROM samples JOIN series ON series.id = samples.series WHERE series.name = ? ORDER BY day",
        (name,),
    )
    for day, slots in rows:
        carried = np.frombuffer(slots, dtype=_DTYPE) > 0
        if carried.any():
            return int(day) * DAY + SLOT * int(carried.argmax())
    return None


def earlier(db: Database, name: str, first: int, count: int, backs: Sequence[int]) -> Array:
    """``count`` stored slots of a series from ``first`` on, each of ``backs`` seconds earlier: a row for each."""
    last = first + (count - 1) * SLOT
    return np.stack([series_between(db, name, first - back, last - back) for back in backs])


def sum_of(db: Database, names: Sequence[str], first: int, last: int) -> Array:
    """The stored values of these series added up, slot by slot, both ends included; NaN where one is unknown."""
    start = first // DAY
    stored = np.zeros((last // DAY - start + 1, DAY_SLOTS))
    rows_of = np.zeros(len(stored), dtype=np.int64)
    for _, day, slots in _rows(db, names, start, last // DAY):
        stored[day - start] += np.frombuffer(slots, dtype=_DTYPE)
        rows_of[day - start] += 1
    stored[rows_of < len(set(names))] = np.nan
    return _cut(stored.reshape(-1), first, last)


def matrix(db: Database, names: Sequence[str], first: int, last: int) -> Array:
    """The stored values of these series, slots x series, both ends included; NaN where unknown."""
    start = first // DAY
    column = {name: position for position, name in enumerate(names)}
    stored = np.full((len(names), last // DAY - start + 1, DAY_SLOTS), np.nan)
    for name, day, slots in _rows(db, names, start, last // DAY):
        stored[column[name], day - start] = np.frombuffer(slots, dtype=_DTYPE)
    return _cut(stored.reshape(len(names), -1).T, first, last)


def _rows(db: Database, names: Sequence[str], first_day: int, last_day: int) -> Iterator[tuple[str, int, bytes]]:
    """(name, day, slots) of what is stored; days and series are listed, so that each pair is looked up by itself."""
    days, wanted = json.dumps(list(range(first_day, last_day + 1))), json.dumps(sorted(set(names)))
    yield from db.conn.execute(
        "SELECT series.name, day, slots FROM samples JOIN series ON series.id = samples.series"
        " WHERE day IN (SELECT value FROM json_each(?))"
        " AND series IN (SELECT id FROM series WHERE name IN (SELECT value FROM json_each(?)))",
        (days, wanted),
    )


def _cut(values: Array, first: int, last: int) -> Array:
    """The slots ``first`` to ``last`` of whole days."""
    begin = (first - first // DAY * DAY) // SLOT
    return values[begin : begin + (last - first) // SLOT + 1]


def forget(db: Database, before_day: int, most: int) -> int:
    """Delete the oldest days before ``before_day``, ``most`` rows of them at most; how many that was."""
    cursor = db.conn.execute(
        "DELETE FROM samples WHERE rowid IN (SELECT rowid FROM samples WHERE day < ? ORDER BY day LIMIT ?)",
        (before_day, most),
    )
    return cursor.rowcount


def newest_day(db: Database) -> int | None:
    """The newest day of which anything is stored."""
    (day,) = db.conn.execute("SELECT max(day) FROM samples").fetchone()
    return None if day is None else int(day)


def known_spans(db: Database, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last known slot of each of these series; the first is after the last where nothing is."""
    column = {name: position for position, name in enumerate(names)}
    first = np.full(len(names), np.iinfo(np.int64).max)
    last = np.full(len(names), -1)
    rows = db.conn.execute(
        "SELECT name, samples.day, slots FROM samples JOIN series ON series.id = samples.series JOIN"
        " (SELECT series, min(day) AS begin, max(day) AS end FROM samples GROUP BY series) AS edge"
        " ON edge.series = samples.series AND samples.day IN (edge.begin, edge.end)"
    )
    for name, day, slots in rows:
        known = np.flatnonzero(~np.isnan(np.frombuffer(slots, dtype=_DTYPE)))
        if name in column and len(known):
            position = column[name]
            first[position] = min(first[position], day * DAY + SLOT * int(known[0]))
            last[position] = max(last[position], day * DAY + SLOT * int(known[-1]))
    return first, last
