"""The simulator's world: how much traffic each domain carries, when its buckets are published, and what goes wrong.

Everything follows from the scenario and the time it is asked at, so the same scenario tells the same story in any
process. Rates are bit/s, times epoch seconds, durations seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from hashlib import blake2b
from typing import Annotated, ClassVar, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, PositiveInt, TypeAdapter, ValidationError

from alertbot.errors import UsageError
from alertbot.units import DAY, SLOT

_PEAK_HOUR_UTC = 12
"""Traffic peaks at 20:00 in +08:00."""

Part = Literal["all", "ipv4", "ipv6", "cn", "abroad"]
PARTS: tuple[tuple[Part, Part], ...] = (("ipv4", "cn"), ("ipv4", "abroad"), ("ipv6", "cn"), ("ipv6", "abroad"))
"""What traffic is made of, each by its protocol and the region it goes to."""

_STRICT = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Shape:
    """A domain's ordinary traffic: ``level`` bit/s on average, its daily ``swing`` and random ``noise`` as shares.

    Of it the shares ``ipv6`` and, of either protocol alike, ``abroad`` are IPv6 and outside China.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    level: float = 100e6
    swing: float = 0.0
    noise: float = 0.0
    ipv6: float = 0.0
    abroad: float = 0.0
    status: Literal["serving", "suspended", "deleted"] = "serving"


@dataclass(frozen=True)
class Event:
    """Traffic from ``start`` until ``end`` times ``factor``, 0 for dark; ``domain`` is a glob, ``part`` which of it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    domain: str
    start: int
    end: int
    factor: float
    part: Part = "all"


@dataclass(frozen=True)
class Delay:
    """Buckets from ``start`` until ``end``, or a ``part`` of them, are published ``by`` seconds later."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    domain: str
    start: int
    end: int
    by: float
    part: Part = "all"


@dataclass(frozen=True)
class Revision:
    """Until the time ``until``, buckets from ``start`` until ``end`` show ``factor`` times the truth."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    domain: str
    start: int
    end: int
    until: float
    factor: float


@dataclass(frozen=True)
class LimitWindow:
    """At most ``calls`` to an endpoint in each minute, hour or day of the clock."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    grain: Literal["minute", "hour", "day"]
    calls: PositiveInt


class FaultMode(StrEnum):
    """How an answer goes wrong: a status, a body or connection that misbehaves, a header of a day that is used up."""

    SERVER_ERROR = "500"
    UNAUTHORISED = "401"
    THROTTLED = "429"
    HANG = "hang"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    HUGE = "huge"
    DRIP = "drip"
    RESET = "reset"
    LYING_LIMIT = "lying limit"


@dataclass(frozen=True)
class Fault:
    """From ``start`` until ``end`` a ``share`` of the calls to an endpoint and for a domain (a glob) goes wrong."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    start: float
    end: float
    mode: FaultMode
    share: float = 1.0
    endpoint: str | None = None
    domain: str | None = None

    def strikes(self, now: float, endpoint: str, domains: tuple[str, ...], call: int) -> bool:
        """Whether the ``call``-th call (a count) goes wrong."""
        return (
            self.start <= now < self.end
            and self.endpoint in {None, endpoint}
            and (self.domain is None or any(fnmatchcase(domain, self.domain) for domain in domains))
            and _chance(f"{self.mode}:{call}") < self.share
        )


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no such time zone")
    return name


@dataclass(frozen=True)
class Scenario:
    """An account, its traffic and its mishaps.

    A bucket is published ``lag`` seconds (by domain, else ``default``) after it closes, and shows only ``partial`` of
    its value during the first ``partial_for`` seconds. ``limit`` calls a minute to an endpoint are answered, or what
    ``limits`` says for it. Without ``each_domain`` that endpoint is not permitted, with ``deny_total`` ``domains=all``
    is not, with ``deny_all`` nothing is, nor are ``deny_parts``. Before ``since`` nothing was carried.
    ``traffic(domain, slot)``, where given, takes the place of the domains' shapes.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    token: str
    domains: Mapping[str, Shape]
    events: tuple[Event, ...] = ()
    delays: tuple[Delay, ...] = ()
    revisions: tuple[Revision, ...] = ()
    faults: tuple[Fault, ...] = ()
    lag: Mapping[str, float] = field(default_factory=lambda: {"default": 420.0})
    partial: float = 1.0
    partial_for: float = 300.0
    limit: PositiveInt = 300
    limits: Mapping[str, tuple[LimitWindow, ...]] = field(default_factory=dict)
    each_domain: bool = True
    deny_total: bool = False
    deny_all: bool = False
    deny_parts: tuple[Part, ...] = ()
    since: int = 0
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Shanghai"
    traffic: Callable[[str, int], float] | None = None

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """The scenario a JSON object describes; ``UsageError`` naming every wrong key otherwise."""
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, each['loc'])) or 'scenario'}: {each['msg']}" for each in error.errors()]
            raise UsageError("\n".join(problems)) from None

    def truth(self, domain: str, slot: int, *asked: str) -> float:
        """What the domain really carried in that slot: bit/s to two places, as the API states them.

        ``asked``: of which protocol and region, where it is not of all.
        """
        if slot < self.since:
            return 0.0
        whole = self._ordinary(domain, slot)
        events = [each for each in self.events if each.start <= slot < each.end and fnmatchcase(domain, each.domain)]
        value = 0.0
        for part, share in _shares(self.domains[domain], asked):
            value += math.prod((each.factor for each in events if each.part in part), start=whole * share)
        return round(value, 2)

    def shown(self, domain: str, slot: int, now: float, *asked: str) -> float:
        """What the API shows of it at ``now``: 0 while it is not published, less while it is not complete."""
        if slot < self.since:
            return 0.0
        age = now - self._published_at(domain, slot, asked)
        if age < 0:
            return 0.0
        value = self.truth(domain, slot, *asked)
        for revision in self.revisions:
            if revision.start <= slot < revision.end and now < revision.until and fnmatchcase(domain, revision.domain):
                value *= revision.factor
        return round(value * self.partial, 2) if age < self.partial_for else round(value, 2)

    def is_settled(self, slot: int, now: float) -> bool:
        """Whether what the API shows of that slot, for any domain, changes no more after ``now``."""
        latest = max(self.lag.values(), default=0.0) + sum(delay.by for delay in self.delays) + self.partial_for
        revised = (revision.until for revision in self.revisions if revision.start <= slot < revision.end)
        return now >= max((slot + SLOT + latest, *revised))

    def _published_at(self, domain: str, slot: int, asked: tuple[str, ...]) -> float:
        lag = self.lag.get(domain, self.lag.get("default", 0.0))
        lag += sum(
            delay.by
            for delay in self.delays
            if delay.start <= slot < delay.end and fnmatchcase(domain, delay.domain) and delay.part in {"all", *asked}
        )
        return slot + SLOT + lag

    def _ordinary(self, domain: str, slot: int) -> float:
        if self.traffic is not None:
            return self.traffic(domain, slot)
        shape = self.domains[domain]
        day = math.cos(2 * math.pi * (slot / DAY - _PEAK_HOUR_UTC / 24))
        noise = 2 * _chance(f"{domain}:{slot}") - 1 if shape.noise else 0.0
        return max(0.0, shape.level * (1 + shape.swing * day) * (1 + shape.noise * noise))


@cache
def _shares(shape: Shape, asked: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], float], ...]:
    """What is asked for of a domain's traffic, by what it may be called, and which share of the whole each is."""
    of = {"ipv4": 1 - shape.ipv6, "ipv6": shape.ipv6, "cn": 1 - shape.abroad, "abroad": shape.abroad}
    shares = (((protocol, area, "all"), of[protocol] * of[area]) for protocol, area in PARTS)
    return tuple((part, share) for part, share in shares if share and set(asked) <= set(part))


def _chance(key: str) -> float:
    """A number in 0..1 that is the same for the same key in every process, unlike ``hash`` or ``random``."""
    return int.from_bytes(blake2b(key.encode(), digest_size=7).digest()) / 2**56
