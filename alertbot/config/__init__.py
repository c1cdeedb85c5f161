"""The configuration: one TOML file in, frozen settings out, or every mistake in it at once with its line.

lines        where each key of a TOML text stands
words        what was found and what was meant, and what must never stand in a file
read         from a path to a TOML document
problems     collects what is wrong
domains      domain names and globs, as the API writes them
validators   what the types of single values are made of
fields       the types of single values, each with its own message
addresses    those of web addresses
settings     the sections, as pydantic models that the rest of alertbot is handed
kinds        the keys of a rule, and of each rule kind
draft        a file's sections, each checked on its own, unknown keys explained
checks       what only the whole file shows: references, patterns, names given twice
config       the whole file, as the rest of alertbot is handed it
load         from a path to a configuration
changes      what differs between two configurations
watch        the series of given domains, and the rules and mutes over them
credentials  the secrets, which no file holds
"""

from __future__ import annotations

from alertbot.config.config import Config
from alertbot.config.load import load
from alertbot.config.settings import (
    AlertmanagerSettings,
    DigestSettings,
    FeedSettings,
    GroupSettings,
    HeartbeatSettings,
    MetricsSettings,
    MuteSettings,
    ReviewSettings,
    SlackSettings,
    StoreSettings,
    WatchSettings,
)

__all__ = [
    "AlertmanagerSettings",
    "Config",
    "DigestSettings",
    "FeedSettings",
    "GroupSettings",
    "HeartbeatSettings",
    "MetricsSettings",
    "MuteSettings",
    "ReviewSettings",
    "SlackSettings",
    "StoreSettings",
    "WatchSettings",
    "load",
]
