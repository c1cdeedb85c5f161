"""The types of single values but for web addresses, each with its own message."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, GetPydanticSchema, PlainValidator

from alertbot.config.domains import pattern
from alertbot.config.validators import FROZEN, choice, listing, matching, parsed, tabled, text, typed
from alertbot.config.words import did_you_mean, quoted
from alertbot.rules.base import Severity
from alertbot.rules.schedule import Window, parse_days, parse_time_of_day, parse_weekly, parse_window
from alertbot.units import parse_duration, parse_rate, parse_share

_LONGEST_NAME = 80
_LONGEST_REASON = 200
_SOONEST_REMINDER, _LATEST_REMINDER = parse_duration("5m"), parse_duration("30d")
_EXAMPLE_MOMENT = "2026-03-02T17:00:00"
_CHANNEL = re.compile(r"#(?=[^A-Z]+\Z)[\w-]{1,80}|[CGD](?=[A-Z]*[0-9]|.{8})[A-Z0-9]{2,20}")
_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
_GROUP_NAME = re.compile(r"\w[\w.-]{0,59}")
_LOGIN = re.compile(r"[^:\s]{1,80}")
_USER = re.compile(r"[UW](?=[A-Z]*[0-9]|.{6})[A-Z0-9]{1,20}")
_MENTION = re.compile(r"@here|@channel|[UWS](?=[A-Z]*[0-9]|.{6})[A-Z0-9]{1,20}")
_AUDIENCE = re.compile(f"{_MENTION.pattern}|{_CHANNEL.pattern}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = frozenset({"alertname", "job", "severity", "series", "domain", "group"})
_CENTURY = range(2000, 2100)


def _share(value: object) -> float:
    share = parse_share(text(value, "80%"))
    if not 0 < share <= 1:
        raise ValueError(f'{quoted(str(value))} is out of range: write more than 0% and at most 100%, such as "80%"')
    return share


def _level(value: object) -> float:
    """A share that may be more than all."""
    share = parse_share(text(value, "80%"))
    if not 0 < share <= 10:
        raise ValueError(f'{quoted(str(value))} is out of range: write more than 0% and at most 1000%, such as "80%"')
    return share


def _ratio(value: object) -> float:
    number = float(value) if type(value) is int else typed(value, float, "a number without quotes, such as 2.0")
    if not math.isfinite(number) or number <= 0:
        raise ValueError("a ratio is more than 0: write 2.0 for twice the reference, 0.5 for half of it")
    if number == 1:
        raise ValueError("a ratio of 1 is always reached: write 2.0 for twice the reference, 0.5 for half of it")
    return number


def _factor(value: object) -> float:
    number = float(value) if type(value) is int else typed(value, float, "a number without quotes, such as 1.8")
    if not math.isfinite(number) or number < 1.1:
        raise ValueError("a factor is 1.1 or more: write 1.8 to alert at 1.8 times what is usual, and at 1/1.8 of it")
    return number


def _zone(value: object) -> ZoneInfo:
    name = text(value, "Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "Europe"
        zones = available_timezones()
        folder = any(zone.startswith(f"{name}/") for zone in zones)
        meant = (not folder and did_you_mean(name, zones)) or ': write one such as "Europe/Berlin" or "UTC"'
        raise ValueError(f"{quoted(name)} is no time zone{meant}") from None


def channel_named(text: str) -> str:
    """A Slack channel as the shell names it, where ``#`` begins a comment: ``tests`` is ``#tests``; or an id."""
    name = text if _CHANNEL.fullmatch(text) else f"#{text}"
    if not _CHANNEL.fullmatch(name):
        raise ValueError(
            f'{quoted(text)} is no Slack channel: write its name in lower case, such as "tests", or its id'
        )
    return name


def _label_name(value: object) -> str:
    name = text(value, "team")
    if not _LABEL.fullmatch(name):
        raise ValueError('a label is named by letters, digits and underscores, such as "team"')
    if name in _OWN_LABELS or name.startswith("__"):
        raise ValueError(f"{quoted(name)} is a label that alertbot or Alertmanager sets itself: name it otherwise")
    return name


def _label_value(value: object) -> str:
    word = text(value, "cdn")
    if not word.strip() or len(word) > _LONGEST_REASON:
        raise ValueError(f'write 1 to {_LONGEST_REASON} characters, such as "cdn"')
    return word


def _rule_name(value: object) -> str:
    name = text(value, "went-dark")
    if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME:
        raise ValueError(f'write a name of 1 to {_LONGEST_NAME} characters without outer spaces, such as "went-dark"')
    return name


def _reason(value: object) -> str:
    reason = text(value, "pipeline maintenance").strip()
    if len(reason) > _LONGEST_REASON:
        raise ValueError(f'write at most {_LONGEST_REASON} characters, such as "pipeline maintenance"')
    return reason


def _path(value: object) -> Path:
    name = text(value, "alertbot.db")
    if not name.strip() or name.endswith(("/", "..")):
        raise ValueError('write the path of a file, such as "alertbot.db"')
    return Path(name)


def _reminder(value: object) -> int:
    """Seconds; 0 for ``never``."""
    word = text(value, "30m")
    if word == "never":
        return 0
    try:
        seconds = parse_duration(word)
    except ValueError as error:
        raise ValueError(f'{error}, or "never"') from None
    if not _SOONEST_REMINDER <= seconds <= _LATEST_REMINDER:
        raise ValueError(f'{quoted(word)} is out of range: write "5m" to "30d", or "never"')
    return seconds


def _moment(value: object) -> datetime:
    """A TOML date-time, with an offset or without."""
    moment = typed(value, datetime, f"a date and time without quotes, such as {_unquoted(value)}")
    if moment.year not in _CENTURY:
        raise ValueError(f"the year {moment.year} is out of range: write a date and time such as {_EXAMPLE_MOMENT}")
    return moment


def _unquoted(value: object) -> str:
    """The date and time that was meant, else an example."""
    try:
        return datetime.fromisoformat(str(value).strip()).isoformat()
    except ValueError:
        return _EXAMPLE_MOMENT


Text = Annotated[str, parsed(str, "video.example.com")]
Flag = Annotated[bool, PlainValidator(lambda value: typed(value, bool, "true or false, without quotes"))]
Rate = Annotated[float, parsed(parse_rate, "8 Gbps")]
Share = Annotated[float, PlainValidator(_share)]
Level = Annotated[float, PlainValidator(_level)]
Ratio = Annotated[float, PlainValidator(_ratio)]
Factor = Annotated[float, PlainValidator(_factor)]
Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
FilePath = Annotated[Path, PlainValidator(_path)]
RuleName = Annotated[str, PlainValidator(_rule_name)]
GroupName = Annotated[str, matching(_GROUP_NAME, "group name (letters, digits, dots, dashes)", "downloads")]
Channel = Annotated[str, matching(_CHANNEL, "Slack channel (lower case, with its #, or an id)", "#cdn-alerts")]
Command = Annotated[str, matching(_COMMAND, "slash command (lower case)", "/bandwidth")]
User = Annotated[str, matching(_USER, "Slack user id (Copy member ID in the person's profile)", "U024BE7LH")]
Mention = Annotated[str, matching(_MENTION, 'mention ("@here", "@channel", a user or user group id)', "@here")]
# Not the enumeration itself: from Python 3.12 on pydantic cannot tell what that takes.
SeverityWord = Annotated[Severity, choice(Severity, "severity"), AfterValidator(lambda word: Severity(word))]  # noqa: PLW0108
IpProtocol = Annotated[str, choice(("all", "ipv4", "ipv6"), "IP protocol")]
Audience = Annotated[
    str, matching(_AUDIENCE, 'mention ("@here", "@channel", a user or user group id) or channel', "#ops")
]
Reminder = Annotated[int, PlainValidator(_reminder)]
Moment = Annotated[datetime, PlainValidator(_moment)]
Reason = Annotated[str, PlainValidator(_reason)]
Texts = Annotated[tuple[Text, ...], listing("*.example.com")]
Users = Annotated[tuple[User, ...], listing("U024BE7LH")]
Audiences = Annotated[tuple[Audience, ...], listing("#ops")]
Patterns = Annotated[tuple[Annotated[str, parsed(pattern, "*.example.com")], ...], listing("*.example.com")]
RuleNames = Annotated[tuple[Annotated[str, parsed(str, "went-dark")], ...], listing("went-dark")]
Windows = Annotated[
    tuple[Annotated[Window, parsed(parse_window, "mon-fri 09:00-18:00")], ...], listing("mon-fri 09:00-18:00")
]
TimeOfDay = Annotated[int, parsed(parse_time_of_day, "09:00")]
Weekly = Annotated[tuple[frozenset[int], int], parsed(parse_weekly, "mon 09:00")]
_ListedDays = Annotated[
    tuple[Annotated[frozenset[int], parsed(parse_days, "mon-fri")], ...],
    listing("mon-fri"),
    AfterValidator(lambda each: frozenset[int]().union(*each)),
]
Days = Annotated[frozenset[int], GetPydanticSchema(lambda _source, schema_of: schema_of(_ListedDays))]
Mentions = Annotated[
    Mapping[Annotated[str, choice(Severity, "severity")], Mention], tabled('{ critical = "@here" }'), FROZEN
]
Labels = Annotated[
    Mapping[Annotated[str, PlainValidator(_label_name)], Annotated[str, PlainValidator(_label_value)]],
    tabled('{ team = "cdn" }'),
    FROZEN,
]
UserName = Annotated[str, matching(_LOGIN, "user name (printable, without a colon)", "alertbot")]
