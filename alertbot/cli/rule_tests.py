"""Reads rule tests: a TOML file with a few values and the alerts expected of them; every mistake with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator

from alertbot.alerts.lifecycle import Reason
from alertbot.cli.series_text import EXAMPLE, parse_series
from alertbot.config import fields
from alertbot.config.config import Config
from alertbot.config.domains import domain_name
from alertbot.config.draft import section
from alertbot.config.fields import Flag
from alertbot.config.lines import KeyPath, find_lines
from alertbot.config.problems import ProblemReport
from alertbot.config.read import read_toml
from alertbot.config.settings import Finding, Section, instant
from alertbot.config.validators import choice, text, typed
from alertbot.config.words import did_you_mean, quoted
from alertbot.rules.base import Array, Rule
from alertbot.rules.selection import TOTAL, Group, is_domain, names_matching, select
from alertbot.units import SLOT, format_duration, parse_duration

_START = datetime(2026, 3, 2)  # noqa: DTZ001 - in the zone of [slack], which is known with the configuration only


@dataclass(frozen=True)
class Expected:
    """An alert that should fire or resolve with the slot ``slot``; ``since`` and ``reason`` are None if any will do."""

    fired: bool
    rule: str
    series: str
    slot: int
    since: int | None
    reason: str | None
    line: int


@dataclass(frozen=True)
class RuleTest:
    """One test: the values of each series (bit/s, NaN unknown) from the slot ``start`` on, and the alerts expected.

    ``selection``: the series of the test that each enabled rule judges; ``judged``: the rules whose alerts are
    compared; ``exhaustive``: whether any alert of theirs that is not expected is a failure.
    """

    file: str
    line: int
    name: str
    start: int
    series: Mapping[str, Array]
    watched: tuple[str, ...]
    groups: tuple[Group, ...]
    selection: Mapping[str, tuple[str, ...]]
    judged: frozenset[str]
    expected: tuple[Expected, ...]
    exhaustive: bool


def _series_name(value: object) -> str:
    name = text(value, "video.example.com")
    return domain_name(name) if is_domain(name) else name


def _values(value: object) -> Array:
    return parse_series(typed(value, str, f'the values as text, such as "{EXAMPLE}"'))


def _series(value: object) -> dict[str, Any]:
    return typed(value, dict, f'a table, such as {{ "video.example.com" = "{EXAMPLE}" }}')


def _expectations(value: object) -> tuple[dict[str, Any], ...]:
    listed = typed(value, list, 'a list, such as [{ fired = "went-dark", slot = 13 }], or [] for no alert')
    return tuple(typed(each, dict, 'a table in braces, such as { fired = "went-dark", slot = 13 }') for each in listed)


When = int | datetime
"""Slots after the start, or a date and time."""


def _slot(value: object) -> int:
    number = typed(value, int, 'a whole number without quotes, the first slot being 0; or at = "1h5m"')
    if number < 0:
        raise ValueError("slots count from 0, the first")
    return number


def _at(value: object) -> When:
    if isinstance(value, datetime):
        return value
    due = 'how long after the start the slot begins, such as "1h5m", or a date and time without quotes'
    seconds = parse_duration(typed(value, str, due))
    if seconds % SLOT:
        raise ValueError(f'{quoted(str(value))} is no whole number of 5-minute slots: write "1h5m"')
    return seconds // SLOT


def _since(value: object) -> When:
    return _slot(value) if isinstance(value, int) else _at(value)


class TestModel(Section):
    """``[[test]]``."""

    __test__ = False  # pytest shall not collect it

    name: fields.RuleName = ""
    start: fields.Moment = _START
    series: Annotated[
        dict[Annotated[str, PlainValidator(_series_name)], Annotated[Any, PlainValidator(_values)]],
        BeforeValidator(_series),
    ] = Field(default_factory=dict)
    rules: fields.RuleNames = ("*",)
    exhaustive: Flag = True
    expect: Annotated[tuple[dict[str, Any], ...], PlainValidator(_expectations)] = ()

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A test has a name, values, and something to be expected, if only nothing."""
        if "name" not in given:
            yield "name", 'missing: a test needs a name, such as name = "a busy domain goes dark"'
        if "series" not in given:
            yield "series", f'missing: write series = {{ "video.example.com" = "{EXAMPLE}" }}'
        if "expect" not in given:
            yield "expect", 'missing: write expect = [{ fired = "went-dark", slot = 13 }], or [] where nothing may fire'
        if self.rules == ():
            yield "rules", 'no rule is looked at, so nothing is tested: list names, or write ["*"] for all of them'
        if self.start.second or self.start.microsecond or self.start.minute % 5:
            yield "start", "this is not the start of a 5-minute slot: write minutes that are a multiple of 5"


class ExpectModel(Section):
    """One alert under ``expect``."""

    fired: str | None = None
    resolved: str | None = None
    series: Annotated[str, PlainValidator(_series_name)] | None = None
    slot: Annotated[int, PlainValidator(_slot)] | None = None
    at: Annotated[When, PlainValidator(_at)] | None = None
    since: Annotated[When, PlainValidator(_since)] | None = None
    reason: Annotated[str, choice(Reason, "reason")] | None = None

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """It fired or resolved, at one time."""
        if len({"fired", "resolved"} & set(given)) != 1:
            yield "fired", 'write either fired = or resolved = and the name of the rule, such as fired = "went-dark"'
        if len({"slot", "at"} & set(given)) != 1:
            yield "slot", 'write either slot = 13, counted from 0, or at = "1h5m" after the start'


def load_tests(path: Path, config: Config) -> tuple[RuleTest, ...]:
    """The tests of a file for the rules of ``config``; ``ConfigError`` with every problem in it."""
    text, data = read_toml(path, mend="write [[test]] sections into it, as `alertbot help commands` shows them")
    report = ProblemReport(str(path), find_lines(text), data)
    for key in data.keys() - {"test"}:
        report.add((key,), "unknown here: a file of rule tests holds [[test]] sections only")
    tables = data.get("test", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        report.add(("test",), "there is no test: write some, each under its own [[test]]")
        tables = []
    reader = _TestReader(config, report, str(path))
    tests = [reader.read(table, ("test", index)) for index, table in enumerate(tables)]
    _unique(tests, report)
    report.finish()
    return tuple(tests)


def _unique(tests: Sequence[RuleTest], report: ProblemReport) -> None:
    first: dict[str, int] = {}
    for index, test in enumerate(tests):
        if test.name in first:
            report.add(
                ("test", index, "name"),
                f"{quoted(test.name)} is taken: another of this name stands in line {first[test.name]}",
            )
        elif test.name:
            first[test.name] = test.line


class _TestReader:
    def __init__(self, config: Config, report: ProblemReport, file: str) -> None:
        self._config = config
        self._report = report
        self._file = file
        self._rules = {rule.name: rule for rule in config.rules if rule.enabled}

    def read(self, table: Mapping[str, Any], path: KeyPath) -> RuleTest:
        model = section(TestModel, table, path, self._report)
        listed = self._config.watched()
        watched = tuple(name for name in model.series if is_domain(name)) if self._config.discovers else listed
        groups = tuple(group.resolve(watched) for group in self._config.groups)
        self._check_series(model, (*path, "series"), watched, groups)
        selection = {
            name: tuple(
                series for series in select(rule.domains, rule.except_, watched, groups) if series in model.series
            )
            for name, rule in self._rules.items()
        }
        start = instant(model.start, self._config.slack.zone)
        expected = [
            self._expected(raw, (*path, "expect", index), model, start, selection)
            for index, raw in enumerate(model.expect)
        ]
        return RuleTest(
            file=self._file,
            line=self._report.line(path),
            name=model.name,
            start=start,
            series=model.series,
            watched=watched,
            groups=groups,
            selection=selection,
            judged=self._judged(model.rules, path),
            expected=tuple(each for each in expected if each is not None),
            exhaustive=model.exhaustive,
        )

    def _judged(self, patterns: Sequence[str], path: KeyPath) -> frozenset[str]:
        for index, pattern in enumerate(patterns):
            if not names_matching((pattern,), self._rules):
                self._report.add((*path, "rules", index), f"{quoted(pattern)} matches no rule{self._meant(pattern)}")
        return names_matching(patterns, self._rules)

    def _check_series(self, model: TestModel, path: KeyPath, watched: Sequence[str], groups: Sequence[Group]) -> None:
        known = {*watched, *(group.series for group in groups if group.sum), TOTAL}
        for name in model.series:
            if name not in known:
                meant = did_you_mean(name, known) or ': write one that [watch] lists, "sum:GROUP" or "total"'
                self._report.add((*path, name), f"{quoted(name)} is not watched{meant}")

    def _expected(
        self,
        raw: Mapping[str, Any],
        path: KeyPath,
        model: TestModel,
        start: int,
        selection: Mapping[str, Sequence[str]],
    ) -> Expected | None:
        expect = section(ExpectModel, raw, path, self._report)
        rule = self._rule(expect, path)
        series = self._of_series(expect, path, model)
        slot = self._time(expect.slot if expect.at is None else expect.at, start)
        if rule is None or series is None or slot is None:
            return None
        if series not in selection[rule.name]:
            self._report.add((*path, "series"), f"the rule {quoted(rule.name)} does not judge {quoted(series)}")
        end = start + SLOT * len(model.series[series])
        if not start <= slot < end or slot % SLOT:
            lasts = format_duration(end - start)
            key = "slot" if expect.at is None else "at"
            self._report.add((*path, key), f"outside the values of {quoted(series)}, which last {lasts}")
        since = self._time(expect.since, start)
        if since is not None and since > slot:
            self._report.add((*path, "since"), "after the slot that decides: an alert begins before it, or with it")
        return Expected(
            expect.fired is not None, rule.name, series, slot, since, expect.reason, self._report.line(path)
        )

    def _rule(self, expect: ExpectModel, path: KeyPath) -> Rule | None:
        key = "fired" if expect.fired is not None else "resolved"
        name = expect.fired if expect.resolved is None else expect.resolved
        if name is None or name in self._rules:
            return None if name is None else self._rules[name]
        if any(rule.name == name for rule in self._config.rules):
            self._report.add((*path, key), f"the rule {quoted(name)} is switched off: write enabled = true in it")
        else:
            self._report.add((*path, key), f"there is no rule {quoted(name)}{self._meant(name)}")
        return None

    def _of_series(self, expect: ExpectModel, path: KeyPath, model: TestModel) -> str | None:
        if expect.series is None:
            if len(model.series) > 1:
                self._report.add((*path, "series"), "missing: this test has several series, so say which is meant")
            return next(iter(model.series)) if len(model.series) == 1 else None
        if expect.series in model.series:
            return expect.series
        if model.series:
            meant = did_you_mean(expect.series, model.series) or ": write one of those"
            self._report.add((*path, "series"), f"this test has no values of {quoted(expect.series)}{meant}")
        return None

    def _time(self, when: When | None, start: int) -> int | None:
        if isinstance(when, date):  # a datetime is one
            return instant(when, self._zone)
        return None if when is None else start + SLOT * when

    @property
    def _zone(self) -> tzinfo:
        return self._config.slack.zone

    def _meant(self, name: str) -> str:
        return did_you_mean(name, self._rules) or f": there are {', '.join(map(quoted, list(self._rules)[:10]))}"
