"""How few messages a storm and a month of traffic come to, and what each part of that saves.

    python tests/bench/noise.py [--domains N] [--csv HISTORY] [--days N]

Two tables. A storm: N domains go dark in three waves over 20 minutes and come back in three, told by the real book,
desk, store and delivery to the strict loopback Slack. A month: the domains of a CSV (``domain,time,bps``, as
``alertbot replay`` reads it; without one, a month made up here) are the domains of one account under the starter rules,
once with every alert a message of its own, then with grouping, with account-wide inhibition, with flapping damped.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.house import START, House, Row
from fakes.rigs.night import config_for
from fakes.worlds.storm import Storm, names, rage, storm

from alertbot.cli.csv_history import read_csv
from alertbot.config import load
from alertbot.incidents import account, flapping
from alertbot.rules.base import Array
from alertbot.units import DAY, DAY_SLOTS, SLOT

_MEMORY = Path("/dev/shm")
"""Where there is one, the database lives in memory: what is measured is not the disk."""

_IN_MEMORY = _MEMORY if _MEMORY.is_dir() else None

EXAMPLE = Path(__file__).parents[2] / "rules.example.toml"
HISTORY = 8
"""Days of a series that are history when the month begins."""


def _table(title: str, rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> None:
    click.echo(f"\n{title}")
    for name, figures in rows:
        click.echo(f"  {name:<44}{figures}")


async def _storm(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="alertbot-storm-") as folder:
        domains = names(count)
        began = time.perf_counter()
        async with storm(Path(folder), domains, grouped=count // 5) as it:
            await rage(it, domains)
            rows = list(_storm_rows(it, time.perf_counter() - began))
    _table(f"{count:,} domains go dark in three waves and come back in three, three rules, the total, one group", rows)


def _storm_rows(it: Storm, seconds: float) -> Iterator[tuple[str, str]]:
    calls = Counter(call.method for call in it.slack.calls if call.outcome == "ok")
    replies = [message for message in it.slack.posts if message.thread_ts]
    commits = np.array(it.commits)
    yield "messages (posts in channels)", f"{len(it.slack.posts) - len(replies)}"
    yield (
        "replies in threads",
        f"{len(replies)}, {sum(reply.broadcast for reply in replies)} of them shown in the channel",
    )
    yield "edits sent", f"{calls['chat.update']}"
    yield "calls that Slack refused", f"{len(it.refused())}"
    yield "longest message", f"{max(map(_length, it.slack.posts)):,} characters"
    yield "a commit with its decisions", f"median {np.median(commits):.3f} s, longest {commits.max():.3f} s"
    yield "peak RSS", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    yield "seconds this took", f"{seconds:.0f}"


def _length(message: object) -> int:
    return len(message.text) + sum(map(_texts, [message.blocks, message.attachments]))  # type: ignore[attr-defined]


def _texts(part: object) -> int:
    if isinstance(part, list):
        return sum(map(_texts, part))
    if isinstance(part, dict):
        own = len(part["text"]) if isinstance(part.get("text"), str) else 0
        return own + sum(_texts(value) for value in part.values() if not isinstance(value, str))
    return 0


def month(csv: Path | None, days: int) -> dict[str, Array]:
    """Each domain's slots, as many days of history and then of judging as there are, at their own time of day."""
    if csv is None:
        return _made_up(HISTORY + days)
    found = {}
    for domain, history in read_csv(csv).items():
        first = history.first // DAY + 1
        blocks = [history.day(day) for day in range(first, min(history.last // DAY, first + HISTORY + days))]
        if len(blocks) > HISTORY:
            found[domain] = np.concatenate(blocks)
    return found


def _made_up(days: int) -> dict[str, Array]:
    """60 domains with a daily swing; single outages, a flapping one, and two falls of the whole account."""
    random = np.random.default_rng(5)
    slots = days * DAY_SLOTS
    swing = 1 + 0.3 * np.cos(2 * np.pi * np.arange(slots) / DAY_SLOTS)
    values = {f"d{n:02}.example.com": 10 ** random.uniform(7.8, 9.2) * swing for n in range(60)}
    judged = HISTORY * DAY_SLOTS
    for array in values.values():
        np.multiply(array, random.uniform(0.95, 1.05, slots), out=array)
        for start in random.integers(judged, slots - 40, 3):
            array[start : start + random.integers(3, 30)] *= random.choice([0.0, 0.1, 3.0])
    for start in random.integers(judged, slots - 40, 2):
        for array in values.values():
            array[start : start + 8] = 0.0
    flaps = values["d07.example.com"]
    for turn in range(30):
        flaps[judged + 100 + 12 * turn : judged + 105 + 12 * turn] = 0.0
    return values


@dataclass(frozen=True)
class Noise:
    """What a month came to: alerts that fired, and rows of the outbox."""

    fired: int
    posts: int
    broadcasts: int
    edits: int
    replies: int


async def _month(values: Mapping[str, Array], rules: Path) -> Noise:
    with tempfile.TemporaryDirectory(prefix="alertbot-month-", dir=_IN_MEMORY) as f:
        everywhere = [rule for rule in load(rules).rules if rule.domains == ("*",)]
        house = House(config_for(Path(f) / "alertbot.db", tuple(values), everywhere), tuple(values))
        await house.begin()
        for name, array in values.items():
            house.ledger.take(name, START - HISTORY * DAY, array[: HISTORY * DAY_SLOTS])
            house.ledger.start(name, START - SLOT)
        await house.dispatcher.commit(house.ledger.judge(START - SLOT), START - SLOT, dict.fromkeys(values, 0))
        for slot in range(max(map(len, values.values())) - HISTORY * DAY_SLOTS):
            place = HISTORY * DAY_SLOTS + slot
            await house.judge({name: float(array[place]) for name, array in values.items() if place < len(array)})
            if slot % DAY_SLOTS == 0:
                house.ledger.trim()
        noise = _noise(house.outbox(), house)
        await house.end()
        return noise


def _noise(rows: list[Row], house: House) -> Noise:
    actions = Counter(row.action for row in rows)
    fired = house.rows("SELECT count(*) AS n FROM alerts WHERE fired IS NOT NULL")[0]["n"]
    broadcasts = sum(row.broadcast for row in rows if row.action == "reply")
    return Noise(fired, actions["post"], broadcasts, actions["update"], actions["reply"])


@contextmanager
def _without(*, inhibition: bool, damping: bool) -> Iterator[None]:
    """Parts of the book switched off, for comparison."""
    with (
        mock.patch.object(account, "fell_together", account.fell_together if inhibition else lambda *_: None),
        mock.patch.object(flapping, "MOST_FIRES", flapping.MOST_FIRES if damping else 10**9),
    ):
        yield


def _months(csv: Path | None, days: int) -> None:
    values = month(csv, days)
    weeks = sum(len(array) - HISTORY * DAY_SLOTS for array in values.values()) / DAY_SLOTS / 7
    rows = [("", "pages   a series-week   messages   shown replies   edits   replies")]
    for title, inhibition, damping in (
        ("grouping", False, False),
        ("... and account-wide inhibition", True, False),
        ("... and flapping damped (as it is)", True, True),
    ):
        with _without(inhibition=inhibition, damping=damping):
            noise = asyncio.run(_month(values, EXAMPLE))
        if len(rows) == 1:
            rows.append(
                (
                    "every alert a message of its own",
                    f"{noise.fired:>5}   {noise.fired / weeks:>13.2f}   {noise.fired:>8}",
                )
            )
        pages = noise.posts + noise.broadcasts
        counts = f"{noise.posts:>8}   {noise.broadcasts:>13}   {noise.edits:>5}   {noise.replies:>7}"
        rows.append((title, f"{pages:>5}   {pages / weeks:>13.2f}   {counts}"))
    _table(f"A month of {len(values)} domains ({weeks:.0f} series-weeks), the starter rules", rows)


@click.command(help=__doc__)
@click.option("--domains", default=1500, help="How many domains the storm takes; 0: no storm.")
@click.option("--csv", type=click.Path(exists=True, path_type=Path), help="The month's traffic.")
@click.option("--days", default=30, help="How long the month is; 0: no month.")
def main(domains: int, csv: Path | None, days: int) -> None:
    """Print the tables."""
    if domains:
        asyncio.run(_storm(domains))
    if days:
        _months(csv, days)


if __name__ == "__main__":
    main()
