"""The configuration: one TOML file in, frozen settings out, or every mistake in it at once with its line.

lines      where each key of a TOML text stands
words      "did you mean", and saying what was found
problems   collects what is wrong
fields     the types of single values, each with its own message
domains    domain names and globs, as the API writes them
models     the sections, as pydantic models
kinds      the keys of a rule, and of each rule kind
draft      a file's sections, each checked on its own, unknown keys explained
checks     what only the whole file shows: references, patterns, names given twice
settings   what the rest of alertbot is handed
load       from a path to settings
ruletests  from a file of rule tests to what they expect
"""

from __future__ import annotations

from alertbot.config.load import load
from alertbot.config.settings import (
    AlertmanagerSettings,
    Config,
    DigestSettings,
    FeedSettings,
    GroupSettings,
    HeartbeatSettings,
    MetricsSettings,
    MuteSettings,
    SlackSettings,
    StoreSettings,
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
    "SlackSettings",
    "StoreSettings",
    "load",
]
