"""What reviews make of a noisy rules file: false pages before and after three of them, and what they lose.

    python tests/bench/reviews.py DATASET [--account 6] [--reviews 3] [--wrong 0.1] [--seed 1] [--part 1.0]

DATASET is a file of labelled series (``*.jsonl.gz``) with the ``score.py`` that reads it beside it, as for
``bench/detection.py``; neither is part of this repository. Some series at a time are the domains of an account, under
the rules below, which a hasty operator might write. Of each incident that they post somebody says whether it was
useful, as the labels have it, and is mistaken in one of ten. Then the review's edits are accepted, by ``patch -p0``.
Where it names incidents that alone keep a larger edit from being suggested, somebody votes on them anew. The same
traffic is lived through again under the edited file, three times.

With ``--part 0.6`` the reviews see that share of each series' time alone, and the figures are of the rest.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.detection import Dataset

from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.cli.rules_patch import patch
from alertbot.config import load
from alertbot.config.watch import Watch, lay_over
from alertbot.incidents.firings import Firing, FiringRecord, is_muted, pages
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Vote
from alertbot.messages.review import edit_toml
from alertbot.query.edit_search import SuggestedEdit
from alertbot.query.posted import PostedIncident
from alertbot.query.review import edits_of
from alertbot.units import DAY, SLOT

NOISY = """
[watch]
domains = ["*"]

[[rule]]
name     = "went-dark"
kind     = "drop"
to       = "0 bps"
for      = "5m"
severity = "critical"

[[rule]]
name     = "fell"
kind     = "drop"
by       = "30%"
for      = "5m"
severity = "critical"

[[rule]]
name     = "busy"
kind     = "threshold"
above    = "2 Gbps"
for      = "5m"

[[rule]]
name     = "not-as-yesterday"
kind     = "day_over_day"
ratio    = 1.5
for      = "5m"

[[rule]]
name     = "unusual"
kind     = "baseline"
factor   = 1.4
for      = "5m"
"""

WEEK = 7 * DAY
FIRST = 2_900 * WEEK
"""The week with which all of them begin: a replay goes through all that lies between series."""

GRACE = 900
"""Seconds after a labelled span in which an alert may still be of it, as the scorer has it."""


@dataclass(frozen=True)
class Page:
    """An incident of one series from when it ``fired`` until it was over, by the labels that it hits: name and place.

    ``soft``: it touches a span of which nobody knows whether it was wrong.
    """

    series: str
    fired: int
    until: int
    firings: Sequence[Firing]
    hits: frozenset[tuple[str, int]]
    soft: bool

    @property
    def since(self) -> int:
        """The first slot of what it is about."""
        return min(each.since for each in self.firings)

    @property
    def false(self) -> bool:
        """Whether nothing was wrong."""
        return not self.hits and not self.soft


class Account:
    """Some labelled series as domains of the same weeks: their ``facts`` in the data set and their history."""

    def __init__(self, data: Dataset, names: Sequence[str]) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.histories: dict[str, SeriesHistory] = {}
        for place, name in enumerate(names):
            facts, history = data.series[name], data.histories[name]
            earlier = facts["ts"][0] // WEEK * WEEK - FIRST
            spans = {
                kind: [{**each, "start": each["start"] - earlier, "end": each["end"] - earlier} for each in facts[kind]]
                for kind in ("labels", "ignore")
            }
            moved = {"eval_from": facts["eval_from"] - earlier, "last": facts["ts"][-1] - earlier}
            self.facts[f"s{place}.example.com"] = {"name": name, **spans, **moved}
            self.histories[f"s{place}.example.com"] = SeriesHistory(history.slots - earlier, history.values)

    def ends_at(self, series: str, part: float) -> float:
        """When so much of its judged time has passed: epoch seconds."""
        facts = self.facts[series]
        return float(facts["eval_from"] + part * (facts["last"] - facts["eval_from"]))

    def weeks(self, first: float) -> float:
        """Series-weeks from that part of the judged time on."""
        return sum((self.ends_at(name, 1.0) - self.ends_at(name, first)) / WEEK for name in self.facts)

    def until(self, part: float) -> dict[str, SeriesHistory]:
        """The history of the first part of each series' time."""
        found = {}
        for name, each in self.histories.items():
            some = each.slots <= self.ends_at(name, part)
            found[name] = SeriesHistory(each.slots[some], each.values[some])
        return found

    def posted(self, watch: Watch, history: CsvHistory) -> list[Page]:
        """What is posted of each series from where it is judged on."""
        record = FiringRecord(watch.rules)
        for change in replay(watch.engine, history, Span(), watch.mutes):
            record.add(change)
        record.close(history.last_of)
        firings = [each for each in record.firings if not is_muted(each, watch.mutes)]
        found: list[Page] = []
        for name in self.facts:
            own = [each for each in firings if each.series == name and each.until >= self.ends_at(name, 0.0)]
            together = pages(own, watch.rules, (), "#c")
            found += [self._page(name, [own[fired.number] for fired in placed.alerts]) for placed in together]
        return found

    def _page(self, series: str, firings: Sequence[Firing]) -> Page:
        fired, until = min(each.fired.slot for each in firings), max(each.until for each in firings) + SLOT
        facts = self.facts[series]
        near = [
            (place, each)
            for place, each in enumerate(facts["labels"])
            if fired <= each["end"] + GRACE and until >= each["start"] - each.get("pre", 0)
        ]
        unsure = any(fired <= each["end"] + GRACE and until >= each["start"] for each in facts["ignore"])
        return Page(series, fired, until, firings, frozenset((facts["name"], place) for place, _ in near), unsure)


class Voters:
    """Say of each incident whether it was useful, and are wrong in some; of the same one they say the same again."""

    def __init__(self, wrong: float, seed: int) -> None:
        self._random = random.Random(seed)
        self._wrong = wrong
        self._votes: dict[tuple[str, int], bool] = {}

    def judged(self, pages: Sequence[Page]) -> list[PostedIncident]:
        """These incidents with a vote each, numbered by their places."""
        found = []
        for number, page in enumerate(pages):
            if not page.soft or page.hits:
                self._votes.setdefault((page.series, page.since), self._vote(page))
            useful = self._votes.get((page.series, page.since))
            found.append(_posted(number, page, () if useful is None else (Vote("ann", useful=useful),)))
        return found

    def again(self, page: Page) -> None:
        """Look at an incident once more."""
        self._votes[page.series, page.since] = self._vote(page)

    def _vote(self, page: Page) -> bool:
        return bool(page.hits) != (self._random.random() < self._wrong)


def _posted(number: int, page: Page, votes: tuple[Vote, ...]) -> PostedIncident:
    alerts = tuple(
        FiredAlert(at, replace(each.last, fired=each.fired.fired), each.severity.value, each.ended, each.reason)
        for at, each in enumerate(page.firings)
    )
    closed = float(page.until)
    opened = float(page.fired)
    return PostedIncident(Incident(number, IncidentKind.ALERT, "#c", page.since, opened, closed, alerts, votes=votes))


@dataclass
class Lived:
    """What came of an account: what was posted ``before`` any review and after each, and which edits they suggested."""

    account: Account
    rounds: list[list[Page]] = field(default_factory=list)
    edits: list[list[SuggestedEdit]] = field(default_factory=list)


def live(account: Account, options: argparse.Namespace, path: Path) -> Lived:
    """Review an account again and again; ``path``: where its rules file stands."""
    path.write_text(NOISY, encoding="utf-8")
    voters, lived, seen = Voters(options.wrong, options.seed), Lived(account), account.until(options.part)
    first = options.part if options.part < 1 else 0.0
    while True:
        watch = lay_over(load(path), tuple(account.facts))
        pages = account.posted(watch, CsvHistory(account.histories))
        lived.rounds.append([page for page in pages if page.until >= account.ends_at(page.series, first)])
        if len(lived.rounds) > options.reviews:
            return lived
        posted = account.posted(watch, CsvHistory(seen))
        judged = voters.judged(posted)
        edits = edits_of(watch, judged, lambda series: CsvHistory({name: seen[name] for name in series}))
        lived.edits.append(edits)
        for number in {number for edit in edits for number in edit.loses}:
            voters.again(posted[number])
        if difference := patch(path, [edit for edit in edits if not edit.loses]):
            command = ["patch", "-p0", "--quiet"]
            subprocess.run(command, cwd=path.parent, input=difference, text=True, check=True)


def lines(options: argparse.Namespace) -> Iterator[str]:
    """What is printed."""
    data = Dataset(options.dataset)
    names = list(data.series)
    random.Random(options.seed).shuffle(names)
    all_lived = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(0, len(names), options.account):
            lived = live(Account(data, names[number : number + options.account]), options, Path(folder) / "rules.toml")
            all_lived.append(lived)
            yield f"account {number // options.account + 1}"
            for review, edits in enumerate(lived.edits, 1):
                yield from (f"  review {review}: {_edit(edit)}" for edit in edits)
    first = options.part if options.part < 1 else 0.0
    weeks = sum(lived.account.weeks(first) for lived in all_lived)
    hit = _hits(all_lived, 0)
    for number in range(options.reviews + 1):
        false = sum(page.false for lived in all_lived for page in lived.rounds[number])
        lost = hit - _hits(all_lived, number)
        figures = f"{false / weeks:.2f} false pages a series-week ({false})"
        yield f"after {number} reviews: {figures}; labelled incidents lost: {len(lost)} of {len(hit)}"
    for series, place in sorted(lost):
        yield f"  lost: {series} {data.series[series]['labels'][place]}"


def _edit(edit: SuggestedEdit) -> str:
    toml = ", ".join(edit_toml(edit)).replace("[[rule]], name = ", "")
    lost = f"; not suggested, for {len(edit.loses)} that are voted on anew" if edit.loses else ""
    return f"{toml}: spares {edit.spared} of {edit.noise}, keeps {edit.kept}{lost}"


def _hits(lived: Sequence[Lived], number: int) -> frozenset[tuple[str, int]]:
    """The labels that were posted."""
    return frozenset[tuple[str, int]]().union(*(page.hits for each in lived for page in each.rounds[number]))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--account", type=int, default=6)
    parser.add_argument("--reviews", type=int, default=3)
    parser.add_argument("--wrong", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=float, default=1.0)
    for line in lines(parser.parse_args()):
        click.echo(line)


if __name__ == "__main__":
    main()
