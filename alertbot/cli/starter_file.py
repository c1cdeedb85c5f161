"""The configuration file that ``alertbot init`` writes: its text, around the figures that fit an account."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from alertbot.cli.starter import Starter
from alertbot.units import format_rate
from alertbot.words import counted, listed

LISTED = 30
"""With more domains than this the file says ``["*"]`` instead of listing them."""

_NAMED = 20
_WIDTH = 118


@dataclass(frozen=True)
class Account:
    """What the file is about: the account's ``domains``, those that carried nothing, and those that gave no answer.

    ``nightly``: those that are silent at some time of day, with when that is. ``small``: those that never carried so
    much that their going dark would wake anybody.
    ``listed``: whether the domains stand in the file, or ``["*"]`` does. ``feed``: lines for ``[feed]``. ``peak``: that
    of the total in the last ``days``, bit/s; None where it is not known. ``starter``: the rules that fit.
    """

    domains: Sequence[str]
    listed: bool
    silent: Sequence[str]
    nightly: Sequence[str]
    small: Sequence[str]
    missed: Sequence[str]
    feed: Sequence[str]
    days: int
    starter: Starter
    peak: float | None


def text(account: Account) -> str:
    """The file; it passes ``alertbot check``."""
    parts = [_HEAD, _feed(account), _watch(account), _SLACK, *_rules(account)]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


_HEAD = """
# alertbot: what to watch, what counts as wrong, whom to ping. Written by `alertbot init`; it is yours to edit.
#
#     alertbot check         is the file right?
#     alertbot doctor        does everything work: the API, Slack, the domains?
#
# `alertbot help config` and `alertbot help rules` list every key and rule kind. Secrets never stand here.
"""

_SLACK = """
[slack]
channel  = "#cdn-alerts"
timezone = "UTC"                        # times in messages, such as "Europe/Berlin"
mention  = { critical = "@here" }       # whom to ping: "@here", "@channel", a user id (U...), a user group id (S...)
"""


def _feed(account: Account) -> str:
    return "\n".join(["[feed]", *account.feed]) if account.feed else ""


def _watch(account: Account) -> str:
    names = [json.dumps(domain) for domain in account.domains]
    lines = ["[watch]"]
    if not account.listed:
        lines.append(
            f'domains = ["*"]                         # all of the account\'s: {len(names):,} when this was written'
        )
    elif len(names) == 1:
        lines.append(f"domains = [{names[0]}]")
    else:
        lines += ["domains = [", *(f"    {name}," for name in names), "]"]
    lines += _comment(f"Carried nothing in the last {account.days} days", account.silent)
    lines += _comment("Silent as usual, so not posted at these times of day", account.nightly)
    floor = format_rate(account.starter.floors["went-dark"], digits=6)
    lines += _comment(f"Too small to wake anybody for, never at {floor}", account.small)
    lines += _comment("Could not be read", account.missed)
    return "\n".join(lines)


def _comment(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    said = f"{what}: {listed(map(json.dumps, names), _NAMED)}."
    return [f"# {line}" for line in wrap(said, _WIDTH, break_long_words=False, break_on_hyphens=False)]


_ABOUT = {
    "went-dark": "A domain that carried traffic carries none: the one thing you must not learn from customers.",
    "small-dark": "A small domain carries nothing for half an hour: no reason to wake anybody.",
    "sharp-fall": "A domain lost most of its traffic within the hour.",
    "far-off": "A domain carries about twice what is usual at this time, or half of it: an attack, a leak, a launch.",
}


def _rules(account: Account) -> list[str]:
    floors = account.starter.floors
    return [
        *_when_dark(account, floors),
        *_when_far_off(account, floors),
        *([] if account.peak is None else [_total_fall(floors["sharp-fall"])]),
        _ceiling(account),
    ]


def _when_dark(account: Account, floors: Mapping[str, float]) -> list[str]:
    return [
        f"""
{_about(account, "went-dark")}
[[rule]]
name     = "went-dark"
kind     = "drop"
to       = "0 bps"
from     = {_rate(floors["went-dark"], 14)}# only where the last hour was at least this
for      = "10m"
severity = "critical"
learn_silence = true                    # dark at the same time on 5 of 7 days is usual then; false: post it always
""",
        f"""
{_about(account, "small-dark")}
[[rule]]
name = "small-dark"
kind = "drop"
to   = "0 bps"
from = {_rate(floors["small-dark"], 18)}# likewise
for  = "30m"
""",
    ]


def _when_far_off(account: Account, floors: Mapping[str, float]) -> list[str]:
    return [
        f"""
{_about(account, "sharp-fall")}
[[rule]]
name = "sharp-fall"
kind = "drop"
by   = "80%"
from = {_rate(floors["sharp-fall"], 18)}# likewise
for  = "15m"
""",
        f"""
{_about(account, "far-off")}
[[rule]]
name   = "far-off"
kind   = "baseline"
factor = 1.9
floor  = {_rate(floors["far-off"], 16)}# less than this is never worth a message
zeros  = false                          # an empty slot is the business of went-dark
for    = "5m"
""",
    ]


def _total_fall(floor: float) -> str:
    return f"""
# The account lost half of its traffic: many domains at once, or a fall that no single rule calls one.
[[rule]]
name     = "total-fall"
kind     = "drop"
domains  = ["total"]
by       = "50%"
from     = {_rate(floor, 14)}# only where the last hour was at least this
for      = "10m"
severity = "critical"
"""


def _about(account: Account, rule: str) -> str:
    """What a rule is for, and how often it would have fired, where there was any traffic."""
    if not account.starter.fired:
        return f"# {_ABOUT[rule]}"
    fired = account.starter.fired[rule]
    what = "not have fired" if fired == 0 else f"have fired about {counted(fired, 'time')}"
    return f"# {_ABOUT[rule]}\n# It would {what} in the last {account.days} days."


def _ceiling(account: Account) -> str:
    lines = ["[[rule]]", 'name    = "total-ceiling"', 'kind    = "threshold"', 'domains = ["total"]']
    if account.starter.ceiling is None or account.peak is None:
        why = "The account's total is not known, so this is off" if account.peak is None else "There is no traffic yet"
        head = f"# The account carries more than it should. {why}: set a limit that fits."
        return "\n".join([head, *(f"# {line}" for line in [*lines, 'above   = "8 Gbps"'])])
    peak = f"its peak in the last {account.days} days was {format_rate(account.peak)}"
    head = f"# The account carries more than it should: {peak}."
    return "\n".join([head, *lines, f"above   = {_rate(account.starter.ceiling, 0)}"])


def _rate(bps: float, pad: int) -> str:
    """A rate in quotes, exactly as much as it is."""
    return f'"{format_rate(bps, digits=6)}"'.ljust(pad)
