"""Wrong files: every mistake is named, with its line, in words that say what would be right."""

from __future__ import annotations

import json
from datetime import UTC, date, time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertbot.config import load
from alertbot.config.draft import SECTIONS
from alertbot.config.kinds import KINDS
from alertbot.errors import ConfigError

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

    def read(text):
        path = tmp_path / "rules.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert {problem.file for problem in caught.value.problems} == {str(path)}
        return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]

    return read


def only(found):
    assert len(found) == 1, found
    return found[0]


SYNTAX = {
    "a text without quotes": (GOOD + "from = 5 Mbps\n", 7, 'write text in quotes, "8 Gbps"'),
    "a word without quotes": (GOOD + "severity = critical\n", 7, "write text in quotes"),
    "a missing value": (GOOD + "from =\n", 7, "the value is missing"),
    "a missing equals sign": (GOOD + 'from "5 Mbps"\n', 7, '"="'),
    "a missing closing quote": (GOOD + 'from = "5 Mbps\nfor = "10m"\n', 7, "closing quote"),
    "a missing closing single quote": (GOOD + "from = '5 Mbps\n", 7, "closing quote"),
    "a long text that never ends": (GOOD + 'from = """5 Mbps\n', 7, "closing quotes"),
    "a list that never ends": (GOOD + 'domains = ["*"\nfor = "10m"\n', 8, 'closing "]"'),
    "a table that never ends": (GOOD + '[slack]\nmention = { info = "@here"\n', 8, 'closing "}"'),
    "a header that never ends": (GOOD + "[slack\n", 7, "closing bracket"),
    "a key written twice": (GOOD + 'to = "1 bps"\n', 7, "written twice"),
    "a key written twice in a table": (GOOD + '[slack]\nmention = { a = "1", a = "2" }\n', 8, "twice"),
    "a section opened twice": (GOOD + "[watch]\n", 7, "opened twice"),
    "a backslash": (GOOD + 'runbook = "C:\\Users"\n', 7, "backslash"),
    "a control character": (GOOD + "# \x01\n", 7, "control character"),
    "a date that is none": (GOOD + "start = 2026-02-31\n", 7, "no such date"),
    "no key": (GOOD + "= 5\n", 7, "key"),
    "a half-finished last line": (GOOD + "from", 7, '"="'),
}


@pytest.mark.parametrize(("text", "line", "words"), SYNTAX.values(), ids=SYNTAX.keys())
def test_a_syntax_error_is_told_in_plain_words_with_its_line(problems, text, line, words):
    found_line, key, message = only(problems(text))

    assert (found_line, key) == (line, "syntax")
    assert words in message
    assert "5 Mbps" not in message  # a value that is not read may be a secret


WRONG = {
    # sections and keys
    "an unknown section": (GOOD + "[feeed]\n", 7, "feeed", 'unknown section, did you mean "feed"?'),
    "a section like no other": (GOOD + "[telemetry]\n", 7, "telemetry", "unknown section: there are [feed], [watch]"),
    "a key outside any section": ('probe = "5s"\n' + GOOD, 1, "probe", "it is a key of [feed]"),
    "an unknown key": (GOOD + '[feed]\nprob = "20s"\n', 8, "feed.prob", 'unknown key, did you mean "probe"?'),
    "a key like no other": (GOOD + "[store]\nxyz = 1\n", 8, "store.xyz", "unknown key: there are path, keep"),
    "a key of another section": (GOOD + "[feed]\nadmins = []\n", 8, "feed.admins", "it is a key of [slack]"),
    "an unknown key of a rule": (GOOD + 'windov = "1h"\n', 7, "rule.went-dark.windov", 'did you mean "window"?'),
    "an unknown key of all rules": (GOOD + 'form = "1h"\n', 7, "rule.went-dark.form", 'did you mean "for"?'),
    "a key of another kind": (
        CEILING + 'above = "8 Gbps"\nwindow = "1h"\n',
        7,
        "rule.ceiling.window",
        'not a key of this kind: it belongs to kind "drop"',
    ),
    "a section that is a value": ("feed = 5\n" + GOOD, 1, "feed", "write it as [feed]"),
    "a section in double brackets": (GOOD + "[[slack]]\n", 7, "slack", "write it as [slack], once"),
    "a rule in single brackets": (GOOD.replace("[[rule]]", "[rule]"), 3, "rule", "double brackets, [[rule]]"),
    "a group that is a value": ("group = 3\n" + GOOD, 1, "group", "double brackets, [[group]]"),
    "a rule that is no table": (f"rule = [1]\n{WATCH}", 1, "rule[1]", "write a table under [[rule]], not a whole"),
    "a key with escapes in its name": (GOOD + '"\\u001B[1m" = 1\n', 7, "'rule.went-dark.\\x1b[1m'", "unknown key"),
    # values of the wrong type
    "a number for a duration": (GOOD + "[feed]\nprobe = 20\n", 8, "feed.probe", "not a whole number"),
    "true for a text": (GOOD + "channel = true\n", 7, "rule.went-dark.channel", 'such as "#cdn-alerts", not true or'),
    "a text for a list": (GOOD + 'domains = "*"\n', 7, "rule.went-dark.domains", "write a list in brackets"),
    "a number in a list": (GOOD + 'domains = [\n"*",\n5]\n', 9, "rule.went-dark.domains[2]", "not a whole number"),
    "a text for a flag": (GOOD + 'enabled = "yes"\n', 7, "rule.went-dark.enabled", "true or false, without quotes"),
    "a text for a number": (SPIKE + 'ratio = "2.0"\n', 6, "rule.spike.ratio", "a number without quotes"),
    "true for a number": (GOOD + "[feed]\ncalls_per_minute = true\n", 8, "feed.calls_per_minute", "a whole number"),
    "a date for a text": (GOOD + "runbook = 2026-01-01\n", 7, "rule.went-dark.runbook", "not a date"),
    "a text for a table": (GOOD + '[slack]\nmention = "@here"\n', 8, "slack.mention", "write a table"),
    "a fraction for a count": (SPIKE + "ratio = 2.0\ndays = 1.5\n", 7, "rule.spike.days", "not a number"),
    # units
    "bytes for bits": (CEILING + 'above = "8 GB"\n', 6, "rule.ceiling.above", '"8 GB" is not a bit rate'),
    "a decimal comma": (CEILING + 'above = "1,5 Gbps"\n', 6, "rule.ceiling.above", '"8 Gbps"'),
    "a negative duration": (GOOD + 'for = "-5m"\n', 7, "rule.went-dark.for", '"-5m" is not a duration'),
    "an empty duration": (GOOD + 'clear_for = ""\n', 7, "rule.went-dark.clear_for", '"1h30m"'),
    "a share without its sign": (FALL + 'by = "80"\n', 6, "rule.fall.by", 'write it with its sign, "80%"'),
    # words
    "an unknown kind": (
        GOOD.replace("drop", "dorp").replace('to = "0 bps"\n', ""),
        5,
        "rule.went-dark.kind",
        '"dorp" is no rule kind, did you mean "drop"?',
    ),
    "a percentile without what is committed": (
        BILL,
        3,
        "rule.bill.commit",
        'missing: a percentile needs what is committed, such as commit = "10 Gbps"',
    ),
    "a percentile of nothing": (BILL + 'commit = "0 bps"\n', 6, "rule.bill.commit", "nothing can be measured"),
    "a percentile without a level": (BILL + 'commit = "1 Gbps"\nat = []\n', 7, "rule.bill.at", "no level is named"),
    "a level that is no share": (
        BILL + 'commit = "1 Gbps"\nat = ["80%", "0%"]\n',
        7,
        "rule.bill.at[2]",
        '"0%" is out of range: write more than 0% and at most 1000%',
    ),
    "levels without brackets": (BILL + 'commit = "1 Gbps"\nat = "80%"\n', 7, "rule.bill.at", "write a list"),
    "a percentile that is over while it is reached": (
        BILL + 'commit = "1 Gbps"\nclear = "90%"\n',
        7,
        "rule.bill.clear",
        'more than the lowest level of "at": write "80%" or less',
    ),
    "a percentile that is a share": (
        BILL + 'commit = "1 Gbps"\npercentile = "95%"\n',
        7,
        "rule.bill.percentile",
        "write a whole number without quotes, 50 to 99",
    ),
    "a month that begins where not every month does": (
        BILL + 'commit = "1 Gbps"\nmonth_start = 31\n',
        7,
        "rule.bill.month_start",
        "31 is out of range: write 1 to 28",
    ),
    "a month that is longer than what is kept": (
        '[store]\nkeep = "31d"\n' + BILL + 'commit = "1 Gbps"\n',
        5,
        "rule.bill",
        'looks back 31d 1h, but [store] keep is 31d: keep "32d" or more',
    ),
    "a kind that comes later": (
        WATCH + '[[rule]]\nname = "a"\nkind = "forecast"\n',
        5,
        "rule.a.kind",
        'write "threshold", "drop", "day_over_day", "percentile" or "baseline"',
    ),
    "a factor of nothing": (USUAL + "factor = 1\n", 6, "rule.far-off.factor", "a factor is 1.1 or more: write 1.8"),
    "a factor under one": (USUAL + "factor = 0.5\n", 6, "rule.far-off.factor", "or less by that factor"),
    "a factor without end": (USUAL + "factor = inf\n", 6, "rule.far-off.factor", "a factor is 1.1 or more"),
    "a factor in quotes": (USUAL + 'factor = "2"\n', 6, "rule.far-off.factor", "a number without quotes, such as 1.8"),
    "a baseline of nothing": (USUAL + "days = 0\nweeks = 0\n", 6, "rule.far-off.days", "nothing to learn from"),
    "a baseline of too many days": (USUAL + "days = 100\n", 6, "rule.far-off.days", "28"),
    "a direction that is none": (
        USUAL + 'direction = "upp"\n',
        6,
        "rule.far-off.direction",
        '"upp" is no direction, did you mean "up"?',
    ),
    "zeros that are no flag": (USUAL + "zeros = 0\n", 6, "rule.far-off.zeros", "true or false"),
    "a new normal after too long": (USUAL + 'accept_after = "2d"\n', 6, "rule.far-off.accept_after", "24h"),
    "an unknown severity": (
        GOOD + 'severity = "critcal"\n',
        7,
        "rule.went-dark.severity",
        '"critcal" is no severity, did you mean "critical"?',
    ),
    "an unknown protocol": (GOOD + '[feed]\nip_protocol = "ipv5"\n', 8, "feed.ip_protocol", 'did you mean "ipv'),
    "a mention for no severity": (
        GOOD + '[slack]\nmention = { high = "@here" }\n',
        8,
        "slack.mention.high",
        '"info", ',
    ),
    "a mention of nobody": (GOOD + '[slack]\nmention.info = "joe"\n', 8, "slack.mention.info", '"@here"'),
    "an unknown time zone": (
        GOOD + '[slack]\ntimezone = "Europe/Berln"\n',
        8,
        "slack.timezone",
        '"Europe/Berln" is no time zone, did you mean "Europe/Berlin"?',
    ),
    "a time zone that is a folder": (GOOD + '[slack]\ntimezone = "Europe"\n', 8, "slack.timezone", "no time zone"),
    "a time zone outside the folder": (GOOD + '[feed]\ntimezone = "../UTC"\n', 8, "feed.timezone", "no time zone"),
    "a channel without its mark": (GOOD + 'channel = "ops"\n', 7, "rule.went-dark.channel", '"#cdn-alerts"'),
    "a channel with capitals": (GOOD + '[slack]\nchannel = "#Ops"\n', 8, "slack.channel", "lower case"),
    "a command without its slash": (GOOD + '[slack]\ncommand = "bandwidth"\n', 8, "slack.command", '"/bandwidth"'),
    "a user by name": (GOOD + '[slack]\nadmins = ["@joe"]\n', 8, "slack.admins[1]", '"U024BE7LH"'),
    "a file as an address": (GOOD + '[feed]\nbase_url = "file:///etc"\n', 8, "feed.base_url", "http:// or https://"),
    "an address without a host": (GOOD + '[slack]\nbase_url = "https://"\n', 8, "slack.base_url", "and a host"),
    "an address with half a bracket": (GOOD + 'runbook = "http://[x"\n', 7, "rule.went-dark.runbook", "web address"),
    "an address with a user": (GOOD + '[feed]\nbase_url = "http://u:pw@x"\n', 8, "feed.base_url", "without a user"),
    "a base address with a query": (GOOD + '[feed]\nbase_url = "http://x/?a=1"\n', 8, "feed.base_url", 'no "?"'),
    "an empty rule name": (GOOD.replace("went-dark", " "), 4, "rule[1].name", '"went-dark"'),
    "a group name with a space": (
        GOOD + '[[group]]\nname = "a b"\ndomains = ["*"]\n',
        8,
        "group.a b.name",
        "group name",
    ),
    "a path to a folder": (GOOD + '[store]\npath = "data/"\n', 8, "store.path", "the path of a file"),
    "a text over two lines": (GOOD + 'channel = "#a\\nb"\n', 7, "rule.went-dark.channel", "control character"),
    # ranges
    "a probe too rare": (GOOD + '[feed]\nprobe = "6m"\n', 8, "feed.probe", '"1s" to "5m"'),
    "a probe without a pause": (GOOD + '[feed]\nprobe = "0s"\n', 8, "feed.probe", "out of range"),
    "a lag too short": (GOOD + '[feed]\nmax_lag = "1m"\n', 8, "feed.max_lag", '"5m" to "24h"'),
    "too many calls": (GOOD + "[feed]\ncalls_per_minute = 301\n", 8, "feed.calls_per_minute", "write 1 to 300"),
    "no calls": (GOOD + "[feed]\ncalls_per_minute = 0\n", 8, "feed.calls_per_minute", "write 1 to 300"),
    "history too short": (GOOD + '[store]\nkeep = "1d"\n', 8, "store.keep", '"2d" to'),
    "fallen by nothing": (FALL + 'by = "0%"\n', 6, "rule.fall.by", "more than 0% and at most 100%"),
    "fallen by more than all": (FALL + 'by = "101%"\n', 6, "rule.fall.by", "at most 100%"),
    "a ratio of nothing": (SPIKE + "ratio = 0.0\n", 6, "rule.spike.ratio", "a ratio is more than 0"),
    "a ratio below nothing": (SPIKE + "ratio = -2\n", 6, "rule.spike.ratio", "a ratio is more than 0"),
    "a ratio without end": (SPIKE + "ratio = inf\n", 6, "rule.spike.ratio", "a ratio is more than 0"),
    "a ratio that is not a number": (SPIKE + "ratio = nan\n", 6, "rule.spike.ratio", "a ratio is more than 0"),
    "a ratio that is always reached": (SPIKE + "ratio = 1\n", 6, "rule.spike.ratio", "always reached"),
    # missing keys
    "no watch section": (DARK, 0, "watch.domains", "missing: list what to watch"),
    "no domains": (f"[watch]\n{DARK}", 1, "watch.domains", "missing: list what to watch"),
    "an empty list of domains": (f"[watch]\ndomains = []\n{DARK}", 2, "watch.domains", "nothing is watched"),
    "no rule": (WATCH, 0, "rule", "there is no rule"),
    "a rule without a name": (GOOD.replace('name = "went-dark"\n', ""), 3, "rule[1].name", "missing: a rule needs"),
    "a rule without a kind": (WATCH + '[[rule]]\nname = "a"\n', 3, "rule.a.kind", '"threshold", "drop", "day_over'),
    "a threshold without a limit": (CEILING, 3, "rule.ceiling.above", "needs above or below"),
    "a drop without a depth": (FALL, 3, "rule.fall.to", "needs to or by"),
    "a comparison without a ratio": (SPIKE, 3, "rule.spike.ratio", "needs a ratio"),
    "a group without a name": (GOOD + '[[group]]\ndomains = ["*"]\n', 7, "group[1].name", "a group needs a name"),
    "a group without members": (GOOD + '[[group]]\nname = "x"\n', 7, "group.x.domains", "a group needs members"),
    "a group with an empty list": (GOOD + '[[group]]\nname = "x"\ndomains = []\n', 9, "group.x.domains", "members"),
    "a rule for nothing": (GOOD + "domains = []\n", 7, "rule.went-dark.domains", "judges nothing"),
    "an escalation to nobody": (
        GOOD + 'escalate_after = "1h"\n',
        7,
        "rule.went-dark.escalate_after",
        'say whom to turn to, such as escalate_to = ["#ops"]',
    ),
    "an escalation without a time": (
        GOOD + 'escalate_to = ["#ops"]\n',
        7,
        "rule.went-dark.escalate_to",
        'say when, such as escalate_after = "1h"',
    ),
    "an escalation to an empty list": (
        GOOD + 'escalate_after = "1h"\nescalate_to = []\n',
        8,
        "rule.went-dark.escalate_to",
        "nobody is named",
    ),
    "a rule that is never judged": (GOOD + "active = []\n", 7, "rule.went-dark.active", "is never judged"),
    "a mute without a time": (GOOD + "[[mute]]\n", 7, "mute[1].when", 'write when = ["sun 02:00-04:00"], or start'),
    "a mute that never ends": (MUTE + "start = 2026-03-02T17:00:00\n", 7, "mute[1].end", "such as end = 2026"),
    "a mute that never begins": (MUTE + "end = 2026-03-02T17:00:00\n", 7, "mute[1].start", "such as start = 2026"),
    "a mute at no time": (MUTE + "when = []\n", 9, "mute[1].when", "nothing is muted"),
    "a mute of no domain": (NIGHTLY + "domains = []\n", 10, "mute[1].domains", "nothing is muted"),
    "a mute of no rule": (NIGHTLY + "rules = []\n", 10, "mute[1].rules", "nothing is muted"),
    # contradictions
    "a zone without windows": (
        GOOD + 'timezone = "UTC"\n',
        7,
        "rule.went-dark.timezone",
        'goes with "active" only',
    ),
    "a recurring mute with a start": (
        NIGHTLY + "start = 2026-03-02T17:00:00\n",
        10,
        "mute[1].start",
        'does not go with "when"',
    ),
    "a mute that ends before it begins": (
        MUTE + "start = 2026-03-02T17:00:00\nend = 2026-03-02T05:00:00\n",
        10,
        "mute[1].end",
        'not after "start" (2026-03-02T17:00:00)',
    ),
    "a mute that ends as it begins, in another zone": (
        MUTE + 'timezone = "Europe/Berlin"\nstart = 2026-03-02T17:00:00\nend = 2026-03-02T16:00:00Z\n',
        11,
        "mute[1].end",
        'not after "start"',
    ),
    "to with by": (FALL + 'to = "0 bps"\nby = "80%"\n', 7, "rule.fall.by", 'does not go with "to"'),
    "to above from": (FALL + 'to = "2 Mbps"\n', 6, "rule.fall.to", 'more than "from" (1 Mbps)'),
    "over while fallen": (FALL + 'by = "20%"\nclear = "70%"\n', 7, "rule.fall.clear", 'write "80%" or more'),
    "to with accept_after": (GOOD + 'accept_after = "1d"\n', 7, "rule.went-dark.accept_after", 'goes with "by" only'),
    "accept_after of no drop": (
        CEILING + 'above = "8 Gbps"\naccept_after = "1d"\n',
        7,
        "rule.ceiling.accept_after",
        'it belongs to kind "drop"',
    ),
    "clear with both limits": (
        CEILING + 'above = "8 Gbps"\nbelow = "1 Gbps"\nclear = "7 Gbps"\n',
        8,
        "rule.ceiling.clear",
        'goes with only one of "above" and "below"',
    ),
    "clear above above": (CEILING + 'above = "8 Gbps"\nclear = "9 Gbps"\n', 7, "rule.ceiling.clear", "8 Gbps or less"),
    "clear below below": (CEILING + 'below = "8 Gbps"\nclear = "7 Gbps"\n', 7, "rule.ceiling.clear", "8 Gbps or more"),
    "limits that leave nothing": (CEILING + 'above = "1 bps"\nbelow = "2 bps"\n', 6, "rule.ceiling.above", "more than"),
    "below nothing": (CEILING + 'below = "0 bps"\n', 6, "rule.ceiling.below", "nothing is below 0"),
    "neither days nor weeks": (SPIKE + "ratio = 2\ndays = 0\n", 7, "rule.spike.days", "nothing to compare with"),
    "within shorter than for": (
        GOOD + 'for = "30m"\nwithin = "15m"\n',
        8,
        "rule.went-dark.within",
        'shorter than "for"',
    ),
    "farther back than is kept": (SPIKE + "ratio = 2\nweeks = 6\n", 3, "rule.spike", 'keep "42d" or more'),
    # windows and moments
    "a window of no day": (
        GOOD + 'active = ["daily 22:00-06:00", "mno 09:00-18:00"]\n',
        7,
        "rule.went-dark.active[2]",
        '"mno" is no day: write days and times, such as "mon-fri 09:00-18:00"',
    ),
    "an empty window": (MUTE + 'when = ["mon 09:00-09:00"]\n', 9, "mute[1].when[1]", "is empty"),
    "a window outside a list": (
        GOOD + 'active = "mon-fri 09:00-18:00"\n',
        7,
        "rule.went-dark.active",
        'write a list in brackets, such as ["mon-fri 09:00-18:00"]',
    ),
    "a moment in quotes": (
        MUTE + 'start = "2026-03-02 17:00"\nend = 2026-03-03T00:00:00\n',
        9,
        "mute[1].start",
        "without quotes, such as 2026-03-02T17:00:00, not text",
    ),
    "a moment that is none, in quotes": (
        MUTE + 'start = 2026-03-02T17:00:00\nend = "tomorrow"\n',
        10,
        "mute[1].end",
        "without quotes, such as 2026-03-02T17:00:00",
    ),
    "a date without a time": (
        MUTE + "start = 2026-04-01\nend = 2026-04-02T00:00:00\n",
        9,
        "mute[1].start",
        "such as 2026-04-01T00:00:00, not a date",
    ),
    "a time without a date": (
        MUTE + "start = 17:00:00\nend = 2026-04-02T00:00:00\n",
        9,
        "mute[1].start",
        "such as 2026-03-02T17:00:00, not a time of day",
    ),
    "a year mistyped": (
        MUTE + "start = 2026-03-02T17:00:00\nend = 2206-03-02T23:00:00\n",
        10,
        "mute[1].end",
        "the year 2206 is out of range",
    ),
    "a year of no calendar": (
        MUTE + "start = 0001-01-01T00:00:00+14:00\nend = 2026-03-02T23:00:00\n",
        9,
        "mute[1].start",
        "the year 1 is out of range",
    ),
    "a reminder too soon": (GOOD + 'repeat = "4m"\n', 7, "rule.went-dark.repeat", 'write "5m" to "30d", or "never"'),
    "a reminder at no time": (GOOD + 'repeat = "often"\n', 7, "rule.went-dark.repeat", '"1h30m", or "never"'),
    "an escalation too soon": (
        GOOD + 'escalate_after = "1m"\nescalate_to = ["@here"]\n',
        7,
        "rule.went-dark.escalate_after",
        '"5m" to "7d"',
    ),
    "an escalation to a name": (
        GOOD + 'escalate_after = "1h"\nescalate_to = ["@here", "joe"]\n',
        8,
        "rule.went-dark.escalate_to[2]",
        'or channel: write one such as "#ops"',
    ),
    "an escalation to a text": (
        GOOD + 'escalate_after = "1h"\nescalate_to = "@here"\n',
        8,
        "rule.went-dark.escalate_to",
        'a list in brackets, such as ["#ops"]',
    ),
    "a reason without end": (NIGHTLY.replace("works", "x" * 201), 8, "mute[1].reason", "at most 200 characters"),
    # domains and names
    "a mute in single brackets": (
        NIGHTLY.replace("[[mute]]", "[mute]"),
        7,
        "mute",
        "double brackets, [[mute]]",
    ),
    "an unknown key of a mute": (NIGHTLY + "until = 1\n", 10, "mute[1].until", "unknown key: there are domains, rules"),
    "a mute of a domain nobody watches": (
        NIGHTLY + 'domains = ["img.example.com", "vidoe.example.com"]\n',
        10,
        "mute[1].domains[2]",
        'matches no watched domain, did you mean "video.example.com"?',
    ),
    "a mute of an unknown group": (NIGHTLY + 'domains = ["@x"]\n', 10, "mute[1].domains[1]", "there is no group"),
    "a mute of a rule that is not there": (
        NIGHTLY + 'rules = ["went-*", "wentdark"]\n',
        10,
        "mute[1].rules[2]",
        '"wentdark" matches no rule, did you mean "went-dark"?',
    ),
    "a mute of a rule like no other": (NIGHTLY + 'rules = ["x*"]\n', 10, "mute[1].rules[1]", "write a name of one"),
    "an address for a domain": (
        '[watch]\ndomains = ["https://a.example.com/"]\n' + DARK,
        2,
        "watch.domains[1]",
        "bare",
    ),
    "a glob for a domain": (
        '[watch]\ndomains = ["*.example.com"]\n' + DARK,
        2,
        "watch.domains[1]",
        'write ["*"] alone',
    ),
    "a domain without a dot": ('[watch]\ndomains = ["video"]\n' + DARK, 2, "watch.domains[1]", "no domain name"),
    "a network address": ('[watch]\ndomains = ["10.0.0.1"]\n' + DARK, 2, "watch.domains[1]", "no domain name"),
    "a name with two spellings": ('[watch]\ndomains = ["straße.de"]\n' + DARK, 2, "watch.domains[1]", '"xn--"'),
    "a Unicode name with a hole": ('[watch]\ndomains = ["ü..de"]\n' + DARK, 2, "watch.domains[1]", '"xn--"'),
    "a domain twice": (
        '[watch]\ndomains = ["a.example.com",\n"A.Example.com."]\n' + DARK,
        3,
        "watch.domains[2]",
        "is listed twice, first in line 2",
    ),
    "a domain nobody watches": (
        GOOD + 'domains = ["video.example.con"]\n',
        7,
        "rule.went-dark.domains[1]",
        'matches no watched domain, did you mean "video.example.com"?',
    ),
    "a glob that matches nothing": (GOOD + 'except = ["vid.*"]\n', 7, "rule.went-dark.except[1]", "matches no watched"),
    "a list in one text": (GOOD + 'domains = ["a.b, c.d"]\n', 7, "rule.went-dark.domains[1]", "write one a text"),
    "a group of nothing": (GOOD + '[[group]]\nname = "x"\ndomains = ["y.*"]\n', 9, "group.x.domains[1]", "matches no"),
    "a group of the total": (GOOD + '[[group]]\nname = "x"\ndomains = ["total"]\n', 9, "group.x.domains[1]", "cannot"),
    "watch except of nothing": (f'[watch]\nexcept = ["y.*"]\n{WATCH[8:]}{DARK}', 2, "watch.except[1]", "matches no"),
    "watch except of everything": (
        f'[watch]\nexcept = ["*"]\n{WATCH[8:]}{DARK}',
        2,
        "watch.except",
        "nothing to watch",
    ),
    "except of everything": (GOOD + 'except = ["*"]\n', 7, "rule.went-dark.except", "takes away everything"),
    "an excepted domain": (
        f'[watch]\nexcept = ["img.*"]\n{WATCH[8:]}{DARK}domains = ["img.*"]\n',
        8,
        "rule.went-dark.domains[1]",
        "matches no watched domain",
    ),
    "an unknown group": (
        GROUP + GOOD + 'domains = ["@video"]\n',
        10,
        "rule.went-dark.domains[1]",
        'there is no group "video", did you mean "videos"?',
    ),
    "a group that is not there": (GOOD + 'domains = ["@x"]\n', 7, "rule.went-dark.domains[1]", "write a [[group]]"),
    "the sum of no group": (GOOD + 'domains = ["sum:x"]\n', 7, "rule.went-dark.domains[1]", "there is no group"),
    "a sum that is off": (GROUP + GOOD + 'domains = ["sum:videos"]\n', 10, "rule.went-dark.domains[1]", "sum = true"),
    "two rules of one name": (GOOD + DARK, 8, "rule.went-dark.name", "is taken: another of this name stands in line 3"),
    "two groups of one name": (GROUP + GROUP + GOOD, 5, "group.videos.name", "stands in line 1"),
}


@pytest.mark.parametrize(("text", "line", "key", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_named_with_its_line_and_key_and_nothing_else_is_said(problems, text, line, key, words):
    found_line, found_key, message = only(problems(text))

    assert (found_line, found_key) == (line, key)
    assert words in message


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


def test_a_problem_prints_as_file_line_key_and_message(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(GOOD + 'severity = "hihg"\n')

    with pytest.raises(ConfigError, match=r"rules.toml:7: rule\.went-dark\.severity: \"hihg\" is no severity: write"):
        load(path)


def test_a_missing_file_says_how_to_name_one(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere.toml:0: file: there is no such file"):
        load(tmp_path / "nowhere.toml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment\n", "\ufeff"])
def test_an_empty_file_is_told_once(problems, text):
    assert only(problems(text)) == (0, "file", "is empty: start from rules.example.toml")


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


DIGEST = GOOD + "[digest]\n"


@pytest.mark.parametrize(
    ("lines", "line", "key", "said"),
    [
        ('channel = "#ops"', 7, "digest.at", 'such as at = "09:00"'),
        ('at = "9 o\'clock"', 8, "digest.at", 'such as "09:00"'),
        ('at = "24:00"', 8, "digest.at", '"00:00" to "23:59"'),
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
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
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
