"""Figures in words: ``show``, ``top``, ``p95`` and ``replay`` as Slack messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from alertbot.incidents.firings import Firing
from alertbot.messages.blocks import Message, code, context_block, escape, paragraphs, section, short
from alertbot.query.backtest import Backtest
from alertbot.query.bandwidth import By, Figures, Show, Top, TopLine
from alertbot.query.percentile import Billed, Burst, Committed, MonthSoFar
from alertbot.units import DAY, SLOT, format_clock, format_duration, format_ordinal, format_rate, format_share
from alertbot.words import at, counted

_MANY_TIMES = 10
"""From so many times as much on, a rise is told in times rather than in per cent."""

STALE = 900
"""Seconds after which it is said how old figures are."""


def show_message(show: Show, zone: tzinfo, now: float) -> Message:
    """A series in numbers."""
    name = _named(show.series, show.members)
    if show.last is None or show.now is None:
        all_known = "" if show.members is None else " of all its domains"
        return Message(f"{name}: nothing is known{all_known} of the last day yet.")
    fresh = _data_to(show.last, zone, now)
    headline = f"{name}: {format_rate(show.now)} ({fresh})"
    peak_at = "" if show.peak_slot is None else f" {at(format_clock(show.peak_slot, zone, now))}"
    span = "24h" if show.span == DAY else format_duration(show.span)
    lines = [
        f"{span}: average {_rate(show.average)}, peak {_rate(show.peak)}{peak_at}, 95th percentile {_rate(show.p95)}",
        f"a day earlier {_against(show.now, show.yesterday)}{_whole(span, show, show.day_before)}",
        f"a week earlier {_against(show.now, show.last_week)}{_whole(span, show, show.week_before)}",
    ]
    if show.known < show.slots:
        lines.append(f"{show.known:,} of {show.slots:,} 5-minute values are known")
    return Message(headline, (section(headline), context_block("\n".join(lines))))


def _named(series: str, members: int | None) -> str:
    return code(series) if members is None else f"{code(series)} ({counted(members, 'domain')} added up)"


def _whole(span: str, show: Show, then: Figures | None) -> str:
    """The whole span as it was then."""
    if then is None or then.known == 0:
        return f"; of the {span} until then nothing is known"
    pairs = (("average", show.average, then.average), ("peak", show.peak, then.peak), ("p95", show.p95, then.p95))
    return f"; the {span} until then: {', '.join(f'{what} {_against(now or 0.0, past)}' for what, now, past in pairs)}"


def _rate(value: float | None) -> str:
    return "unknown" if value is None else format_rate(value)


def _against(now: float, then: float | None) -> str:
    if then is None:
        return "unknown"
    return f"{format_rate(then)}{f' ({moved})' if (moved := _moved(now, then)) else ''}"


def _moved(now: float, then: float) -> str:
    """``+12%``, ``35 times``; nothing where there was nothing."""
    if not then:
        return ""
    return f"{now / then:,.0f} times" if now >= _MANY_TIMES * then else f"{now / then - 1:+z.0%}"


_RANKED = {
    By.NOW: "by bandwidth now",
    By.PEAK: "by the peak of 24h",
    By.P95: "by the 95th percentile of 24h",
    By.CHANGE: "by change since yesterday",
}


def top_message(top: Top, zone: tzinfo, now: float) -> Message:
    """The total, then the first domains, a line each."""
    if top.last is None:
        return Message("Nothing is known of the last day yet.")
    data = _data_to(top.last, zone, now)
    headline = f"Top {len(top.lines):,} of {counted(top.domains, 'domain')} {_RANKED[top.by]} ({data})"
    lines = [f"{place}. {_top_line(line, top, zone, now)}" for place, line in enumerate(top.lines, 1)]
    total = [] if top.total is None else [_top_line(top.total, top, zone, now)]
    blocks = paragraphs([headline, *total, *lines])
    unranked = top.domains - top.ranked
    if unranked > 0:
        too_little = "too little is known of" if top.by is By.CHANGE else "nothing is known lately of"
        blocks = (*blocks, context_block(f"{too_little} {counted(unranked, 'domain')}"))
    return Message(headline, blocks)


def _top_line(line: TopLine, top: Top, zone: tzinfo, now: float) -> str:
    late = "" if line.slot is None or line.slot == top.last else f" at {format_clock(line.slot, zone, now)}"
    return f"{short(line.series)} {_ranked_by(line, top.by)}{late}"


def _ranked_by(line: TopLine, by: By) -> str:
    yesterday = "" if line.yesterday is None else f", yesterday {format_rate(line.yesterday)}"
    if by is By.CHANGE and line.change is not None and line.now is not None and line.yesterday is not None:
        sign = "+" if line.change >= 0 else "-"
        moved = _moved(line.now, line.yesterday)
        return f"{sign}{format_rate(abs(line.change))}{f' ({moved})' if moved else ''}: {_rate(line.now)}{yesterday}"
    if by is By.PEAK:
        return f"peak {_rate(line.peak)}, now {_rate(line.now)}{yesterday}"
    if by is By.P95:
        return f"95th percentile {_rate(line.p95)}, peak {_rate(line.peak)}, now {_rate(line.now)}"
    moved = "" if line.now is None or line.yesterday is None else _moved(line.now, line.yesterday)
    return f"{_rate(line.now)}{f' ({moved})' if moved else ''}{yesterday}"


def percentile_message(found: MonthSoFar, zone: tzinfo, now: float) -> Message:
    """The percentile, what may still lie above it, and the month before."""
    name, month = _named(found.series, found.members), found.month
    over = now >= month.month.end
    if month.p95 is None:
        headline = f"{name}: nothing is known of {month.month.name}{'' if over else ' yet'}."
        return Message(headline, (section(headline), context_block(_month(found.before))))
    which = format_ordinal(found.percent)
    so_far = "" if over else " so far"
    headline = f"{name}: the {which} percentile of {month.month.name}{so_far} is {_rate(month.p95)}"
    if found.committed is not None:
        headline += f", {format_share(month.p95 / found.committed.commit)} of {format_rate(found.committed.commit)}"
    lines = [f"{month.known:,} of its {month.slots:,} 5-minute values{'' if over else ' so far'} are known"]
    if found.last is not None and not over:
        lines[0] += f"; now {_rate(found.now)} ({_data_to(found.last, zone, now)})"
    if month.burst is not None:
        lines.append(_burst(month.burst, month.p95, which))
    if found.forecast is not None:
        lines.append(
            f"forecast for the end of the month: {format_rate(found.forecast)}, if it goes on like the last 7d"
        )
    if found.committed is not None:
        lines.append(_committed(found.committed))
    return Message(headline, (section(headline), context_block("\n".join([*lines, _month(found.before)]))))


def _committed(committed: Committed) -> str:
    """What is committed, by which rule, and how much may still lie above it."""
    told = f"committed: {format_rate(committed.commit)} (rule {escape(committed.rule)})"
    if committed.burst is None:
        return told
    spent = f"{counted(committed.burst, '5-minute value')} ({format_duration(committed.burst * SLOT)})"
    return f"{told}; {spent if committed.burst else 'none'} of this month may still lie above it"


def _burst(burst: Burst, level: float, which: str) -> str:
    """What may still lie above the level (bit/s), at once and until the month is over."""
    left = f"{burst.free:,} of {burst.allowed:,} ({format_duration(burst.free * SLOT)}) left this month"
    if not burst.in_a_row:
        return f"the next 5 minutes above {format_rate(level)} raise the {which} percentile; {left}"
    row = f"{format_duration(burst.in_a_row * SLOT)} on end above {format_rate(level)} would not raise it yet"
    return f"burst left: {row}; of its 5-minute values {left}"


def _month(billed: Billed) -> str:
    name = billed.month.name
    if billed.p95 is None:
        return f"{name}: nothing is stored"
    return f"{name}: {format_rate(billed.p95)}, with {billed.known:,} of {billed.slots:,} 5-minute values known"


def backtest_message(found: Backtest, zone: tzinfo, now: float) -> Message:
    """How often a rule would have fired, the worst, and the newest."""
    rule = f"*{escape(found.rule.name)}*"
    if found.first is None or found.last is None:
        why = "it watches nothing" if not found.series else "nothing is stored of what it judges"
        return Message(f"{rule}: {why}, so there is nothing to replay.")
    span = format_duration(found.last + SLOT - found.first)
    headline = f"{rule} {_times(found)} in {span}, on {found.fired_on or 'none'} of the {found.series:,} it watches"
    lines = list(_firings(found, zone, now))
    begins = format_clock(found.first, zone, now)
    small = f"stored history from {begins}; as it is configured now, before silences, mutes and grouping"
    return Message(headline, (*paragraphs([f"{headline}.", *lines]), context_block(small)))


def _times(found: Backtest) -> str:
    if not found.times:
        return "would never have fired"
    firing = f" ({found.firing:,} not over)" if found.firing else ""
    return f"would have fired {counted(found.times, 'time')}{firing}"


def _firings(found: Backtest, zone: tzinfo, now: float) -> Iterator[str]:
    if found.worst is not None and found.times > 1:
        yield f"The worst: {_firing(found.worst, zone, now)}"
        yield "The newest:" if found.times <= len(found.lines) else f"The newest {len(found.lines)}:"
    for each in found.lines:
        yield _firing(each, zone, now)


def _firing(each: Firing, zone: tzinfo, now: float) -> str:
    reference = each.fired.reference
    against = "" if reference is None else f" against {format_rate(reference)}"
    since = format_clock(each.since, zone, now)
    lasted = "not over" if each.ended is None else f"{format_duration(each.ended - each.since)}, {each.reason}"
    return f"{short(each.series)} from {since} ({lasted}): {format_rate(each.last.worst)}{against}"


def _data_to(last: int, zone: tzinfo, now: float) -> str:
    """Up to when there are figures, ``last`` being the last slot, and how old they are where that is long ago."""
    age = now - last - SLOT
    old = f", {format_duration(age)} old" if age > STALE else ""
    return f"data until {format_clock(last + SLOT, zone, now)}{old}"
