"""The types of single values: each reads what TOML gave, and says in plain words what would have been right.

All are plain validators, so pydantic never coerces: ``probe = 20`` is an error, not 20 seconds by luck.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, GetPydanticSchema, PlainValidator

from alertbot.config.domains import pattern
from alertbot.config.words import did_you_mean, found, quoted, secret_in_value
from alertbot.rules.base import Severity
from alertbot.rules.schedule import Window, parse_days, parse_time_of_day, parse_window
from alertbot.units import parse_duration, parse_rate, parse_share
from alertbot.words import one_of

T = TypeVar("T")

_LONGEST_NAME = 80
_LONGEST_REASON = 200
_SOONEST_REMINDER, _LATEST_REMINDER = parse_duration("5m"), parse_duration("30d")
_EXAMPLE_MOMENT = "2026-03-02T17:00:00"
_CHANNEL = re.compile(r"#(?=[^A-Z]+\Z)[\w-]{1,80}|[CGD][A-Z0-9]{8,20}")
_COMMAND = re.compile(r"/[a-z0-9_-]{1,31}")
_GROUP_NAME = re.compile(r"\w[\w.-]{0,59}")
_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[a-zA-Z0-9.-]*)):(?P<port>[0-9]{1,5})")
_LOGIN = re.compile(r"[^:\s]{1,80}")
_USER = re.compile(r"[UW][A-Z0-9]{6,20}")
_MENTION = re.compile(r"@here|@channel|[UWS][A-Z0-9]{6,20}")
_AUDIENCE = re.compile(f"{_MENTION.pattern}|{_CHANNEL.pattern}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OWN_LABELS = frozenset({"alertname", "job", "severity", "series", "domain", "group"})
_API_PATH = re.compile(r"/api(/|$)")
_EXAMPLE_LINK = "https://grafana.example.com/d/cdn?var-series={series}"
_CENTURY = range(2000, 2100)


def typed(value: object, kind: type[T], due: str) -> T:
    """``value`` if it is of this TOML type (true is no number), else ``ValueError`` saying what is due."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"write {due}, not {found(value)}")
    return value


def text(value: object, example: str) -> str:
    """Text that can be shown and is no secret."""
    value = typed(value, str, f'text in quotes, such as "{example}"')
    if secret := secret_in_value(value):
        raise ValueError(secret)
    if not value.isprintable():
        raise ValueError(f'a control character stands in this text: write it on one line, such as "{example}"')
    return value


def between(least: str, most: str) -> PlainValidator:
    """A duration, in seconds, within these two."""
    low, high = parse_duration(least), parse_duration(most)

    def check(value: object) -> int:
        seconds = parse_duration(text(value, least))
        if not low <= seconds <= high:
            raise ValueError(f'{quoted(str(value))} is out of range: write "{least}" to "{most}"')
        return seconds

    return PlainValidator(check)


def count(least: int, most: int) -> PlainValidator:
    """A whole number within these two."""

    def check(value: object) -> int:
        number = typed(value, int, f"a whole number without quotes, {least} to {most}")
        if not least <= number <= most:
            raise ValueError(f"{number:.6g} is out of range: write {least} to {most}")
        return number

    return PlainValidator(check)


def chosen(value: object, choices: Iterable[str], what: str) -> str:
    """One of a few words."""
    words = tuple(choices)
    word = text(value, words[0])
    if word not in words:
        meant = did_you_mean(word, words) or f": write {one_of(words)}"
        raise ValueError(f"{quoted(word)} is no {what}{meant}")
    return word


def choice(choices: Iterable[str], what: str) -> PlainValidator:
    """Likewise, as a type."""
    return PlainValidator(lambda value: chosen(value, choices, what))


def matching(shape: re.Pattern[str], what: str, example: str) -> PlainValidator:
    """Text of this shape; the message does not repeat it."""

    def check(value: object) -> str:
        word = text(value, example)
        if not shape.fullmatch(word):
            raise ValueError(f'this is no {what}: write one such as "{example}"')
        return word

    return PlainValidator(check)


def _parsed(parse: Callable[[str], T], example: str) -> PlainValidator:
    return PlainValidator(lambda value: parse(text(value, example)))


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
        raise ValueError("a factor is 1.1 or more: write 1.8 for 1.8 times what is usual, or less by that factor")
    return number


def _zone(value: object) -> ZoneInfo:
    name = text(value, "Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "Europe"
        meant = did_you_mean(name, available_timezones()) or ': write one such as "Europe/Berlin" or "UTC"'
        raise ValueError(f"{quoted(name)} is no time zone{meant}") from None


def _url(value: object, example: str = "https://cdn.example.com/v2/") -> str:
    url = text(value, example)
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:  # brackets that do not pair, a port beyond 65535
        good = False
    if not good or " " in url:
        raise ValueError("this is no web address: write http:// or https:// and a host, without a user or password")
    return url


def channel_named(text: str) -> str:
    """A Slack channel as the shell names it, where ``#`` begins a comment: ``tests`` is ``#tests``; or an id."""
    name = text if _CHANNEL.fullmatch(text) else f"#{text}"
    if not _CHANNEL.fullmatch(name):
        raise ValueError(
            f'{quoted(text)} is no Slack channel: write its name in lower case, such as "tests", or its id'
        )
    return name


def _base_url(value: object) -> str:
    url = _url(value)
    if "?" in url or "#" in url:
        raise ValueError('a base URL has no "?" or "#": write one such as "https://cdn.example.com/v2/"')
    return url if url.endswith("/") else url + "/"


def _ping_url(value: object) -> str:
    url = _url(value)
    if "#" in url:
        raise ValueError('a URL to be pinged has no "#": write one such as "https://hc-ping.com/your-uuid"')
    return url


def _listen(value: object) -> tuple[str, int]:
    """Host and port; without a host it is this machine's own."""
    found = _LISTEN.fullmatch(text(value, "127.0.0.1:9464"))
    if not found or not 1 <= int(found["port"]) <= 65535:
        raise ValueError('this is no address to listen at: write a host and a port, such as "127.0.0.1:9464"')
    return found["v6"] or found["host"] or "127.0.0.1", int(found["port"])


def _alertmanager_url(value: object) -> str:
    """The cluster's own address, with the path it is served under, without a slash at its end."""
    url = _url(value, "http://alertmanager-1.example.com:9093").rstrip("/")
    if "?" in url or "#" in url:
        raise ValueError('this has no "?" or "#": write an address such as "http://alertmanager-1.example.com:9093"')
    if _API_PATH.search(urlsplit(url).path):
        raise ValueError("write the address without the path of the API, /api/..., which is added to it")
    return url


def _generator_url(value: object) -> str:
    """A link in which ``{series}`` stands for a name."""
    url = text(value, _EXAMPLE_LINK)
    if set("{}") & set(url.replace("{series}", "")):
        raise ValueError(f'only {{series}} can stand in braces, such as "{_EXAMPLE_LINK}"')
    _url(url.replace("{series}", "total"), _EXAMPLE_LINK)
    if "{series}" in urlsplit(url).netloc:
        raise ValueError(f'{{series}} cannot stand in the host\'s name: write it behind that, "{_EXAMPLE_LINK}"')
    return url


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


def listing(example: str) -> BeforeValidator:
    """A list's elements; the commonest mistake is a single text."""
    return BeforeValidator(lambda value: tuple(typed(value, list, f'a list in brackets, such as ["{example}"]')))


def _tabled(example: str) -> BeforeValidator:
    """A table."""
    return BeforeValidator(lambda value: typed(value, dict, f"a table, such as {example}"))


_FROZEN = AfterValidator(MappingProxyType)


Text = Annotated[str, _parsed(str, "video.example.com")]
Flag = Annotated[bool, PlainValidator(lambda value: typed(value, bool, "true or false, without quotes"))]
Rate = Annotated[float, _parsed(parse_rate, "8 Gbps")]
Share = Annotated[float, PlainValidator(_share)]
Level = Annotated[float, PlainValidator(_level)]
Ratio = Annotated[float, PlainValidator(_ratio)]
Factor = Annotated[float, PlainValidator(_factor)]
Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
Url = Annotated[str, PlainValidator(_url)]
Listen = Annotated[tuple[str, int], PlainValidator(_listen)]
PingUrl = Annotated[str, PlainValidator(_ping_url)]
BaseUrl = Annotated[str, PlainValidator(_base_url)]
FilePath = Annotated[Path, PlainValidator(_path)]
RuleName = Annotated[str, PlainValidator(_rule_name)]
GroupName = Annotated[str, matching(_GROUP_NAME, "group name (letters, digits, dots, dashes)", "downloads")]
Channel = Annotated[str, matching(_CHANNEL, "Slack channel (lower case, with its #, or an id)", "#cdn-alerts")]
Command = Annotated[str, matching(_COMMAND, "slash command (lower case)", "/bandwidth")]
User = Annotated[str, matching(_USER, "Slack user id", "U024BE7LH")]
Mention = Annotated[str, matching(_MENTION, 'mention ("@here", "@channel", a user or user group id)', "@here")]
SeverityWord = Annotated[Severity, choice(Severity, "severity"), AfterValidator(Severity)]
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
Patterns = Annotated[tuple[Annotated[str, _parsed(pattern, "*.example.com")], ...], listing("*.example.com")]
RuleNames = Annotated[tuple[Annotated[str, _parsed(str, "went-dark")], ...], listing("went-dark")]
Windows = Annotated[
    tuple[Annotated[Window, _parsed(parse_window, "mon-fri 09:00-18:00")], ...], listing("mon-fri 09:00-18:00")
]
TimeOfDay = Annotated[int, _parsed(parse_time_of_day, "09:00")]
_ListedDays = Annotated[
    tuple[Annotated[frozenset[int], _parsed(parse_days, "mon-fri")], ...],
    listing("mon-fri"),
    AfterValidator(lambda each: frozenset[int]().union(*each)),
]
Days = Annotated[frozenset[int], GetPydanticSchema(lambda _source, schema_of: schema_of(_ListedDays))]
Mentions = Annotated[
    Mapping[Annotated[str, choice(Severity, "severity")], Mention], _tabled('{ critical = "@here" }'), _FROZEN
]
AlertmanagerUrls = Annotated[
    tuple[Annotated[str, PlainValidator(_alertmanager_url)], ...], listing("http://alertmanager-1.example.com:9093")
]
GeneratorUrl = Annotated[str, PlainValidator(_generator_url)]
Labels = Annotated[
    Mapping[Annotated[str, PlainValidator(_label_name)], Annotated[str, PlainValidator(_label_value)]],
    _tabled('{ team = "cdn" }'),
    _FROZEN,
]
UserName = Annotated[str, matching(_LOGIN, "user name (printable, without a colon)", "alertbot")]
