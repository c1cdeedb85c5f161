"""The sections of the file but for the rules, with what must agree within one section.

Every key has a default, so that what is wrong can be left out and the rest still be judged: all mistakes are then
told at once. What has to be there is asked for in ``contradictions``, which is given the names of the keys that the
section holds, right or wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from alertbot.config import fields
from alertbot.config.fields import Channel, Flag, Patterns, between, count
from alertbot.units import DAY
from alertbot.words import quoted

Finding = tuple[str, str]
"""A key of the section, and what is wrong with it."""


class Section(BaseModel):
    """What all sections share: nothing unknown, nothing coerced, no value ever repeated by pydantic."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True, frozen=True)

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """What is missing, and which keys do not go together."""
        del given
        yield from ()

    @classmethod
    def key_names(cls) -> tuple[str, ...]:
        """The keys as they are written in the file."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


class FeedModel(Section):
    """``[feed]``."""

    base_url: fields.BaseUrl = "https://cdn.api.baishan.com/v2/"
    timezone: fields.Zone = ZoneInfo("Asia/Shanghai")
    each_domain: Flag = False
    probe: Annotated[int, between("1s", "5m")] = 20
    max_lag: Annotated[int, between("5m", "24h")] = 30 * 60
    stale_after: Annotated[int, between("5m", "24h")] = 20 * 60
    ip_protocol: fields.IpProtocol = "all"
    calls_per_minute: Annotated[int, count(1, 300)] = 300


class WatchModel(Section):
    """``[watch]``; the names themselves are checked with the whole file, so that one bad name hides no other."""

    domains: fields.Texts = ()
    except_: Patterns = Field((), alias="except")

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """There must be something to watch."""
        if "domains" not in given:
            yield "domains", 'missing: list what to watch, such as domains = ["video.example.com"], or ["*"] for all'
        elif not self.domains:
            yield "domains", 'nothing is watched: list domains, such as ["video.example.com"], or write ["*"] for all'


class GroupModel(Section):
    """``[[group]]``."""

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


class SlackModel(Section):
    """``[slack]``."""

    base_url: fields.BaseUrl = "https://slack.com/api/"
    channel: Channel = "#cdn-alerts"
    fallback_channel: Channel | None = None
    command: fields.Command = "/bandwidth"
    timezone: fields.Zone = ZoneInfo("UTC")
    admins: fields.Users = ()
    mention: fields.Mentions = Field(default_factory=dict)
    charts: Flag = True


class MuteModel(Section):
    """``[[mute]]``; a local ``start`` or ``end`` is in ``timezone``, which is known with the whole file only."""

    domains: Patterns = ("*",)
    rules: fields.RuleNames = ("*",)
    when: fields.Windows | None = None
    start: fields.Moment | None = None
    end: fields.Moment | None = None
    timezone: fields.Zone | None = None
    reason: fields.Reason = ""

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """It comes again and again, or once; and it mutes something."""
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


class StoreModel(Section):
    """``[store]``."""

    path: fields.FilePath = "alertbot.db"
    keep: Annotated[int, between("2d", "3650d")] = 35 * DAY


class HeartbeatModel(Section):
    """``[heartbeat]``: who hears that all is well."""

    url: fields.PingUrl | None = None

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """Without an address there is none."""
        if given and "url" not in given:
            yield "url", 'missing: write what to ping, such as url = "https://hc-ping.com/your-uuid"'


class MetricsModel(Section):
    """``[metrics]``: where Prometheus may scrape them."""

    listen: fields.Listen | None = None


class AlertmanagerModel(Section):
    """``[alertmanager]``: a Prometheus Alertmanager cluster that is told of alerts."""

    urls: fields.AlertmanagerUrls | None = None
    labels: fields.Labels = Field(default_factory=dict)
    user: fields.UserName | None = None
    generator_url: fields.GeneratorUrl | None = None
    resend: Annotated[int, between("1s", "10m")] = 60

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """It says where it is, each of its members once."""
        if given and "urls" not in given:
            yield "urls", 'missing: list every member, such as urls = ["http://alertmanager-1.example.com:9093"]'
        if self.urls == ():
            yield "urls", "no Alertmanager is listed: list every member of the cluster, or leave the section out"
        urls = self.urls or ()
        for url in sorted({url for url in urls if urls.count(url) > 1}):
            yield "urls", f"{quoted(url)} is listed twice"


class DigestModel(Section):
    """``[digest]``: what yesterday was like, posted once a day."""

    at: fields.TimeOfDay | None = None
    days: fields.Days = (frozenset(range(7)),)
    channel: Channel | None = None

    def contradictions(self, given: Collection[str]) -> Iterator[Finding]:
        """Without a time there is none."""
        if given and "at" not in given:
            yield "at", 'missing: write when it is posted, such as at = "09:00", or leave the section out'
        if self.days == ():
            yield "days", 'on no day: list days, such as ["mon-fri"], or leave this out for every day'


def feed_at(base_url: str, timezone: str) -> FeedModel:
    """The section with these two keys; ``ValueError`` says what to write instead of one that is wrong."""
    try:
        return FeedModel.model_validate({"base_url": base_url, "timezone": timezone})
    except ValidationError as error:
        words = [each["msg"].removeprefix("Value error, ") for each in error.errors(include_url=False)]
        raise ValueError("; ".join(words)) from None
