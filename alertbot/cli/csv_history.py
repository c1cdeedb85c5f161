"""History as a CSV file, ``domain,time,bps``: one row a slot, where rows of 0 may be left out.

Read, an absent slot between a domain's first and last row is a zero, as in the API's own answers; an empty ``bps`` is
unknown.
"""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from alertbot.config.domains import normalised
from alertbot.errors import HistoryError, UsageError
from alertbot.rules.base import Array, Mask
from alertbot.units import DAY, DAY_SLOTS, SLOT, format_iso, parse_time
from alertbot.words import printable

HEADER = ["domain", "time", "bps"]
LATEST = 2**33
"""No time in a file that is read lies later, epoch seconds."""

_LONGEST = 3653 * DAY
_TIMES = 200_000
"""How many times are parsed once only: nearly two years of them."""


class CsvHistory:
    """A CSV as a history. What is unknown between a domain's first and last row was given up, as in the store."""

    def __init__(self, histories: Mapping[str, SeriesHistory]) -> None:
        self._histories = histories
        self.series = tuple(histories)
        self._first = np.array([each.first for each in histories.values()], dtype=np.int64)
        self._last = np.array([each.last for each in histories.values()], dtype=np.int64)

    def days(self) -> Sequence[int]:
        return sorted(
            {day for each in self._histories.values() for day in range(each.first // DAY, each.last // DAY + 1)}
        )

    def day(self, day: int) -> tuple[Array, Mask]:
        values = np.full((DAY_SLOTS, len(self.series)), np.nan)
        for column, history in enumerate(self._histories.values()):
            if history.first // DAY <= day <= history.last // DAY:
                values[:, column] = history.day(day)
        slots = (day * DAY + SLOT * np.arange(DAY_SLOTS))[:, None]
        return values, (slots >= self._first) & (slots <= self._last)

    @property
    def newest(self) -> int:
        """The last slot of any domain; -1 where there is none."""
        return int(self._last.max(initial=-1))

    def last_of(self, series: str) -> int:
        return self._histories[series].last


@dataclass(frozen=True)
class SeriesHistory:
    """The rows of one series: ``values`` (bit/s, NaN where unknown) at ``slots``, ascending, none twice.

    Zeros may be left out: a slot from the first row to the last that has no row is a zero.
    """

    slots: NDArray[np.int64]
    values: Array

    @property
    def first(self) -> int:
        """The slot of the first row."""
        return int(self.slots[0])

    @property
    def last(self) -> int:
        """The slot of the last row."""
        return int(self.slots[-1])

    def day(self, day: int) -> Array:
        """The 288 slots of one UTC day: NaN where unknown and outside the history, 0 where a slot within has no row."""
        start = day * DAY
        grid = start + SLOT * np.arange(DAY_SLOTS)
        values = np.where((grid >= self.first) & (grid <= self.last), 0.0, np.nan)
        low, high = np.searchsorted(self.slots, [start, start + DAY])
        values[(self.slots[low:high] - start) // SLOT] = self.values[low:high]
        return values


def read_csv(path: Path) -> dict[str, SeriesHistory]:
    """Every domain of the file, in order of appearance; ``HistoryError`` names the line that cannot be read.

    A name that ends in ``.gz`` is that of a compressed file. ``UsageError`` where there is no file that can be opened.
    """
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            columns = _columns(path, file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise HistoryError(f"{path}: cannot be unpacked: name a whole .gz file, or the CSV itself") from error
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}: name a readable file with the header {','.join(HEADER)}"
        ) from error
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path}: not UTF-8 text: save the file as UTF-8 CSV") from error
    histories = {domain: _history(slots, values) for domain, (slots, values) in columns.items()}
    for domain, each in histories.items():
        if each.last - each.first > _LONGEST:  # what is absent between is 0, so a wrong digit makes decades of zeros
            reach = f"{domain} has rows from {format_iso(each.first)} to {format_iso(each.last)}"
            raise HistoryError(f"{path}: {reach}, over 10 years: mend the time that is wrong")
    return histories


def _columns(path: Path, file: TextIO) -> dict[str, tuple[array[int], array[float]]]:
    rows = _Rows()
    try:
        if [name.strip().lower() for name in _fields(file.readline())] != HEADER:
            raise HistoryError(f"{path}:1: the header must be {','.join(HEADER)}")
        rows.read(file)
    except UnicodeDecodeError:  # text is decoded in larger pieces, so the line is not known
        raise
    except (ValueError, csv.Error) as error:
        raise HistoryError(f"{path}:{rows.line}: {error}") from error
    return rows.columns


def _fields(line: str) -> list[str]:
    """The fields of a line; a line without quotes, as nearly all are, is split faster than by the csv module."""
    if '"' in line:
        return next(csv.reader([line], strict=True))
    text = line.strip()
    return text.split(",") if text else []


class _Rows:
    """Reads millions of rows: a domain or a time is parsed where it first appears, and looked up from then on.

    ``line``: the number of the line that cannot be read, or else of the last.
    """

    def __init__(self) -> None:
        self.line = 1
        self.columns: dict[str, tuple[array[int], array[float]]] = {}
        self._puts: dict[str, tuple[Callable[[int], None], Callable[[float], None]]] = {}
        self._slots: dict[str, int] = {}

    def read(self, lines: Iterable[str]) -> None:
        """Read them all; ``ValueError`` for the first that cannot be read."""
        puts, slots, number = self._puts, self._slots, 1
        try:
            for number, line in enumerate(lines, 2):  # noqa: B007 - read below
                try:
                    domain, time, bps = line.split(",")
                    put_slot, put_value = puts[domain]
                    slot, value = slots[time], float(bps)
                except (KeyError, ValueError):
                    if not (row := _fields(line)):
                        continue
                    slot, value, (put_slot, put_value) = self._parse(row)
                if not 0 <= value < math.inf:
                    _row(_fields(line))  # says what is wrong with it
                put_slot(slot)
                put_value(value)
        finally:
            self.line = number

    def _parse(self, row: list[str]) -> tuple[int, float, tuple[Callable[[int], None], Callable[[float], None]]]:
        """Parse a row whose domain or time has not appeared before, and remember both."""
        domain, slot, value = _row(row)
        slots, values = self.columns.setdefault(domain, (array("q"), array("d")))
        put = self._puts[row[0]] = slots.append, values.append
        if len(self._slots) >= _TIMES:
            self._slots.clear()
        self._slots[row[1]] = slot
        return slot, value, put


def _row(row: list[str]) -> tuple[str, int, float]:
    if len(row) != len(HEADER):
        raise ValueError(f"{len(row)} fields, expected {','.join(HEADER)}")
    domain, time, bps = row
    if not (domain := normalised(domain)):
        raise ValueError("the domain is empty")
    slot = parse_time(time)
    if slot % SLOT or not 0 <= slot < LATEST:
        raise ValueError(f"time {time} is not the start of a 5-minute slot (a multiple of {SLOT} seconds)")
    if not bps.strip():
        return domain, slot, math.nan
    try:
        value = float(bps)
    except ValueError:
        raise ValueError(
            f'bps "{bps[:40]}" is not a number: write bit/s such as 208706182.29, or nothing for unknown'
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"bps {bps} cannot be a bandwidth: write bit/s, 0 or more")
    return domain, slot, value


def _history(slots: array[int], values: array[float]) -> SeriesHistory:
    """A series of rows in any order; of several rows for a slot the last counts."""
    unsorted = np.frombuffer(slots, dtype=np.int64)
    order = np.argsort(unsorted, kind="stable")
    ordered = unsorted[order]
    last_of_slot = np.append(ordered[1:] != ordered[:-1], True)
    in_order = np.frombuffer(values)[order] + 0.0  # -0.0 is 0
    return SeriesHistory(ordered[last_of_slot], in_order[last_of_slot])


def write_csv(file: TextIO, series: Iterable[tuple[str, int, Array]]) -> int:
    """Write series, each (name, first slot, values), as the CSV that ``read_csv`` reads; the number of rows.

    Each series is written from its first known slot to its last, zeros included, an unknown slot with an empty ``bps``.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    rows, times = 0, _Times()
    for name, first, values in series:
        known = np.flatnonzero(~np.isnan(values))
        if len(known):
            held = values[known[0] : known[-1] + 1]
            writer.writerows(_rows(_cell(name), first + SLOT * int(known[0]), held, times))
            rows += len(held)
    return rows


def _cell(name: str) -> str:
    """A name that is text to whatever opens the file: a spreadsheet takes ``=`` and the like for a formula."""
    name = printable(name)
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


class _Times(dict[int, str]):
    """Formats slots, each once."""

    def __missing__(self, slot: int) -> str:
        text = self[slot] = format_iso(slot)
        return text


def _rows(name: str, first: int, values: Array, times: _Times) -> Iterator[tuple[str, str, str]]:
    for index, value in enumerate(values.tolist()):
        yield name, times[first + SLOT * index], "" if math.isnan(value) else str(value).removesuffix(".0")
