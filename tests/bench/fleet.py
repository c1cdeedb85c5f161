"""What an operator of many domains lives with: how often the starter rules post, and how often for nothing.

    python tests/bench/fleet.py [--rules rules.example.toml] [--dataset DATASET] [--seed N] [--show]

An account of 500 domains: 0.2 Mbps to 2 Gbps, a third silent at night or on weekends, growth, a change of clocks which
two thirds of them follow, series that come late, calls that fail. It is judged for 28 days after 25 of history, by the
code that judges live, and told by the real incidents, store and messages on a clock of its own. Thirty true incidents
happen meanwhile, on domains that the rules watch; whatever is posted for none of them is false. Nobody acknowledges
anything, and reminders are left out.

Without DATASET the traffic is made up here; with the labelled set of ``bench/detection.py``, which is no part of this
repository, it is that of its series, without what is labelled.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.traffic import Event, Made, labelled, local, made_up, real, silent_nights, silent_weekends
from fakes.rigs.house import LAG, House
from fakes.rigs.night import config_for

from alertbot.alerts.ledger import Entry
from alertbot.alerts.lifecycle import Alert, Change
from alertbot.alerts.replay import Span, replay
from alertbot.config import Config, load
from alertbot.rules.base import Array
from alertbot.rules.selection import TOTAL
from alertbot.units import DAY, DAY_SLOTS, SLOT

EXAMPLE = Path(__file__).parents[2] / "rules.example.toml"
ZONE = ZoneInfo("Europe/Berlin")
HISTORY, JUDGED = 25, 28
"""Days."""

FIRST = 20_527 - HISTORY
"""The first day of history: what is judged begins on 2026-03-15, and the clocks change on 2026-03-29."""

LOWEST, HIGHEST = 0.2e6, 2e9
"""Bit/s of a domain, usually."""

FAILED, LATE = 0.01, 0.1
"""Calls that fail and are made again a slot later; series that come a slot late."""

DARK, WORTH = 10e6, 40e6
"""Bit/s from which a domain may go dark, or fall and rise: twice the floors of the starter rules."""


@dataclass(frozen=True)
class Fleet:
    """The domains, their values (slots x domains, bit/s) and what truly happened, by time."""

    names: Sequence[str]
    values: Array
    events: Sequence[Event]

    @property
    def history(self) -> Made:
        """All of it, and the total."""
        return Made((*self.names, TOTAL), FIRST, np.column_stack([self.values, self.values.sum(axis=1)]))


def fleet(count: int, incidents: int, seed: int, sources: Sequence[Array] = ()) -> Fleet:
    """An account and its incidents."""
    random = np.random.default_rng(seed)
    slots = FIRST * DAY + SLOT * np.arange((HISTORY + JUDGED) * DAY_SLOTS)
    columns = [_domain(random, slots, place, sources) for place in range(count)]
    values = np.column_stack(columns)
    events = list(_incidents(random, values, incidents))
    for each in events:
        values[each.first : each.end, each.series] *= each.factor
    return Fleet([f"d{place:03}.example.com" for place in range(count)], values, events)


def _domain(random: np.random.Generator, slots: Array, place: int, sources: Sequence[Array]) -> Array:
    clock = np.asarray(slots, dtype=float) if place % 3 == 0 else local(slots, ZONE)
    level = 10 ** random.uniform(np.log10(LOWEST), np.log10(HIGHEST))
    values = real(random, sources, clock, level) if sources else made_up(random, clock, level)
    growth = random.uniform(0.8, 1.6) ** np.linspace(0, 1, len(values))
    silence = (silent_nights, silent_weekends)[place % 2]
    values = np.where(silence(random, clock), 0.0, values) if random.random() < 1 / 3 else values
    return np.asarray(np.round(values * growth))


def _incidents(random: np.random.Generator, values: Array, count: int) -> Iterator[Event]:
    """Outages, falls and rises, a domain each, while it carries something."""
    free = list(range(values.shape[1]))
    while count and free:
        series = free.pop(int(random.integers(len(free))))
        factor = float(random.choice([0.0, random.uniform(0.02, 0.12), random.uniform(2.8, 5)], p=[0.5, 0.25, 0.25]))
        first = int(random.integers((HISTORY + 1) * DAY_SLOTS, len(values) - DAY_SLOTS))
        end = first + int(random.choice([random.integers(4, 12), random.integers(12, 100)]))
        if values[first - 12 : end + 12, series].min() > (DARK if factor == 0 else WORTH):
            count -= 1
            yield Event(series, first, end, factor)


def starter(path: Path, database: Path, names: Sequence[str]) -> Config:
    """The rules of a file that are for every domain or for the total, in the fleet's time zone; no reminders."""
    text = re.sub(r'(?m)^timezone = "UTC"', f'timezone = "{ZONE.key}"', path.read_text(encoding="utf-8"))
    copy = database.with_name("starter.toml")
    copy.write_text(text, encoding="utf-8")
    rules = [replace(each, repeat=None) for each in load(copy).rules if each.domains in {("*",), (TOTAL,)}]
    config = config_for(database, names, rules, zone=ZONE.key)
    return replace(config, slack=config.slack.model_copy(update={"mention": {"critical": "@here"}}))


async def told(house: House, history: Made, seed: int) -> None:
    """Replay it, and hand each change to the house at the slot in which it is known."""
    first, last = (FIRST + HISTORY) * DAY, (FIRST + HISTORY + JUDGED) * DAY - SLOT
    house.slot, house.now = first - SLOT, float(first)
    await house.begin()
    changes = list(replay(house.watch.engine, history, Span(first)))
    for day in history.days():
        house.ledger.grid.day(day)[:] = history.day(day)[0]
    waiting = _as_known(changes, seed)
    firing: dict[tuple[str, str], Alert] = {}
    for slot in range(first, last + SLOT, SLOT):
        house.slot, house.now = slot, float(slot + LAG)
        arrived = waiting.get(slot, [])
        for change in arrived:
            key = change.alert.rule, change.alert.series
            firing.pop(key, None)
            if change.fired:
                firing[key] = change.alert
        house.ledger.alerts = dict(firing)
        if arrived:
            await house.dispatcher.commit(Entry(frozenset(), {}, firing, tuple(arrived), 1), slot)
        await house.dispatcher.post_due()


def _as_known(changes: Sequence[Change], seed: int) -> dict[int, list[Change]]:
    """The changes by the slot in which they are known: some series come late, some calls fail."""
    random, late, known = np.random.default_rng(seed), dict[str, bool](), dict[int, list[Change]]()
    before: Counter[str] = Counter()
    for change in changes:
        series = change.alert.series
        slow = late.setdefault(series, bool(random.random() < LATE))
        slot = change.alert.slot + SLOT * (slow + int(random.random() < FAILED))
        before[series] = max(before[series], slot)
        known.setdefault(before[series], []).append(change)
    return known


@dataclass(frozen=True)
class Post:
    """One incident as it was posted: when, its alerts' rows, and how often it mentioned somebody, and called again."""

    text: str
    slot: float
    alerts: Sequence[Mapping[str, Any]]
    mentions: int
    again: int


def posts(house: House) -> list[Post]:
    """Every incident that was posted."""
    alerts: dict[str, list[Mapping[str, Any]]] = {}
    for row in house.rows("SELECT * FROM alerts WHERE incident IS NOT NULL"):
        alerts.setdefault(f"incident:{row['incident']}", []).append(row)
    by_subject: dict[str, list[Any]] = {}
    for message in house.outbox():
        if message.pages:
            by_subject.setdefault(message.subject, []).append(message)
    return [
        Post(
            rows[0].text,
            rows[0].at,
            alerts.get(subject, ()),
            sum("<!here>" in row.text for row in rows),
            len(rows) - 1,
        )
        for subject, rows in by_subject.items()
    ]


def true_of(post: Post, it: Fleet) -> set[Event]:
    """What truly happened of which a post tells."""
    return {event for event in it.events for alert in post.alerts if _tells(alert, event, it)}


def _tells(alert: Mapping[str, Any], event: Event, it: Fleet) -> bool:
    row = alert["since"] // SLOT - FIRST * DAY_SLOTS
    series = alert["series"] in {TOTAL, it.names[event.series]}
    return series and alert["direction"] == event.direction.value and event.first - 1 <= row <= event.end


def table(found: Sequence[Post], it: Fleet) -> Iterator[str]:
    """The figures an operator lives with, by week."""
    false = [post for post in found if not true_of(post, it)]
    weeks = JUDGED / 7
    yield f"{'a week':24}{'posts':>8}{'false posts':>14}{'false mentions':>17}"
    for week in range(JUDGED // 7):
        first = ((FIRST + HISTORY) + 7 * week) * DAY
        of_week = [post for post in found if first <= post.slot - LAG < first + 7 * DAY]
        wrong = [post for post in false if post in of_week]
        yield f"{week + 1:<24}{len(of_week):>8}{len(wrong):>14}{sum(post.mentions for post in wrong):>17}"
    mentions = sum(post.mentions for post in false)
    yield f"{'on average':24}{len(found) / weeks:>8.1f}{len(false) / weeks:>14.2f}{mentions / weeks:>17.2f}"
    yield f"posts a day {len(found) / JUDGED:.2f}; shown in the channel again {sum(each.again for each in found)}"
    posted = set[Event]().union(*(true_of(post, it) for post in found))
    yield f"true incidents posted {len(posted)} of {len(it.events)}"
    rules = Counter(", ".join(sorted({alert["rule"] for alert in post.alerts})) for post in false)
    yield f"false by rule: {', '.join(f'{rule} {count}' for rule, count in rules.most_common()) or 'none'}"
    for event in set(it.events) - posted:
        yield f"not posted: {event}"


def shown(found: Sequence[Post], it: Fleet) -> Iterator[str]:
    """Every false post."""
    for post in found:
        if not true_of(post, it):
            yield f"{datetime.fromtimestamp(post.slot, UTC):%a %m-%d %H:%M} {post.text[:150]}"


async def measured(it: Fleet, rules: Path, seed: int) -> list[Post]:
    """What is posted of a fleet."""
    with tempfile.TemporaryDirectory(prefix="alertbot-fleet-") as folder:
        house = House(starter(rules, Path(folder) / "alertbot.db", it.names), it.names)
        await told(house, it.history, seed)
        found = posts(house)
        await house.end()
        return found


@click.command(help=__doc__)
@click.option("--rules", type=click.Path(exists=True, path_type=Path), default=EXAMPLE)
@click.option("--dataset", type=click.Path(exists=True, path_type=Path), help="Real traffic.")
@click.option("--seed", default=1)
@click.option("--domains", default=500)
@click.option("--show", is_flag=True, help="List the false posts.")
def main(rules: Path, dataset: Path | None, seed: int, domains: int, *, show: bool) -> None:
    """Print the table."""
    it = fleet(domains, 30, seed, labelled(dataset) if dataset else ())
    found = asyncio.run(measured(it, rules, seed))
    for line in table(found, it):
        click.echo(line)
    for line in shown(found, it) if show else ():
        click.echo(line)


if __name__ == "__main__":
    main()
