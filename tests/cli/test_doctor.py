"""``alertbot doctor``: each thing that can be wrong is named with its mend, and what is well is said to be."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import sqlite3
import ssl
import subprocess
import sys
import time
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.rigs.until import until
from fakes.wire.proxy import proxying
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, SCOPES, Channel, FakeSlack
from fakes.wire.workspace import CHANNELS
from fakes.worlds.clock import FakeClock
from fakes.worlds.stored import store
from pages import PAGES, README

from alertbot.cli.doctor import machine
from alertbot.cli.doctor.coverage import coverage
from alertbot.cli.doctor.doctor import findings
from alertbot.cli.doctor.findings import Finding, Grade, limited
from alertbot.cli.doctor.network import how_to_reach
from alertbot.config import load
from alertbot.config.credentials import Credentials
from alertbot.config.watch import Watch
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.query.live import Live
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.percentile import Percentile
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.rules.threshold import Threshold
from alertbot.store import feed
from alertbot.store.schema import PAGE_SIZE, Lock
from alertbot.store.store import Store
from alertbot.units import DAY, DAY_SLOTS

TOKEN = "api-s3cret"
UTC = ZoneInfo("UTC")
NOW = 1_793_613_600.0
VIDEO, IMG = "video.example.com", "img.example.com"
DOMAINS = {VIDEO: Shape(1.8e9, swing=0.3), IMG: Shape(3e8)}
MANY = {f"d{number}.example.com": Shape(1e8) for number in range(30)}
CREDENTIALS = Credentials(TOKEN, BOT_TOKEN, APP_TOKEN)

RULES = """
[feed]
base_url = "{api}"
{feed}

[watch]
domains = {watch}

[slack]
base_url = "{slack}"
channel = "#cdn-alerts"
{more}

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
{rules}
"""


@asynccontextmanager
async def surroundings(tmp_path, *, scenario=None, workspace=None, **texts):
    """A CDN and a Slack on loopback, and a configuration that points at them."""
    simulator = Simulator(Scenario(**{"token": TOKEN, "domains": DOMAINS, **(scenario or {})}), FakeClock(NOW))
    slack = FakeSlack(now=lambda: NOW, **(workspace or {}))
    filled = {"api": await simulator.start(), "slack": await slack.start(), "feed": "", "more": "", "rules": ""}
    try:
        path = tmp_path / "rules.toml"
        path.write_text(RULES.format(**filled | {"watch": f'["{VIDEO}", "{IMG}"]'} | texts))
        yield load(path), simulator, slack
    finally:
        await simulator.stop()
        await slack.stop()


BY_ID = Channel("C0123456789", "ops-of-others")


async def examined(tmp_path, *, credentials=CREDENTIALS, ahead=0.0, **options):
    """Every finding about such surroundings, by a machine whose clock is ``ahead`` of theirs."""
    async with surroundings(tmp_path, **options) as (config, _, _):
        return [finding async for finding in findings(config, credentials, FakeClock(NOW + ahead))]


def graded(found, grade):
    return [finding for finding in found if finding.grade is grade]


def lines(found, check):
    return [str(finding) for finding in found if finding.check == check]


async def test_a_sound_set_up_has_nothing_to_mend(tmp_path):
    found = await examined(tmp_path)

    assert graded(found, Grade.FAILED) == []
    assert [str(each) for each in graded(found, Grade.WARNING)] == [
        "warning  service: it does not run. Start it: sudo systemctl start alertbot"
    ]
    assert graded(found, Grade.SKIPPED) == []
    assert lines(found, "domains") == ["ok       domains: the account serves all 2 of them"]
    assert lines(found, "coverage") == ["ok       coverage: a rule fires on each of 2 domains that goes dark"]
    assert lines(found, "time zone") == ["ok       time zone: the API reads times in Asia/Shanghai"]
    assert lines(found, "Slack channels") == ["ok       Slack channels: the bot is a member of #cdn-alerts"]


WRONG = Credentials("wr0ng", BOT_TOKEN, APP_TOKEN)
BROKEN = {
    "wrong token": (
        {"credentials": WRONG},
        (
            "failed   API token: refused (HTTP 401, code 401001: token is missing or invalid). "
            "Put the right one into ALERTBOT_API_TOKEN, or into the systemd credential api_token."
        ),
    ),
    "no permission": (
        {"scenario": {"deny_all": True}},
        (
            "failed   permission: stat/bandwidth is not permitted (HTTP 401, code 401006: no permission for this "
            "endpoint). Ask the vendor's support to permit it for this token: such permissions are off until they do."
        ),
    ),
    "wrong zone": (
        {"feed": 'timezone = "UTC"'},
        'Set [feed] timezone = "Asia/Shanghai", which fits.',
    ),
    "clock ahead": (
        {"ahead": 600.0},
        (
            "failed   clock (API): this machine's is 10.0 min ahead of the API's. "
            "Set it: sudo timedatectl set-ntp true, then look at timedatectl."
        ),
    ),
    "clock behind": (
        {"ahead": -600.0},
        (
            "failed   clock (Slack): this machine's is 10.0 min behind Slack's. "
            "Set it: sudo timedatectl set-ntp true, then look at timedatectl."
        ),
    ),
    "unknown domain": (
        {"watch": f'["{VIDEO}", "vidoe.example.com"]'},
        (
            f"failed   domains: the account does not serve vidoe.example.com (nearest: {VIDEO}). "
            "Mend the name under [watch], or take it out."
        ),
    ),
    "bot not in a private channel": (
        {"more": 'fallback_channel = "#hidden"'},
        (
            "failed   Slack channels: #hidden is not there, or private without the bot: not a member. "
            "Create it, or type /invite @alertbot in #hidden."
        ),
    ),
    "bot not in a public channel": (
        {"more": 'fallback_channel = "#not-joined"'},
        (
            "warning  Slack channels: the bot is not a member of #not-joined yet. "
            "alertbot run joins it, since it is public; or type /invite @alertbot in #not-joined."
        ),
    ),
    "missing scope": (
        {"workspace": {"scopes": SCOPES - {"files:write"}}},
        (
            "failed   Slack scopes: the bot token lacks files:write. "
            "Paste what `alertbot manifest` prints under App Manifest, and install the app again."
        ),
    ),
    "wrong bot token": (
        {"credentials": replace(CREDENTIALS, slack_bot_token="xoxb-wr0ng")},
        (
            "failed   Slack bot token: Slack refuses the bot token (invalid_auth). "
            "Check ALERTBOT_SLACK_BOT_TOKEN, or the systemd credential slack_bot_token."
        ),
    ),
    "wrong app token": (
        {"credentials": replace(CREDENTIALS, slack_app_token="xapp-wr0ng")},
        (
            "failed   Slack app token: Slack refuses the app token (invalid_auth). "
            "Check ALERTBOT_SLACK_APP_TOKEN, or the systemd credential slack_app_token."
        ),
    ),
    "API down": (
        {"api": "http://127.0.0.1:9/v2/"},
        "Check [feed] base_url, and whether this machine gets there (DNS, firewall, proxy).",
    ),
    "Slack down": (
        {"slack": "http://127.0.0.1:9/api/"},
        "Check [slack] base_url, and whether this machine gets there (DNS, firewall, proxy).",
    ),
}


@pytest.mark.parametrize(("options", "line"), BROKEN.values(), ids=BROKEN)
async def test_each_broken_set_up_is_named_with_its_mend(tmp_path, options, line):
    found = await examined(tmp_path, **options)

    assert [each for each in found if line in str(each)]
    # What is named is all there is: nothing else fails, and no warning but that the service does not run.
    wrong = graded(found, Grade.FAILED) + [each for each in graded(found, Grade.WARNING) if each.check != "service"]
    pairs = {"clock (API)", "clock (Slack)"}, {"Slack", "Slack app token"}
    assert len(wrong) == 1 or {each.check for each in wrong} in pairs


@pytest.fixture
def read_only(tmp_path):
    """A folder in which nothing can be written, not even by root."""
    folder = tmp_path / "state"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_state_directory_that_cannot_be_written_is_named_with_its_mend(tmp_path, read_only):
    found = await examined(tmp_path, more=f'[store]\npath = "{read_only}/alertbot.db"')

    (line,) = lines(found, "state directory")
    assert line.startswith(f"failed   state directory: {read_only} cannot be written (")
    assert "Give it to the service's user, or name another [store] path" in line


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (Credentials(None, BOT_TOKEN, APP_TOKEN), "failed   API token: there is none"),
        (Credentials(TOKEN, None, None), "warning  Slack bot token: there is none, so messages are only printed"),
        (Credentials(TOKEN, None, APP_TOKEN), "failed   Slack bot token: there is none, but an app token"),
        (
            Credentials(TOKEN, BOT_TOKEN, None),
            "warning  Slack app token: there is none, so neither commands nor clicks",
        ),
    ],
)
async def test_a_missing_secret_is_named(tmp_path, credentials, expected):
    found = await examined(tmp_path, credentials=credentials)

    assert [each for each in found if str(each).startswith(expected)]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"scenario": {"deny_total": True}},
            "warning  permission: the account's total is refused (HTTP 401, code 401006: no permission for the total)",
        ),
        (
            {"scenario": {"each_domain": False}, "feed": "each_domain = true"},
            "warning  permission: stat/bandwidth/eachDomain is not permitted (HTTP 401, code 401006",
        ),
        (
            {"feed": "each_domain = true"},
            "ok       permission: stat/bandwidth/eachDomain is permitted",
        ),
        (
            {"scenario": {"timezone": "UTC"}},
            'failed   time zone: [feed] timezone = "Asia/Shanghai" is not the API\'s',
        ),
        (
            {"scenario": {"lag": {"default": 5400.0}}},
            "warning  data: the newest is of",
        ),
        (
            {"scenario": {"domains": {VIDEO: Shape(0.0), IMG: Shape(0.0)}}},
            f"warning  coverage: {VIDEO}, {IMG} carried nothing in 7 days, so that no rule can fire",
        ),
        (
            {"watch": '["*"]', "more": '[[group]]\nname = "dl"\ndomains = ["dl*"]'},
            'warning  domains: group "dl": "dl*" matches no watched domain. Mend it, or take it out.',
        ),
        (
            {"watch": '["*"]', "scenario": {"domains": {}}},
            "failed   domains: none of the account's 0 domains is watched",
        ),
        (
            {"feed": 'calls_per_minute = 5\nprobe = "30s"', "watch": '["*"]', "scenario": {"domains": MANY}},
            "failed   rate limit: a 5-minute slot takes 41 of 25 calls; the server allows 300 a minute and has",
        ),
        (
            {"scenario": {"limit": 4}, "feed": 'probe = "5m"'},
            "ok       rate limit: a 5-minute slot takes 4 of 20 calls; the server allows 4 a minute",
        ),
        (
            {"workspace": {"scopes": SCOPES - {"channels:join"}}, "more": 'fallback_channel = "#not-joined"'},
            "failed   Slack channels: the bot is not a member of #not-joined. Type /invite @alertbot in #not-joined.",
        ),
        (
            {"workspace": {"scopes": SCOPES - {"channels:read", "groups:read"}}},
            "failed   Slack channels: they cannot be listed (missing_scope)",
        ),
        (
            {"workspace": {"channels": (*CHANNELS, Channel("C1OPS", "ops"))}, "more": 'fallback_channel = "#ops"'},
            "warning  Slack channels: C0OPS, C1OPS have the name #ops each, and messages go to C0OPS. Name the one",
        ),
        (
            {"workspace": {"channels": (*CHANNELS, BY_ID)}, "more": f'fallback_channel = "{BY_ID.id}"'},
            "ok       Slack channels: the bot is a member of #cdn-alerts, C0123456789",
        ),
        (
            {"rules": "enabled = false"},
            "warning  configuration: every rule has enabled = false",
        ),
    ],
)
async def test_what_else_is_wrong_or_well_is_named(tmp_path, options, line):
    found = await examined(tmp_path, **options)

    assert [each for each in found if str(each).startswith(line)], "\n".join(map(str, found))


# Coverage


def flat(*rates):
    """Seven days before ``NOW`` at these rates in turn."""
    return np.resize(np.array(rates, dtype=float), 7 * DAY_SLOTS)


FIRST = int(NOW) // DAY * DAY - 7 * DAY


async def test_domains_on_which_no_rule_can_fire_are_named_with_their_peak(tmp_path):
    low, high = Shape(3e6), Shape(4e6)
    watch = f'["{VIDEO}", "low.example.com", "high.example.com", "silent.example.com", "free.example.com"]'
    scenario = {"domains": {VIDEO: Shape(1e9), "low.example.com": low, "high.example.com": high,
                            "silent.example.com": Shape(0.0), "free.example.com": Shape(1e9)}}  # fmt: skip
    found = await examined(tmp_path, scenario=scenario, watch=watch, rules='except = ["free.*"]')

    assert lines(found, "coverage") == [
        (
            "warning  coverage: no rule means free.example.com. "
            "Add them to a rule's domains, or leave them out under [watch]."
        ),
        (
            "warning  coverage: no rule can fire on high.example.com (peak 4 Mbps), low.example.com (peak 3 Mbps):"
            " in 7 days they stayed under every from and floor."
            " Lower from or floor for them, or give them a rule of their own."
        ),
        (
            "warning  coverage: silent.example.com carried nothing in 7 days, so that no rule can fire. "
            "Leave them out under [watch] except, or wait for their traffic."
        ),
    ]


async def test_domains_that_are_silent_every_night_are_named_with_when(tmp_path):
    nights = [Event(IMG, FIRST + day * DAY + 20 * 3600, FIRST + day * DAY + 22 * 3600, 0.0) for day in range(8)]
    scenario = {"domains": {VIDEO: Shape(1e9), IMG: Shape(1e9)}, "events": nights}
    found = await examined(tmp_path, scenario=scenario)

    assert lines(found, "silence") == [
        f"ok       silence: silent as usual, so not posted at these times: {IMG} (20:00-22:00)"
    ]


async def test_what_is_stored_need_not_be_asked_of_the_api(tmp_path):
    store(tmp_path / "alertbot.db", FIRST, {VIDEO: flat(1e9), IMG: flat(2e6)})
    async with surroundings(tmp_path) as (config, simulator, _):
        found = [each async for each in findings(config, CREDENTIALS, FakeClock(NOW))]

    assert [call for call in simulator.calls if call.end and call.end - call.start > 2 * DAY] == []
    assert lines(found, "coverage")[0].startswith(f"warning  coverage: no rule can fire on {IMG} (peak 2 Mbps)")


async def test_of_many_domains_without_history_some_are_read_and_the_rest_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.cli.doctor.domains.MOST_READ", 10)
    found = await examined(tmp_path, scenario={"domains": MANY}, watch='["*"]')

    assert lines(found, "coverage") == [
        "skipped  coverage: of 20 domains nothing is known yet: look again once the service has fetched their history"
    ]


def covering(kind, values, **more):
    """What one rule misses of one domain: ``low``, ``silent``, ``unseen``, or nothing."""
    rule = Rule("r", "kind", kind, Severity.WARNING, **more)
    found = coverage(Watch(UTC, ("a",), {"r": rule}, {"r": ("a",)}), {"a": values}, FIRST)
    return next((name for name in ("low", "silent", "unseen") if getattr(found, name)), "")


@pytest.mark.parametrize(
    ("kind", "values", "missed"),
    [
        (Drop(to=0, from_=5e6), flat(5e6), ""),
        (Drop(to=0, from_=5e6), flat(4.9e6), "low"),
        # A median over the window has to come up to it; a peak now and then is none.
        (Drop(to=0, from_=5e6), flat(6e6, 6e6, 1e6), ""),
        (Drop(to=0, from_=5e6), flat(6e6, 1e6), ""),
        (Drop(to=0, from_=5e6), flat(9e9, 0, 0, 0, 0, 0), ""),
        (Drop(to=0, from_=5e6, window=1), flat(9e9, 0, 0, 0, 0, 0), ""),
        (Drop(by=0.5, from_=0.0), flat(0), "silent"),
        (Drop(by=0.5, from_=0.0), flat(1), ""),
        (Drop(to=0, from_=5e6), flat(math.nan), ""),
        (DayOverDay(0.5, floor=1e7), flat(1e7), ""),
        (DayOverDay(0.5, floor=1e7), flat(9e6), "low"),
        (DayOverDay(2.0, floor=1e7), flat(9e6), "low"),
        (DayOverDay(2.0, floor=1e7), flat(math.nan, 2e7), "unseen"),
        (DayOverDay(2.0, floor=0.0), flat(0), "silent"),
        (Baseline(floor=1e7), flat(2e7), ""),
        (Baseline(floor=1e7), flat(9e6), "low"),
        (Baseline(floor=1e7), flat(0), "silent"),
        (Baseline(floor=1e7, zeros=False), flat(2e7), "unseen"),
        (Baseline(floor=1e7, only=Direction.RISE), flat(2e7), "unseen"),
        (Threshold(above=8e9), flat(0), ""),
        (Threshold(above=8e9), flat(1e6), "unseen"),
        (Threshold(below=1e6), flat(2e6), ""),
        (Percentile(1e9), flat(1e6), "unseen"),
    ],
)
def test_what_a_rule_misses_follows_from_its_floor_the_last_days_and_how_it_judges(kind, values, missed):
    assert covering(kind, values) == missed


def test_a_rule_that_waits_until_the_darkness_is_usual_does_not_see_it():
    assert covering(Baseline(), flat(2e7), for_slots=2) == ""
    assert covering(Baseline(), flat(2e7), for_slots=12) == "unseen"


def test_a_rule_that_has_too_little_history_to_judge_by_is_taken_to_see_it():
    assert covering(DayOverDay(0.5, days=0, weeks=1), flat(2e7)) == ""
    assert covering(DayOverDay(0.5, days=0, weeks=1), np.full(8 * DAY_SLOTS, 2e7)) == ""
    assert covering(DayOverDay(0.5), np.concatenate([np.full(6 * DAY_SLOTS, math.nan), np.full(DAY_SLOTS, 2e7)])) == ""


def test_a_rule_sees_only_what_goes_dark_within_its_hours():
    at_night = np.tile(np.where(np.arange(DAY_SLOTS) < DAY_SLOTS // 4, 2e7, 0.0), 7)
    nightly, daily = (Schedule((parse_window(text),), UTC) for text in ("daily 00:00-06:00", "daily 12:00-18:00"))
    assert covering(Drop(to=0, from_=5e6), at_night, active=nightly) == ""
    assert covering(Drop(to=0, from_=5e6), at_night, active=daily) == "low"


async def test_domains_on_which_rules_fire_but_not_when_they_go_dark_are_named(tmp_path):
    rules = '[[rule]]\nname = "far-off"\nkind = "baseline"\nfloor = "1 Mbps"\nzeros = false'
    found = await examined(tmp_path, scenario={"domains": {VIDEO: Shape(1e9), IMG: Shape(4e6)}}, rules=rules)

    assert lines(found, "coverage") == [
        (
            f"warning  coverage: nothing would be posted if these went dark: {IMG} (peak 4 Mbps), by their last 7 days."
            ' Write a drop with to = "0 bps" and a lower from for them (`alertbot help rules drop`).'
        )
    ]


# Where it points to

POINTER = re.compile(r"""in_help\(["'](\w+)["'], ["'](.+?)["']\)|in_readme\(["'](.+?)["']\)""")
SOURCES = {path.name: path.read_text() for path in Path(machine.__file__).parent.glob("*.py")}


def headings(text):
    return {line.lstrip("# ") for line in text.splitlines() if line.startswith("#")}


def test_every_pointer_into_the_documentation_names_a_heading_that_is_there():
    pointers = [pointer for source in SOURCES.values() for pointer in POINTER.findall(source)]
    assert len(pointers) == 4
    for topic, heading, in_readme in pointers:
        assert in_readme in headings(README) if in_readme else heading in headings(PAGES[topic])


def test_no_pointer_into_the_documentation_goes_untested():
    others = [source for name, source in SOURCES.items() if name != "findings.py"]
    assert not any(re.search("README|alertbot help", source) for source in others)


# The database and the service


def damage(path):
    store(path, FIRST, {VIDEO: flat(1e9)})
    with path.open("r+b") as file:
        file.seek(2 * PAGE_SIZE)
        file.write(b"\xff" * PAGE_SIZE)


def make_newer(path):
    store(path, FIRST, {VIDEO: flat(1e9)})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('alertbot', 'newer', '')")


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (lambda path: store(path, FIRST, {VIDEO: flat(1e9)}), "ok       database: {path} is sound"),
        (lambda path: None, "ok       database: {path} is made at the first start"),
        (damage, "failed   database: {path}: database disk image is malformed. Put a backup in its place, or move"),
        (make_newer, "failed   database: {path}: written by a newer alertbot (newer). Install that version again."),
        (
            lambda path: path.write_bytes(b"no database" * 999),
            "failed   database: {path}: file is not a database. Put a backup in its place, or move it away",
        ),
    ],
)
def test_a_database_is_looked_through(tmp_path, prepare, line):
    path = tmp_path / "alertbot.db"
    prepare(path)

    assert str(machine._database(path)).startswith(line.format(path=path))


def test_a_database_that_cannot_even_be_looked_for_is_a_finding(tmp_path):
    path = tmp_path / ("x" * 300)

    assert str(machine._database(path)).endswith(
        "cannot be read (File name too long). Run this as the service's user, or with sudo."
    )


def test_a_secret_in_others_words_is_blotted_out_and_a_letter_is_not():
    finding = Finding("API", Grade.FAILED, f"the API says {TOKEN}", f"Try {TOKEN}.").without((TOKEN, "t"))

    assert str(finding) == "failed   API: the API says ***. Try ***."


async def test_data_is_looked_for_by_the_apis_clock_where_the_machines_is_far_off(tmp_path):
    found = await examined(tmp_path, ahead=-3 * DAY)

    assert lines(found, "data")[0].startswith("ok       data: up to ")
    assert lines(found, "clock (API)")[0].startswith("failed   clock (API): this machine's is 4320.0 min behind")


def test_a_service_that_runs_is_seen_by_its_lock_which_is_left_alone(tmp_path):
    path = tmp_path / "alertbot.db"
    assert str(machine._service(path, NOW, probe=20)).startswith("warning  service: it does not run")
    assert list(tmp_path.iterdir()) == []

    lock, running = Lock(path), Store(path)
    lock.take()
    assert str(machine._service(path, NOW, probe=20)) == "ok       service: it runs, and has only just begun"
    running.do(feed.write_live, "{}", NOW - 20)
    assert str(machine._service(path, NOW, probe=20)) == "ok       service: it runs, and looked at the feed 20s ago"
    assert "last looked at the feed 1h ago" in str(machine._service(path, NOW + 3580, probe=20))
    running.close()
    lock.release()
    assert str(machine._service(path, NOW, probe=20)).startswith("warning  service: it does not run")


def test_that_the_workspace_takes_no_charts_in_answers_is_said(tmp_path):
    path = tmp_path / "alertbot.db"
    with closing(Store(path)) as store:
        assert machine._charts(path) == []
        store.do(feed.write_live, Live(NOW).to_json(), NOW)
        assert machine._charts(path) == []
        store.do(feed.write_live, Live(NOW, charts_refused="invalid_blocks").to_json(), NOW)
        (found,) = machine._charts(path)
    assert str(found).startswith("ok       Slack charts: this workspace takes none in answers yet (invalid_blocks)")


def test_whether_the_service_runs_is_not_said_where_one_may_not_look(tmp_path):
    there, hidden = (machine._service(tmp_path / name, NOW, 20.0) for name in ("alertbot.db", "x" * 300))
    assert str(there).startswith("warning  service: it does not run")
    assert str(hidden) == "skipped  service: whether it runs cannot be seen with these rights"


# A click


async def clicked(tmp_path, press, patience=20.0, *, mention=False):
    async with surroundings(tmp_path, more='mention = { critical = "@here" }') as (config, _, slack):
        waiting = asyncio.create_task(examined_click(config, patience, mention=mention))
        await until(lambda: slack.posts)
        await press(slack)
        return await waiting, slack


async def examined_click(config, patience, *, mention, credentials=CREDENTIALS):
    found = findings(config, credentials, FakeClock(NOW), post=True, mention=mention, patience=patience)
    return [each async for each in found]


async def test_a_click_that_arrives_is_well_and_the_message_says_whose_it_was(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("alertbot.cli.doctor.slack.say", lambda text, **_: said.append(text))

    async def press(slack):
        await slack.click(slack.posts[0], "doctor", user="U0ADA")

    found, slack = await clicked(tmp_path, press)
    assert lines(found, "Slack click") == [
        "ok       Slack click: posted to #cdn-alerts, and the click of u0ada arrived"
    ]
    assert slack.posts[0].text == "alertbot doctor: the click of u0ada arrived."
    assert said == ["A message with a button is posted to #cdn-alerts: click it."]


async def test_a_test_of_a_critical_alert_calls_whom_one_calls_and_says_that_it_is_none(tmp_path):
    said = []

    async def press(slack):
        said.append(slack.posts[0].text)
        await slack.click(slack.posts[0], "doctor", user="U0ADA")

    await clicked(tmp_path, press, mention=True)
    assert said == [
        "This is a test by alertbot doctor, nothing is wrong: a critical alert calls <!here>. Click the button."
    ]


async def test_where_nothing_is_posted_nobody_is_asked_to_click(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("alertbot.cli.doctor.slack.say", lambda text, **_: said.append(text))
    credentials = replace(CREDENTIALS, slack_bot_token=None)
    async with surroundings(tmp_path) as (config, _, slack):
        found = await examined_click(config, 1.0, mention=False, credentials=credentials)
    assert lines(found, "Slack click") == ["skipped  Slack click: nothing is posted, since a Slack token is missing"]
    assert (slack.posts, said) == ([], [])


async def test_no_click_in_time_fails_and_a_command_meanwhile_is_answered(tmp_path):
    async def press(slack):
        answer = await slack.command(text="status", answers=1)
        assert "is at work for a minute" in answer.answers[0]["text"]

    found, slack = await clicked(tmp_path, press, patience=1.0)
    assert lines(found, "Slack click")[0].startswith(
        "failed   Slack click: posted to #cdn-alerts, but no click arrived within 1 s"
    )
    assert slack.posts[0].text == "alertbot doctor: nobody clicked the button in time."


# All of it


async def test_a_server_that_hangs_holds_up_nothing_but_its_own_check(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.cli.doctor.feed.CALL", 0.2)
    hang = Fault(0, 2 * NOW, FaultMode.HANG)
    began = time.monotonic()
    found = await examined(tmp_path, scenario={"faults": (hang,)})

    assert time.monotonic() - began < 10
    assert "does not answer (no answer within 0.2 s)" in lines(found, "API")[0]
    assert lines(found, "Slack app token") == ["ok       Slack app token: accepted, so commands and clicks can arrive"]


async def test_a_check_without_an_end_is_cut_short():
    found = await limited("API", asyncio.Event().wait, 0.05)

    assert [each.grade for each in found] == [Grade.FAILED]


async def alertbot(tmp_path, *arguments):
    """Runs the command beside the loop in which the loopback servers are."""
    environment = {
        "ALERTBOT_API_TOKEN": TOKEN,
        "ALERTBOT_SLACK_BOT_TOKEN": BOT_TOKEN,
        "ALERTBOT_SLACK_APP_TOKEN": APP_TOKEN,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alertbot", *arguments, cwd=tmp_path, env={**os.environ, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
@pytest.mark.parametrize(("token", "code"), [(TOKEN, 1), ("another", 1)])
async def test_the_command_fails_where_anything_does_and_prints_no_secret(tmp_path, token, code):
    # The machine's clock is not the simulator's: that much fails in any case.
    async with surroundings(tmp_path, scenario={"token": token}) as (config, _, _):
        returned, out, err = await alertbot(tmp_path, "doctor", "-c", str(config.path))
        told, as_json, _ = await alertbot(tmp_path, "doctor", "--json")

    assert (returned, told, err) == (code, code, "")
    assert out.splitlines()[-1].endswith((" warnings.", " warning."))
    facts = json.loads(as_json)
    assert facts["failed"] == sum(each["grade"] == "failed" for each in facts["checks"]) > 0
    assert {"check", "grade", "what", "mend"} == facts["checks"][0].keys()
    assert not any(secret in out + as_json for secret in (TOKEN, BOT_TOKEN, APP_TOKEN))


async def test_a_wrong_configuration_is_exit_code_2(tmp_path):
    (tmp_path / "rules.toml").write_text("[watch]\n")
    code, out, err = await alertbot(tmp_path, "doctor")

    assert (code, out) == (2, "")
    assert "rules.toml:" in err


# The way out


@pytest.fixture
def environment(monkeypatch):
    """Sets variables; none of the machine's own counts."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return lambda **variables: [monkeypatch.setenv(*each) for each in variables.items()]


async def test_without_a_proxy_there_is_nothing_to_say_of_one(tmp_path, environment):
    environment()
    assert lines(await examined(tmp_path), "proxy") == []


async def test_a_proxy_is_tried_and_said_what_it_is_used_for(tmp_path, environment):
    async with proxying({}, refuses="403 Forbidden") as proxy:
        environment(HTTP_PROXY=proxy.url)
        found = await examined(tmp_path, slack="http://slack.example.com/api/")
    assert lines(found, "proxy") == [f"ok       proxy: {proxy.url} is used for slack.example.com, not for 127.0.0.1"]
    assert {line.split()[1] for line in proxy.asked} == {
        f"http://slack.example.com/api/{method}" for method in ("auth.test", "apps.connections.open")
    }


async def test_a_proxy_that_is_not_there_or_none_is_named_without_its_password(tmp_path, environment):
    environment(HTTPS_PROXY="http://bot:pass-word@127.0.0.1:9", ALL_PROXY="socks5://127.0.0.1:1080")
    assert lines(await examined(tmp_path, slack="https://slack.example.com/api/"), "proxy") == [
        (
            "failed   proxy: ALL_PROXY names socks5://127.0.0.1:1080, which is no HTTP proxy. "
            "Name one as http://HOST:PORT, or unset the variable."
        ),
        (
            "failed   proxy: http://127.0.0.1:9 cannot be reached (Connect call failed ('127.0.0.1', 9)). "
            "Mend the environment: see `alertbot help operations proxies and certificates`."
        ),
    ]


async def test_a_proxy_that_nothing_goes_through_may_be_down(tmp_path, environment):
    environment(HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="127.0.0.1")
    (line,) = lines(await examined(tmp_path), "proxy")
    assert line.startswith("ok       proxy: http://127.0.0.1:9 is used for none of the addresses, not for 127.0.0.1")


async def test_a_machine_that_trusts_nobody_is_told_how_to(tmp_path, environment, monkeypatch):
    environment()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None, capath=None))
    found = await examined(tmp_path, slack="https://127.0.0.1:9/api/")
    assert lines(found, "certificates") == [
        (
            "failed   certificates: this machine has no authorities, so no HTTPS call succeeds. "
            "Install them: sudo apt install ca-certificates."
        )
    ]


def test_a_certificate_that_does_not_count_points_to_the_help():
    assert how_to_reach("[feed] base_url", "certificate verify failed").startswith("Let this machine trust")


MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:40 / /srv rw shared:1 - {kind} server:/srv rw
41 40 0:41 / /srv/my\\040disk rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "found"),
    [
        ("/srv/alertbot.db", "nfs4", "nfs4"),
        ("/srv/state/alertbot.db", "fuse.sshfs", "fuse.sshfs"),
        ("/srv/state/alertbot.db", "fuse.mergerfs", None),
        ("/srvant/alertbot.db", "nfs4", None),
        ("/srv/my disk/alertbot.db", "nfs4", None),
        ("/srv/alertbot.db", "btrfs", None),
    ],
)
def test_a_database_on_a_network_file_system_is_refused(tmp_path, monkeypatch, path, kind, found):
    (tmp_path / "mounts").write_text(MOUNTS.format(kind=kind))
    monkeypatch.setattr(machine, "_MOUNTS", tmp_path / "mounts")
    finding = machine._database(Path(path))
    if found is None:
        assert finding.grade is Grade.OK
    else:
        assert str(finding).startswith(f"failed   database: {path} lies on a network file system ({found}), where")
