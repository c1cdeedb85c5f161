"""Objects by the two sentences: nothing false, nothing silent.

It knows the story, and from the service what stood in Slack, how it said it was, and which alert each message tells of;
it calls nothing that decides.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.story import DARK, HOUR, MINUTE, Outage
from simulation.world import DOWN, Event, Record

from alertbot.feed.simulator.scenario import FaultMode
from alertbot.units import SLOT

PROMISED = 30 * MINUTE
"""Seconds from when something could be proven until it is to be posted, or health to be red."""

BY_A_RULE = 2
"""Slots that must show a breach, or its end."""

CALLS_AGAIN = (
    "The account as a whole is back, but not this",
    "Worse: Still no data since",
    "not acknowledged: ",
)
"""What calls people once more: a domain stays dark after a fall of the account, nothing new counts as nothing now."""

LOOKED_UP = 15 * MINUTE
"""Seconds without the history in which a message is looked up whose answer was lost: then it is posted again.

It takes twice as long each time.
"""

STALE_AFTER = 20 * MINUTE
UNSAID = 5 * MINUTE

NOTICE = 2 * MINUTE
"""Seconds within which health shows what is so."""


@dataclass(frozen=True)
class Told:
    """A true outage, the alert that was made of it, and when people first read of it."""

    outage: Outage
    alert: Mapping[str, Any] | None
    at: float | None


def objections(record: Record) -> list[str]:
    """Everything that the service did wrong in this story, in words."""
    return [
        *_silent(record),
        *_false_alerts(record),
        *_false_ends(record),
        *_missing_ends(record),
        *_twice(record),
        *_mentions(record),
        *_feed(record),
        *_health(record),
        *_must_be_red(record),
        *_sentences(record),
        *_own_errors(record),
    ]


def minutes(record: Record, moment: float | None) -> str:
    """A time as minutes since the story began."""
    begin = record.health[0].at - MINUTE
    return "never" if moment is None else f"min {(moment - begin) / MINUTE:.0f}"


def due(outage: Outage) -> bool:
    """Whether it lasts long enough for its rule."""
    return outage.end - outage.start >= BY_A_RULE * SLOT


def _silent(record: Record) -> Iterator[str]:
    for outage in filter(due, record.story.outages):
        told = _told(record, outage)
        proof = record.story.published.known(outage.start + (BY_A_RULE - 1) * SLOT)
        green = _green(record, proof + PROMISED, told.at)
        if green is not None:
            yield (
                f"silent: {outage.domain} ({outage.rule}) from {minutes(record, outage.start)}, proven"
                f" {minutes(record, proof)}, told {minutes(record, told.at)}; health is green at"
                f" {minutes(record, green)}"
            )


def _told(record: Record, outage: Outage) -> Told:
    """What was told of an outage; an account-wide fall tells of all that are a part of it."""
    alert = next((each for each in record.alerts if _is_of(each, outage)), None)
    if alert is None or alert["incident"] is None:
        return Told(outage, alert, _told_dark(record, outage))
    wide = _is_wide(record, alert["incident"])
    told = (
        event.at
        for event in _about(record, alert["incident"])
        if event.at >= outage.start and (wide or outage.domain in event.text)
    )
    return Told(outage, alert, next(told, None))


def _told_dark(record: Record, outage: Outage) -> float | None:
    """When it was told that nothing came of the account, where that was so."""
    if not record.story.published.is_dark(outage.start):
        return None
    dark = [number for number, incident in record.incidents.items() if incident["kind"] == "dark"]
    told = (event.at for number in dark for event in _about(record, number) if event.at >= outage.start)
    return next(told, None)


def _is_of(alert: Mapping[str, Any], outage: Outage) -> bool:
    same = alert["rule"] == outage.rule and alert["series"] == outage.domain
    return same and outage.start <= alert["since"] < outage.end


def _is_wide(record: Record, incident: int) -> bool:
    """Whether it tells of the whole account, and so of no domain by name."""
    row = record.incidents[incident]
    return row["kind"] == "dark" or json.loads(row["standing"]).get("wide") is not None


def _about(record: Record, incident: int) -> list[Event]:
    return [event for event in record.events if event.subject == f"incident:{incident}"]


def _green(record: Record, first: float, last: float | None) -> float | None:
    """When health was green between these times though nothing was told at once; ``None`` where it never was.

    After another cause of red a message may be owed for a while before it is one.
    """
    red = first
    for each in record.health:
        if each.wrong is not None:
            red = max(red, each.at + UNSAID)
        elif each.at >= red + NOTICE and (last is None or each.at + NOTICE < last):
            return each.at
    return None


def _false_alerts(record: Record) -> Iterator[str]:
    for alert in record.alerts:
        if alert["incident"] is None or any(_is_of(alert, outage) for outage in filter(due, record.story.outages)):
            continue
        yield f"false: {alert['series']} ({alert['rule']}) is told since {minutes(record, alert['since'])}"


def _false_ends(record: Record) -> Iterator[str]:
    """What is called over goes on, or cannot be known to be over."""
    for incident in record.incidents:
        ends = [event for event in _about(record, incident) if event.text.startswith("Resolved")]
        for outage in _outages_of(record, incident):
            known = record.story.published.known(outage.start + SLOT)
            over = record.story.published.known(outage.end + (BY_A_RULE - 1) * SLOT)
            for event in ends:
                if known <= event.at < over:
                    yield (
                        f"false end: incident {incident} is over at {minutes(record, event.at)}, {outage.domain}"
                        f" ({outage.rule}) not before {minutes(record, over)}"
                    )


def _outages_of(record: Record, incident: int) -> list[Outage]:
    alerts = [each for each in record.alerts if each["incident"] == incident]
    return [outage for outage in record.story.outages if any(_is_of(alert, outage) for alert in alerts)]


def _missing_ends(record: Record) -> Iterator[str]:
    for alert in record.alerts:
        if alert["phase"] != "resolved":
            yield f"no end: {alert['series']} ({alert['rule']}) since {minutes(record, alert['since'])} still fires"
    for number, incident in record.incidents.items():
        events = _about(record, number)
        if incident["closed"] is None:
            yield f"no end: incident {number} ({incident['kind']}) is still open"
        elif events and incident["kind"] != "passed" and not any(_says_end(each) for each in events):
            yield f"no end: nothing says that incident {number} ({incident['kind']}) is over"
    for row in record.owed:
        yield f"owed: a {row['action']} about {row['subject']} is {row['state']} in the end"


def _says_end(event: Event) -> bool:
    return event.text.startswith(("Resolved", "Corrected", "While alertbot had no data"))


def _twice(record: Record) -> Iterator[str]:
    for subject, count in Counter(event.subject for event in record.events if event.kind == "post").items():
        if count > 1 + _unread(record, subject) and subject:
            yield f"twice: {count} messages about {subject}"
    last: dict[str, str] = {}
    for reply in (each for each in record.events if each.kind == "reply"):
        # A configuration is refused and mended several times: only what follows upon itself says nothing new.
        about = reply.subject if reply.subject.startswith("reload:") else f"{reply.subject} {reply.text}"
        if last.get(about) == reply.text:
            yield f"twice: 2 replies about {reply.subject} say {reply.text[:80]}"
        last[about] = reply.text


def _unread(record: Record, subject: str) -> int:
    """How often a message may have gone out again: its history could not be read for as long as it is looked for."""
    posted = [event.at for event in record.events if event.subject == subject and event.kind == "post"]
    cuts = [each for each in record.story.mishaps if each.where in {"*", "conversations.history"}]
    unread = (min(each.end, posted[-1]) - max(each.start, posted[0]) for each in cuts if posted)
    return math.floor(math.log2(1 + max([0.0, *unread]) / LOOKED_UP))


def _mentions(record: Record) -> Iterator[str]:
    """One for an incident, and one more for what joins it or comes again; none for what is over already."""
    for number, incident in record.incidents.items():
        events = _about(record, number)
        alerts = [each for each in record.alerts if each["incident"] == number]
        count = sum(event.mentions for event in events if event.kind != "edit")
        replies = [event.text for event in events if event.kind == "reply" and event.mentions]
        again = sum(any(words in text for words in CALLS_AGAIN) for text in replies)
        again += sum(event.kind == "post" for event in events) > 1  # that it is twice there is said elsewhere
        if count > max(len(alerts), 1) + again:
            yield f"mentions: {count} about incident {number}, which has {len(alerts)} alerts"
        critical = incident["kind"] == "alert" and any(each["rule"] == DARK for each in alerts)
        first = next((event for event in events if event.kind == "post"), None)
        if critical and first is not None and not count and not first.text.startswith(("Resolved", "Corrected")):
            yield f"mentions: none about incident {number}, which is critical"


def _feed(record: Record) -> Iterator[str]:
    """Nothing is said of the feed without a cause."""
    story = record.story
    causes = [(fault.start, fault.end) for fault in story.faults]
    silences = [(delay.start, delay.end + 2 * HOUR) for delay in story.delays]
    silences += [(each.start, each.end) for each in story.outages if story.published.is_dark(each.start)]
    for number, incident in record.incidents.items():
        if incident["kind"] not in {"dark", "feed"}:
            continue
        about = causes + silences if incident["kind"] == "dark" else causes
        # By Slack's time: the machine's may be wrong where the service started without an answer of the API.
        opened = next((event.at for event in _about(record, number)), incident["opened"])
        if not any(start <= opened <= end + HOUR for start, end in about):
            yield f"false: incident {number} ({incident['kind']}) at {minutes(record, opened)} has no cause"


def _health(record: Record) -> Iterator[str]:
    """A dead man's switch hears nothing good while health is red, and all is well in the end."""
    # A cause that gives way to another one of its kind leaves health green for a moment; a count in it goes on.
    cause = {each.at: re.sub(r"\d+", "N", each.wrong) for each in record.health if each.wrong not in {None, DOWN}}
    for at, path in record.pings:
        around = {cause.get(at - back * MINUTE) for back in range(3)}
        if not path and len(around) == 1 and None not in around:
            yield f"health: pinged at {minutes(record, at)} though it is red"
    for each in record.health[-5:]:
        if each.wrong is not None:
            yield f"health: still red at {minutes(record, each.at)}: {each.wrong}"
            return


def _must_be_red(record: Record) -> Iterator[str]:
    """Health is red while nothing can be stored, or the API gives nothing, for longer than that may last unsaid."""
    for what, first, last in (*_nothing_stored(record), *_nothing_read(record)):
        green = (each.at for each in record.health if first <= each.at <= last and each.wrong is None)
        if (at := next(green, None)) is not None:
            yield f"health: green at {minutes(record, at)}, though {what}"


def _nothing_stored(record: Record) -> Iterator[tuple[str, float, float]]:
    disks = [each for each in record.story.mishaps if each.what == "disk"]
    for disk in disks:
        alone = all(each is disk or each.end < disk.start or each.start > disk.end for each in disks)
        if alone and disk.where == "1" and disk.how in {"full", "write fails", "commit fails"}:
            yield f"the disk fails ({disk.how})", disk.start + UNSAID, disk.end - MINUTE


def _nothing_read(record: Record) -> Iterator[tuple[str, float, float]]:
    """A new start counts anew, until an incident is open."""
    restarts = [each.start for each in record.story.mishaps if each.what in {"kill", "stop"}]
    for fault in record.story.faults:
        said = fault.start + STALE_AFTER + UNSAID
        whole = fault.share == 1.0 and fault.domain is None and fault.mode is not FaultMode.LYING_LIMIT
        if whole and not any(fault.start <= each <= said for each in restarts):
            yield f"the API gives nothing ({fault.mode})", said, fault.end - MINUTE


def _sentences(record: Record) -> Iterator[str]:
    """No two rules of a story are broken by a domain at once."""
    for event in record.events:
        if "still another one" in event.text:
            yield f"false: {event.subject} at {minutes(record, event.at)}: {event.text[:120]}"


def _own_errors(record: Record) -> Iterator[str]:
    for text in Counter(record.errors):
        yield f"error of its own: {text}"
