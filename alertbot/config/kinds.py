"""What ``[[rule]]`` holds: the keys all rules have, and those of each kind. A new kind is one class more here."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator

from alertbot.config import addresses, fields
from alertbot.config.fields import Channel, Flag, Patterns, Rate, Share
from alertbot.config.settings import Finding, Section
from alertbot.config.validators import between, choice, chosen, count, listing
from alertbot.incidents.acknowledgement import EXPIRES
from alertbot.incidents.paging import REPEAT
from alertbot.rules.base import ROUNDING, Direction, Kind, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.months import Calendar
from alertbot.rules.percentile import PERCENT, Percentile
from alertbot.rules.schedule import Schedule
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, format_duration, format_rate, format_share, slots_of
from alertbot.words import one_of

SIDES: Mapping[str, Direction | None] = MappingProxyType({"both": None, "up": Direction.RISE, "down": Direction.FALL})
"""Which way ``direction`` looks."""

_TIMELESS = {"threshold"}
"""Kinds that count no days, for which ``timezone`` is that of ``active`` alone."""


class RuleSettings(Section):
    """The keys a rule has whatever its kind; what is called as in ``Rule`` means the same there."""

    name: fields.RuleName = ""
    kind_name: Annotated[str, PlainValidator(lambda value: chosen(value, KINDS, "rule kind"))] = Field(
        default="", alias="kind"
    )
    domains: Patterns = ("*",)
    except_: Patterns = Field(default=(), alias="except")
    for_: Annotated[int, between("0s", "7d")] = Field(default=600, alias="for")
    within: Annotated[int, between("5m", "7d")] | None = None
    clear_for: Annotated[int, between("0s", "7d")] = 600
    severity: fields.SeverityWord = Severity.WARNING
    channel: Channel | None = None
    runbook: addresses.Url | None = None
    enabled: Flag = True
    trial: Flag = False
    learn_silence: Flag = True
    windows: fields.Windows | None = Field(default=None, alias="active")
    zone: fields.Zone | None = Field(default=None, alias="timezone")
    reminder: fields.Reminder | None = Field(default=None, alias="repeat")
    acknowledged: fields.Reminder | None = Field(default=None, alias="ack_expires")
    escalate_after: Annotated[int, between("5m", "7d")] | None = None
    audiences: fields.Audiences | None = Field(default=None, alias="escalate_to")

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A rule has a name and a kind, and judges something."""
        if "name" not in given:
            yield "name", 'missing: a rule needs a name, such as name = "went-dark"'
        if "kind" not in given:
            yield "kind", f'missing: a rule needs one of {one_of(KINDS)}, such as kind = "drop"'
        if "domains" in given and not self.domains:
            yield "domains", 'the rule judges nothing: list domains, or write ["*"] for every watched one'
        if self.within is not None and slots_of(self.within) < slots_of(self.for_):
            yield (
                "within",
                f'shorter than "for" ({format_duration(self.for_)}): write the longer span that "for" is counted in',
            )
        yield from self._when_and_whom(given)

    def _when_and_whom(self, given: Collection[str]) -> Iterator[Finding]:
        """A rule is judged at some time, and an escalation has a time and somebody to turn to."""
        if self.windows == ():
            yield "active", 'the rule is never judged: list windows, such as ["mon-fri 09:00-18:00"], or leave it out'
        if "timezone" in given and "active" not in given and self.kind_name in _TIMELESS:
            yield "timezone", 'goes with "active" only: write active = ["mon-fri 09:00-18:00"], or leave it out'
        if "escalate_after" in given and "escalate_to" not in given:
            yield "escalate_after", 'goes with "escalate_to": say whom to turn to, such as escalate_to = ["#ops"]'
        if "escalate_to" in given and "escalate_after" not in given:
            yield "escalate_to", 'goes with "escalate_after": say when, such as escalate_after = "1h"'
        elif self.audiences == ():
            yield "escalate_to", 'nobody is named: list mentions and channels, such as ["@here", "#ops"]'


class KindSettings(RuleSettings):
    """A rule with the keys that only its kind has."""

    @abstractmethod
    def judged_by(self) -> Kind:
        """The rule kind with these numbers, once nothing is wrong."""

    def judged_in(self, zone: tzinfo) -> Kind:
        """The same, with the days of ``zone`` and what it may learn, where the kind counts days and learns."""
        kind = self.judged_by()
        known = {each.name for each in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set[str]()
        own = {"zone": UTC if zone == ZoneInfo("UTC") else zone, "learn_silence": self.learn_silence}
        return dataclasses.replace(kind, **{name: own[name] for name in own if name in known})  # type: ignore[type-var]

    @property
    def accept_slots(self) -> int | None:
        """After how many slots of breach what is seen counts as the new normal; None: never."""
        return None

    def rule(self, zone: tzinfo) -> Rule:
        """The rule as it is judged; ``zone`` is the readers', for a rule that names none of its own."""
        zone = self.zone or zone
        alike = {each.name for each in dataclasses.fields(Rule)} & RuleSettings.model_fields.keys()
        return Rule(
            **{name: getattr(self, name) for name in alike},
            kind=self.judged_in(zone),
            for_slots=slots_of(self.for_),
            clear_slots=slots_of(self.clear_for),
            within_slots=None if self.within is None else slots_of(self.within),
            accept_slots=self.accept_slots,
            active=None if self.windows is None else Schedule(self.windows, zone),
            repeat=(REPEAT.get(self.severity) if self.reminder is None else self.reminder) or None,
            ack_expires=(EXPIRES.get(self.severity) if self.acknowledged is None else self.acknowledged) or None,
            escalate_to=tuple(dict.fromkeys(self.audiences or ())),
        )


class ThresholdSettings(KindSettings):
    """``kind = "threshold"``."""

    above: Rate | None = None
    below: Rate | None = None
    clear: Rate | None = None

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """There is a limit, two lie apart, and ``clear`` is not in breach of its limit."""
        yield from super().contradictions(given)
        if not {"above", "below"} & set(given):
            yield "above", 'missing: a threshold needs above or below, such as above = "8 Gbps"'
        if self.below == 0:
            yield "below", 'nothing is below 0: write a rate such as "1 Mbps", or kind = "drop" with to = "0 bps"'
        if self.above is not None and self.below is not None and self.above <= self.below:
            yield "above", f'must be more than "below" ({format_rate(self.below)}), else every rate is in breach'
        if {"above", "below", "clear"} <= set(given):
            yield "clear", 'goes with only one of "above" and "below": leave it out, or write two rules'
        elif self.clear is not None and self.above is not None and self.clear > self.above:
            yield "clear", f'higher than "above": write "{format_rate(self.above)}" or less'
        elif self.clear is not None and self.below is not None and self.clear < self.below:
            yield "clear", f'lower than "below": write "{format_rate(self.below)}" or more'

    def judged_by(self) -> Threshold:
        """The rule kind with these limits."""
        return Threshold(self.above, self.below, self.clear)

    def judged_in(self, zone: tzinfo) -> Kind:
        """The same, counting days only where falls are looked for, which may be usual silence."""
        return self.judged_by() if self.below is None else super().judged_in(zone)


class DropSettings(KindSettings):
    """``kind = "drop"``."""

    to: Rate | None = None
    by: Share | None = None
    from_: Rate = Field(default=1e6, alias="from")
    window: Annotated[int, between("5m", "24h")] = 3600
    clear: Share | None = None
    accept_after: Annotated[int, between("1h", "30d")] = DAY

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """Either ``to`` or ``by`` is given, and a fall is over only where it would not begin again."""
        yield from super().contradictions(given)
        if not {"to", "by"} & set(given):
            yield "to", 'missing: a drop needs to or by, such as to = "0 bps" or by = "80%"'
        if {"to", "by"} <= set(given):
            yield "by", 'does not go with "to": keep one of the two, or write two rules'
        elif self.by is not None and self.clear is not None and self.clear < (1 - self.by) * (1 - ROUNDING):
            least = format_share(1 - self.by)
            yield "clear", f'under {least} it is still fallen by {format_share(self.by)}: write "{least}" or more'
        if self.to is not None and self.to > self.from_:
            yield (
                "to",
                f'more than "from" ({format_rate(self.from_)}), so it would fire without any fall: raise "from"',
            )
        if "accept_after" in given and "to" in given:
            yield "accept_after", 'goes with "by" only: a fall "to" a rate is never the new normal'

    def judged_by(self) -> Drop:
        """The kind; ``clear`` defaults to half, or to just less than fallen ``by`` so much, where that is more."""
        default = 0.5 if self.by is None else max(0.5, 1 - self.by)
        return Drop(self.to, self.by, self.from_, slots_of(self.window), default if self.clear is None else self.clear)

    @property
    def accept_slots(self) -> int | None:
        """A fall by a share is accepted in time; a fall to a rate never is."""
        return None if self.by is None else slots_of(self.accept_after)


class DayOverDaySettings(KindSettings):
    """``kind = "day_over_day"``."""

    ratio: fields.Ratio = 2.0  # required: the value stands in only while the rest of a wrong rule is checked
    days: Annotated[int, count(0, 90)] = 1
    weeks: Annotated[int, count(0, 52)] = 0
    floor: Rate = 1e7
    accept_after: Annotated[int, between("1h", "30d")] = DAY

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """There is a ratio, and something to compare with."""
        yield from super().contradictions(given)
        if "ratio" not in given:
            yield "ratio", "missing: day_over_day needs a ratio, such as ratio = 2.0 for twice as much"
        if self.days == 0 and self.weeks == 0:
            yield "days", 'with "days" and "weeks" both 0 there is nothing to compare with: write days = 1 or weeks = 1'

    def judged_by(self) -> DayOverDay:
        """The rule kind with these numbers."""
        return DayOverDay(self.ratio, self.days, self.weeks, self.floor)

    @property
    def accept_slots(self) -> int:
        """What lasts so long is what is usual from then on."""
        return slots_of(self.accept_after)


class PercentileSettings(KindSettings):
    """``kind = "percentile"``; the zone of its months is the rule's ``timezone``."""

    commit: Rate = 1e10  # required: the value stands in only while the rest of a wrong rule is checked
    at: Annotated[tuple[fields.Level, ...], listing("80%")] = (0.8, 1.0)
    clear: fields.Level | None = None
    percentile: Annotated[int, count(50, 99)] = PERCENT
    month_start: Annotated[int, count(1, 28)] = 1

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """Something is committed, there is a level to reach, and ``clear`` is below all levels."""
        yield from super().contradictions(given)
        if "commit" not in given:
            yield "commit", 'missing: a percentile needs what is committed, such as commit = "10 Gbps"'
        elif self.commit == 0:
            yield "commit", 'nothing can be measured against 0: write what is committed, such as "10 Gbps"'
        if not self.at:
            yield "at", 'no level is named, so nothing would ever alert: list some, such as ["80%", "100%"]'
        elif self.clear is not None and self.clear > min(self.at):
            yield "clear", f'more than the lowest level of "at": write "{format_share(min(self.at))}" or less'

    def judged_by(self) -> Percentile:
        """The kind; ``clear`` defaults to five points under the lowest level, or half of it where that is more."""
        at = tuple(sorted(set(self.at))) or (1.0,)
        clear = max(round(at[0] - 0.05, 9), at[0] / 2) if self.clear is None else self.clear
        return Percentile(self.commit, at, clear, self.percentile, Calendar(self.month_start))

    def judged_in(self, zone: tzinfo) -> Percentile:
        """The same, with months of this zone."""
        return dataclasses.replace(self.judged_by(), calendar=Calendar(self.month_start, zone))


class BaselineSettings(KindSettings):
    """``kind = "baseline"``."""

    factor: fields.Factor = 1.8
    floor: Rate = 1e7
    direction: Annotated[str, choice(SIDES, "direction")] = "both"
    days: Annotated[int, count(0, 28)] = 7
    weeks: Annotated[int, count(0, 8)] = 2
    zeros: Flag = True
    accept_after: Annotated[int, between("1h", "30d")] = DAY

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """There is something to learn from."""
        yield from super().contradictions(given)
        if self.days == 0 and self.weeks == 0:
            yield "days", 'with "days" and "weeks" both 0 there is nothing to learn from: write days = 7'

    def judged_by(self) -> Baseline:
        """The rule kind with these numbers."""
        return Baseline(self.factor, self.floor, SIDES[self.direction], self.days, self.weeks, self.zeros)

    @property
    def accept_slots(self) -> int:
        """What lasts so long is what is expected from then on."""
        return slots_of(self.accept_after)


KINDS: dict[str, type[KindSettings]] = {
    "threshold": ThresholdSettings,
    "drop": DropSettings,
    "day_over_day": DayOverDaySettings,
    "percentile": PercentileSettings,
    "baseline": BaselineSettings,
}
"""The settings of each ``kind``: an entry here is all that a new kind needs beside its own module and help page."""


def rule_of(keys: Mapping[str, object]) -> Rule:
    """The rule that these keys of a file give, where that says nothing else and readers live by UTC."""
    return KINDS[str(keys["kind"])].model_validate(keys).rule(UTC)
