"""``alertbot replay``: picks the history and the rules, and prints what they would have done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import click

from alertbot.alerts.lifecycle import Change
from alertbot.alerts.replay import History, Span, as_event, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory, read_csv
from alertbot.cli.replay_charts import (
    MOST_CHARTS,
    chart_name,
    check_target,
    make_folder,
    of_firing,
    of_replay,
    write_chart,
    write_charts,
)
from alertbot.cli.replay_report import Ground, as_difference, comparison_lines, summary
from alertbot.config import Config, load
from alertbot.config.watch import Watch, lay_out, lay_over
from alertbot.errors import UsageError
from alertbot.incidents.firings import Firing, FiringRecord, compare, days_between
from alertbot.messages.alert import PLAIN, alert_sentence, stamp
from alertbot.store import samples, schema
from alertbot.store.history import StoredHistory
from alertbot.units import SLOT, parse_time
from alertbot.words import did_you_mean


@dataclass(frozen=True)
class Wanted:
    """What a replay is to show: one rule or all, as JSON or in words, and which charts."""

    span: Span
    rule_name: str | None = None
    as_json: bool = False
    chart_path: Path | None = None
    charts_path: Path | None = None


def replay_history(config_path: Path, csv_path: Path | None, wanted: Wanted, against: Path | None = None) -> None:
    """Print every change, one JSON object or one sentence a line; in words, what it comes to at the end.

    ``against``: another configuration; then only what the two would not tell alike.
    """
    configs = [load(path) for path in (config_path, against) if path is not None]
    _check_rule(wanted.rule_name, configs)
    if wanted.chart_path is not None:
        check_target(wanted.chart_path)
    if wanted.charts_path is not None:
        make_folder(wanted.charts_path)
    histories = None if csv_path is None else read_csv(csv_path)
    with ExitStack() as held:
        store = configs[0].store.path
        plans = [
            _over_csv(each, histories) if histories is not None else _over_store(each, store, held) for each in configs
        ]
        if against is None:
            _print_all(plans[0], wanted)
        else:
            _print_differences(plans[0], plans[1], wanted)


def _print_all(plan: _Plan, wanted: Wanted) -> None:
    record = FiringRecord(plan.watch.rules)
    for change in _changes(plan, wanted):
        record.add(change)
        click.echo(json.dumps(as_event(change, plan.watch.rules)) if wanted.as_json else _sentence(change, plan))
    record.close(plan.last_within(wanted.span))
    if not wanted.as_json:
        for line in summary(record.firings, plan.ground(wanted)):
            click.echo(line)
    _draw(plan, record.firings, wanted)
    worst = sorted(record.firings, key=lambda each: each.weight, reverse=True)
    _draw_each([(plan, each) for each in worst], wanted)


def _print_differences(plan: _Plan, other: _Plan, wanted: Wanted) -> None:
    """Replay both configurations over the same history, one after the other; memory holds the alerts of both."""
    firings, others = _firings(plan, wanted), _firings(other, wanted)
    compared = compare(firings, others)
    if wanted.as_json:
        for difference in compared.differences:
            click.echo(json.dumps(as_difference(difference)))
    else:
        ground, others_ground = plan.ground(wanted), other.ground(wanted)
        pages = len(ground.pages(firings)), len(others_ground.pages(others))
        for line in comparison_lines(compared, ground, others_ground, pages):
            click.echo(line)
    _draw(plan, firings, wanted)
    worst = sorted(compared.differences, key=lambda each: each.firing.weight, reverse=True)
    _draw_each([(plan if each.new else other, each.firing) for each in worst], wanted)


def _firings(plan: _Plan, wanted: Wanted) -> list[Firing]:
    record = FiringRecord(plan.watch.rules)
    for change in _changes(plan, wanted):
        record.add(change)
    record.close(plan.last_within(wanted.span))
    return record.firings


def _changes(plan: _Plan, wanted: Wanted) -> Iterator[Change]:
    changes = replay(plan.watch.engine, plan.history, wanted.span, plan.watch.mutes)
    return (change for change in changes if wanted.rule_name in {None, change.alert.rule})


def _draw(plan: _Plan, firings: Sequence[Firing], wanted: Wanted) -> None:
    """Draw the series with most alerts."""
    if wanted.chart_path is None:
        return
    chart = of_replay(plan.history, firings, wanted.span, _shown(plan.watch, wanted))
    write_chart(wanted.chart_path, chart)
    click.echo(f"{wanted.chart_path}: {chart.title}", err=wanted.as_json)


def _draw_each(firings: Sequence[tuple[_Plan, Firing]], wanted: Wanted) -> None:
    """A chart of each alert, the worst first, up to 20."""
    if wanted.charts_path is None:
        return
    charts = (
        (chart_name(place, firing), of_firing(plan.history, firing, plan.watch))
        for place, (plan, firing) in enumerate(firings[:MOST_CHARTS], 1)
    )
    for path, chart in write_charts(wanted.charts_path, charts):
        click.echo(f"{path}: {chart.title}", err=wanted.as_json)
    if len(firings) > MOST_CHARTS:
        click.echo(f"{len(firings) - MOST_CHARTS:,} more alerts have no chart", err=wanted.as_json)


@dataclass(frozen=True)
class _Plan:
    """What is to be replayed: a history, and what judges it."""

    config: Config
    watch: Watch
    history: History

    def last_within(self, span: Span) -> Callable[[str], int]:
        """The last slot that was judged of each series."""
        return lambda series: min(self.history.last_of(series), span.last)

    def ground(self, wanted: Wanted) -> Ground:
        """What a summary is of."""
        watch = _shown(self.watch, wanted)
        judged = {series for selected in watch.selection.values() for series in selected}
        return Ground(
            days=days_between(self.history.days(), wanted.span.first, wanted.span.last),
            series=len(judged.intersection(self.history.series)),
            watch=watch,
            channel=self.config.slack.channel,
        )


def _shown(watch: Watch, wanted: Wanted) -> Watch:
    return watch if wanted.rule_name is None else watch.of_rule(wanted.rule_name)


def span_of(first: str | None, last: str | None) -> Span:
    """The slots between two times as people write them; ``UsageError`` for what is no time."""
    try:
        bounds = [None if text is None else parse_time(text) // SLOT * SLOT for text in (first, last)]
    except ValueError as error:
        raise UsageError(str(error)) from None
    return Span(*(default if bound is None else bound for bound, default in zip(bounds, (0, 2**62), strict=True)))


def _check_rule(name: str | None, configs: Sequence[Config]) -> None:
    rules = tuple(rule.name for config in configs for rule in config.rules if rule.enabled)
    if name is not None and name not in rules:
        raise UsageError(f'no enabled rule is named "{name}"{did_you_mean(name, rules)}')


def _over_csv(config: Config, histories: Mapping[str, SeriesHistory]) -> _Plan:
    history = CsvHistory(histories)
    return _Plan(config, lay_over(config, history.series), history)


def _over_store(config: Config, path: Path, held: ExitStack) -> _Plan:
    database = held.enter_context(closing(schema.open_for_reading(path)))
    watch = lay_out(config, config.watched(samples.domain_names(database)))
    return _Plan(config, watch, StoredHistory(database, watch.series))


def _sentence(change: Change, plan: _Plan) -> str:
    zone, now = plan.watch.zone, change.alert.slot + SLOT
    rule, reason = plan.watch.rules[change.alert.rule], None if change.fired else change.reason.value
    word = "fired   " if change.fired else "resolved"
    sentence = alert_sentence(rule, change.alert, reason, zone, now, PLAIN)
    return f"{stamp(now, zone)}  {word}  {change.alert.rule}: {sentence}"
