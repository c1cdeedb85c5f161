"""Whether traffic that moves from one domain to others is told from falls and rises that have nothing to do with it.

    python tests/bench/moves.py FOLDER [--moves 200] [--domains 4,8,16] [--seed 1]

FOLDER holds labelled series (``*.jsonl.gz``, a series a line with its ``step``, ``ts``, ``v`` and ``labels``); none of
them is part of this repository. Accounts are made of real series, each at a level of its own, away from their labels.
Into each is laid a fall by 30 to 100 % of a domain's traffic that the starter rules post, and beside it:

- ``one``, ``many``: a rise by as much, on one domain or two to four, 0 to 3 slots apart, a part of it in its first
  slot, with 5 % of noise. Wanted: linked in 95 % or more.
- ``other``: a rise of another domain at a time of its own within the same day, of a size of its own (a third to three
  times the fall). Wanted: linked in 2 % or less. ``near``: the same within two hours, ``same``: 0 to 3 slots apart, so
  that only the sizes tell.
- ``none``: nothing. Whoever is linked with that rose by chance.

Printed for each number of domains: how many were linked, of how many it was said that the traffic left, and how many
were linked where the account is steady enough to show it: its total usually changes by less than half of what fell. And
of moves whose sizes agree within 25 % where it is known who rose and when: the others drown in what those domains do
for themselves, so that no rule can see them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.config import load
from alertbot.incidents.moved import AGREE, BEFORE, LOOKED_FOR, Moved, Traffic, beyond_usual, find
from alertbot.rules.base import Array, Direction, Rule
from alertbot.rules.selection import TOTAL
from alertbot.units import DAY_SLOTS, SLOT

DAYS, AT, AFTER = 9, 9 * DAY_SLOTS, 24
KINDS = {"one": 0.95, "many": 0.95, "other": 0.02, "near": None, "same": None, "none": None}


@dataclass(frozen=True)
class Real:
    """A real series at a median of 1 Gbps, and where somebody says that something was wrong with it."""

    values: Array
    labelled: Array

    def cut(self, rng: random.Random) -> Array | None:
        """Nine days and two hours of it, with nothing unknown or labelled about the event; ``None``: none was found."""
        for _ in range(50):
            end = rng.randrange(AT + AFTER, len(self.values))
            part = self.values[end - AT - AFTER : end]
            quiet = not self.labelled[end - 60 - AFTER : end].any()
            if quiet and not np.isnan(part).any() and np.median(part[AT - 12 : AT]) > 3e8:
                return part.copy()
        return None


def read(folder: Path) -> list[Real]:
    """The series in slots of five minutes that are long enough."""
    found = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for each in map(json.loads, lines):
                slots = np.array(each["ts"], dtype=np.int64) // SLOT
                if each["step"] != SLOT or slots[-1] - slots[0] < 2 * (AT + AFTER):
                    continue
                values = np.full(slots[-1] - slots[0] + 1, np.nan)
                values[slots - slots[0]] = each["v"]
                labelled = np.zeros(len(values), dtype=bool)
                for label in each["labels"]:
                    begin, end = (int(label[key]) // SLOT - int(slots[0]) for key in ("start", "end"))
                    labelled[max(begin - 6, 0) : end + 7] = True
                found.append(Real(values * (1e9 / np.nanmedian(values[values > 0])), labelled))
    return found


@dataclass(frozen=True)
class Story:
    """An account, slots x domains, of which ``fell`` falls at ``AT``, by ``amount``, and ``rose`` at ``AT + apart``."""

    values: Array
    fell: int
    amount: float
    rose: Sequence[int] = ()
    apart: int = 0

    @property
    def agrees(self) -> bool:
        """Whether what rose rose by as much as fell, as far as medians of three slots tell who knows both."""
        beyond = _beyond(self.values, slice(AT - BEFORE, AT + LOOKED_FOR))
        lost = -_step(beyond[:, self.fell], BEFORE)
        gained = _step(beyond[:, list(self.rose)].sum(axis=1), BEFORE + self.apart)
        return abs(gained - lost) <= AGREE * lost

    @property
    def steady(self) -> bool:
        """Whether its total usually changes by less than half of what fell."""
        total = self.values.sum(axis=1, keepdims=True)
        lately = slice(AT - 36, AT - 3)
        beyond = _beyond(total, lately)[:, 0]
        levels = np.median(np.lib.stride_tricks.sliding_window_view(beyond, 3), axis=1)
        return bool(np.percentile(np.abs(levels[4:] - levels[:-4]), 90) <= self.amount / 2)


def tell(kind: str, series: Sequence[Real], domains: int, rng: random.Random) -> Story | None:
    """An account with a fall, and what is laid beside it; ``None`` where these series have no such part."""
    cuts = [each.cut(rng) for each in rng.sample(series, domains)]
    if any(each is None for each in cuts):
        return None
    values = np.stack([each for each in cuts if each is not None], axis=1) * [
        10 ** rng.uniform(-0.3, 0.3) for _ in range(domains)
    ]
    fell, *others = rng.sample(range(domains), domains)
    gone = np.zeros(len(values))
    gone[AT:] = values[AT:, fell] * rng.uniform(0.3, 1.0)
    gone[AT] *= rng.uniform(0.2, 1.0)
    values[:, fell] -= gone
    rose, apart = list[int](), 0
    if kind in {"one", "many"}:
        count = min(1 if kind == "one" else rng.randint(2, 4), domains - 1)
        shares = np.array([rng.uniform(0.3, 1.0) for _ in range(count)])
        rose, apart = others[:count], rng.randint(-3, 3)
        moved = _later(gone, apart)
        for other, share in zip(rose, shares / shares.sum(), strict=True):
            noise = np.array([rng.gauss(1.0, 0.05) for _ in moved])
            values[:, other] += np.maximum(moved * share * noise, 0)
    elif kind != "none":
        within = {"other": DAY_SLOTS // 2, "near": 24, "same": 3}[kind]
        begin = AT + rng.randint(-within, within)
        if begin < len(values):
            values[begin:, others[0]] += np.median(gone[AT + 1 : AT + 6]) * 10 ** rng.uniform(-0.48, 0.48)
    return Story(values, fell, float(np.median(gone[AT + 1 : AT + 6])), rose, apart)


def _step(values: Array, at: int) -> float:
    return float(np.median(values[at + 1 : at + 4]) - np.median(values[at - 3 : at]))


def _later(gone: Array, slots: int) -> Array:
    moved = np.roll(gone, slots)
    if slots < 0:
        moved[slots:] = gone[-1]
    return moved


def posted(story: Story, rules: Sequence[Rule]) -> tuple[int, int] | None:
    """The slots (first, fired) of the fall's first alert, by the starter rules; ``None`` where none posts it."""
    engine = Engine(rules, {rule.name: ("d",) for rule in rules}, ("d",))
    slots = np.arange(len(story.values), dtype=np.int64)
    history = CsvHistory({"d": SeriesHistory(slots * SLOT, story.values[:, story.fell])})
    for change in replay(engine, history, Span((AT - 36) * SLOT)):
        alert = change.alert
        if change.fired and alert.direction is Direction.FALL and abs(alert.since // SLOT - AT) <= 1:
            return alert.since // SLOT, alert.slot // SLOT
    return None


def looked_for(story: Story, since: int, fired: int) -> Moved | None:
    """What is found in the hour after the fall, slot by slot."""
    names = [str(each) for each in range(story.values.shape[1])]
    total = story.values.sum(axis=1, keepdims=True)
    for last in range(fired, since + LOOKED_FOR + 1):
        span = slice(since - BEFORE, last + 1)
        parts = [_beyond(each, span) for each in (story.values, total)]
        traffic = Traffic((since - BEFORE) * SLOT, names, parts[0], {TOTAL: parts[1][:, 0]}, {})
        found = find([str(story.fell)], since * SLOT, traffic)
        if found is not None:
            return found
    return None


def _beyond(values: Array, span: slice) -> Array:
    shifts = [days * DAY_SLOTS for days in range(1, 8)]
    return beyond_usual(values[span], [values[span.start - each : span.stop - each] for each in shifts])


def measure(kind: str, series: Sequence[Real], domains: int, moves: int, seed: int, rules: Sequence[Rule]) -> Counter:
    """So many falls that are posted, by what was found."""
    rng, found = random.Random(f"{seed} {kind} {domains}"), Counter[str]()
    while found["posted"] < moves:
        story = tell(kind, series, domains, rng)
        fall = None if story is None else posted(story, rules)
        found["told"] += story is not None
        if story is not None and fall is not None:
            moved = looked_for(story, *fall)
            which = "left" if moved and not moved.rose else "linked" if moved else "nothing"
            for counted in ("", *["steady "] * story.steady, *["agreeing "] * story.agrees):
                found[f"{counted}posted"] += 1
                found[f"{counted}{which}"] += 1
    return found


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """What is printed."""
    series = read(arguments.folder)
    if not series:
        sys.exit(f"{arguments.folder}: no series of five minutes")
    rules = [rule for rule in load(Path("rules.example.toml")).rules if rule.domains == ("*",)]
    yield f"{len(series)} series; falls that the starter rules post, {arguments.moves} of each"
    for domains in arguments.domains:
        for kind, wanted in KINDS.items():
            found = measure(kind, series, domains, arguments.moves, arguments.seed, rules)
            linked, left = (found[key] / found["posted"] for key in ("linked", "left"))
            goal = "" if wanted is None else f" (wanted {'>=' if wanted > 0.5 else '<='} {wanted})"
            share = found["posted"] / found["told"]
            steady, of = found["steady linked"], found["steady posted"]
            quiet = f"steady {steady} of {of} ({steady / max(of, 1):.3f})"
            alike, all_alike = found["agreeing linked"], found["agreeing posted"]
            if all_alike:
                quiet += f", agreeing {alike} of {all_alike} ({alike / all_alike:.3f})"
            said = f"linked {linked:.3f}{goal}, {quiet}, left {left:.3f}; posted {share:.2f} of all"
            yield f"{domains:3} domains, {kind:5}: {said}"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--domains", type=lambda text: [int(each) for each in text.split(",")], default=[4, 8, 16])
    parser.add_argument("--seed", type=int, default=1)
    for line in lines(parser.parse_args()):
        click.echo(line)


if __name__ == "__main__":
    main()
