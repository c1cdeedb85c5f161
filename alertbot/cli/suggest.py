"""``alertbot suggest``: limits and floors that fit a history, as TOML to paste, each with how often it would fire."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from alertbot.alerts.replay import History
from alertbot.cli.csv_history import CsvHistory, read_csv
from alertbot.cli.limits import Suggestion, Suggestions, suggestions
from alertbot.cli.terminal import wrapped
from alertbot.config import Config, load
from alertbot.config.domains import is_glob, pattern
from alertbot.config.watch import lay_out
from alertbot.errors import HistoryError, UsageError
from alertbot.query.names import resolve
from alertbot.rules.base import Severity
from alertbot.rules.selection import is_domain
from alertbot.store import samples, schema
from alertbot.store.history import StoredHistory
from alertbot.units import DAY, format_rate
from alertbot.words import counted, how_often

_MOST_NAMED = 20
_WIDTH = 80


@dataclass(frozen=True)
class _Source:
    """A history, and the names of those of its series that a rule of the configuration may watch."""

    history: History
    names: tuple[str, ...]


def suggest(config_path: Path, csv_path: Path | None, domains: Sequence[str], *, below: bool, as_json: bool) -> None:
    """Print what fits: TOML, or one JSON object; ``HistoryError`` where there is too little history of all of them."""
    config = load(config_path)
    with ExitStack() as resources:
        source = _over_csv(config, csv_path) if csv_path else _over_store(config, resources)
        names = _chosen(source.names, domains)
        found = suggestions(source.history, names, (rule.name for rule in config.rules), below=below)
        span = source.history.days()
    if not found.found:
        raise HistoryError(_too_little(found))
    if as_json:
        click.echo(json.dumps(_facts(found)))
        return
    for line in _toml(found, span, config_path):
        click.echo(line)


def _over_csv(config: Config, path: Path) -> _Source:
    history = CsvHistory(read_csv(path))
    watched = history.series if config.discovers else [name for name in history.series if name in config.watched()]
    if history.series and not watched:
        raise UsageError(
            f"{path}: none of its domains is watched: list them under [watch], so that rules may name them"
        )
    return _Source(history, tuple(filter(_nameable, watched)))


def _over_store(config: Config, resources: ExitStack) -> _Source:
    database = resources.enter_context(schema.reading(config.store.path))
    watch = lay_out(config, config.watched(samples.domain_names(database)))
    return _Source(StoredHistory(database, watch.series), watch.series)


def _nameable(name: str) -> bool:
    """Whether a rule can name a series of a CSV, which may hold anything."""
    try:
        return pattern(name) == name and not is_glob(name) and is_domain(name)
    except ValueError:
        return False


def _chosen(names: Sequence[str], domains: Sequence[str]) -> tuple[str, ...]:
    if not domains or not names:
        return tuple(names)
    chosen = {resolve(domain, names) for domain in domains}
    return tuple(name for name in names if name in chosen)


def _too_little(found: Suggestions) -> str:
    reasons = [f"{name}: {why}" for name, why in sorted(found.left_out.items())]
    if not reasons:
        return "there is no history yet"
    more = f"; and {len(reasons) - 5:,} more" if len(reasons) > 5 else ""
    return f"too little history to suggest from: {'; '.join(reasons[:5])}{more}"


def _facts(found: Suggestions) -> dict[str, Any]:
    return {
        "rules": [
            {
                "name": each.rule.name,
                "kind": each.rule.kind_name,
                "domains": list(each.rule.domains),
                **each.limits,
                "fires": each.times,
                "fires_per_week": round(_per_week(each, found), 4),
            }
            for each in found.found
        ],
        "left_out": dict(found.left_out),
        "days": dict(found.days),
    }


def _per_week(each: Suggestion, found: Suggestions) -> float:
    return 7 * each.times / max(sum(found.days[name] for name in each.rule.domains), 1)


def _toml(found: Suggestions, span: Sequence[int], config_path: Path) -> Iterator[str]:
    first, last = (f"{datetime.fromtimestamp(day * DAY, UTC):%Y-%m-%d}" for day in (span[0], span[-1]))
    yield from _comment(
        f"Suggested from the history of {first} to {last}. Read it, keep what you want, and append that to"
        f" {config_path.name}. Above each rule stands how often it would have fired over that history."
    )
    for each in found.found:
        yield ""
        yield from _rule(each, found)
    if found.left_out:
        yield ""
        for name, why in sorted(found.left_out.items())[:_MOST_NAMED]:
            yield from _comment(f"{name}: {why}")
        if len(found.left_out) > _MOST_NAMED:
            yield f"# and {len(found.left_out) - _MOST_NAMED:,} more left out"


def _rule(each: Suggestion, found: Suggestions) -> Iterator[str]:
    rule = each.rule
    weekly = f"{how_often(_per_week(each, found))} a week"
    many = len(rule.domains) > 1
    days = max(found.days[name] for name in rule.domains)
    where = f" on {counted(len(rule.domains), 'domain')}, {weekly} on each" if many else f", {weekly}"
    yield from _comment(f"would have fired {counted(each.times, 'time')} in {counted(days, 'day')}{where}")
    if many and (most := max(each.fires, key=lambda name: each.fires[name])) and each.fires[most]:
        yield from _comment(f"most of all on {most}: {counted(each.fires[most], 'time')}")
    yield "[[rule]]"
    keys = {"name": _quoted(rule.name), "kind": _quoted(rule.kind_name), "domains": _listed(rule.domains)}
    keys |= {key: _quoted(format_rate(value)) for key, value in each.limits.items()}
    keys["for"] = _quoted("10m")
    if rule.severity is not Severity.WARNING:  # which is what a rule has that names none
        keys["severity"] = _quoted(rule.severity.value)
    width = max(map(len, keys))
    yield from (f"{key:{width}} = {value}" for key, value in keys.items())


def _comment(text: str) -> list[str]:
    """In lines that stay comments where somebody copies them from a terminal."""
    return [f"# {line}" for line in wrapped(text, _WIDTH - 2).splitlines()]


def _listed(names: Sequence[str]) -> str:
    """On one line where they fit, else on several."""
    line = f"[{', '.join(map(_quoted, names))}]"
    if len(line) <= _WIDTH - len("severity = "):
        return line
    rows = textwrap.wrap(" ".join(f"{_quoted(name)}," for name in names), _WIDTH - 4, break_on_hyphens=False)
    return "\n".join(["[", *(f"    {row}" for row in rows), "]"])


def _quoted(text: str) -> str:
    return json.dumps(text)
