from __future__ import annotations

import dataclasses
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from alertbot.alerts.mutes import Mute
from alertbot.config import Config, FeedSettings, SlackSettings, load
from alertbot.config.credentials import read_credentials
from alertbot.config.load import folder_of_unit, state_of_unit
from alertbot.errors import ConfigError, CredentialsError
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.months import Calendar
from alertbot.rules.percentile import Percentile
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.rules.selection import Group
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, parse_time

WATCH = '[watch]\ndomains = ["video.example.com", "img.example.com"]\n'
NONE = frozenset[str]()
DARK = '[[rule]]\nname = "went-dark"\nkind = "drop"\nto = "0 bps"\n'

ZONE = UTC
"""Days are counted in UTC where nothing else is said."""


@pytest.fixture
def loaded(tmp_path):
    def read(text, **options) -> Config:
        path = tmp_path / "rules.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, **options)

    return read


@pytest.fixture
def rule(loaded):
    """The one rule of these lines."""

    def read(text) -> Rule:
        (only,) = loaded(f'{WATCH}[[rule]]\nname = "r"\n{text}').rules
        return only

    return read


def muted(config) -> list[Mute]:
    """When the mutes hold, whatever they are about."""
    return [mute.resolve((), (), (), config.slack.zone) for mute in config.mutes]


def test_what_is_left_out_has_its_default(loaded, tmp_path):
    config = loaded(WATCH + DARK)

    assert config.feed == FeedSettings.model_construct(
        base_url="https://cdn.api.baishan.com/v2/",
        zone=ZoneInfo("Asia/Shanghai"),
        each_domain=False,
        probe=20,
        max_lag=1800,
        stale_after=1200,
        ip_protocol="all",
        calls_per_minute=300,
    )
    assert config.slack == SlackSettings.model_construct(
        base_url="https://slack.com/api/",
        channel="#cdn-alerts",
        fallback_channel=None,
        command="/bandwidth",
        zone=ZoneInfo("UTC"),
        admins=(),
        mention={},
        charts=True,
    )
    assert config.store.keep == 35 * DAY
    assert config.groups == ()
    assert config.path == tmp_path / "rules.toml"
    assert config.mutes == ()
    assert config.rules == (
        Rule(
            "went-dark",
            "drop",
            Drop(to=0.0, zone=ZONE),
            Severity.WARNING,
            for_slots=2,
            clear_slots=2,
            repeat=4 * 3600,
            ack_expires=8 * 3600,
        ),
    )


def test_every_setting_is_taken_from_the_file(loaded):
    config = loaded(
        """\
[feed]
base_url = "http://127.0.0.1:8099/v2"
timezone = "UTC"
each_domain = true
probe = "5m"
max_lag = "5m"
stale_after = "1h"
ip_protocol = "ipv6"
calls_per_minute = 1
[watch]
domains = ["*"]
except = ["Test.*"]
[[group]]
name = "downloads"
domains = ["dl?.example.com"]
sum = true
channel = "#downloads"
[slack]
base_url = "https://slack-gov.com/api/"
channel = "C0123456789"
fallback_channel = "#ops_2"
command = "/cdn"
timezone = "Europe/Berlin"
admins = ["U024BE7LH", "W012A3CDE"]
mention = { critical = "@channel", warning = "S0614TZR7" }
[store]
path = "/var/lib/x.db"
keep = "60d"
[[rule]]
name = "r"
kind = "drop"
to = "1 Mbps"
domains = ["@downloads", "sum:downloads", "total"]
except = ["b.example.com"]
for = "15m"
within = "30m"
clear_for = "11m"
severity = "critical"
channel = "#dark"
runbook = "https://wiki.example.com/cdn?page=1#top"
enabled = false
active = ["mon-fri 09:00-18:00", "Daily 22:00-06:00"]
timezone = "America/New_York"
repeat = "5m"
ack_expires = "1h"
escalate_after = "1h"
escalate_to = ["@here", "#ops_2", "U024BE7LH", "S0614TZR7", "C0123456789", "@here"]
[[mute]]
domains = ["@downloads", "sum:downloads", "total", "Img.*"]
rules = ["r", "[q-s]"]
when = ["sun 02:00-04:00"]
timezone = "Asia/Tokyo"
reason = " works "
[[mute]]
start = 2026-03-02T17:00:00
end = 2026-03-02T23:00:00-05:00
"""
    )

    assert config.feed == FeedSettings.model_construct(
        base_url="http://127.0.0.1:8099/v2/",
        zone=ZoneInfo("UTC"),
        each_domain=True,
        probe=300,
        max_lag=300,
        stale_after=3600,
        ip_protocol="ipv6",
        calls_per_minute=1,
    )
    assert (config.watch.domains, config.watch.except_, config.discovers) == (("*",), ("test.*",), True)
    (group,) = config.groups
    assert (group.name, group.domains, group.sum, group.channel) == (
        "downloads",
        ("dl?.example.com",),
        True,
        "#downloads",
    )
    assert config.slack == SlackSettings.model_construct(
        base_url="https://slack-gov.com/api/",
        channel="C0123456789",
        fallback_channel="#ops_2",
        command="/cdn",
        zone=ZoneInfo("Europe/Berlin"),
        admins=("U024BE7LH", "W012A3CDE"),
        mention={"critical": "@channel", "warning": "S0614TZR7"},
        charts=True,
    )
    assert (config.store.path, config.store.keep) == (Path("/var/lib/x.db"), 60 * DAY)
    assert config.rules == (
        Rule(
            name="r",
            kind_name="drop",
            kind=Drop(to=1e6, zone=ZoneInfo("America/New_York")),
            severity=Severity.CRITICAL,
            domains=("@downloads", "sum:downloads", "total"),
            except_=("b.example.com",),
            enabled=False,
            channel="#dark",
            runbook="https://wiki.example.com/cdn?page=1#top",
            for_slots=3,
            clear_slots=3,
            within_slots=6,
            active=Schedule(
                (parse_window("mon-fri 09:00-18:00"), parse_window("daily 22:00-06:00")), ZoneInfo("America/New_York")
            ),
            repeat=300,
            ack_expires=3600,
            escalate_after=3600,
            escalate_to=("@here", "#ops_2", "U024BE7LH", "S0614TZR7", "C0123456789"),
        ),
    )
    recurring, once = config.mutes
    assert (recurring.domains, recurring.rules) == (("@downloads", "sum:downloads", "total", "img.*"), ("r", "[q-s]"))
    assert (once.domains, once.rules) == (("*",), ("*",))
    assert muted(config) == [
        Mute(frozenset({"total"}), NONE, "works", Schedule((parse_window("sun 02:00-04:00"),), ZoneInfo("Asia/Tokyo"))),
        Mute(NONE, NONE, "", start=parse_time("2026-03-02T16:00:00Z"), end=parse_time("2026-03-03T04:00:00Z")),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('kind = "threshold"\nabove = "8 Gbps"', Threshold(above=8e9)),
        ('kind = "threshold"\nabove = "8 Gbps"\nclear = "8 Gbps"', Threshold(above=8e9, clear=8e9)),
        ('kind = "threshold"\nbelow = "1 Mbps"\nclear = "2 Mbps"', Threshold(below=1e6, clear=2e6, zone=ZONE)),
        ('kind = "threshold"\nabove = "8 Gbps"\nbelow = "1 bps"', Threshold(above=8e9, below=1.0, zone=ZONE)),
        (
            'kind = "drop"\nto = "0 bps"\nfrom = "5 Mbps"\nwindow = "2h"',
            Drop(to=0.0, from_=5e6, window=24, zone=ZONE),
        ),
        ('kind = "drop"\nby = "80%"', Drop(by=0.8, clear=0.5, zone=ZONE)),
        ('kind = "drop"\nby = "100%"\nclear = "1%"', Drop(by=1.0, clear=0.01, zone=ZONE)),
        ('kind = "drop"\nby = "30%"', Drop(by=0.3, clear=0.7, zone=ZONE)),
        ('kind = "drop"\nby = "30%"\nclear = "90%"', Drop(by=0.3, clear=0.9, zone=ZONE)),
        ('kind = "drop"\nby = "80%"\nclear = "20%"', Drop(by=0.8, clear=0.2, zone=ZONE)),
        ('kind = "day_over_day"\nratio = 2', DayOverDay(2.0, zone=ZONE)),
        (
            'kind = "day_over_day"\nratio = 0.5\ndays = 0\nweeks = 4\nfloor = "0 bps"',
            DayOverDay(0.5, days=0, weeks=4, floor=0.0, zone=ZONE),
        ),
        (
            'kind = "percentile"\ncommit = "10 Gbps"',
            Percentile(1e10, (0.8, 1.0), 0.75, 95, Calendar(1, ZoneInfo("UTC"))),
        ),
        (
            (
                'kind = "percentile"\ncommit = "1 Gbps"\nat = ["120%", "90%"]\nclear = "50%"\npercentile = 90\n'
                'month_start = 15\ntimezone = "America/New_York"'
            ),
            Percentile(1e9, (0.9, 1.2), 0.5, 90, Calendar(15, ZoneInfo("America/New_York"))),
        ),
        (
            'kind = "percentile"\ncommit = "1 Gbps"\nat = ["8%"]',
            Percentile(1e9, (0.08,), 0.04, 95, Calendar(1, ZoneInfo("UTC"))),
        ),
        ('kind = "baseline"', Baseline(zone=ZONE)),
        (
            'kind = "baseline"\nfactor = 3\nfloor = "1 Mbps"\ndirection = "down"\ndays = 3\nweeks = 0\nzeros = false',
            Baseline(3.0, 1e6, Direction.FALL, 3, 0, zeros=False, zone=ZONE),
        ),
        ('kind = "baseline"\ndirection = "up"', Baseline(only=Direction.RISE, zone=ZONE)),
    ],
)
def test_each_kind_is_built_with_its_numbers(rule, text, kind):
    assert rule(text).kind == kind


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ('kind = "drop"\nby = "80%"', 288),
        ('kind = "drop"\nby = "80%"\naccept_after = "2h"', 24),
        ('kind = "drop"\nto = "0 bps"', None),
        ('kind = "threshold"\nabove = "1 bps"', None),
        ('kind = "day_over_day"\nratio = 2.0', 288),
        ('kind = "day_over_day"\nratio = 2.0\naccept_after = "30d"', 30 * 288),
        ('kind = "baseline"', 288),
        ('kind = "baseline"\naccept_after = "2h"', 24),
    ],
)
def test_whatever_is_compared_with_the_usual_is_accepted_in_time(rule, text, slots):
    assert rule(text).accept_slots == slots


@pytest.mark.parametrize(("text", "slots"), [("0s", 1), ("1s", 1), ("5m", 1), ("6m", 2), ("10m", 2), ("1h", 12)])
def test_durations_of_a_rule_become_slots_rounded_up_and_at_least_one(rule, text, slots):
    built = rule(f'kind = "drop"\nto = "0 bps"\nfor = "{text}"\nwithin = "2h"\nclear_for = "{text}"')

    assert (built.for_slots, built.clear_slots, built.within_slots) == (slots, slots, 24)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('severity = "critical"', 30 * 60),
        ('severity = "warning"', 4 * 3600),
        ('severity = "info"', None),
        ('severity = "info"\nrepeat = "1h"', 3600),
        ('severity = "critical"\nrepeat = "never"', None),
    ],
)
def test_how_often_a_rule_reminds_follows_its_severity_unless_it_says(rule, text, seconds):
    assert rule(f'kind = "drop"\nto = "0 bps"\n{text}').repeat == seconds


def test_windows_and_moments_are_in_the_readers_zone_unless_they_say(loaded):
    zone = ZoneInfo("Europe/Berlin")
    slack = '[slack]\ntimezone = "Europe/Berlin"\n'
    window = parse_window("sun 02:00-04:00")
    config = loaded(
        f"{slack}{WATCH}{DARK}"
        'active = ["sun 02:00-04:00"]\n[[mute]]\nwhen = ["sun 02:00-04:00"]\n'
        '[[mute]]\ntimezone = "UTC"\nstart = 2026-03-02T17:00:00.5\nend = 2026-03-02T23:00:00+05:30\n'
        "[[mute]]\nstart = 2026-10-25T02:30:00\nend = 2026-10-25T02:30:00+01:00\n"
    )

    recurring, in_utc, twice = muted(config)
    assert config.rules[0].active == recurring.schedule == Schedule((window,), zone)
    assert (in_utc.start, in_utc.end) == (
        parse_time("2026-03-02T17:00:00Z"),
        parse_time("2026-03-02T17:30:00Z"),
    )
    # 02:30 comes twice that night: without an offset the first is meant
    assert (twice.end or 0) - (twice.start or 0) == 3600


def test_a_mute_lies_over_the_series_and_rules_it_means(loaded):
    group = '[[group]]\nname = "g"\ndomains = ["img.*"]\nsum = true\n'
    mute = '[[mute]]\nwhen = ["sun 02:00-04:00"]\n'
    config = loaded(
        f"{group}{WATCH}{DARK}{DARK.replace('went', 'still')}{mute}"
        f'{mute}domains = ["@g", "sum:g", "total"]\nrules = ["went-*"]\n'
    )
    watched = ("video.example.com", "img.example.com", "new.example.com")
    groups = [settings.resolve(watched) for settings in config.groups]

    everything, some = (
        mute.resolve(watched, groups, ("went-dark", "still-dark"), config.slack.zone) for mute in config.mutes
    )

    assert (everything.series, everything.rules) == (frozenset(watched), {"went-dark", "still-dark"})
    assert (some.series, some.rules) == ({"img.example.com", "sum:g", "total"}, {"went-dark"})


def test_a_mute_may_name_a_rule_whose_name_looks_like_a_glob_or_is_off(loaded):
    named = DARK.replace("went-dark", "dark [EU]") + "enabled = false\n"

    assert loaded(f'{WATCH}{named}[[mute]]\nrules = ["dark [EU]"]\nwhen = ["sun 02:00-04:00"]\n').mutes


def test_a_relative_database_lies_beside_the_file_or_in_the_state_directory(loaded, tmp_path):
    assert loaded(WATCH + DARK).store.path == tmp_path / "alertbot.db"
    assert loaded(WATCH + DARK, state_directory=Path("/state")).store.path == Path("/state/alertbot.db")
    named = '[store]\npath = "/data/a.db"\n' + WATCH + DARK
    assert loaded(named, state_directory=Path("/state")).store.path == Path("/data/a.db")


def test_the_database_of_a_file_named_relatively_has_a_full_path(tmp_path, monkeypatch):
    (tmp_path / "rules.toml").write_text(WATCH + DARK)
    monkeypatch.chdir(tmp_path)

    assert load(Path("rules.toml")).store.path == tmp_path / "alertbot.db"


def test_domains_become_what_the_api_speaks_and_keep_their_order(loaded):
    config = loaded(
        '[watch]\ndomains = ["Video.Example.COM", "bücher.example", "例え.テスト", "_x.a-1.example.com."]\n'
        + DARK
        + 'domains = ["BÜCHER.*", "例え.テスト", "VIDEO.*"]'
    )

    assert config.watch.domains == (
        "video.example.com",
        "xn--bcher-kva.example",
        "xn--r8jz45g.xn--zckzah",
        "_x.a-1.example.com",
    )
    assert config.rules[0].domains == ("xn--bcher-kva.*", "xn--r8jz45g.xn--zckzah", "video.*")
    assert not config.discovers


def test_watched_leaves_out_the_exceptions_of_what_is_listed_or_discovered(loaded):
    listed = loaded(f'[watch]\nexcept = ["img.*"]\n{WATCH[8:]}{DARK}')
    discovering = loaded(f'[watch]\ndomains = ["*"]\nexcept = ["*.test"]\n{DARK}')

    assert listed.watched() == ("video.example.com",)
    assert discovering.watched(("b.example.com", "a.test", "a.example.com")) == ("b.example.com", "a.example.com")
    strange = (
        "all",
        "total",
        "sum:x",
        "=cmd.example.com",
        "a\x1b[2J.example.com",
        "b,c.example.com",
        "",
        "B.example.com.",
    )
    assert discovering.watched((*strange, "b.example.com")) == ("b.example.com",)


def test_a_group_resolves_to_its_members_in_watch_order(loaded):
    (group,) = loaded(f'[[group]]\nname = "g"\ndomains = ["img.*", "video.*"]\nsum = true\n{WATCH}{DARK}').groups

    watched = ("video.example.com", "other.example.com", "img.example.com")
    assert group.resolve(watched) == Group("g", ("video.example.com", "img.example.com"), sum=True)


def test_where_domains_are_discovered_no_pattern_is_wrong_yet(loaded):
    config = loaded(f'[watch]\ndomains = ["*"]\n{DARK}domains = ["nobody.knows.example"]\nexcept = ["*.test"]\n')

    assert config.rules[0].domains == ("nobody.knows.example",)


def test_a_rule_may_leave_out_some_of_what_it_means(loaded):
    assert loaded(f'{WATCH}{DARK}except = ["img.*", "total"]\n').rules[0].except_ == ("img.*", "total")


def test_rules_that_are_all_off_are_a_choice(loaded):
    assert [rule.enabled for rule in loaded(f"{WATCH}{DARK}enabled = false\n").rules] == [False]


def test_settings_are_frozen(loaded):
    config = loaded(WATCH + DARK)

    with pytest.raises(dataclasses.FrozenInstanceError):
        config.trial = "#x"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.slack.channel = "#x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.slack.mention["info"] = "@here"  # type: ignore[index]


def test_a_byte_order_mark_and_windows_line_endings_are_read(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (WATCH + DARK).replace("\n", "\r\n").encode())

    assert load(path).watch.domains == ("video.example.com", "img.example.com")


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("/etc/alertbot/rules.toml", Path("/var/lib/alertbot")),
        ("/etc/alertbot/berlin/rules.toml", Path("/var/lib/alertbot-berlin")),
        ("/etc/other/rules.toml", None),
        ("rules.toml", None),
    ],
)
def test_beside_a_unit_the_database_is_the_units(path, folder):
    assert state_of_unit(Path(path)) == folder
    assert (folder_of_unit(Path(path)) is None) == (folder is None)


def test_beside_a_unit_its_secrets_are_read_where_the_environment_has_none(tmp_path):
    (tmp_path / "api_token").write_text("of-the-file\n")
    (tmp_path / "slack_bot_token").write_text("\n")
    beside = read_credentials({"ALERTBOT_SLACK_APP_TOKEN": "of-the-environment"}, tmp_path)
    stated = read_credentials({"ALERTBOT_API_TOKEN": "of-the-environment"}, tmp_path)

    assert (beside.api_token, beside.slack_bot_token, beside.slack_app_token) == (
        "of-the-file",
        None,
        "of-the-environment",
    )
    assert (stated.api_token, read_credentials({}).api_token) == ("of-the-environment", None)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x" * 300, "cannot be read (File name too long): write the token into it anew"),
        ("binary", "holds more than a token: write that alone into it"),
    ],
)
def test_a_credential_that_cannot_be_read_says_where_it_is(tmp_path, name, why):
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary" / "api_token").write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialsError) as caught:
        read_credentials({"CREDENTIALS_DIRECTORY": str(tmp_path / name)})
    assert str(caught.value) == f"{tmp_path / name / 'api_token'} {why}"


@pytest.mark.parametrize("name", ["C01", "C0123", "C0123456", "G01AB", "D0A1"])
def test_a_short_id_of_a_channel_is_one(loaded, name):
    config = loaded(f'{WATCH}{DARK}[slack]\nchannel = "{name}"\nadmins = ["U1"]\nmention = {{ info = "S12" }}\n')

    assert (config.slack.channel, config.slack.admins) == (name, ("U1",))


@pytest.mark.parametrize("name", ["CDN", "GENERAL", "C", "c0123456789"])
def test_a_word_without_its_mark_is_no_channel(loaded, name):
    with pytest.raises(ConfigError, match="this is no Slack channel"):
        loaded(f'{WATCH}{DARK}[slack]\nchannel = "{name}"\n')


def test_metrics_without_a_key_are_served_where_they_are_by_default(loaded):
    config = loaded(f"{WATCH}{DARK}[metrics]\n")

    assert config.metrics is not None
    assert (config.metrics.listen, config.metrics.series) == (("127.0.0.1", 9464), False)
