"""``alertbot replay``: picks the history and the rules, and prints what they would have done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import click

from alertbot.alerts import wording
from alertbot.alerts.engine import Engine
from alertbot.alerts.lifecycle import Change
from alertbot.alerts.mutes import Mute
from alertbot.config import Config, load
from alertbot.errors import UsageError
from alertbot.history import read_csv
from alertbot.picturing import Tally, check_target, of_replay, write_chart
from alertbot.query.names import nearest
from alertbot.query.plots import View
from alertbot.replay import CsvHistory, History, Span, StoredHistory, as_event, replay
from alertbot.rules.base import Rule
from alertbot.rules.selection import select
from alertbot.store import samples, schema
from alertbot.units import SLOT, parse_time
from alertbot.watch import lay_out


def replay_history(
    config_path: Path,
    csv_path: Path | None,
    *,
    first: str | None,
    last: str | None,
    rule_name: str | None,
    as_json: bool,
    chart_path: Path | None = None,
) -> None:
    """Print every change, one JSON object or one sentence a line; ``rule_name`` narrows what is shown, not judged."""
    config = load(config_path, state_directory=state_directory())
    rules = {rule.name: rule for rule in config.rules if rule.enabled}
    _check_rule(rule_name, rules)
    if chart_path is not None:
        check_target(chart_path)
    span, tally = span_of(first, last), Tally()
    with ExitStack() as held:
        plan = _over_csv(config, rules, csv_path) if csv_path else _over_store(config, held)
        changes = replay(plan.engine, plan.history, span, plan.mutes)
        shown = tally.over(change for change in changes if rule_name in {None, change.alert.rule})
        if as_json:
            for change in shown:
                click.echo(json.dumps(as_event(change, rules)))
        else:
            _print_story(shown, rules, config.slack.zone)
        if chart_path is not None:
            selection = {name: names for name, names in plan.selection.items() if rule_name in {None, name}}
            chart = of_replay(plan.history, tally, span, View(0.0, config.slack.zone, rules, selection))
            write_chart(chart_path, chart)
            click.echo(f"{chart_path}: {chart.title}", err=as_json)


@dataclass(frozen=True)
class _Plan:
    """What is to be replayed: a history, and what judges it."""

    engine: Engine
    history: History
    selection: Mapping[str, Sequence[str]]
    mutes: Sequence[Mute]


def state_directory() -> Path | None:
    """Where systemd keeps the service's state, if it says so."""
    given = os.environ.get("STATE_DIRECTORY")
    return Path(given.split(":")[0]) if given else None


def span_of(first: str | None, last: str | None) -> Span:
    """The slots between two times as people write them; ``UsageError`` for what is no time."""
    try:
        bounds = [None if text is None else parse_time(text) // SLOT * SLOT for text in (first, last)]
    except ValueError as error:
        raise UsageError(str(error)) from None
    return Span(*(default if bound is None else bound for bound, default in zip(bounds, (0, 2**62), strict=True)))


def _check_rule(name: str | None, rules: Mapping[str, Rule]) -> None:
    if name is not None and name not in rules:
        close = nearest(name, tuple(rules))
        raise UsageError(f'no enabled rule is named "{name}"' + (f": did you mean {close}?" if close else ""))


def _over_csv(config: Config, rules: Mapping[str, Rule], path: Path) -> _Plan:
    history = CsvHistory(read_csv(path))
    watched = history.series
    selection = {name: select(rule.domains, rule.except_, watched, ()) for name, rule in rules.items()}
    mutes = [mute.resolve(watched, (), rules) for mute in config.mutes]
    return _Plan(Engine(tuple(rules.values()), selection, watched), history, selection, mutes)


def _over_store(config: Config, held: ExitStack) -> _Plan:
    database = held.enter_context(closing(schema.open_for_reading(config.store.path)))
    watch = lay_out(config, config.watched(samples.domain_names(database)))
    return _Plan(watch.engine, StoredHistory(database, watch.series), watch.selection, watch.mutes)


def _print_story(changes: Iterable[Change], rules: Mapping[str, Rule], zone: tzinfo) -> None:
    fired = 0
    for change in changes:
        fired += change.fired
        now = change.alert.slot + SLOT
        rule, reason = rules[change.alert.rule], None if change.fired else change.reason.value
        stamp = wording.stamp(now, zone)
        word = "fired   " if change.fired else "resolved"
        sentence = wording.headline(rule, change.alert, reason, zone, now, wording.PLAIN)
        click.echo(f"{stamp}  {word}  {change.alert.rule}: {sentence}")
    click.echo(f"{fired} alerts fired.")
