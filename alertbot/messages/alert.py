"""Alerts in words: one true sentence with numbers, for someone who has just been woken.

Times are of slots, in the reader's zone; ``markup`` is the medium's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from alertbot.alerts.lifecycle import Alert, Reason
from alertbot.rules.base import Direction, Kind, Rule
from alertbot.rules.selection import SUM_PREFIX, TOTAL, is_domain
from alertbot.rules.wording import AlertFacts, Listed
from alertbot.units import SLOT, format_clock, format_duration, format_rate
from alertbot.words import at, counted, listed, ordinal


@dataclass(frozen=True)
class Markup:
    """How the medium wants what comes from outside: a series' name, and any other text."""

    name: Callable[[str], str]
    text: Callable[[str], str]


PLAIN = Markup(str, str)

_WORTH_SHORTENING = 3
"""Names from which on their common parent is said once."""

_BY_ITSELF = {Reason.CLEARED.value, Reason.MONTH_OVER.value}
"""Ends of an alert that its values brought about."""


def alert_sentence(
    rule: Rule | None,
    alert: Alert,
    reason: str | None,
    zone: tzinfo,
    now: float,
    markup: Markup,
    outages: Sequence[int] = (),
) -> str:
    """The one sentence: what happened, to whom, since when, with numbers.

    ``reason`` is why it resolved, ``None`` while it fires; ``rule`` is ``None`` where it is gone. ``outages``: the
    first slots of those that its incident tells of, up to this one.
    """
    name = subject(alert.series, markup)
    since = format_clock(alert.since, zone, now)
    again = reason is None and len(outages) > 1
    if rule is not None and (words := _of_kind(rule.kind, alert, reason, name, since, again=again)):
        return f"{words.removesuffix('.')}; {_time(outages, zone, now)}." if again else words
    if reason is None:
        return f"{name} breaks the rule {markup.text(alert.rule)}, which is gone: {format_rate(alert.value)}."
    if reason == Reason.CLEARED and not back_to_normal(rule, alert):
        return _back_elsewhere(alert, name, zone, now)
    return _resolved(replace(alert, rule=markup.text(alert.rule)), reason, name, zone, now)


def in_a_list(
    rule: Rule | None, alert: Alert, reason: str | None, zone: tzinfo, now: float, outages: Sequence[int] = ()
) -> Listed | None:
    """The same as one among others; ``None`` where only its sentence says it."""
    since = format_clock(alert.since, zone, now)
    if rule is None or (reason is None and len(outages) > 1):
        return None
    facts = _facts(rule.kind, alert, "", since, again=False)
    if reason is None:
        as_it_began = rule.kind.in_breach(facts.value, facts.references) and not facts.turned
        return rule.kind.in_a_list(facts) if as_it_began else None
    if reason != Reason.CLEARED or not back_to_normal(rule, alert) or rule.kind.resolution(facts, ended=False):
        return None
    return Listed(f"Back to normal {_after(alert, zone, now)}", (alert.value,))


def back_to_normal(rule: Rule | None, alert: Alert) -> bool:
    """Whether what is over is at what is usual, or, where that is unknown, at what it was compared with."""
    if is_still_silent(alert):
        return False
    if rule is None:
        return True
    level = _usual_or_before(alert)
    return not rule.kind.in_breach(alert.value, {}) if level is None else rule.kind.is_back(alert.value, level)


def _usual_or_before(alert: Alert) -> float | None:
    """None for what is compared with fixed numbers."""
    return alert.fired_on if alert.usual is None else alert.usual


def is_still_silent(alert: Alert) -> bool:
    """Whether a fall that is over is so at 0 bps: only a time of day that is usually silent ends it there."""
    return alert.direction is Direction.FALL and alert.value == 0


def _back_elsewhere(alert: Alert, name: str, zone: tzinfo, now: float) -> str:
    cleared = alert.slot - (alert.clear_run - 1) * SLOT
    word, level = "was" if alert.usual is None else "usually", _usual_or_before(alert)
    value, before = format_rate(alert.value), format_rate(level or 0.0)
    if value.split()[1] == before.split()[1]:
        before = before.split()[0]
    compared = "" if level is None else f" ({word} {before})"
    since, lasted = format_clock(cleared, zone, now), lasting(cleared - alert.since, (alert,))
    if is_still_silent(alert):
        return (
            f"{name} is still at 0 bps, silent as usual at this time since {since}: no longer an alert after {lasted}."
        )
    return f"{name} is back at {value} since {since}{compared}, after {lasted}."


def _time(outages: Sequence[int], zone: tzinfo, now: float) -> str:
    """``second time since 00:30``."""
    return f"{ordinal(len(outages))} time since {format_clock(outages[0], zone, now)}"


def stamp(epoch: float, zone: tzinfo) -> str:
    """An instant with its date, for lists."""
    return f"{datetime.fromtimestamp(epoch, zone):%Y-%m-%d %H:%M}"


def subject(series: str, markup: Markup) -> str:
    """A series as the subject of a sentence."""
    if series == TOTAL:
        return "The whole account"
    if series.startswith(SUM_PREFIX):
        return f"The group {markup.name(series.removeprefix(SUM_PREFIX))}"
    return markup.name(series)


def within(series: str, markup: Markup) -> str:
    """A series within a sentence."""
    name = subject(series, markup)
    return f"{name[:1].lower()}{name[1:]}" if not is_domain(series) else name


def short_names(series: Sequence[str]) -> tuple[list[str], str]:
    """The names of three domains or more without the parent that they share, and that parent; else all as they are."""
    labels = [name.split(".") for name in series]
    shared = 0
    while all(len(each) > shared + 1 for each in labels) and len({each[-shared - 1] for each in labels}) == 1:
        shared += 1
    if len(series) < _WORTH_SHORTENING or shared < 2 or not all(map(is_domain, series)):
        return list(series), ""
    return [".".join(each[:-shared]) for each in labels], ".".join(labels[0][-shared:])


def names(series: Iterable[str], most: int, markup: Markup) -> str:
    """Some series in a sentence, the first few by name: ``dl1, img, dl2 and 97 more``."""
    known = list(series)
    short, parent = short_names(known)
    shown = map(markup.name, short) if parent else (within(name, markup) for name in known)
    return listed(shown, most)


def several(series: Iterable[str], more: str = "") -> str:
    """How many series, in the reader's words: ``300 domains and 1 group``; ``more`` stands after the first number."""
    names = list(series)
    total = names.count(TOTAL)
    groups = sum(name.startswith(SUM_PREFIX) for name in names)
    parts = [(len(names) - total - groups, "domain"), (groups, "group")]
    said = [counted(count, noun) for count, noun in parts if count] + ["the account's total"] * total
    if more and said[0][:1].isdigit():
        said[0] = said[0].replace(" ", f"{more} ", 1)
    return " and ".join(said) if len(said) < 3 else f"{said[0]}, {said[1]} and {said[2]}"


def _of_kind(kind: Kind, alert: Alert, reason: str | None, name: str, since: str, *, again: bool) -> str | None:
    """What the rule's kind says; ``None`` where it leaves that to what is said of any alert."""
    facts = _facts(kind, alert, name, since, again=again)
    if reason is None:
        return kind.sentence(facts)
    return kind.resolution(facts, ended=reason == Reason.MONTH_OVER) if reason in _BY_ITSELF else None


def _facts(kind: Kind, alert: Alert, name: str, since: str, *, again: bool) -> AlertFacts:
    references = kind.named(alert.reference, by_usual=alert.by_usual)
    falls = alert.direction is Direction.FALL
    turned = kind.direction(alert.value, alert.reference) is not alert.direction
    return AlertFacts(name, since, alert.value, alert.worst, references, falls, alert.outlook, again, turned=turned)


def _resolved(alert: Alert, reason: str, name: str, zone: tzinfo, now: float) -> str:
    since = format_clock(alert.since, zone, now)
    level = format_rate(alert.value)
    if reason == Reason.RULE_CHANGED:
        return f"{name}: the rule {alert.rule} was changed or removed, so this alert, open since {since}, is closed."
    if reason == Reason.MONTH_OVER:
        return f"{name}: the month is over that the rule {alert.rule} was about."
    if reason == Reason.REVISED:
        return f"The CDN revised its figures for {name} from {since} on. No alert."
    if reason == Reason.NEW_NORMAL:
        lasted = format_duration(alert.slot + SLOT - alert.since)
        was = "" if alert.fired_on is None else f" (was {format_rate(alert.fired_on)})"
        return f"{name} is still at {level} after {lasted}{was}. From now on alerts compare with this level."
    return f"{name} is back to normal {_after(alert, zone, now)}: {level}{_at_worst(alert)}."


def _after(alert: Alert, zone: tzinfo, now: float) -> str:
    """``at 12:40 after 35m``."""
    cleared = alert.slot - (alert.clear_run - 1) * SLOT
    return f"{at(format_clock(cleared, zone, now))} after {lasting(cleared - alert.since, (alert,))}"


def lasting(seconds: float, alerts: Iterable[Alert]) -> str:
    """``1h 40m``; ``1h 40m or more`` where one of them began then or earlier."""
    return format_duration(seconds) + (" or more" if any(alert.by_usual for alert in alerts) else "")


def _at_worst(alert: Alert) -> str:
    """How far off it was; of what was dark that is said already."""
    if alert.direction is Direction.FALL:
        return f", {format_rate(alert.worst)} at its lowest" if alert.worst else ""
    return f", {format_rate(alert.worst)} at its peak"
