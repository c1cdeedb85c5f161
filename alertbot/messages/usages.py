"""What can be typed after the command's name, with what it answers and an example."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Usage:
    """A subcommand: what it takes, what it answers, an example."""

    takes: str
    answers: str
    example: str


USAGES = {
    "help": Usage("[COMMAND|PAGE]", "this list, a command with an example, or a page such as config", "help silence"),
    "status": Usage(
        "",
        "how fresh the data is, which domains are held back, calls left, the last failure, what is open",
        "status",
    ),
    "show": Usage(
        "DOMAIN [24h|7d]",
        "a domain's bandwidth now, average, peak and 95th percentile, against yesterday and last week",
        "show video 7d",
    ),
    "top": Usage(
        "[N] [now|peak|p95|change]", "the total, and the domains that carry most or moved most", "top 20 change"
    ),
    "p95": Usage(
        "DOMAIN [month]",
        "the 95th percentile of a month so far, and for how long traffic may still exceed it",
        "p95 video",
    ),
    "alerts": Usage(
        "[24h|7d]", "the open incidents, the loudest first, what fires without being posted, and what ended", "alerts"
    ),
    "incidents": Usage("[7d]", "what was open within that time, the oldest first", "incidents 7d"),
    "rules": Usage("[DOMAIN]", "the rules, or those that watch a domain", "rules video.example.com"),
    "why": Usage(
        "#N|DOMAIN [TIME]",
        "why something was posted or not: the values, the arithmetic, what keeps it unposted",
        "why video",
    ),
    "replay": Usage("RULE [7d]", "what a rule would have done with the stored history", "replay went-dark 7d"),
    "review": Usage("[7d|30d]", "what each rule posted, how soon it was over, and who found it useful", "review 30d"),
    "ack": Usage(
        "[#N] [note]",
        "acknowledge an incident; without a number the channel's only open one",
        "ack #412 looking into it",
    ),
    "unack": Usage("[#N]", "take an acknowledgement back: reminders go on", "unack #412"),
    "silence": Usage(
        "TARGET 2h|until 06:00|from 22:00 for 3h [reason]", "silence TARGET for that time", "silence video.* 2h"
    ),
    "unsilence": Usage("sN|TARGET", "end a silence now, or those over a domain, a rule, an incident", "unsilence s3"),
    "keep-posting": Usage(
        "DOMAIN", "post it whenever a domain is silent, however usual that has become", "keep-posting video.example.com"
    ),
    "learn-silence": Usage("DOMAIN", "take a domain's usual silence as usual again", "learn-silence video.example.com"),
    "useful": Usage("#N", "say that an incident was useful to know of, as its button does", "useful #412"),
    "noise": Usage("#N", "say that an incident was noise, as its button does", "noise #412"),
    "silences": Usage("", "what is silenced, or was within a day, until when and by whom", "silences"),
}

ALIASES = MappingProxyType(
    {
        **dict.fromkeys(("mute", "snooze", "pause", "hush", "quiet", "suppress", "inhibit", "ignore"), "silence"),
        **dict.fromkeys(("maintenance", "downtime"), "silence"),
        **dict.fromkeys(("unmute", "unsnooze", "unpause", "resume"), "unsilence"),
        **dict.fromkeys(("cancel", "remove", "delete", "lift", "expire", "end"), "unsilence"),
        **dict.fromkeys(("mutes", "silenced", "muted", "downtimes"), "silences"),
        **dict.fromkeys(("chart", "graph", "plot", "domain", "traffic", "stats", "view", "bw", "compare"), "show"),
        **dict.fromkeys(("max", "maximum", "peak", "avg", "average", "mean"), "show"),
        **dict.fromkeys(
            (
                "alert",
                "firing",
                "open",
                "list",
                "active",
                "current",
                "problem",
                "problems",
                "triggers",
                "outages",
                "down",
            ),
            "alerts",
        ),
        **dict.fromkeys(("acknowledge", "acked", "claim", "take"), "ack"),
        **dict.fromkeys(("unacknowledge", "release", "un-ack", "handback"), "unack"),
        **dict.fromkeys(("explain", "reason"), "why"),
        **dict.fromkeys(("health", "ping", "info"), "status"),
        **dict.fromkeys(("percentile", "95th", "95/5", "burst", "bill", "billing", "invoice"), "p95"),
        **dict.fromkeys(("backtest", "simulate"), "replay"),
        **dict.fromkeys(("?", "-h", "--help", "commands", "usage", "man", "hello", "hi", "hey"), "help"),
        **dict.fromkeys(("history", "events", "timeline"), "incidents"),
        **dict.fromkeys(("rule", "threshold", "thresholds", "monitor", "monitors"), "rules"),
        **dict.fromkeys(("domains", "sites"), "top"),
    }
)
"""Words that people know from other tools, with what they are called here."""
