"""``why`` in words: three lines a rule, with the very numbers that decided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from types import MappingProxyType

from alertbot.alerts.lifecycle import Alert, Phase, Reason
from alertbot.incidents.incident import FiredAlert, cleared_at
from alertbot.incidents.suppression import Suppressed
from alertbot.messages.blocks import Block, Message, code, context_block, cut, escape, paragraphs, section, short
from alertbot.messages.incident import tell
from alertbot.messages.incident_parts import Context
from alertbot.messages.moved import moved_sums
from alertbot.messages.slack import MARKUP, plain
from alertbot.messages.suppressed import suppressed_words
from alertbot.query.scope import Scope
from alertbot.query.why_facts import Basis, ExpectedRange, Missing, RuleWhy, SetAside, SlotWhy, Why
from alertbot.query.why_incident import IncidentStory, Part
from alertbot.store.outbox import StoredMessage
from alertbot.units import SLOT, format_clock, format_duration, format_lateness, format_rate
from alertbot.words import at, counted, listed

MOST_RULES = 12
_MOST_NAMED = 8
_MOST_ASIDE = 5
_SAID = 220
_CALLS = re.compile(r"^(?:@\S+ )+")


_MISSING = MappingProxyType(
    {Missing.VALUE: "says nothing", Missing.INACTIVE: "not judged", Missing.REFERENCE: "no reference"}
)


@dataclass(frozen=True)
class Reader:
    """Who reads it: their zone, and the time."""

    zone: tzinfo
    now: float

    def clock(self, epoch: float) -> str:
        """An instant in their zone."""
        return format_clock(epoch, self.zone, self.now)


def why_message(why: Why, zone: tzinfo, now: float) -> Message:
    """One series, and what every rule makes of it."""
    reader = Reader(zone, now)
    if why.at is None:
        headline = _judged_last(why, reader)
        blocks: list[Block] = [section(headline), context_block("\n".join(_held_up(why, reader)))]
    else:
        headline = _judged_then(why, why.at, reader)
        blocks = [section(headline), context_block("by the figures as they are stored now; silences left out")]
    then = why.at is not None
    blocks += [section("\n".join(_rule_lines(each, reader, then=then))) for each in why.rules[:MOST_RULES]]
    if rest := _rest(why, reader):
        blocks.append(context_block("\n".join(rest)))
    return Message(headline, tuple(blocks))


def _judged_last(why: Why, reader: Reader) -> str:
    name = code(why.series)
    if why.cursor is None:
        return f"{name}: nothing of it was judged yet."
    value = "unknown, and given up" if why.value is None else format_rate(why.value)
    count = f"{counted(len(why.rules), 'rule')} judge{'s' * (len(why.rules) == 1)} it"
    return f"{name}: judged until {reader.clock(why.cursor + SLOT)}: {value}; {count}."


def _judged_then(why: Why, slot: int, reader: Reader) -> str:
    value = "not known, or no longer stored" if why.value is None else format_rate(why.value)
    return f"{code(why.series)} {at(reader.clock(slot))}: {value}."


def _held_up(why: Why, reader: Reader) -> Iterator[str]:
    """How far the data is, and what the series waits for."""
    account = "nothing is known of the account yet"
    if why.frontier is not None:
        account = f"data of the account until {reader.clock(why.frontier + SLOT)}"
    held = f"; held back {format_lateness(why.held)}, since it reports late" if why.held else ""
    waiting = f"; the last {format_duration(why.waiting * SLOT)} not judged yet" if why.waiting else ""
    yield f"{account}{held}{waiting}"
    if why.learned_at is not None:
        yield f"how late its data comes is still being learned, until about {reader.clock(why.learned_at)}"
    if why.trouble is not None:
        yield f"no data from the CDN's API, so no rule is judged: {escape(why.trouble)}"
    if why.unreadable is not None:
        yield f"it cannot be read: {escape(why.unreadable)}"
    if why.gone:
        yield "it is no longer the account's"


def _set_aside(why: Why, reader: Reader) -> Iterator[str]:
    """Which slots are no measure of what is usual, and for which incident; one outage is said once."""
    spans = dict.fromkeys(_span(each, reader) for each in why.set_aside)
    if spans:
        yield f"set aside, no measure of what is usual: {listed(spans, _MOST_ASIDE)}"


def _span(aside: SetAside, reader: Reader) -> str:
    number = "not posted" if aside.incident is None else f"#{aside.incident}"
    counts = "" if aside.accepted is None else f", counts again from {reader.clock(aside.accepted)} as the new normal"
    return f"{reader.clock(aside.first)} to {reader.clock(aside.last + SLOT)} ({number}{counts})"


def _rest(why: Why, reader: Reader) -> list[str]:
    lines = [*_set_aside(why, reader)]
    left_out = len(why.rules) - MOST_RULES
    if left_out > 0:
        lines.append(f"{counted(left_out, 'more rule')} that judge it: no alert under way")
    if why.others:
        lines.append(f"rules that don't watch this domain: {_names(why.others)}")
    if why.disabled:
        lines.append(f"switched off: {_names(why.disabled)}")
    return lines


def _names(names: Sequence[str]) -> str:
    return listed(map(escape, names), _MOST_NAMED)


def _rule_lines(why: RuleWhy, reader: Reader, *, then: bool) -> list[str]:
    """At most three: where the rule stands, or stood, the arithmetic, and why its alert is suppressed."""
    standing = _stood(why, reader) if then else _standing(why, reader)
    lines = [f"*{escape(why.rule.name)}* ({why.rule.severity.value}): {standing}"]
    lines.append(_arithmetic(why, reader))
    if why.suppressed_by is not None:
        fires = why.alert is not None and why.alert.phase is Phase.FIRING
        words = suppressed_words(why.suppressed_by, why.rule.active, reader.clock)
        posted = why.suppressed_by.why in {Suppressed.ACKNOWLEDGED, Suppressed.PART_OF}
        what = "not posted: " if fires else "would not be posted: "
        lines.append(words if posted else f"{what}{words}")
    return lines


def _standing(why: RuleWhy, reader: Reader) -> str:
    alert, rule = why.alert, why.rule
    if alert is None:
        return f"no alert; fires when {escape(rule.describe())}{_lately(why.told, reader)}"
    since = reader.clock(alert.since)
    if alert.phase is Phase.PENDING:
        return f"pending since {since}: {_long(alert.window.bit_count())} of {_long(rule.for_slots)} shown"
    fired = "" if alert.fired is None else f", fired {at(reader.clock(alert.fired))}"
    clearing = f"; over for {_long(alert.clear_run)} of {_long(rule.clear_slots)}" if alert.clear_run else ""
    return f"firing since {since}{fired}{_number(why)}{clearing}"


def _stood(why: RuleWhy, reader: Reader) -> str:
    """What of an alert was under way then."""
    told = why.told
    if told is None:
        return f"no alert that fired; fires when {escape(why.rule.describe())}"
    fired = "" if told.alert.fired is None else f", fired {at(reader.clock(told.alert.fired))}"
    over = "" if told.resolved is None else f", over {_over(told, reader)}: {told.reason or ''}"
    return f"in alert since {reader.clock(told.alert.since)}{fired}{_number(why)}{over}"


def _long(slots: int) -> str:
    return format_duration(slots * SLOT)


def _over(told: FiredAlert, reader: Reader) -> str:
    """When it was over, as its message says."""
    return reader.clock(cleared_at(told) if told.reason == Reason.CLEARED else told.resolved or told.alert.slot)


def _number(why: RuleWhy) -> str:
    if why.told is None or (why.told.incident is None and why.rule.trial):  # that it is on trial is said below
        return ""
    return "; not posted yet" if why.told.incident is None else f", posted as #{why.told.incident}"


def _lately(told: FiredAlert | None, reader: Reader) -> str:
    if told is None or told.resolved is None:
        return "; has never fired for this domain"
    number = "" if told.incident is None else f" (#{told.incident})"
    since, ended = reader.clock(told.alert.since), _over(told, reader)
    return f"; fired last from {since} to {ended}, {told.reason or 'over'}{number}"


def _arithmetic(why: RuleWhy, reader: Reader) -> str:
    last = why.judged[-1]
    earlier = ", ".join(f"{reader.clock(each.slot)} {_slot(each)}" for each in reversed(why.judged[:-1]))
    return f"{reader.clock(last.slot)}: {_comparison(why, last, reader)}; before: {earlier}"


def _slot(judged: SlotWhy) -> str:
    value = "unknown" if judged.value is None else format_rate(judged.value)
    return f"{value} ({_verdict(judged)})"


def _verdict(judged: SlotWhy) -> str:
    if judged.missing is not None:
        return _MISSING[judged.missing]
    if judged.breach:
        return "breach"
    return "clear" if judged.cleared else "no breach"


def _comparison(why: RuleWhy, last: SlotWhy, reader: Reader) -> str:
    value = "unknown" if last.value is None else format_rate(last.value)
    if last.missing is Missing.VALUE:
        return "the value is not known (any more)"
    if last.missing is Missing.INACTIVE:
        return f"{value}, not judged: outside {escape(str(why.rule.active))}"
    if last.missing is Missing.REFERENCE:
        return f"{value}, the reference is unknown: {_because(why.basis, last.slot, reader)}"
    alert = why.alert if why.rule.kind.frozen else None
    frozen = alert is not None and not alert.by_usual and last.slot >= alert.since
    sums = ", ".join(escape(term.text) for term in why.terms)
    usual = "" if why.usual is None else f" ({_expected(why.usual)})"
    # What would be a breach by these numbers is none at an hour that is usually silent, or at an accepted level.
    unlike = not (last.breach or last.cleared) and all(term.holds for term in why.terms)
    because = ", since that is usual now" if unlike and why.terms else ""
    return f"{sums}{' (the level before this began)' if frozen else ''}{usual}: {_verdict(last)}{because}"


def _expected(usual: ExpectedRange) -> str:
    low, high = format_rate(usual.low), format_rate(usual.high)
    return f"expected {format_rate(usual.expected)}, usual {low if low == high else f'{low} to {high}'}"


def _because(basis: Basis | None, slot: int, reader: Reader) -> str:
    if basis is None:
        return "too little is known of what it is made of"
    if basis.begins is not None and basis.begins > slot:
        return f"too little history yet, it judges from {reader.clock(basis.begins)} on"
    barred = f", {basis.barred:,} of them not used, since an alert or a mute passed through" if basis.barred else ""
    if basis.begins is not None and basis.known > basis.barred:
        return "usually there is nothing at this time, or too little is known of the last day"
    needed = "half are" if basis.begins is None else "one is"
    return f"of {counted(basis.slots, '5-minute value')} {basis.known:,} are known{barred}; {needed} needed"


def story_message(story: IncidentStory, scope: Scope) -> Message:
    """An incident: what it is about, what made it fire, what was said of it when."""
    reader, incident = Reader(scope.zone, scope.now), story.incident
    headline = f"#{incident.number}: {_sentence(story, scope)}"
    opened = f"posted {reader.clock(incident.opened)} in {escape(incident.channel)}"
    closed = "still open" if incident.closed is None else f"closed {reader.clock(incident.closed)}"
    quiet = "" if story.suppressed_by is None else f"; {suppressed_words(story.suppressed_by, None, reader.clock)}"
    moved = [] if incident.progress.moved is None else [moved_sums(incident.progress.moved, MARKUP)]
    blocks: list[Block] = [section(headline), context_block("\n".join([f"{opened}, {closed}{quiet}", *moved]))]
    blocks += [section("\n".join(_part_lines(part, reader))) for part in story.parts]
    if story.more:
        blocks.append(context_block(f"and {story.more:,} more: ask `why DOMAIN` for one"))
    if story.said:
        more = ["(earlier ones are left out)"] if story.earlier else []
        blocks += paragraphs(["What was posted:", *more, *(_said(words, reader) for words in story.said)])
    return Message(headline, tuple(blocks))


def _sentence(story: IncidentStory, scope: Scope) -> str:
    frontier = scope.live.frontier
    context = Context(
        scope.now,
        None if frontier is None else frontier + SLOT,
        len(scope.watch.domains),
        frozenset(),
        scope.watch.rules,
        scope.zone,
    )
    return tell(story.incident, context, MARKUP).headline


def _part_lines(part: Part, reader: Reader) -> list[str]:
    told, alert = part.told, part.told.alert
    lines = [f"*{escape(alert.rule)}* ({told.severity}) on {short(alert.series)}: {_course(told, alert, reader)}"]
    if part.why is not None:
        lines.append(f"it fired by {_arithmetic(part.why, reader)}")
    if part.suppressed_by is not None and part.suppressed_by.why is not Suppressed.ACKNOWLEDGED:
        active = None if part.why is None else part.why.rule.active
        lines.append(f"suppressed: {suppressed_words(part.suppressed_by, active, reader.clock)}")
    return lines


def _course(told: FiredAlert, alert: Alert, reader: Reader) -> str:
    fired = "" if alert.fired is None else f", fired {at(reader.clock(alert.fired))}"
    worst = f"; {format_rate(alert.worst)} at worst" if alert.worst else ""
    if told.resolved is None:
        return f"firing since {reader.clock(alert.since)}{fired}{worst}, now {format_rate(alert.value)}"
    return f"since {reader.clock(alert.since)}{fired}, over {_over(told, reader)}: {told.reason or ''}{worst}"


def _said(words: StoredMessage, reader: Reader) -> str:
    """What was said, without the mark-up that would wake people again."""
    text = _CALLS.sub("", " ".join(plain(Message(words.text)).split()))
    where = "in the channel" if words.shown else "in the thread"
    unsent = "" if words.sent else ", not sent"
    return f"{reader.clock(words.at)} ({where}{unsent}): {cut(escape(text), _SAID)}"
