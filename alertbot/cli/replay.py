"""``alertbot replay``: picks the history and the rules, and prints which alerts would have fired."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from alertbot.alerts.lifecycle import Change
from alertbot.alerts.replay import History, Reopenings, Span, as_event, replay
from alertbot.cli.csv_history import CsvHistory, read_csv
from alertbot.cli.events import difference_lines, read_events
from alertbot.cli.replay_charts import (
    MOST_CHARTS,
    chart_name,
    check_target,
    make_folder,
    of_firing,
    of_replay,
    write_chart,
)
from alertbot.cli.replay_report import ReplayScope, as_difference, comparison_lines, summary
from alertbot.cli.span import span_of
from alertbot.cli.terminal import say
from alertbot.config import Config, load
from alertbot.config.watch import Watch, lay_out, lay_over
from alertbot.errors import UsageError
from alertbot.incidents.firings import Firing, FiringRecord, compare, days_between
from alertbot.messages.alert import PLAIN, alert_sentence, stamp
from alertbot.store import samples, schema
from alertbot.store.history import StoredHistory
from alertbot.units import SLOT
from alertbot.words import did_you_mean, quoted


@dataclass(frozen=True)
class ReplayOptions:
    """What ``alertbot replay`` is asked for: which slots, which rule, as JSON or in words, and which charts."""

    first: str | None = None
    last: str | None = None
    rule_name: str | None = None
    as_json: bool = False
    chart_path: Path | None = None
    charts_path: Path | None = None


def replay_history(
    config_path: Path,
    csv_path: Path | None,
    options: ReplayOptions,
    against: Path | None = None,
    events: Path | None = None,
) -> None:
    """Print every change, one JSON object or one sentence a line, and in words a summary at the end.

    ``against``: another configuration; then only the alerts are printed that one of the two fires and the other not.
    ``events``: in its stead a file that a replay printed as JSON.
    """
    if against is not None and events is not None:
        raise UsageError("--against and --against-events exclude each other: give one of them")
    before = None if events is None else read_events(events)
    configs = [load(path) for path in (config_path, against) if path is not None]
    _check_rule(options.rule_name, configs)
    if options.chart_path is not None:
        check_target(options.chart_path)
    if options.charts_path is not None:
        make_folder(options.charts_path)
    with ExitStack() as resources:
        first, *others = _replays(configs, csv_path, options, resources)
        if csv_path is not None:
            _name_idle_rules(first, csv_path)
        if before is not None:
            _print_changes_since(first, before, options)
        elif others:
            _print_differences(first, others[0], options)
        else:
            _print_all(first, options)


@dataclass(frozen=True)
class _Replay:
    """A configuration over a history. All rules of ``watch`` judge it, the alerts of those in ``shown`` are shown."""

    watch: Watch
    shown: Watch
    channel: str
    history: History
    span: Span

    def changes(self) -> Iterator[tuple[Change, tuple[int, ...]]]:
        """What is shown, as it happens, each with the first slots of the outages of its incident."""
        reopenings = Reopenings()
        for change in replay(self.watch.engine, self.history, self.span, self.watch.mutes):
            outages = reopenings.notice(change)
            if change.alert.rule in self.shown.rules:
                yield change, outages

    def last_of(self, series: str) -> int:
        """The last slot of a series that is judged."""
        return min(self.history.last_of(series), self.span.last)

    def scope(self) -> ReplayScope:
        """What a summary counts by."""
        series = {each for selected in self.shown.selection.values() for each in selected}
        return ReplayScope(
            days=days_between(self.history.days(), self.span.first, self.span.last),
            series=len(series.intersection(self.history.series)),
            watch=self.shown,
            channel=self.channel,
        )


def _replays(
    configs: Sequence[Config], csv_path: Path | None, options: ReplayOptions, resources: ExitStack
) -> Iterator[_Replay]:
    """Each configuration over the CSV, or over the history that the first of them has stored."""
    histories = None if csv_path is None else read_csv(csv_path)
    for config in configs:
        history: CsvHistory | StoredHistory
        if histories is None:
            database = resources.enter_context(schema.reading(configs[0].store.path))
            watch = lay_out(config, config.watched(samples.domain_names(database)))
            history = StoredHistory(database, watch.series)
        else:
            history = CsvHistory(histories)
            watch = lay_over(config, history.series)
        shown = watch if options.rule_name is None else watch.of_rule(options.rule_name)
        yield _Replay(
            watch,
            shown,
            config.slack.channel,
            history,
            span_of(options.first, options.last, watch.zone, history.newest),
        )


def _print_all(replayed: _Replay, options: ReplayOptions) -> None:
    record = FiringRecord(replayed.watch.rules)
    for change, outages in replayed.changes():
        record.add(change, outages)
        if options.as_json:
            again = change.fired and len(outages) > 1
            click.echo(json.dumps(as_event(change, replayed.watch.rules, again=again)))
        else:
            say(_line(change, replayed.watch, outages))
    record.close(replayed.last_of)
    if not options.as_json:
        for line in summary(record.firings, replayed.scope()):
            say(line)
    _draw(replayed, record.firings, options)
    worst = sorted(record.firings, key=lambda each: each.weight, reverse=True)
    _draw_each([(replayed, each) for each in worst], options)


def _print_differences(replayed: _Replay, other: _Replay, options: ReplayOptions) -> None:
    """Replay both configurations, one after the other; memory holds the alerts of both."""
    firings, others = _firings(replayed), _firings(other)
    compared = compare(firings, others)
    if options.as_json:
        for difference in compared.differences:
            click.echo(json.dumps(as_difference(difference)))
    else:
        now, before = replayed.scope(), other.scope()
        for line in comparison_lines(compared, now, before, (len(now.pages(firings)), len(before.pages(others)))):
            say(line)
    _draw(replayed, firings, options)
    worst = sorted(compared.differences, key=lambda each: each.firing.weight, reverse=True)
    _draw_each([(replayed if each.new else other, each.firing) for each in worst], options)


def _print_changes_since(replayed: _Replay, before: Sequence[Firing], options: ReplayOptions) -> None:
    firings = _firings(replayed)
    compared = compare(firings, [each for each in before if options.rule_name in {None, each.rule}])
    if options.as_json:
        for difference in compared.differences:
            click.echo(json.dumps(as_difference(difference)))
    else:
        for line in difference_lines(compared, firings, replayed.watch.zone):
            say(line)


def _name_idle_rules(replayed: _Replay, csv_path: Path) -> None:
    """Say which rules judge nothing, since they match no domain of the file."""
    held = set(replayed.history.series)
    idle = [name for name, series in replayed.shown.selection.items() if held.isdisjoint(series)]
    if idle:
        say(f"{csv_path}: no domain is matched by {', '.join(idle)}", err=True)


def _firings(replayed: _Replay) -> list[Firing]:
    record = FiringRecord(replayed.watch.rules)
    for change, outages in replayed.changes():
        record.add(change, outages)
    record.close(replayed.last_of)
    return record.firings


def _line(change: Change, watch: Watch, outages: Sequence[int]) -> str:
    alert, now = change.alert, change.alert.slot + SLOT
    word, reason = ("fired   ", None) if change.fired else ("resolved", change.reason.value)
    sentence = alert_sentence(watch.rules[alert.rule], alert, reason, watch.zone, now, PLAIN, outages)
    return f"{stamp(now, watch.zone)}  {word}  {alert.rule}: {sentence}"


def _draw(replayed: _Replay, firings: Sequence[Firing], options: ReplayOptions) -> None:
    """Draw the series with most alerts."""
    if options.chart_path is not None:
        chart = of_replay(replayed.history, firings, replayed.span, replayed.shown)
        write_chart(options.chart_path, chart)
        say(f"{options.chart_path}: {chart.title}", err=options.as_json)


def _draw_each(worst: Sequence[tuple[_Replay, Firing]], options: ReplayOptions) -> None:
    """Draw a chart of each alert into a folder; ``worst`` comes first, and no more than 20 are drawn."""
    if options.charts_path is None:
        return
    for rank, (replayed, firing) in enumerate(worst[:MOST_CHARTS], 1):
        path = options.charts_path / chart_name(rank, firing)
        chart = of_firing(replayed.history, firing, replayed.watch)
        write_chart(path, chart)
        say(f"{path}: {chart.title}", err=options.as_json)
    if len(worst) > MOST_CHARTS:
        say(f"{len(worst) - MOST_CHARTS:,} more alerts have no chart", err=options.as_json)


def _check_rule(name: str | None, configs: Sequence[Config]) -> None:
    rules = tuple(rule.name for config in configs for rule in config.rules if rule.enabled)
    if name is not None and name not in rules:
        raise UsageError(f"no enabled rule is named {quoted(name)}{did_you_mean(name, rules)}")
