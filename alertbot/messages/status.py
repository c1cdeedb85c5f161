"""Answers to slash commands as Slack messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from alertbot.messages.blocks import Message, code, context_block, escape, paragraphs, section
from alertbot.query.live import Live
from alertbot.query.status import RuleLine, Status
from alertbot.units import SLOT, format_clock, format_duration, format_lateness
from alertbot.words import counted, listed

_LISTED = 15
_NAMED = 5
_SKEW_TOLD = 30


def help_message(lines: Sequence[str], closing: str) -> Message:
    """Every command with what it answers."""
    return Message("What alertbot answers", (section("\n".join(lines)), context_block(closing)))


def status_message(status: Status, zone: tzinfo) -> Message:
    """Freshness first: without it nothing else can be believed."""
    live = status.live
    headline = f"{_fresh(live, zone)} {_firing(status)}"
    lines = [] if live.unhealthy is None else [f"not healthy: {escape(live.unhealthy)}"]
    lines += [*_misconfigured(live), *_silenced(status, zone)]
    lines += [
        _watching(live),
        f"{live.calls_left} of {live.calls_per_minute} API calls left this minute",
        _outbox(status),
    ]
    if live.trial is not None:
        lines.append(f"a trial: every message goes to {escape(live.trial)}, and mentions nobody")
    lines += [f"{escape(name)}: {escape(problem)}" for name, problem in live.channels.items()]
    lines += _feed_lines(live)
    lines += list(_unreadable(live))[:_LISTED]
    return Message(headline, (section(headline), context_block("\n".join(lines))))


def _unreadable(live: Live) -> Iterator[str]:
    """What gives no answer, a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for name, why in live.unreadable.items():
        if why != live.trouble:
            by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        yield f"unreadable: {listed(map(code, names), _NAMED)}: {escape(why)}"


def _watching(live: Live) -> str:
    sums = live.series - live.domains
    groups = f", {counted(sums - 1, 'group')}" if sums > 1 else ""
    besides = f"{groups} and the total" if sums else ""
    waiting = (
        f"{live.behind:,} {'waits' if live.behind == 1 else 'wait'} for data" if live.behind else "none waits for data"
    )
    watching = f"watching {counted(live.domains, 'domain')}{besides}"
    return watching if live.trouble is not None else f"{watching}; {waiting}"


def _misconfigured(live: Live) -> list[str]:
    if not live.misconfigured:
        return []
    wrong = [code(problem) for problem in live.misconfigured[:_LISTED]]
    more = len(live.misconfigured) - _LISTED
    wrong += [f"and {more:,} more, which the log lists"] if more > 0 else []
    return ["the changed configuration cannot be used, so the former one is at work:", *wrong]


def _feed_lines(live: Live) -> list[str]:
    lines = [] if live.lag is None else [f"data usually arrives {format_duration(live.lag)} after each 5 minutes end"]
    if live.held:
        held = sorted(live.held.items(), key=lambda each: -each[1])
        late = listed((f"{code(name)} {format_lateness(seconds)}" for name, seconds in held), _LISTED)
        lines.append(f"held back, since they report late: {late}")
    if abs(live.skew) >= _SKEW_TOLD:
        ahead = "ahead of" if live.skew > 0 else "behind"
        lines.append(f"this machine's clock is {format_duration(abs(live.skew))} {ahead} the CDN's")
    if live.gone:
        lines.append(f"no longer the account's: {', '.join(code(name) for name in live.gone[:_LISTED])}")
    if live.last_failure is not None and (live.trouble is None or live.trouble not in live.last_failure):
        lines.append(f"last failure: {escape(live.last_failure)}")
    return lines


def _fresh(live: Live, zone: tzinfo) -> str:
    trouble = "" if live.trouble is None else f"No data from the CDN's API: {escape(live.trouble)}. "
    if live.frontier is None:
        return trouble.rstrip() or "No data yet: the first answer of the CDN's API is awaited."
    age = format_duration(live.now - live.frontier - SLOT)
    last = "Last data" if trouble else "Data"
    return f"{trouble}{last} until {format_clock(live.frontier + SLOT, zone, live.now)}, {age} old."


def _firing(status: Status) -> str:
    """What fires, and the open incidents by number: the feed's have no alerts."""
    alerts = f"{counted(status.firing, 'alert')} firing" if status.firing else ""
    numbers = listed((f"#{number}" for number in status.open), _LISTED)
    incidents = f"{counted(status.incidents, 'incident')} open: {numbers}" if status.incidents else ""
    return f"{'; '.join(part for part in (incidents, alerts) if part) or 'No alerts'}."


def _silenced(status: Status, zone: tzinfo) -> list[str]:
    """The silences at work."""
    silences = [
        f"s{each.number} {code(each.target)} until {format_clock(each.ends, zone, status.live.now)} by"
        f" {escape(each.author)}"
        for each in status.silences
    ]
    return [f"silenced: {listed(silences, _LISTED)}"] if silences else []


def _outbox(status: Status) -> str:
    waiting = sum(status.outbox.get(state, 0) for state in ("queued", "sending", "unknown"))
    parked = status.outbox.get("parked", 0)
    waits = "waits" if waiting == 1 else "wait"
    line = f"{counted(waiting, 'message')} {waits} for Slack" if waiting else "no message waits for Slack"
    if parked:
        line += f"; {parked} refused"
    return line + "".join(f"; {escape(channel)}: {escape(error)}" for channel, error in status.trouble)


def rules_message(lines: Sequence[RuleLine], series: str | None) -> Message:
    """The rules in words."""
    whose = "" if series is None else f" for {code(series)}"
    headline = f"{counted(len(lines), 'rule')}{whose}"
    judged = [
        f"*{escape(line.rule.name)}* ({line.rule.severity.value}): {escape(line.rule.describe())};"
        f" watching {line.series:,}"
        for line in lines
    ]
    return Message(headline, paragraphs([headline, *judged]))


def order_message(answer: str) -> Message:
    """What has been done, in lines of mrkdwn."""
    headline, _, more = answer.partition("\n")
    return Message(headline, (section(answer),)) if more else Message(answer)
