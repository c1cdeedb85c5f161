"""Says where a key of an older rules file means something else by now, in the words of somebody who has to know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from alertbot.config.lines import KeyPath, find_lines
from alertbot.config.problems import ProblemReport
from alertbot.config.read import read_toml
from alertbot.words import counted

HEAD = "These keys mean something else than in 0.1 (said until a rule states learn_silence; see `alertbot help rules`):"

_NEW = frozenset({"learn_silence", "trial"})
"""Keys that 0.1 did not know: who states one has read what is new."""

_Meanings = Mapping[tuple[str, str], str]
_OF_RULES: _Meanings = MappingProxyType(
    {
        ("drop", "to"): "also fires for what was dark before the first start, or goes dark again after an outage, where"
        " traffic is usual at this time; not where silence is",
        ("drop", "by"): "fires only where the value is also under `clear` of what is usual at this time",
        ("drop", "window"): "the time of falls is left out of it; it reaches back up to 24h for the rest",
        ("drop", "clear"): "it is over when this share is back, of the level before or of what is usual at this time",
        ("day_over_day", "ratio"): "compares with the nearest days or weeks without an alert, by the clock of the"
        " rule's timezone",
        ("baseline", "kind"): "the time of alerts is no part of what is usual; coming back to what was usual is no"
        " rise",
        ("threshold", "below"): "does not fire at 0 bps where that is usual at this time",
    }
)
_OF_ANY_RULE: Mapping[str, str] = MappingProxyType(
    {
        "accept_after": "counts the time at one level above 0 bps; a critical alert waits until it is acknowledged",
    }
)
_OF_SECTIONS: _Meanings = MappingProxyType(
    {
        ("feed", "calls_per_minute"): "bounds each endpoint of the API by itself, and this bot's share of the burst",
        ("slack", "timezone"): "also says when the days begin that day_over_day and baseline compare with",
    }
)
_BY_DAYS = frozenset({"day_over_day", "baseline"})


def changed_meanings(path: Path) -> tuple[str, ...]:
    """A line for each key of a valid file that means something else now, in file order; none where that is known."""
    text, data = read_toml(path)
    rules = [rule for rule in data.get("rule", ()) if isinstance(rule, dict)]
    if any(_NEW & rule.keys() for rule in rules):
        return ()
    report = ProblemReport(str(path), find_lines(text), data)
    found: dict[str, list[KeyPath]] = {}
    for where, message in (*_in_rules(rules), *_in_sections(data, rules)):
        found.setdefault(message, []).append(where)
    lines = sorted((report.line(paths[0]), report.key(paths[0]), message, paths) for message, paths in found.items())
    return tuple(f"{path}:{line}: {key}: {message}{_others(paths)}" for line, key, message, paths in lines)


def _others(paths: list[KeyPath]) -> str:
    return f" ({counted(len(paths) - 1, 'other rule')} likewise)" if len(paths) > 1 else ""


def _in_rules(rules: list[dict[str, Any]]) -> Iterator[tuple[KeyPath, str]]:
    for number, rule in enumerate(rules):
        for key in rule:
            message = _OF_RULES.get((str(rule.get("kind")), key)) or _OF_ANY_RULE.get(key)
            if message is not None:
                yield ("rule", number, key), message


def _in_sections(data: Mapping[str, Any], rules: list[dict[str, Any]]) -> Iterator[tuple[KeyPath, str]]:
    by_days = any(rule.get("kind") in _BY_DAYS for rule in rules)
    for (section, key), message in _OF_SECTIONS.items():
        table = data.get(section)
        if isinstance(table, dict) and key in table and (section == "feed" or by_days):
            yield (section, key), message
