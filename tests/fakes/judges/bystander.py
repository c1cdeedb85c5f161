"""A bystander: reads the tables and the outbox after every step, and says which promise to the readers was broken.

It knows the configuration, what people ordered, what alerts fired (the lifecycle has an oracle of its own) and what was
written; it calls nothing of what decides who is woken. Each promise is a sentence in the assertion that it breaks.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from alertbot.rules.base import Rule
from alertbot.rules.schedule import Schedule
from fakes.judges.oracle import awake
from fakes.rigs.house import House

SLOT = 300
HOUR = 3600
RANK = {"info": 0, "warning": 1, "critical": 2}
NEAR = 3 * SLOT
"""What begins, or ends, within three slots does so together."""

WIDE_REPEAT = {"critical": 1800, "warning": 4 * HOUR}
"""How often the account as a whole is told again where none of its own alerts says it."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Fired:
    """An alert that fired."""

    number: int
    rule: str
    series: str
    burns: bool
    since: int
    slot: int
    fired: int
    ended: int | None
    severity: str
    clearing: bool
    incident: int | None
    falls: bool
    reason: str | None

    @property
    def key(self) -> Key:
        return self.rule, self.series

    @property
    def lasted(self) -> int:
        return self.slot - self.fired


@dataclass(frozen=True)
class Situation:
    """An incident as its row stands."""

    number: int
    kind: str
    channel: str
    opened: float
    closed: float | None
    parent: int | None
    wide: dict[str, Any] | None

    @property
    def subject(self) -> str:
        return f"incident:{self.number}"


@dataclass(frozen=True)
class Line:
    """A row of the outbox."""

    number: int
    subject: str
    action: str
    channel: str
    broadcast: bool
    text: str


@dataclass
class Readers:
    """What the readers of an incident know: with what they were last woken, and who took it on."""

    paged_at: float
    slot: int
    rank: int
    series: int
    wide: bool
    untaken: float
    acked: bool = False
    escalated: set[str] = field(default_factory=set)
    steady: set[int] = field(default_factory=set)
    part: bool = False
    known: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Hush:
    """A silence, as it was ordered."""

    target: str
    keys: frozenset[Key] | None
    begins: float
    ends: float


class Broken(AssertionError):
    """A promise that was not held."""


class Bystander:
    """Looks on a house; to be told of every order, and to look after every step."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.silences: dict[int, Hush] = {}
        self.alerts: dict[int, Fired] = {}
        self.cases: dict[int, Situation] = {}
        self.lines: list[Line] = []
        self.readers: dict[int, Readers] = {}
        self.flapping: set[Key] = set()
        self.began: set[int] = set()
        self.posts: dict[str, Line] = {}
        self.woke = 0
        self._db = sqlite3.connect(house.config.store.path)
        self._before: dict[int, Fired] = {}
        self._was: dict[int, Situation] = {}

    def close(self) -> None:
        self._db.close()

    # What people did.

    def acked(self, number: int) -> None:
        if number in self.readers:
            self.readers[number].acked = True

    def silenced(self, number: int, target: str, begins: float, ends: float) -> None:
        keys = None
        if target.startswith("#"):
            keys = frozenset(a.key for a in self.alerts.values() if a.incident == int(target[1:]) and a.burns)
        held = self.silences.get(number)  # a silence over the same is extended by the next
        self.silences[number] = (
            Hush(target, keys, begins, ends) if held is None else replace(held, ends=max(held.ends, ends))
        )

    def unsilenced(self, number: int) -> None:
        held = self.silences[number]
        self.silences[number] = Hush(held.target, held.keys, held.begins, self.house.now)

    # What holds an alert.

    def held(self, alert: Fired) -> str | None:
        """Why nobody wants to hear of this alert now."""
        if any(self._hushes(each, alert) for each in self.silences.values()):
            return "silenced"
        rule = self.rule(alert)
        needed = range(rule.for_slots if rule else 1)
        if any(self._muted(alert, alert.slot - back * SLOT) for back in needed):
            return "muted"
        if rule is not None and rule.active is not None and not awake(rule.active, alert.slot):
            return "inactive"
        return None

    def rule(self, alert: Fired) -> Rule | None:
        return next((rule for rule in self.house.config.rules if rule.name == alert.rule), None)

    def _hushes(self, hush: Hush, alert: Fired) -> bool:
        if not hush.begins <= self.house.now < hush.ends:
            return False
        if hush.keys is not None:
            return alert.key in hush.keys
        kind, _, name = hush.target.partition(":")
        if kind == "rule":
            return alert.rule == name
        return self._means(hush.target, alert.series, everything=True)

    def _means(self, pattern: str, series: str, *, everything: bool) -> bool:
        """``everything``: a star alone means sums and the total too, as in a silence."""
        if pattern == "*" and everything:
            return True
        if pattern.startswith("@"):
            members = self.members(pattern[1:])
            return series in members or (everything and series == f"sum:{pattern[1:]}")
        if series in self.house.domains:
            return fnmatchcase(series, pattern)
        return series == pattern

    def members(self, group: str) -> Collection[str]:
        patterns = next((each.domains for each in self.house.config.groups if each.name == group), ())
        return [name for name in self.house.domains if any(fnmatchcase(name, pattern) for pattern in patterns)]

    def _muted(self, alert: Fired, slot: int) -> bool:
        for mute in self.house.config.mutes:
            meant = any(self._means(pattern, alert.series, everything=False) for pattern in mute.domains)
            if not meant or not any(fnmatchcase(alert.rule, pattern) for pattern in mute.rules):
                continue
            if mute.when is not None and awake(Schedule(mute.when, self.house.config.slack.zone), slot):
                return True
            if mute.start is not None and slot < mute.end.timestamp() and slot + SLOT > mute.start.timestamp():
                return True
        return False

    def quiet(self, alert: Fired) -> bool:
        """Whether nobody is to be woken for it: held, on its way back, or fluttering."""
        flutters = alert.key in self.flapping and alert.lasted < 20 * 60 and alert.number not in self.began
        return self.held(alert) is not None or alert.clearing or flutters

    def firing(self, number: int) -> list[Fired]:
        return [alert for alert in self.alerts.values() if alert.incident == number and alert.burns]

    def loud(self, number: int) -> list[Fired]:
        return [alert for alert in self.firing(number) if not self.quiet(alert)]

    def wide(self, number: int) -> dict[str, Any] | None:
        """What the incident says of the account, unless that is over for good."""
        wide = self.cases[number].wide
        over = wide is not None and wide["over"] is not None and self.house.slot - wide["over"] >= NEAR
        return None if over else wide

    # Looking.

    def look(self, *, settled: bool) -> None:
        """After a step; ``settled``: the look that follows a slot's batches."""
        fresh = self._read()
        self._forget_what_is_steady()
        self.began = self._begin_to_flap()
        for line in fresh:
            self._check_place(line)
        by_subject: dict[str, list[Line]] = {}
        for line in fresh:
            by_subject.setdefault(line.subject, []).append(line)
        for case in self.cases.values():
            self._check_pages(case, by_subject.get(case.subject, []), by_subject, settled=settled)
        for case in self.cases.values():
            self._check_end(case, by_subject, settled=settled)
            if settled and case.number in self._was:
                self.readers[case.number].known = {alert.number for alert in self._own(case)}
        self._check_one_for_what_belongs_together()
        if settled:
            self._check_told()

    def _read(self) -> list[Line]:
        self._before, self._was = self.alerts, self.cases
        self.alerts = {row[0]: _fired(row) for row in self._db.execute(_ALERTS)}
        self.cases = {row[0]: _case(row) for row in self._db.execute(_INCIDENTS)}
        last = self.lines[-1].number if self.lines else 0
        fresh = [_line(row) for row in self._db.execute(_OUTBOX, (last,))]
        self.lines += fresh
        return fresh

    def joined(self, number: int) -> list[Fired]:
        """What has come into an incident with this step."""
        return [
            alert
            for alert in self.alerts.values()
            if alert.incident == number and getattr(self._before.get(alert.number), "incident", None) is None
        ]

    def _follows(self, alert: Fired) -> bool:
        """Whether it began within an hour of the end of another outage of its series that its incident tells of."""
        return any(alert.since - (each.ended or 0) <= HOUR for each in self._over_before(alert))

    def _over_before(self, alert: Fired) -> list[Fired]:
        """The earlier outages of its series that its incident tells of."""
        what = alert.series, alert.falls, alert.incident
        alike = [each for each in self.alerts.values() if (each.series, each.falls, each.incident) == what]
        return [each for each in alike if each.reason == "cleared" and each.since < alert.since]

    def _out_again(self, case: Situation) -> list[Fired]:
        """What has just come in and was over before, beside nothing that began with it and is known."""
        joined = [alert for alert in self.joined(case.number) if not self.quiet(alert)]
        if self._reopened(case):
            return joined
        known = [each for each in self.firing(case.number) if each not in self.joined(case.number)]
        of_known = {(each.series, each.falls) for each in known}
        return [
            alert
            for alert in joined
            if self._over_before(alert)
            and (alert.series, alert.falls) not in of_known
            and all(abs(alert.since - each.since) > NEAR for each in known)
        ]

    def _reopened(self, case: Situation) -> bool:
        before = self._was.get(case.number)
        return before is not None and before.closed is not None and case.closed is None

    def _forget_what_is_steady(self) -> None:
        for key in list(self.flapping):
            last = max(alert.ended or alert.fired for alert in self.alerts.values() if alert.key == key)
            if self.house.slot - last >= HOUR:
                self.flapping.discard(key)

    def _begin_to_flap(self) -> set[int]:
        """The alerts, just told, that fired once too often."""
        began = set()
        for number in self.cases:
            for alert in self.joined(number):
                fires = [
                    each
                    for each in self.alerts.values()
                    if each.key == alert.key and alert.fired - 6 * HOUR < each.fired <= alert.fired
                ]
                if len(fires) > 4 and alert.burns and alert.key not in self.flapping:
                    began.add(alert.number)
        self.flapping |= {self.alerts[number].key for number in began}
        return began

    # 1. One message, in one place, from its beginning to its end.

    def _check_place(self, line: Line) -> None:
        if line.action == "post":
            self.promise(line.subject not in self.posts, "a subject has one post", line)
            self.posts[line.subject] = line
        self.promise(line.subject in self.posts, "edits and replies come after the post", line)
        self.promise(line.channel == self.posts[line.subject].channel, "a subject stays in its channel", line)
        if not line.subject.startswith("incident:"):
            return
        number, _, elsewhere = line.subject.removeprefix("incident:").partition(" ")
        case = self.cases[int(number)]
        self.promise(line.channel == (elsewhere or case.channel), "an incident is told in its channel", line)
        before = self._was.get(case.number)
        reopened = bool(self.joined(case.number))
        if reopened and case.kind == "alert" and before is not None and before.closed is not None:
            late = [each for each in self.joined(case.number) if self._follows(each)]
            self.promise(late, "what is over is reopened by what follows it within the hour alone", line)
        ended = before is not None and before.closed is not None and not reopened
        self.promise(not ended, "nothing is said after the resolution", line)

    # 2 and 5. Who is woken, for what, how often.

    def _check_pages(
        self,
        case: Situation,
        lines: list[Line],
        by_subject: dict[str, list[Line]],
        *,
        settled: bool,
    ) -> None:
        copies = [
            line
            for subject, some in by_subject.items()
            if subject.startswith(f"{case.subject} ")
            for line in some
            if line.action == "post" or (line.action == "reply" and line.broadcast)
        ]
        posts = [line for line in lines if line.action == "post"]
        calls = [line for line in lines if line.action == "reply" and line.broadcast]
        seen = any(line.action == "update" and line.broadcast for line in lines)
        self.promise(not seen or case.closed is not None, "an edit is to be seen at the end alone", case)
        self.woke += len(posts) + len(calls) + len(copies)
        if posts:
            self._check_post(case)
            self.promise(not calls and not copies, "what is opened wakes people once", case, lines)
        elif case.closed is None or calls or copies:
            self._check_calls(case, calls, copies, settled=settled)

    def _check_post(self, case: Situation) -> None:
        alerts = [alert for alert in self.alerts.values() if alert.incident == case.number]
        wanted = [alert for alert in self._about(case, alerts) if self.held(alert) is None]
        self.promise(bool(wanted), "no post is about nothing but what is silenced, muted or inactive", case, alerts)
        loud = [alert for alert in alerts if not self.quiet(alert)]
        if case.kind == "alert" and not self.wide(case.number):
            self.promise(bool(loud), "no post is about nothing but what flaps or is about to be over", case, alerts)
        if case.parent is not None:
            self._check_line_elsewhere(case)
        now = self.house.now
        self.readers[case.number] = Readers(
            paged_at=now,
            slot=max((alert.slot for alert in alerts), default=self.house.slot),
            rank=self._rank(case),
            series=len({alert.series for alert in self.loud(case.number)}),
            wide=case.wide is not None,
            untaken=now,
            part=case.parent is not None,
        )

    def _check_line_elsewhere(self, case: Situation) -> None:
        """What is part of the account's fall has one line in a channel that would hear nothing of it otherwise."""
        host = self.cases[case.parent or 0]
        self.promise(case.channel != host.channel, "what falls with the account is told with it", case, host)
        same = [
            each
            for each in self.cases.values()
            if each.parent == case.parent and each.channel == case.channel and each.closed is None
        ]
        self.promise(len(same) == 1, "another channel gets one line about the account's fall", same)

    def _about(self, case: Situation, own: list[Fired]) -> Iterator[Fired]:
        """The alerts a page is about: its own, and whatever fell with the account where it tells of that."""
        since = case.wide["since"] - NEAR if case.wide else None
        others = (alert for alert in self.alerts.values() if alert.falls and since is not None and alert.since >= since)
        everything = [*own, *others]
        yield from (alert for alert in everything if alert.burns or case.kind == "passed" or case.closed is not None)

    def _check_calls(self, case: Situation, calls: list[Line], copies: list[Line], *, settled: bool) -> None:
        readers, loud = self.readers[case.number], self.loud(case.number)
        if self._reopened(case):  # what people knew of the first outage says nothing of this one
            readers.wide, readers.part, readers.acked = False, not self._out_again(case), False
            readers.escalated, readers.untaken = set(), math.inf
            known = [each for each in self._own(case) if each not in self.joined(case.number)]
            readers.series = len({each.series for each in known})
        news, again, others = self._grown(case, readers, loud), False, set()
        if case.kind in {"summary", "passed"}:
            self.promise(not calls and not copies, "a summary is told once", case, calls)
            return
        if readers.wide and self.wide(case.number) is None and not loud:
            readers.part = True  # it is to be told for itself once nothing holds it
        if case.parent is not None:
            self.promise(not calls and not copies, "nobody is woken for a part of the account's fall", case, calls)
            readers.part = True
            return
        if not news and not readers.acked:
            again = self._is_due_again(case, readers, loud)
            others = self._owed_to_others(readers, loud)
        facts = (case, readers, loud, calls, copies, sorted(news), again, others)
        self.promise(not calls or news or again or others, "nobody is woken without a reason", *facts)
        most = bool(news or again) + bool(others)
        self.promise(len(calls) <= most, "nobody is woken twice for one reason", *facts)
        wanted = any(self.held(each) is None for each in self._about(case, self.firing(case.number)))
        self.promise(not calls or wanted, "no page is about nothing but what is held", *facts)
        targets = {line.channel for line in copies}
        self.promise(targets <= others and (calls or not copies), "copies go where it is escalated to", *facts)
        if settled:
            self.promise(len(calls) == most, "growth, reminders and escalations come when they are due", *facts)
            owed = {each for each in others if each.startswith("#")} - {case.channel}
            self.promise(targets == owed, "it is told in the channels it is escalated to", *facts)
        if calls:
            self._heard(case, readers, loud, news, others)

    def _heard(
        self, case: Situation, readers: Readers, loud: list[Fired], news: Collection[str], others: Collection[str]
    ) -> None:
        if "again" in news:
            readers.known |= {alert.number for alert in self._out_again(case)}
        if news:
            readers.acked, readers.untaken = False, self.house.now
            readers.escalated = set()
        readers.escalated |= set(others)
        series = len({alert.series for alert in loud})
        readers.series = series if "outlived" in news else max(readers.series, series)
        readers.paged_at = self.house.now
        readers.slot = self._newest(case)
        readers.rank = self._rank(case)
        readers.wide = self.wide(case.number) is not None or (readers.wide and "outlived" not in news)
        readers.part = False
        readers.steady |= {each.number for each in loud if each.key in self.flapping and each.number not in self.began}

    def _grown(self, case: Situation, readers: Readers, loud: list[Fired]) -> set[str]:
        """What makes it more than people were woken with."""
        wide = self.wide(case.number)
        reasons = set()
        if any(alert.number in self.began for alert in loud):
            reasons.add("flaps")
        stay = [alert for alert in loud if alert.key in self.flapping and alert.lasted >= 20 * 60]
        if any(alert.number not in readers.steady for alert in stay):
            reasons.add("stays")
        if not loud and not self._tells_of_the_account(case):
            return reasons
        if self._out_again(case) and (not wide or self._reopened(case)):
            reasons.add("again")
        elif readers.part or (readers.wide and wide is None):
            reasons.add("outlived")
        elif self._rank(case) > readers.rank:
            reasons.add("louder")
        elif not wide and len({alert.series for alert in loud}) >= 2 * max(readers.series, 1):
            reasons.add("doubled")  # of the whole account it is no news
        elif readers.known and loud and not any(alert.number in readers.known for alert in loud):
            reasons.add("news")  # in an incident that was quiet
        elif wide and not readers.wide:
            reasons.add("the whole account")
        return reasons

    def _tells_of_the_account(self, case: Situation) -> bool:
        """Whether it is of a fall of the account that goes on, none of whose alerts is its own."""
        wide = self.wide(case.number)
        return wide is not None and wide["over"] is None and not self._own(case)

    def _own(self, case: Situation) -> list[Fired]:
        return [alert for alert in self.alerts.values() if alert.incident == case.number]

    def _rank(self, case: Situation) -> int:
        loud = [RANK[alert.severity] for alert in self.loud(case.number)]
        wide = self.wide(case.number)
        return max(loud, default=RANK[wide["severity"]] if wide else 0)

    def _newest(self, case: Situation) -> int:
        return max((alert.slot for alert in self._own(case)), default=self.house.slot)

    def _is_due_again(self, case: Situation, readers: Readers, loud: list[Fired]) -> bool:
        rules = [rule for alert in loud if (rule := self.rule(alert)) is not None and rule.repeat is not None]
        every = min((rule.repeat or 0 for rule in rules), default=None)
        wide = self.wide(case.number)
        if not loud and wide and self._tells_of_the_account(case):
            every = WIDE_REPEAT.get(wide["severity"])
        late = every is not None and self.house.now - readers.paged_at >= every
        return late and self._newest(case) > readers.slot

    def _owed_to_others(self, readers: Readers, loud: list[Fired]) -> set[str]:
        waited = self.house.now - readers.untaken
        rules = [rule for alert in loud if (rule := self.rule(alert)) is not None]
        due = [rule for rule in rules if rule.escalate_after is not None and waited >= rule.escalate_after]
        return {target for rule in due for target in rule.escalate_to} - readers.escalated

    # 3. Nothing that burns is kept from people.

    def _check_told(self) -> None:
        for alert in self.alerts.values():
            if not alert.burns or self.held(alert) is not None or alert.clearing:
                continue
            self.promise(alert.incident is not None, "what fires and is held by nothing is in an incident", alert)
            case = self.cases[alert.incident or 0]
            self.promise(case.subject in self.posts, "what fires is told in a message", alert, case)
            self.promise(case.closed is None, "what fires is told in an incident that is open", alert, case)

    # 4. Everything has its end.

    def _check_end(self, case: Situation, by_subject: dict[str, list[Line]], *, settled: bool) -> None:
        before = self._was.get(case.number)
        own = self._own(case)
        flaps = any(alert.key in self.flapping for alert in own)
        burns = any(alert.burns for alert in own)
        parts = [each for each in self.cases.values() if each.parent == case.number and self.firing(each.number)]
        wide = self.wide(case.number)
        lasts = wide is not None and (wide["over"] is None or parts)
        over = not burns and not flaps and not lasts
        if settled:
            self.promise(case.closed is not None or not over, "what is over is resolved within its slot", case, own)
        if case.closed is None or (before is not None and before.closed == case.closed):
            return
        if case.kind == "passed":
            return
        self.promise(not burns, "nothing is resolved that burns", case, own)
        self.promise(not flaps, "nothing is resolved that flaps", case, own)
        self.promise(not lasts, "the account's fall is open as long as anything of it burns", case, parts)
        said = Counter(line.action for line in by_subject.get(case.subject, ()))
        both = said["update"] >= 1 and said["reply"] >= 1
        self.promise(both or said["post"], "a resolution is an edit and a reply", case, own)
        for subject in self.posts:
            if subject.startswith(f"{case.subject} "):
                copy = [line.action for line in by_subject.get(subject, ())]
                self.promise("update" in copy, "copies are resolved too", subject)

    def unchanged(self) -> int:
        """Seconds of slots since an alert last fired or ended."""
        return self.house.slot - max((alert.ended or alert.fired for alert in self.alerts.values()), default=0)

    def check_that_all_is_over(self) -> None:
        """After an hour and a half of calm."""
        firing = [alert for alert in self.alerts.values() if alert.burns]
        self.promise(not firing, "after the calm nothing fires", firing)
        open_ones = [case for case in self.cases.values() if case.closed is None]
        self.promise(not open_ones, "after the calm nothing is open", open_ones)
        unposted = [case for case in self.cases.values() if case.subject not in self.posts]
        self.promise(not unposted, "every incident was told", unposted)

    # 6. What belongs together is one incident.

    def _check_one_for_what_belongs_together(self) -> None:
        for number, case in self.cases.items():
            for alert in self.joined(number):
                for other in self.alerts.values():
                    if other.burns and other.incident not in {None, number}:
                        self._check_apart(alert, other, case, self.cases[other.incident or 0])

    def _check_apart(self, alert: Fired, other: Fired, here: Situation, there: Situation) -> None:
        """Two alerts in two incidents, the one since just now: there is a reason for that."""
        if {here.kind, there.kind} != {"alert"} or here.channel != there.channel or alert.falls != other.falls:
            return
        if here.wide or there.parent or there.closed is not None:
            return
        many = alert.series == other.series and alert.since == other.since
        self.promise(not many, "what breaks several rules at once in one channel is one incident", alert, other)
        if alert.key in self.flapping or other.key in self.flapping or here.number in self._was:
            return
        related = alert.rule == other.rule or "total" in {alert.series, other.series} or self._share(alert, other)
        near = abs(alert.since - other.since) <= NEAR
        self.promise(not (related and near), "what began together and belongs together is one incident", alert, other)

    def _share(self, one: Fired, other: Fired) -> bool:
        """Whether they are of one series, or of one group."""
        groups = (({f"sum:{group.name}", *self.members(group.name)}) for group in self.house.config.groups)
        return one.series == other.series or any({one.series, other.series} <= group for group in groups)

    def promise(self, kept: object, sentence: str, *facts: object) -> None:
        if not kept:
            listed = "\n".join(f"  {fact}" for fact in facts)
            at = f"slot {(self.house.slot - 1_793_664_000) // SLOT}, now {self.house.now:.0f}"
            raise Broken(f"{sentence}: not so at {at}:\n{listed}\n{self.transcript()}")

    def transcript(self) -> str:
        """What was said so far."""
        rows = (
            f"  {n.subject} {n.action}{' (broadcast)' if n.broadcast else ''} {n.channel}: {n.text}" for n in self.lines
        )
        return "\n".join(rows)


_ALERTS = (
    "SELECT id, rule, series, phase, since, slot, fired, resolved, severity, clear_run, incident, direction,"
    " reason"
    " FROM alerts WHERE fired IS NOT NULL ORDER BY id"
)
_INCIDENTS = "SELECT id, kind, channel, opened, closed, standing FROM incidents ORDER BY id"
_OUTBOX = "SELECT number, subject, action, channel, broadcast, body FROM outbox WHERE number > ? ORDER BY number"


def _fired(row: tuple[Any, ...]) -> Fired:
    number, rule, series, phase, since, slot, fired, ended, severity, clear_run, incident, direction, reason = row
    clearing, burns = clear_run > 0 and phase == "firing", phase == "firing"
    return Fired(
        number,
        rule,
        series,
        burns,
        since,
        slot,
        fired,
        ended,
        severity,
        clearing,
        incident,
        direction == "fall",
        reason,
    )


def _case(row: tuple[Any, ...]) -> Situation:
    number, kind, channel, opened, closed, progress = row
    held = json.loads(progress)
    return Situation(number, kind, channel, opened, closed, held.get("parent"), held.get("wide"))


def _line(row: tuple[Any, ...]) -> Line:
    number, subject, action, channel, broadcast, body = row
    return Line(number, subject, action, channel, bool(broadcast), json.loads(body)["text"])
