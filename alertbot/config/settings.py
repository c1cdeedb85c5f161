"""The sections of the file but for the rules, as the rest of alertbot is handed them.

Durations are seconds and rates bit/s. Every key has a default, so that what is wrong can be left out and the rest
still be judged: all mistakes are then told at once. What has to be there is asked for in ``contradictions``, which is
given the names of the keys that the section holds, right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alertbot.alerts.mutes import Mute
from alertbot.config import addresses, fields
from alertbot.config.fields import Channel, Flag, Patterns
from alertbot.config.validators import between, count
from alertbot.config.words import quoted
from alertbot.rules.schedule import Schedule
from alertbot.rules.selection import Group, domains_matching, names_matching, select
from alertbot.units import DAY

EVERYTHING = ("*",)
"""What ``[watch] domains`` holds where the API is asked for the domains."""

Finding = tuple[str, str]
"""A key of the section, and what is wrong with it."""


class Section(BaseModel):
    """What all sections share: nothing unknown, nothing coerced, no value ever repeated by pydantic.

    Their validators are built when they are first needed: few files have a section of each name and kind.
    """

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, frozen=True, defer_build=True)

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """What is missing, and which keys do not go together."""
        del given
        yield from ()

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """The keys as they are written in the file."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


class FeedSettings(Section):
    """``[feed]``: the statistics API. ``base_url`` ends in a slash; ``zone`` is the API's own."""

    base_url: addresses.BaseUrl = "https://cdn.api.baishan.com/v2/"
    zone: fields.Zone = Field(default=ZoneInfo("Asia/Shanghai"), alias="timezone")
    each_domain: Flag = False
    probe: Annotated[int, between("1s", "5m")] = 20
    max_lag: Annotated[int, between("5m", "24h")] = 30 * 60
    stale_after: Annotated[int, between("5m", "24h")] = 20 * 60
    ip_protocol: fields.IpProtocol = "all"
    calls_per_minute: Annotated[int, count(1, 300)] = 300


class WatchSettings(Section):
    """``[watch]``; the names themselves are checked with the whole file, so that one bad name hides no other.

    Once loaded, ``domains`` are in lower-case ASCII, or ``EVERYTHING``.
    """

    domains: fields.Texts = ()
    except_: Patterns = Field(default=(), alias="except")

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """There must be something to watch."""
        if "domains" not in given:
            yield "domains", 'missing: list what to watch, such as domains = ["video.example.com"], or ["*"] for all'
        elif not self.domains:
            yield "domains", 'nothing is watched: list domains, such as ["video.example.com"], or write ["*"] for all'


class GroupSettings(Section):
    """``[[group]]``: some domains under one name; ``domains`` are globs over what is watched."""

    name: fields.GroupName = ""
    domains: Patterns = ()
    sum: Flag = False
    channel: Channel | None = None

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A group has a name and members, and no groups within it."""
        if "name" not in given:
            yield "name", 'missing: a group needs a name, such as name = "downloads"'
        if "domains" not in given:
            yield "domains", 'missing: a group needs members, such as domains = ["dl*.example.com"]'
        elif not self.domains:
            yield "domains", 'a group needs members: list some, such as ["dl*.example.com"]'

    def resolve(self, watched: Sequence[str]) -> Group:
        """The group with its members, in the order of ``watched``."""
        members = domains_matching(self.domains, watched)
        return Group(self.name, tuple(domain for domain in watched if domain in members), self.sum, self.channel)


class SlackSettings(Section):
    """``[slack]``: where messages go. ``zone`` is the readers'; ``mention`` maps a severity to ``@here`` or an id."""

    base_url: addresses.BaseUrl = "https://slack.com/api/"
    channel: Channel = "#cdn-alerts"
    fallback_channel: Channel | None = None
    command: fields.Command = "/bandwidth"
    zone: fields.Zone = Field(default=ZoneInfo("UTC"), alias="timezone")
    admins: fields.Users = ()
    mention: fields.Mentions = Field(default_factory=lambda: MappingProxyType({}))
    charts: Flag = True


class MuteSettings(Section):
    """``[[mute]]``: either ``when``, or ``start`` and ``end``; ``domains`` as a rule has them, ``rules`` are globs.

    Its local times are in ``zone``, else in the readers' zone, which is known with the whole file only.
    """

    domains: Patterns = ("*",)
    rules: fields.RuleNames = ("*",)
    when: fields.Windows | None = None
    start: fields.Moment | None = None
    end: fields.Moment | None = None
    zone: fields.Zone | None = Field(default=None, alias="timezone")
    reason: fields.Reason = ""

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A mute recurs or happens once, and it mutes something."""
        if not {"when", "start", "end"} & set(given):
            yield "when", 'missing: write when = ["sun 02:00-04:00"], or start and end for what happens once'
        for key in ("start", "end"):
            if {key, "when"} <= set(given):
                yield key, 'does not go with "when": keep one of the two, or write two mutes'
        if "start" in given and not {"end", "when"} & set(given):
            yield "end", "missing: write when it is over, such as end = 2026-03-02T23:00:00"
        if "end" in given and not {"start", "when"} & set(given):
            yield "start", "missing: write when it begins, such as start = 2026-03-02T17:00:00"
        if self.when == ():
            yield "when", 'nothing is muted: list windows, such as ["sun 02:00-04:00"]'
        if not self.domains:
            yield "domains", 'nothing is muted: list domains, or write ["*"] for every watched one'
        if not self.rules:
            yield "rules", 'nothing is muted: list rules, or write ["*"] for all of them'

    def resolve(self, watched: Sequence[str], groups: Sequence[Group], rules: Iterable[str], zone: tzinfo) -> Mute:
        """The mute over these domains, their groups and these rules; ``zone`` is the readers'."""
        zone = self.zone or zone
        return Mute(
            series=frozenset(select(self.domains, (), watched, groups)),
            rules=names_matching(self.rules, rules),
            reason=self.reason,
            schedule=None if self.when is None else Schedule(self.when, zone),
            start=None if self.start is None else instant(self.start, zone),
            end=None if self.end is None else instant(self.end, zone, ends=True),
        )


class StoreSettings(Section):
    """``[store]``: the database file, and how many seconds of history it keeps."""

    path: fields.FilePath = Path("alertbot.db")
    keep: Annotated[int, between("2d", "3650d")] = 35 * DAY

    def in_folder(self, folder: Path) -> StoreSettings:
        """The same with a full path: a relative one lies in this folder."""
        return self.model_copy(update={"path": folder / self.path})


class HeartbeatSettings(Section):
    """``[heartbeat]``: what is pinged while all is well; the URL may hold a secret."""

    # required: the value stands in only while the rest of the file is checked
    url: addresses.PingUrl = Field(default="", repr=False)

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A heartbeat has an address."""
        if "url" not in given:
            yield "url", 'missing: write what to ping, such as url = "https://hc-ping.com/your-uuid"'


class MetricsSettings(Section):
    """``[metrics]``: the host and the port at which Prometheus may scrape them; ``series``: the bandwidth as well."""

    listen: addresses.Listen = ("127.0.0.1", 9464)
    series: Flag = False


class AlertmanagerSettings(Section):
    """``[alertmanager]``: a Prometheus Alertmanager cluster that is handed all alerts; ``urls`` end in no slash.

    ``labels`` are set on every alert; ``user`` is that of basic authentication; ``{series}`` in ``generator_url``
    stands for a series' name.
    """

    urls: addresses.AlertmanagerUrls = ("",)  # required: the value stands in only while the rest of the file is checked
    labels: fields.Labels = Field(default_factory=lambda: MappingProxyType({}))
    user: fields.UserName | None = None
    generator_url: addresses.GeneratorUrl | None = None
    resend: Annotated[int, between("1s", "10m")] = 60

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """The members of the cluster are listed, each once."""
        if "urls" not in given:
            yield "urls", 'missing: list every member, such as urls = ["http://alertmanager-1.example.com:9093"]'
        if self.urls == ():
            yield "urls", "no Alertmanager is listed: list every member of the cluster, or leave the section out"
        for url in sorted({url for url in self.urls if self.urls.count(url) > 1}):
            yield "urls", f"{quoted(url)} is listed twice"


class DigestSettings(Section):
    """``[digest]``: what yesterday was like, posted at the minute ``at`` of these days of the readers' zone."""

    at: fields.TimeOfDay = 0  # required: the value stands in only while the rest of the file is checked
    days: fields.Days = frozenset(range(7))
    channel: Channel = ""  # that of [slack], which is known with the whole file only

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A digest has a time, and a day at least."""
        if "at" not in given:
            yield "at", 'missing: write when it is posted, such as at = "09:00", or leave the section out'
        if not self.days:
            yield "days", 'on no day: list days, such as ["mon-fri"], or leave this out for every day'


class ReviewSettings(Section):
    """``[review]``: what the rules posted in a week, at the days and the minute ``at`` of the readers' zone."""

    # required: the value stands in only while the rest of the file is checked
    at: fields.Weekly = (frozenset({0}), 0)

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """A review has a time."""
        if "at" not in given:
            yield "at", 'missing: write when it is posted, such as at = "mon 09:00", or leave the section out'


def instant(moment: datetime, zone: tzinfo, *, ends: bool = False) -> int:
    """Epoch seconds of a date and time, which is local in ``zone`` where it names no offset.

    A local time that comes twice means the first, and the second where something ends with it; one that is left out
    counts as if the clocks had not been changed.
    """
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=int(ends))).timestamp())


def feed_at(base_url: str, timezone: str) -> FeedSettings:
    """The section with these two keys; ``ValueError`` says what to write instead of one that is wrong."""
    try:
        return FeedSettings.model_validate({"base_url": base_url, "timezone": timezone})
    except ValidationError as error:
        words = [each["msg"].removeprefix("Value error, ") for each in error.errors(include_url=False)]
        raise ValueError("; ".join(words)) from None
