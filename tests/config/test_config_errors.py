"""Wrong files: every mistake is named, with its line, in words that say what would be right.

The words stand in ``tests/golden/config/errors.txt``. After a change of words ``ALERTBOT_GOLDEN=write pytest
tests/config/test_config_errors.py`` writes them anew: read them in the review.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, time
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertbot.config import load
from alertbot.config.draft import SECTIONS
from alertbot.config.kinds import KINDS
from alertbot.errors import ConfigError

GOLDEN = Path(__file__).parents[1] / "golden" / "config" / "errors.txt"

WATCH = '[watch]\ndomains = ["video.example.com", "img.example.com"]\n'
DARK = '[[rule]]\nname = "went-dark"\nkind = "drop"\nto = "0 bps"\n'
GOOD = WATCH + DARK
"""Lines 1 and 2 watch two domains, lines 3 to 6 are a rule: what a case adds begins in line 7."""

FALL = WATCH + '[[rule]]\nname = "fall"\nkind = "drop"\n'
CEILING = WATCH + '[[rule]]\nname = "ceiling"\nkind = "threshold"\n'
BILL = WATCH + '[[rule]]\nname = "bill"\nkind = "percentile"\n'
USUAL = WATCH + '[[rule]]\nname = "far-off"\nkind = "baseline"\n'
SPIKE = WATCH + '[[rule]]\nname = "spike"\nkind = "day_over_day"\n'
"""Each lacks its numbers: what a case adds begins in line 6."""

MUTE = GOOD + '[[mute]]\nreason = "works"\n'
NIGHTLY = MUTE + 'when = ["daily 02:00-04:00"]\n'
"""What a case adds to these begins in line 9 and in line 10."""

GROUP = '[[group]]\nname = "videos"\ndomains = ["video.*"]\n'


@pytest.fixture
def problems(tmp_path):
    """The problems of a text as (line, key, message)."""

    return partial(problems_of, tmp_path / "rules.toml")


def problems_of(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert {problem.file for problem in caught.value.problems} == {str(path)}
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def only(found):
    assert len(found) == 1, found
    return found[0]


SYNTAX = {
    "a text without quotes": (GOOD + "from = 5 Mbps\n", 7),
    "a word without quotes": (GOOD + "severity = critical\n", 7),
    "a missing value": (GOOD + "from =\n", 7),
    "a missing equals sign": (GOOD + 'from "5 Mbps"\n', 7),
    "a missing closing quote": (GOOD + 'from = "5 Mbps\nfor = "10m"\n', 7),
    "a missing closing single quote": (GOOD + "from = '5 Mbps\n", 7),
    "a long text that never ends": (GOOD + 'from = """5 Mbps\n', 7),
    "a list that never ends": (GOOD + 'domains = ["*"\nfor = "10m"\n', 8),
    "a table that never ends": (GOOD + '[slack]\nmention = { info = "@here"\n', 8),
    "a header that never ends": (GOOD + "[slack\n", 7),
    "a key written twice": (GOOD + 'to = "1 bps"\n', 7),
    "a key written twice in a table": (GOOD + '[slack]\nmention = { a = "1", a = "2" }\n', 8),
    "a section opened twice": (GOOD + "[watch]\n", 7),
    "a backslash": (GOOD + 'runbook = "C:\\Users"\n', 7),
    "a control character": (GOOD + "# \x01\n", 7),
    "a date that is none": (GOOD + "start = 2026-02-31\n", 7),
    "no key": (GOOD + "= 5\n", 7),
    "a half-finished last line": (GOOD + "from", 7),
}


@pytest.mark.parametrize("name", SYNTAX)
def test_a_syntax_error_is_told_in_plain_words_with_its_line(problems, name):
    text, line = SYNTAX[name]
    found_line, key, message = only(problems(text))

    assert (found_line, key) == (line, "syntax")
    assert message == golden()[name]
    assert "5 Mbps" not in message  # a value that is not read may be a secret


WRONG = {
    # sections and keys
    "an unknown section": (GOOD + "[feeed]\n", 7, "feeed"),
    "a section like no other": (GOOD + "[telemetry]\n", 7, "telemetry"),
    "a key outside any section": ('probe = "5s"\n' + GOOD, 1, "probe"),
    "an unknown key": (GOOD + '[feed]\nprob = "20s"\n', 8, "feed.prob"),
    "a key like no other": (GOOD + "[store]\nxyz = 1\n", 8, "store.xyz"),
    "a key of another section": (GOOD + "[feed]\nadmins = []\n", 8, "feed.admins"),
    "an unknown key of a rule": (GOOD + 'windov = "1h"\n', 7, "rule.went-dark.windov"),
    "an unknown key of all rules": (GOOD + 'form = "1h"\n', 7, "rule.went-dark.form"),
    "a key of another kind": (CEILING + 'above = "8 Gbps"\nwindow = "1h"\n', 7, "rule.ceiling.window"),
    "a section that is a value": ("feed = 5\n" + GOOD, 1, "feed"),
    "a section in double brackets": (GOOD + "[[slack]]\n", 7, "slack"),
    "a rule in single brackets": (GOOD.replace("[[rule]]", "[rule]"), 3, "rule"),
    "a group that is a value": ("group = 3\n" + GOOD, 1, "group"),
    "a rule that is no table": (f"rule = [1]\n{WATCH}", 1, "rule[1]"),
    "a key with escapes in its name": (GOOD + '"\\u001B[1m" = 1\n', 7, "'rule.went-dark.\\x1b[1m'"),
    # values of the wrong type
    "a number for a duration": (GOOD + "[feed]\nprobe = 20\n", 8, "feed.probe"),
    "true for a text": (GOOD + "channel = true\n", 7, "rule.went-dark.channel"),
    "a text for a list": (GOOD + 'domains = "*"\n', 7, "rule.went-dark.domains"),
    "a number in a list": (GOOD + 'domains = [\n"*",\n5]\n', 9, "rule.went-dark.domains[2]"),
    "a text for a flag": (GOOD + 'enabled = "yes"\n', 7, "rule.went-dark.enabled"),
    "a text for a number": (SPIKE + 'ratio = "2.0"\n', 6, "rule.spike.ratio"),
    "true for a number": (GOOD + "[feed]\ncalls_per_minute = true\n", 8, "feed.calls_per_minute"),
    "a date for a text": (GOOD + "runbook = 2026-01-01\n", 7, "rule.went-dark.runbook"),
    "a text for a table": (GOOD + '[slack]\nmention = "@here"\n', 8, "slack.mention"),
    "a fraction for a count": (SPIKE + "ratio = 2.0\ndays = 1.5\n", 7, "rule.spike.days"),
    # units
    "bytes for bits": (CEILING + 'above = "8 GB"\n', 6, "rule.ceiling.above"),
    "a decimal comma": (CEILING + 'above = "1,5 Gbps"\n', 6, "rule.ceiling.above"),
    "a negative duration": (GOOD + 'for = "-5m"\n', 7, "rule.went-dark.for"),
    "an empty duration": (GOOD + 'clear_for = ""\n', 7, "rule.went-dark.clear_for"),
    "a share without its sign": (FALL + 'by = "80"\n', 6, "rule.fall.by"),
    # words
    "an unknown kind": (GOOD.replace("drop", "dorp").replace('to = "0 bps"\n', ""), 5, "rule.went-dark.kind"),
    "a percentile without what is committed": (BILL, 3, "rule.bill.commit"),
    "a percentile of nothing": (BILL + 'commit = "0 bps"\n', 6, "rule.bill.commit"),
    "a percentile without a level": (BILL + 'commit = "1 Gbps"\nat = []\n', 7, "rule.bill.at"),
    "a level that is no share": (BILL + 'commit = "1 Gbps"\nat = ["80%", "0%"]\n', 7, "rule.bill.at[2]"),
    "levels without brackets": (BILL + 'commit = "1 Gbps"\nat = "80%"\n', 7, "rule.bill.at"),
    "a percentile that is over while it is reached": (
        BILL + 'commit = "1 Gbps"\nclear = "90%"\n',
        7,
        "rule.bill.clear",
    ),
    "a percentile that is a share": (BILL + 'commit = "1 Gbps"\npercentile = "95%"\n', 7, "rule.bill.percentile"),
    "a month that begins where not every month does": (
        BILL + 'commit = "1 Gbps"\nmonth_start = 31\n',
        7,
        "rule.bill.month_start",
    ),
    "a month that is longer than what is kept": (
        '[store]\nkeep = "31d"\n' + BILL + 'commit = "1 Gbps"\n',
        5,
        "rule.bill",
    ),
    "a kind that comes later": (WATCH + '[[rule]]\nname = "a"\nkind = "forecast"\n', 5, "rule.a.kind"),
    "a factor of nothing": (USUAL + "factor = 1\n", 6, "rule.far-off.factor"),
    "a factor under one": (USUAL + "factor = 0.5\n", 6, "rule.far-off.factor"),
    "a factor without end": (USUAL + "factor = inf\n", 6, "rule.far-off.factor"),
    "a factor in quotes": (USUAL + 'factor = "2"\n', 6, "rule.far-off.factor"),
    "a baseline of nothing": (USUAL + "days = 0\nweeks = 0\n", 6, "rule.far-off.days"),
    "a baseline of too many days": (USUAL + "days = 100\n", 6, "rule.far-off.days"),
    "a direction that is none": (USUAL + 'direction = "upp"\n', 6, "rule.far-off.direction"),
    "zeros that are no flag": (USUAL + "zeros = 0\n", 6, "rule.far-off.zeros"),
    "a new normal of a fall too soon": (FALL + 'by = "80%"\naccept_after = "59m"\n', 7, "rule.fall.accept_after"),
    "a new normal after too long": (USUAL + 'accept_after = "31d"\n', 6, "rule.far-off.accept_after"),
    "an unknown severity": (GOOD + 'severity = "critcal"\n', 7, "rule.went-dark.severity"),
    "an unknown protocol": (GOOD + '[feed]\nip_protocol = "ipv5"\n', 8, "feed.ip_protocol"),
    "a mention for no severity": (GOOD + '[slack]\nmention = { high = "@here" }\n', 8, "slack.mention.high"),
    "a mention of nobody": (GOOD + '[slack]\nmention.info = "joe"\n', 8, "slack.mention.info"),
    "an unknown time zone": (GOOD + '[slack]\ntimezone = "Europe/Berln"\n', 8, "slack.timezone"),
    "a time zone that is a folder": (GOOD + '[slack]\ntimezone = "Europe"\n', 8, "slack.timezone"),
    "a time zone outside the folder": (GOOD + '[feed]\ntimezone = "../UTC"\n', 8, "feed.timezone"),
    "a channel without its mark": (GOOD + 'channel = "ops"\n', 7, "rule.went-dark.channel"),
    "a channel with capitals": (GOOD + '[slack]\nchannel = "#Ops"\n', 8, "slack.channel"),
    "a command without its slash": (GOOD + '[slack]\ncommand = "bandwidth"\n', 8, "slack.command"),
    "a user by name": (GOOD + '[slack]\nadmins = ["@joe"]\n', 8, "slack.admins[1]"),
    "a file as an address": (GOOD + '[feed]\nbase_url = "file:///etc"\n', 8, "feed.base_url"),
    "an address without a host": (GOOD + '[slack]\nbase_url = "https://"\n', 8, "slack.base_url"),
    "an address with half a bracket": (GOOD + 'runbook = "http://[x"\n', 7, "rule.went-dark.runbook"),
    "an address with a user": (GOOD + '[feed]\nbase_url = "http://u:pw@x"\n', 8, "feed.base_url"),
    "a base address with a query": (GOOD + '[feed]\nbase_url = "http://x/?a=1"\n', 8, "feed.base_url"),
    "an empty rule name": (GOOD.replace("went-dark", " "), 4, "rule[1].name"),
    "a group name with a space": (GOOD + '[[group]]\nname = "a b"\ndomains = ["*"]\n', 8, "group.a b.name"),
    "a path to a folder": (GOOD + '[store]\npath = "data/"\n', 8, "store.path"),
    "a text over two lines": (GOOD + 'channel = "#a\\nb"\n', 7, "rule.went-dark.channel"),
    # ranges
    "a probe too rare": (GOOD + '[feed]\nprobe = "6m"\n', 8, "feed.probe"),
    "a probe without a pause": (GOOD + '[feed]\nprobe = "0s"\n', 8, "feed.probe"),
    "a lag too short": (GOOD + '[feed]\nmax_lag = "1m"\n', 8, "feed.max_lag"),
    "too many calls": (GOOD + "[feed]\ncalls_per_minute = 301\n", 8, "feed.calls_per_minute"),
    "no calls": (GOOD + "[feed]\ncalls_per_minute = 0\n", 8, "feed.calls_per_minute"),
    "history too short": (GOOD + '[store]\nkeep = "1d"\n', 8, "store.keep"),
    "fallen by nothing": (FALL + 'by = "0%"\n', 6, "rule.fall.by"),
    "fallen by more than all": (FALL + 'by = "101%"\n', 6, "rule.fall.by"),
    "a ratio of nothing": (SPIKE + "ratio = 0.0\n", 6, "rule.spike.ratio"),
    "a ratio below nothing": (SPIKE + "ratio = -2\n", 6, "rule.spike.ratio"),
    "a ratio without end": (SPIKE + "ratio = inf\n", 6, "rule.spike.ratio"),
    "a ratio that is not a number": (SPIKE + "ratio = nan\n", 6, "rule.spike.ratio"),
    "a ratio that is always reached": (SPIKE + "ratio = 1\n", 6, "rule.spike.ratio"),
    # missing keys
    "no watch section": (DARK, 1, "watch.domains"),
    "no domains": (f"[watch]\n{DARK}", 1, "watch.domains"),
    "an empty list of domains": (f"[watch]\ndomains = []\n{DARK}", 2, "watch.domains"),
    "no rule": (WATCH, 1, "rule"),
    "a rule without a name": (GOOD.replace('name = "went-dark"\n', ""), 3, "rule[1].name"),
    "a rule without a kind": (WATCH + '[[rule]]\nname = "a"\n', 3, "rule.a.kind"),
    "a threshold without a limit": (CEILING, 3, "rule.ceiling.above"),
    "a drop without a depth": (FALL, 3, "rule.fall.to"),
    "a comparison without a ratio": (SPIKE, 3, "rule.spike.ratio"),
    "a group without a name": (GOOD + '[[group]]\ndomains = ["*"]\n', 7, "group[1].name"),
    "a group without members": (GOOD + '[[group]]\nname = "x"\n', 7, "group.x.domains"),
    "a group with an empty list": (GOOD + '[[group]]\nname = "x"\ndomains = []\n', 9, "group.x.domains"),
    "a rule for nothing": (GOOD + "domains = []\n", 7, "rule.went-dark.domains"),
    "an escalation to nobody": (GOOD + 'escalate_after = "1h"\n', 7, "rule.went-dark.escalate_after"),
    "an escalation without a time": (GOOD + 'escalate_to = ["#ops"]\n', 7, "rule.went-dark.escalate_to"),
    "an escalation to an empty list": (
        GOOD + 'escalate_after = "1h"\nescalate_to = []\n',
        8,
        "rule.went-dark.escalate_to",
    ),
    "a rule that is never judged": (GOOD + "active = []\n", 7, "rule.went-dark.active"),
    "a mute without a time": (GOOD + "[[mute]]\n", 7, "mute[1].when"),
    "a mute that never ends": (MUTE + "start = 2026-03-02T17:00:00\n", 7, "mute[1].end"),
    "a mute that never begins": (MUTE + "end = 2026-03-02T17:00:00\n", 7, "mute[1].start"),
    "a mute at no time": (MUTE + "when = []\n", 9, "mute[1].when"),
    "a mute of no domain": (NIGHTLY + "domains = []\n", 10, "mute[1].domains"),
    "a mute of no rule": (NIGHTLY + "rules = []\n", 10, "mute[1].rules"),
    # contradictions
    "a zone without windows": (CEILING + 'above = "8 Gbps"\ntimezone = "UTC"\n', 7, "rule.ceiling.timezone"),
    "a recurring mute with a start": (NIGHTLY + "start = 2026-03-02T17:00:00\n", 10, "mute[1].start"),
    "a mute that ends before it begins": (
        MUTE + "start = 2026-03-02T17:00:00\nend = 2026-03-02T05:00:00\n",
        10,
        "mute[1].end",
    ),
    "a mute that ends as it begins, in another zone": (
        MUTE + 'timezone = "Europe/Berlin"\nstart = 2026-03-02T17:00:00\nend = 2026-03-02T16:00:00Z\n',
        11,
        "mute[1].end",
    ),
    "to with by": (FALL + 'to = "0 bps"\nby = "80%"\n', 7, "rule.fall.by"),
    "to above from": (FALL + 'to = "2 Mbps"\n', 6, "rule.fall.to"),
    "over while fallen": (FALL + 'by = "20%"\nclear = "70%"\n', 7, "rule.fall.clear"),
    "to with accept_after": (GOOD + 'accept_after = "1d"\n', 7, "rule.went-dark.accept_after"),
    "accept_after of no drop": (CEILING + 'above = "8 Gbps"\naccept_after = "1d"\n', 7, "rule.ceiling.accept_after"),
    "clear with both limits": (
        CEILING + 'above = "8 Gbps"\nbelow = "1 Gbps"\nclear = "7 Gbps"\n',
        8,
        "rule.ceiling.clear",
    ),
    "clear above above": (CEILING + 'above = "8 Gbps"\nclear = "9 Gbps"\n', 7, "rule.ceiling.clear"),
    "clear below below": (CEILING + 'below = "8 Gbps"\nclear = "7 Gbps"\n', 7, "rule.ceiling.clear"),
    "limits that leave nothing": (CEILING + 'above = "1 bps"\nbelow = "2 bps"\n', 6, "rule.ceiling.above"),
    "below nothing": (CEILING + 'below = "0 bps"\n', 6, "rule.ceiling.below"),
    "neither days nor weeks": (SPIKE + "ratio = 2\ndays = 0\n", 7, "rule.spike.days"),
    "within shorter than for": (GOOD + 'for = "30m"\nwithin = "15m"\n', 8, "rule.went-dark.within"),
    "farther back than is kept": (SPIKE + "ratio = 2\nweeks = 6\n", 3, "rule.spike"),
    # windows and moments
    "a window of no day": (GOOD + 'active = ["daily 22:00-06:00", "mno 09:00-18:00"]\n', 7, "rule.went-dark.active[2]"),
    "an empty window": (MUTE + 'when = ["mon 09:00-09:00"]\n', 9, "mute[1].when[1]"),
    "a window outside a list": (GOOD + 'active = "mon-fri 09:00-18:00"\n', 7, "rule.went-dark.active"),
    "a moment in quotes": (MUTE + 'start = "2026-03-02 17:00"\nend = 2026-03-03T00:00:00\n', 9, "mute[1].start"),
    "a moment that is none, in quotes": (MUTE + 'start = 2026-03-02T17:00:00\nend = "tomorrow"\n', 10, "mute[1].end"),
    "a date without a time": (MUTE + "start = 2026-04-01\nend = 2026-04-02T00:00:00\n", 9, "mute[1].start"),
    "a time without a date": (MUTE + "start = 17:00:00\nend = 2026-04-02T00:00:00\n", 9, "mute[1].start"),
    "a year mistyped": (MUTE + "start = 2026-03-02T17:00:00\nend = 2206-03-02T23:00:00\n", 10, "mute[1].end"),
    "a year of no calendar": (
        MUTE + "start = 0001-01-01T00:00:00+14:00\nend = 2026-03-02T23:00:00\n",
        9,
        "mute[1].start",
    ),
    "a reminder too soon": (GOOD + 'repeat = "4m"\n', 7, "rule.went-dark.repeat"),
    "a reminder at no time": (GOOD + 'repeat = "often"\n', 7, "rule.went-dark.repeat"),
    "an escalation too soon": (
        GOOD + 'escalate_after = "1m"\nescalate_to = ["@here"]\n',
        7,
        "rule.went-dark.escalate_after",
    ),
    "an escalation to a name": (
        GOOD + 'escalate_after = "1h"\nescalate_to = ["@here", "joe"]\n',
        8,
        "rule.went-dark.escalate_to[2]",
    ),
    "an escalation to a text": (
        GOOD + 'escalate_after = "1h"\nescalate_to = "@here"\n',
        8,
        "rule.went-dark.escalate_to",
    ),
    "a reason without end": (NIGHTLY.replace("works", "x" * 201), 8, "mute[1].reason"),
    # domains and names
    "a mute in single brackets": (NIGHTLY.replace("[[mute]]", "[mute]"), 7, "mute"),
    "an unknown key of a mute": (NIGHTLY + "until = 1\n", 10, "mute[1].until"),
    "a mute of a domain nobody watches": (
        NIGHTLY + 'domains = ["img.example.com", "vidoe.example.com"]\n',
        10,
        "mute[1].domains[2]",
    ),
    "a mute of an unknown group": (NIGHTLY + 'domains = ["@x"]\n', 10, "mute[1].domains[1]"),
    "a mute of a rule that is not there": (NIGHTLY + 'rules = ["went-*", "wentdark"]\n', 10, "mute[1].rules[2]"),
    "a mute of a rule like no other": (NIGHTLY + 'rules = ["x*"]\n', 10, "mute[1].rules[1]"),
    "an address for a domain": ('[watch]\ndomains = ["https://a.example.com/"]\n' + DARK, 2, "watch.domains[1]"),
    "a glob for a domain": ('[watch]\ndomains = ["*.example.com"]\n' + DARK, 2, "watch.domains[1]"),
    "a domain without a dot": ('[watch]\ndomains = ["video"]\n' + DARK, 2, "watch.domains[1]"),
    "a network address": ('[watch]\ndomains = ["10.0.0.1"]\n' + DARK, 2, "watch.domains[1]"),
    "a name with two spellings": ('[watch]\ndomains = ["straße.de"]\n' + DARK, 2, "watch.domains[1]"),
    "a Unicode name with a hole": ('[watch]\ndomains = ["ü..de"]\n' + DARK, 2, "watch.domains[1]"),
    "a domain twice": ('[watch]\ndomains = ["a.example.com",\n"A.Example.com."]\n' + DARK, 3, "watch.domains[2]"),
    "a domain nobody watches": (GOOD + 'domains = ["video.example.con"]\n', 7, "rule.went-dark.domains[1]"),
    "a glob that matches nothing": (GOOD + 'except = ["vid.*"]\n', 7, "rule.went-dark.except[1]"),
    "a list in one text": (GOOD + 'domains = ["a.b, c.d"]\n', 7, "rule.went-dark.domains[1]"),
    "a group of nothing": (GOOD + '[[group]]\nname = "x"\ndomains = ["y.*"]\n', 9, "group.x.domains[1]"),
    "a group of the total": (GOOD + '[[group]]\nname = "x"\ndomains = ["total"]\n', 9, "group.x.domains[1]"),
    "watch except of nothing": (f'[watch]\nexcept = ["y.*"]\n{WATCH[8:]}{DARK}', 2, "watch.except[1]"),
    "watch except of everything": (f'[watch]\nexcept = ["*"]\n{WATCH[8:]}{DARK}', 2, "watch.except"),
    "except of everything": (GOOD + 'except = ["*"]\n', 7, "rule.went-dark.except"),
    "an excepted domain": (
        f'[watch]\nexcept = ["img.*"]\n{WATCH[8:]}{DARK}domains = ["img.*"]\n',
        8,
        "rule.went-dark.domains[1]",
    ),
    "an unknown group": (GROUP + GOOD + 'domains = ["@video"]\n', 10, "rule.went-dark.domains[1]"),
    "a group that is not there": (GOOD + 'domains = ["@x"]\n', 7, "rule.went-dark.domains[1]"),
    "the sum of no group": (GOOD + 'domains = ["sum:x"]\n', 7, "rule.went-dark.domains[1]"),
    "a sum that is off": (GROUP + GOOD + 'domains = ["sum:videos"]\n', 10, "rule.went-dark.domains[1]"),
    "two rules of one name": (GOOD + DARK, 8, "rule.went-dark.name"),
    "two groups of one name": (GROUP + GROUP + GOOD, 5, "group.videos.name"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_named_with_its_line_and_key_and_nothing_else_is_said(problems, name):
    text, line, key = WRONG[name]
    found_line, found_key, message = only(problems(text))

    assert (found_line, found_key) == (line, key)
    assert message == golden()[name]


@cache
def golden():
    """What is said of each mistake, by its name; written anew first where the environment asks for that."""
    if os.environ.get("ALERTBOT_GOLDEN") == "write":
        with TemporaryDirectory() as folder:
            path = Path(folder) / "rules.toml"
            said = {name: only(problems_of(path, text))[2] for name, (text, *_) in (SYNTAX | WRONG).items()}
        GOLDEN.write_text("".join(f"{name}:\n    {message}\n" for name, message in said.items()), encoding="utf-8")
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return {name.removesuffix(":"): message.strip() for name, message in zip(lines[::2], lines[1::2], strict=True)}


def test_the_words_of_every_mistake_are_kept_and_of_no_other():
    assert list(golden()) == [*SYNTAX, *WRONG]


def test_a_dozen_mistakes_in_one_file_are_all_named_in_file_order(problems):
    text = """\
[feed]
probe = "20"
max_lagg = "30m"
[watch]
domains = ["video.example.com", "video example.com"]
[slack]
timezone = "Europe/Berln"
api_token = "abc"
[[rule]]
name = "ceiling"
kind = "treshold"
sevrity = "critical"
[[rule]]
name = "ceiling"
kind = "drop"
to = "0 bps"
by = "80%"
for = 10
domains = ["img.*"]
[sotre]
"""

    assert [(line, key) for line, key, _ in problems(text)] == [
        (2, "feed.probe"),
        (3, "feed.max_lagg"),
        (5, "watch.domains[2]"),
        (7, "slack.timezone"),
        (8, "slack.api_token"),
        (11, "rule.ceiling.kind"),
        (12, "rule.ceiling.sevrity"),
        (14, "rule.ceiling.name"),
        (17, "rule.ceiling.by"),
        (18, "rule.ceiling.for"),
        (19, "rule.ceiling.domains[1]"),
        (20, "sotre"),
    ]


MUCH_REFERRED_TO = """\
[watch]
domains = ["video.example.com", "img.example.com", "dl1.example.com"]
[[group]]
name = "media"
domains = ["video.*"]
sum = true
[[group]]
name = "downloads"
domains = ["dl1.*"]
[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
domains = ["@media", "sum:media", "@downloads", "img.example.com"]
except = ["img.example.com"]
escalate_after = "15m"
escalate_to = ["#ops"]
[[rule]]
name = "fell"
kind = "drop"
by = "80%"
domains = ["@media"]
[[mute]]
domains = ["@media"]
rules = ["went-dark", "fell"]
start = 2026-03-02T17:00:00
end = 2026-03-02T23:00:00
[[mute]]
domains = ["*"]
rules = ["fell"]
when = ["sun 02:00-04:00"]
"""


@pytest.mark.parametrize(
    ("written", "mistyped", "line", "said"),
    [
        ("img.example.com", "igm.example.com", 14, 'did you mean "igm.example.com"? (also in line 15)'),
        ('"media"', '"medai"', 14, 'there is no group "media", did you mean "medai"? (also in lines 22, 24)'),
        ("[[group]]", "[[gruop]]", 3, 'unknown section, did you mean "group"?'),
        ("name", "naem", 4, 'unknown key, did you mean "name"?'),
        ("sum =", "smu =", 6, 'unknown key, did you mean "sum"?'),
        ("sum:media", "smu:media", 14, 'write "sum:media"'),
        ("escalate_after", "escalate_afer", 16, 'unknown key, did you mean "escalate_after"?'),
        ("escalate_to", "escalat_to", 17, 'unknown key, did you mean "escalate_to"?'),
        ("[[rule]]", "[[rlue]]", 10, 'unknown section, did you mean "rule"?'),
        ('"fell"', '"felt"', 25, '"fell" matches no rule, did you mean "felt"? (also in line 30)'),
        ("start", "strat", 26, 'unknown key, did you mean "start"?'),
        ("\nend", "\nedn", 27, 'unknown key, did you mean "end"?'),
    ],
)
def test_one_typo_is_one_error_however_often_the_file_refers_to_it(problems, written, mistyped, line, said):
    found = only(problems(MUCH_REFERRED_TO.replace(written, mistyped, 1)))
    assert found[0] == line
    assert said in found[2]


def test_a_value_of_the_wrong_kind_is_not_called_missing_as_well(problems):
    text = GOOD.replace('["video.example.com", "img.example.com"]', '"video.example.com"')
    assert only(problems(text))[1:] == (
        "watch.domains",
        'write a list in brackets, such as ["*.example.com"], not text',
    )


def test_a_problem_prints_as_file_line_key_and_message(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(GOOD + 'severity = "hihg"\n')

    with pytest.raises(ConfigError, match=r"rules.toml:7: rule\.went-dark\.severity: \"hihg\" is no severity: write"):
        load(path)


def test_a_missing_file_says_how_to_name_one(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.toml:0: file: there is no such file"):
        load(tmp_path / "nowhere.toml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="file: is a folder: name yours with -c"):
        load(tmp_path)


@pytest.mark.parametrize("blocked", ["rules.toml", "rules.toml/data/alertbot.db", "/dev/null"])
def test_a_database_cannot_lie_in_a_file_nor_be_a_device(tmp_path, blocked):
    text = GOOD + f'[store]\npath = "{blocked}"\n'
    (tmp_path / "rules.toml").write_text(text)
    if blocked == "rules.toml":  # whether it is a database is for whoever opens it to say
        assert load(tmp_path / "rules.toml").store.path == tmp_path / blocked
        return
    with pytest.raises(ConfigError, match=r"rules.toml:8: store\.path: .* is no (file|folder): name "):
        load(tmp_path / "rules.toml")


def test_a_database_is_no_link_to_itself(tmp_path):
    (tmp_path / "round.db").symlink_to("about.db")
    (tmp_path / "about.db").symlink_to("round.db")
    (tmp_path / "rules.toml").write_text(GOOD + '[store]\npath = "round.db"\n')
    with pytest.raises(ConfigError, match=r"rules.toml:8: store\.path: .*round\.db is a link that leads to itself"):
        load(tmp_path / "rules.toml")
    (tmp_path / "about.db").unlink()
    assert load(tmp_path / "rules.toml").store.path.name == "round.db", "it may come to lie where that points to"


def test_where_nobody_may_look_a_database_may_be(tmp_path):
    (tmp_path / "rules.toml").write_text(GOOD + f'[store]\npath = "{"x" * 300}"\n')
    assert load(tmp_path / "rules.toml").store.path.name == "x" * 300


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "\ufeff"])
def test_an_empty_file_is_told_once(problems, text):
    assert only(problems(text)) == (1, "file", "is empty: start from rules.example.toml")


@pytest.mark.parametrize(("text", "line"), [(GOOD.encode() + b"# \xe9\n", 7), (GOOD.encode("utf-16"), 1)])
def test_a_file_that_is_not_utf_8_is_told_with_the_line(problems, text, line):
    assert only(problems(text)) == (line, "file", "is not UTF-8: save it in that encoding")


def test_nesting_without_end_is_an_error_of_the_file(problems):
    assert "nested too deeply" in only(problems("a = " + "[" * 5000))[2]


def test_a_number_of_thousands_of_digits_is_an_error_of_the_file(problems):
    assert only(problems("a = " + "1" * 5000))[2] == "a number is too long"


SECRET = "xoxb-" + "1234-5678-abcdefgh"


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (f'token = "{SECRET}"\n' + GOOD, 1, "token"),
        (GOOD + f'[feed]\ntoken = "{SECRET}"\n', 8, "feed.token"),
        (GOOD + f'[slack]\nslack_bot_token = "{SECRET}"\n', 8, "slack.slack_bot_token"),
        (GOOD + f'api_key = "{SECRET}"\n', 7, "rule.went-dark.api_key"),
        (GOOD + f'[secrets]\na = "{SECRET}"\n', 7, "secrets"),
        (GOOD + f'[slack]\nchannel = "{SECRET}"\n', 8, "slack.channel"),
        (GOOD + f'[feed]\nbase_url = "https://cdn.example.com/v2/?token={SECRET}"\n', 8, "feed.base_url"),
        (GOOD + f'[feed]\nprobe = "{SECRET}"\n', 8, "feed.probe"),
        (GOOD + f'domains = ["{SECRET}"]\n', 7, "rule.went-dark.domains[1]"),
        (GOOD.replace("went-dark", SECRET), 4, "rule[1].name"),
        (WATCH + f'[[rule]]\nname = "a"\nkind = "{SECRET}"\n', 5, "rule.a.kind"),
    ],
)
def test_a_secret_in_the_file_is_sent_to_the_environment_and_never_repeated(problems, text, line, key):
    found_line, found_key, message = only(problems(text))

    assert (found_line, found_key) == (line, key)
    assert "ALERTBOT_SLACK_BOT_TOKEN" in message
    assert "slack_bot_token" in message
    assert SECRET not in found_key + message


def test_the_error_and_its_cause_hold_no_secret(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(GOOD + f'[slack]\nchannel = "{SECRET}"\ntoken = "{SECRET}"\n')

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert SECRET not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_token_written_without_quotes_is_not_repeated(problems):
    assert SECRET not in only(problems(GOOD + f"token = {SECRET}\n"))[2]


@pytest.mark.parametrize(
    "later",
    [
        "[telemetry]",
    ],
)
def test_what_is_not_there_yet_is_unknown_rather_than_ignored(problems, later):
    assert "unknown" in only(problems(GOOD + later))[2]


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ("days = 7", 7, 'such as at = "mon 09:00"'),
        ('at = "09:00"', 8, 'write both, such as "mon 09:00"'),
        ('at = "monday 9"', 8, "is no time of day"),
        ('at = "moon 09:00"', 8, "is no day"),
        ("at = 9", 8, "write text in quotes"),
    ],
)
def test_a_review_that_cannot_be_posted_is_told(problems, lines, line, said):
    found = problems(f"{GOOD}[review]\n{lines}\n")
    assert [key for _, key, _ in found if key != "review.days"] == ["review.at"]
    assert any(at == line and said in message for at, _, message in found)


def test_a_keep_that_is_wrong_is_not_also_called_too_short(problems):
    text = (
        WATCH + '[store]\nkeep = "400"\n' + DARK.replace('kind = "drop"\nto = "0 bps"', 'kind = "baseline"\nweeks = 8')
    )

    assert only(problems(text))[:2] == (4, "store.keep")


@pytest.mark.parametrize("section", ["heartbeat", "digest", "review", "alertmanager"])
def test_an_empty_section_that_would_do_nothing_is_told(problems, section):
    line, key, message = only(problems(f"{GOOD}[{section}]\n"))

    assert (line, key.partition(".")[0]) == (7, section)
    assert message.startswith("missing: ")


def test_a_switch_in_quotes_is_told_in_plain_words_for_metrics_too(problems):
    found = only(problems(f'{GOOD}[metrics]\nseries = "yes"\n'))

    assert found == (8, "metrics.series", "write true or false, without quotes, not text")


DIGEST = GOOD + "[digest]\n"


@pytest.mark.parametrize(
    ("lines", "line", "key", "said"),
    [
        ('channel = "#ops"', 7, "digest.at", 'such as at = "09:00"'),
        ('at = "9 o\'clock"', 8, "digest.at", 'such as "09:00"'),
        ('at = "24:00"', 8, "digest.at", '"00:00" to "23:59"'),
        ('at = "25:00"', 8, "digest.at", '"00:00" to "23:59"'),
        ("at = 09:00:00", 8, "digest.at", "write text in quotes"),
        ('at = "09:00"\ndays = "mon-fri"', 9, "digest.days", '["mon-fri"]'),
        ('at = "09:00"\ndays = []', 9, "digest.days", "leave this out for every day"),
        ('at = "09:00"\ndays = ["workdays"]', 9, "digest.days[1]", "is no day"),
        ('at = "09:00"\ndays = ["mon 09:00-10:00"]', 9, "digest.days[1]", '"mon-fri"'),
        ('at = "09:00"\nchannel = "ops"', 9, "digest.channel", "#cdn-alerts"),
    ],
)
def test_a_digest_that_cannot_be_posted_is_told(problems, lines, line, key, said):
    found = only(problems(DIGEST + lines + "\n"))
    assert found[:2] == (line, key)
    assert said in found[2]


def test_two_names_that_are_wrong_are_not_called_the_same(problems):
    found = problems(WATCH + DARK.replace("went-dark", "") * 2)

    assert [(line, key) for line, key, _ in found] == [(4, "rule[1].name"), (8, "rule[2].name")]


def test_a_rule_in_single_brackets_is_still_checked(problems):
    found = problems(WATCH + '[rule]\nname = "a"\nkind = "drop"\nto = "0"\n')

    assert [(line, key) for line, key, _ in found] == [(3, "rule"), (6, "rule.to")]


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('[watch]\ndomain = ["a.example.com"]\n' + DARK, 2, "watch.domain"),
        ('[wach]\ndomains = ["a.example.com"]\n' + DARK, 1, "wach"),
        (WATCH + DARK.replace("[[rule]]", "[[rules]]"), 3, "rules"),
        (WATCH + DARK.replace("to =", "too ="), 6, "rule.went-dark.too"),
        (WATCH + DARK.replace("kind =", "knd ="), 5, "rule.went-dark.knd"),
        (GOOD + '[[group]]\nname = "g"\ndomain = ["img.*"]\n', 9, "group.g.domain"),
    ],
)
def test_one_misspelt_word_is_one_mistake(problems, text, line, key):
    found = only(problems(text))
    assert found[:2] == (line, key)
    assert "did you mean" in found[2]


def test_what_is_wrong_below_a_misspelt_section_is_said_where_it_stands(problems):
    assert [key for _, key, _ in problems(GOOD + "[feeed]\nprobe = 20\n")] == ["feeed", "feeed.probe"]


def test_fifteen_thousand_domains_named_by_a_rule_are_checked_in_a_moment(problems):
    domains = [f"d{number}.example.com" for number in range(15_000)]
    text = f"[watch]\ndomains = {domains}\n{DARK}domains = {[*domains, 'x.example.com']}\n"

    assert only(problems(text))[:2] == (7, "rule.went-dark.domains[15001]")


words = st.sampled_from(
    ["*", "total", "@g", "sum:g", "g", "drop", "threshold", "day_over_day", "#x", "10m", "0s", "80%", "8 Gbps", "[", ""]
) | st.sampled_from(["never", "daily 22:00-06:00", "mon 9-18", "2026-03-02 17:00"])
moments = st.one_of(st.datetimes(), st.datetimes(timezones=st.just(UTC)), st.dates(), st.times())
values = st.recursive(
    st.one_of(words, st.text(max_size=8), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), moments),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(words | st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)
keys = st.sampled_from([*{key for model in (*SECTIONS.values(), *KINDS.values()) for key in model.key_names()}, "odd"])
tables = st.dictionaries(keys, values, max_size=6)
files = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(SECTIONS, tables | st.lists(tables, max_size=3) | values), "odd": values}
)


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):  # JSON leaves DEL as it is, TOML does not allow it
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, date | time):
        return value.isoformat()
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


# A loaded machine draws files slowly; that is no finding.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(files)
def test_whatever_a_file_says_is_either_settings_or_named_mistakes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "random.toml"
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")

    found = problems_in(path)

    assert found is None or found
    assert all(problem.key.isprintable() and problem.message for problem in found or ())
    assert not any(problem.key == "syntax" for problem in found or ())
    assert list(found or ()) == sorted(found or (), key=lambda problem: problem.line)


def problems_in(path):
    """None where the file is right."""
    try:
        load(path)
    except ConfigError as error:
        return error.problems
    return None
