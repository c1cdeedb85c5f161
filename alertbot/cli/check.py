"""``alertbot check --test``: runs rule tests by the code that judges live, and prints how they fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Change
from alertbot.alerts.replay import Span, replay
from alertbot.cli.rule_tests import Expected, RuleTest, load_tests
from alertbot.cli.terminal import say
from alertbot.config import Config
from alertbot.errors import ConfigError, Problem, RuleTestError
from alertbot.messages.alert import PLAIN, alert_sentence
from alertbot.rules.base import Array, Mask, Rule
from alertbot.rules.grid import Grid
from alertbot.units import DAY, DAY_SLOTS, SLOT
from alertbot.words import counted


@dataclass(frozen=True)
class TestOutcome:
    """The changes of a test that were expected, what was expected and did not happen, and unexpected changes."""

    met: tuple[Change, ...]
    missing: tuple[Expected, ...]
    surplus: tuple[Change, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.missing and not self.surplus


def run_tests(config: Config, paths: Sequence[Path]) -> None:
    """Run the tests of these files and print what is wrong; ``RuleTestError`` where anything is.

    ``ConfigError`` with the problems of all files, before any test is run.
    """
    tests = _read(config, paths)
    rules = {rule.name: rule for rule in config.rules if rule.enabled}
    failed = 0
    for path in dict.fromkeys(test.file for test in tests):
        own = [test for test in tests if test.file == path]
        outcomes = [(test, outcome(config, rules, test)) for test in own]
        wrong = [(test, each) for test, each in outcomes if not each.passed]
        for test, each in wrong:
            for line in _difference(config, rules, test, each):
                say(line)
        failed += len(wrong)
        tests_run = counted(len(own), "test")
        say(f"{path}: " + (f"{len(wrong)} of {tests_run} failed" if wrong else f"{tests_run} passed"))
    if failed:
        raise RuleTestError(f"{counted(failed, 'rule test')} failed")


def _read(config: Config, paths: Sequence[Path]) -> list[RuleTest]:
    tests: list[RuleTest] = []
    problems: list[Problem] = []
    for path in dict.fromkeys(paths):
        try:
            tests += load_tests(path, config)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(tuple(problems))
    return tests


def outcome(config: Config, rules: dict[str, Rule], test: RuleTest) -> TestOutcome:
    """Judge the values of a test as a replay would, and compare what happens with what is expected."""
    history = _ScriptedHistory(test)
    engine = Engine(tuple(rules.values()), test.selection, history.series)
    mutes = [mute.resolve(test.watched, test.groups, rules, config.slack.zone) for mute in config.mutes]
    happened = [change for change in replay(engine, history, Span(), mutes) if change.alert.rule in test.judged]
    met, missing = list[Change](), list[Expected]()
    for expected in test.expected:
        found = next((change for change in happened if change not in met and _is(change, expected)), None)
        if found is None:
            missing.append(expected)
        else:
            met.append(found)
    surplus = [change for change in happened if change not in met] if test.exhaustive else []
    return TestOutcome(tuple(met), tuple(missing), tuple(surplus))


def _is(change: Change, expected: Expected) -> bool:
    alert = change.alert
    same = (change.fired, alert.rule, alert.series, alert.slot) == (
        expected.fired,
        expected.rule,
        expected.series,
        expected.slot,
    )
    return same and expected.since in {None, alert.since} and expected.reason in {None, change.reason.value}


class _ScriptedHistory:
    """The values of a test as a history; its unknown slots are within it, as slots that are given up are."""

    def __init__(self, test: RuleTest) -> None:
        self.series = tuple(test.series)
        self._first = test.start
        self._lengths = np.array([len(values) for values in test.series.values()])
        self._grid = Grid(self.series)
        for name, values in test.series.items():
            self._grid.put(name, test.start, values)

    def days(self) -> Sequence[int]:
        if not len(self._lengths):
            return ()
        return range(self._first // DAY, (self._first + (int(self._lengths.max()) - 1) * SLOT) // DAY + 1)

    def day(self, day: int) -> tuple[Array, Mask]:
        slots = (day * DAY + SLOT * np.arange(DAY_SLOTS))[:, None]
        within = (slots >= self._first) & (slots < self._first + SLOT * self._lengths)
        return self._grid.values(day * DAY, DAY_SLOTS), within

    def last_of(self, series: str) -> int:
        return self._first + (int(self._lengths[self.series.index(series)]) - 1) * SLOT


def _difference(config: Config, rules: dict[str, Rule], test: RuleTest, outcome: TestOutcome) -> Iterator[str]:
    """A failed test, a line for each alert by time: ``-`` for one that is missing, ``+`` for one too many."""
    yield f"{test.file}:{test.line}: {test.name}: - was expected, + happened instead"
    lines = [(each.slot, 0, f"  - {_expected(test, each)}") for each in outcome.missing]
    for mark, changes in (("+", outcome.surplus), (" ", outcome.met)):
        lines += [(each.alert.slot, 1, f"  {mark} {_happened(config, rules, test, each)}") for each in changes]
    yield from (line for _, _, line in sorted(lines))


def _expected(test: RuleTest, expected: Expected) -> str:
    since = "" if expected.since is None else f", since {_slot_name(test, expected.since)}"
    reason = "" if expected.reason is None else f', reason "{expected.reason}"'
    head = _head(test, expected.rule, expected.series, expected.slot, fired=expected.fired)
    return f"{head}{since}{reason}   (line {expected.line})"


def _happened(config: Config, rules: dict[str, Rule], test: RuleTest, change: Change) -> str:
    alert, reason = change.alert, None if change.fired else change.reason.value
    now = alert.slot + SLOT
    words = alert_sentence(rules[alert.rule], alert, reason, config.slack.zone, now, PLAIN)
    why = "" if reason is None else f', reason "{reason}"'
    head = _head(test, alert.rule, alert.series, alert.slot, fired=change.fired)
    return f"{head}, since {_slot_name(test, alert.since)}{why}   {words}"


def _head(test: RuleTest, rule: str, series: str, slot: int, *, fired: bool) -> str:
    return f"{'fired   ' if fired else 'resolved'} {rule}  {series}  {_slot_name(test, slot)}"


def _slot_name(test: RuleTest, slot: int) -> str:
    """``slot 13 (+1h5m)``: its number, and how long after the start it begins."""
    seconds = slot - test.start
    days, rest = divmod(seconds, DAY)
    hours, minutes = rest // 3600, rest % 3600 // 60
    parts = [f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count]
    return f"slot {seconds // SLOT} (+{''.join(parts) or '0m'})"
