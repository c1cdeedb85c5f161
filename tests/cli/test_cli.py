"""The command line: what each command prints, and its exit code."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tomllib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.rigs.deciders import Apart
from fakes.rigs.waiting import PATIENCE

from alertbot.cli.group import EXAMPLES, GROUPS
from alertbot.cli.main import main
from alertbot.query.live import Live
from alertbot.rules.grid import Grid
from alertbot.store import feed, requests, turns
from alertbot.store.requests import RequestOutcome
from alertbot.store.schema import lock_path
from alertbot.store.store import Store
from alertbot.store.turns import Batch
from alertbot.units import DAY_SLOTS, SLOT, parse_time

ROOT = Path(__file__).parents[2]
ALERTBOT = Path(sys.executable).with_name("alertbot")
START = parse_time("2026-03-02")

RULES = """
[feed]
base_url = "http://127.0.0.1:9/v2/"

[watch]
domains = ["video.example.com", "img.example.com"]

[slack]
command = "/cdn"

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"
learn_silence = true

[[rule]]
name = "ceiling"
kind = "threshold"
above = "3 Gbps"
"""

CSV = "domain,time,bps\n" + "".join(
    f"video.example.com,{START + index * SLOT},{rate}\n"
    for index, rate in enumerate([2e9] * 12 + [0] * 3 + [2e9] * 3 + [4e9] * 3)
)

TOLD = [
    ("fired", "went-dark", 13, 12),
    ("resolved", "went-dark", 16, 12),
    ("fired", "ceiling", 19, 18),
]
"""Event, rule, and the slots (from ``START``) that decided and in which the breach began."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every command runs in a folder with a rules.toml, and knows of no secret and no service around it."""
    for name in ("ALERTBOT_API_TOKEN", "ALERTBOT_SLACK_BOT_TOKEN", "ALERTBOT_SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "NOTIFY_SOCKET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "history.csv").write_text(CSV)
    return tmp_path


def alertbot(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


def stored(path, **series):
    """A database that holds each series from ``START`` on, whole UTC days; None stands for an unknown slot."""
    names = {name: f"{name}.example.com" for name in series}
    grid = Grid(tuple(names.values()))
    for name, values in series.items():
        filled = [math.nan if value is None else value for value in values]
        grid.put(names[name], START, np.array(filled))
    store = Store(path)
    touched = frozenset((name, day) for name in names.values() for day in grid.days)
    store.do(turns.commit, Batch(grid, touched, {}, {}, (), {}, START), Apart())
    store.close()


def events(output):
    """What ``replay --json`` printed, as in ``TOLD``."""
    lines = [json.loads(line) for line in output.splitlines()]
    return [(e["event"], e["rule"], (e["slot"] - START) // SLOT, (e["since"] - START) // SLOT) for e in lines]


# --- usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("wach",),
        ("check", "--quick"),
        ("check", "rules.toml"),
        ("run", "--log-level", "LOUD"),
        ("replay", "--csv"),
        ("replay", "--csv", "none.csv"),
        ("replay", "--csv", "history.csv", "--against-events", "none.jsonl"),
        ("suggest", "--csv", "none.csv"),
        ("demo", "fast"),
        ("replay", "--csv", "history.csv", "--from", "yesterday"),
        ("replay", "--csv", "history.csv", "--rule", "went-drak"),
        ("ack", "#this"),
        ("unack", "1", "2"),
        ("silence",),
        ("silence", "video.*"),
        ("silence", "video.*", "image", "work"),
        ("unsilence",),
        ("silences", "all"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_with_exit_code_2(arguments):
    result = alertbot(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


def test_a_mistyped_command_gets_the_nearest_one_and_other_tools_words_are_known():
    assert 'there is no command "stauts": did you mean status?' in alertbot("stauts").stderr
    assert alertbot("mute", "--help").stdout == alertbot("silence", "--help").stdout


def test_without_a_configuration_the_places_that_were_looked_at_are_named(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setattr("alertbot.cli.options._PLACES", (Path("rules.toml"), tmp_path / "etc.toml"))
    result = alertbot("status")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"there is neither rules.toml nor {tmp_path / 'etc.toml'}" in " ".join(result.stderr.split())


def test_a_mistyped_rule_gets_the_nearest_one():
    assert "did you mean went-dark?" in alertbot("replay", "--csv", "history.csv", "--rule", "went-drak").stderr


def test_without_a_command_all_of_them_are_listed():
    listed = alertbot().output

    assert [name for name in main.commands if name not in listed] == []


def test_the_list_of_commands_is_grouped_and_cuts_no_line():
    names = [name for names in GROUPS.values() for name in names]
    assert sorted(names) == sorted(main.commands) == sorted(EXAMPLES)
    listed = alertbot("--help").output
    assert "..." not in listed.partition("First steps")[2]
    assert "alertbot silence 'video.*' 2h" in listed
    assert "_ALERTBOT_COMPLETE=bash_source" in listed
    assert max(map(len, listed.splitlines())) <= 80


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_command_has_an_example_that_it_takes(name, tmp_path, monkeypatch):
    (tmp_path / "rules.toml").touch()
    monkeypatch.chdir(tmp_path)
    first, *rest = shlex.split(EXAMPLES[name].partition(" >")[0])

    main.commands[first].make_context(first, rest)
    assert f"Example: alertbot {EXAMPLES[name]}" in " ".join(alertbot(name, "--help").output.split())


def test_the_version_has_a_short_option():
    assert alertbot("-V").output == alertbot("--version").output


@pytest.mark.parametrize("name", main.commands)
def test_every_command_tells_what_it_does(name):
    result = alertbot(name, "--help")

    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: alertbot {name}")
    assert main.commands[name].help.split()[0] in result.output


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] in alertbot("--version").output


# --- check


def test_a_right_file_passes_the_check():
    result = alertbot("check")

    assert (result.exit_code, result.output) == (0, "rules.toml: fine: 2 rules over 2 domains\n")


def test_a_check_counts_one_rule_and_one_domain_as_one(folder):
    one = RULES.replace('"video.example.com", "img.example.com"', '"video.example.com"').split("[[rule]]")
    (folder / "one.toml").write_text("[[rule]]".join(one[:2]))

    assert alertbot("check", "-c", "one.toml").output == "one.toml: fine: 1 rule over 1 domain\n"


def test_a_file_with_windows_reminders_escalations_and_mutes_passes_the_check(folder):
    (folder / "rules.toml").write_text(
        RULES
        + 'active = ["mon-fri 09:00-18:00", "daily 22:00-06:00"]\ntimezone = "Europe/Berlin"\nrepeat = "never"\n'
        + 'escalate_after = "30m"\nescalate_to = ["@here", "#ops", "U024BE7LH"]\n'
        + '[[mute]]\ndomains = ["img.*", "total"]\nrules = ["went-*"]\nwhen = ["sun 02:00-04:00"]\n'
        + 'timezone = "Asia/Tokyo"\nreason = "maintenance"\n'
        + "[[mute]]\nstart = 2026-03-02T17:00:00\nend = 2026-03-02T23:00:00Z\n"
    )

    assert alertbot("check").exit_code == 0


def test_a_file_that_watches_the_whole_account_passes_the_check(folder):
    (folder / "all.toml").write_text(RULES.replace('"video.example.com", "img.example.com"', '"*"'))

    assert alertbot("check", "-c", "all.toml").output == "all.toml: fine: 2 rules over all domains of the account\n"


def test_every_mistake_of_a_file_is_told_with_its_line_and_exit_code_2(folder):
    (folder / "rules.toml").write_text(RULES.replace("3 Gbps", "3 GB").replace("severity", "severty"))

    result = alertbot("check")

    assert (result.exit_code, result.stdout) == (2, "")
    first, second = result.stderr.splitlines()
    assert first.startswith("rules.toml:15: rule.went-dark.severty: ")
    assert second.startswith("rules.toml:21: rule.ceiling.above: ")


@pytest.mark.parametrize("command", ["run", "check", "replay", "export", "manifest", "ack", "silences"])
def test_a_file_that_is_not_there_is_told_with_exit_code_2(command):
    result = alertbot(command, "-c", "nowhere.toml")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("nowhere.toml:0: file: there is no such file")


# --- manifest


def test_the_manifest_is_json_for_the_command_of_the_file():
    result = alertbot("manifest")

    assert result.exit_code == 0
    assert json.loads(result.output)["features"]["slash_commands"][0]["command"] == "/cdn"


# --- replay and export


def test_a_csv_is_replayed_as_one_json_object_a_line_and_nothing_else():
    result = alertbot("replay", "--csv", "history.csv", "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert events(result.stdout) == TOLD


def test_a_csv_is_replayed_in_words():
    lines = alertbot("replay", "--csv", "history.csv").output.splitlines()

    assert lines[0] == (
        "2026-03-02 01:10  fired     went-dark: video.example.com went dark at 01:00: 0 bps, was 2 Gbps."
    )
    assert lines[3] == "2 alerts fired in 1 day, on 1 of 1 series: 2 pages, 2 a day."


def test_a_replay_can_be_narrowed_to_a_rule_and_a_time():
    one_rule = alertbot("replay", "--csv", "history.csv", "--json", "--rule", "ceiling")
    later = alertbot("replay", "--csv", "history.csv", "--json", "--from", "2026-03-02T01:15:00Z")
    earlier = alertbot("replay", "--csv", "history.csv", "--json", "--to", f"{START + 13 * SLOT}")

    assert events(one_rule.output) == TOLD[2:]
    assert events(later.output) == TOLD[2:]
    assert events(earlier.output) == TOLD[:1]


@pytest.mark.parametrize("text", ["domain,bps\n", "domain,time,bps\nvideo.example.com,1793613601,5\n"])
def test_a_csv_that_cannot_be_read_is_told_with_exit_code_1(folder, text):
    (folder / "bad.csv").write_text(text)

    result = alertbot("replay", "--csv", "bad.csv")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("alertbot: bad.csv:")


def test_the_stored_history_is_replayed(folder):
    rates = [float(line.rpartition(",")[2]) for line in CSV.splitlines()[1:]]
    stored(folder / "alertbot.db", video=rates)

    assert events(alertbot("replay", "--json").output) == TOLD


LAUNCHED = [1e9] * 2 * DAY_SLOTS
LAUNCHED[17 * 12 : 19 * 12] = [3e9] * 24
"""Two days, with three times the traffic from 17:00 to 19:00 on the first."""

HALVED = RULES.partition("[[rule]]")[0] + '[[rule]]\nname = "halved"\nkind = "day_over_day"\nratio = 0.5\n'
LAUNCH = "[[mute]]\nstart = 2026-03-02T17:00:00\nend = 2026-03-02T19:00:00\n"
TOO_LITTLE = [("fired", "halved", DAY_SLOTS + 17 * 12 + 1, DAY_SLOTS + 17 * 12)]


@pytest.mark.parametrize(
    ("mute", "told"),
    [
        ("", TOO_LITTLE),
        (LAUNCH, []),
        (LAUNCH + 'domains = ["video.*"]\nrules = ["ha*"]\n', []),
        (LAUNCH + 'domains = ["img.*"]\n', TOO_LITTLE),
        (LAUNCH.replace("17:00:00", "17:00:00-05:00").replace("19:00:00", "19:00:00-05:00"), TOO_LITTLE),
        ('[[mute]]\nwhen = ["mon 17:00-19:00"]\n', TOO_LITTLE),  # what recurs is compared with itself
    ],
)
def test_a_launch_under_a_mute_is_no_measure_of_the_next_day_in_either_replay(folder, mute, told):
    (folder / "rules.toml").write_text(HALVED + mute)
    stored(folder / "alertbot.db", video=LAUNCHED)
    (folder / "exported.csv").write_text(alertbot("export").stdout)

    for result in (alertbot("replay", "--json"), alertbot("replay", "--json", "--csv", "exported.csv")):
        assert (result.exit_code, result.stderr) == (0, "")
        assert [event for event in events(result.stdout) if event[0] == "fired"] == told


def test_what_goes_dark_during_a_launch_under_a_mute_fires_all_the_same(folder):
    """Compared with nothing, it would be dark for good and nobody told."""
    (folder / "rules.toml").write_text(RULES + LAUNCH)
    dark = LAUNCHED[: 18 * 12] + [0.0] * 24
    stored(folder / "alertbot.db", video=dark)

    assert events(alertbot("replay", "--json", "--rule", "went-dark").output) == [
        ("fired", "went-dark", 18 * 12 + 1, 18 * 12)
    ]


def test_a_mute_hides_nothing_from_a_replay(folder):
    (folder / "rules.toml").write_text(RULES + '[[mute]]\nwhen = ["daily 00:00-24:00"]\n')

    assert events(alertbot("replay", "--csv", "history.csv", "--json").output) == TOLD


def test_a_rule_is_replayed_in_its_windows_only(folder):
    (folder / "rules.toml").write_text(RULES + 'active = ["mon 00:00-01:35", "tue-sun 00:00-24:00"]\n')

    assert events(alertbot("replay", "--csv", "history.csv", "--json").output) == TOLD[:2]


def test_what_is_exported_is_what_was_stored_and_replays_the_same(folder):
    rates = [float(line.rpartition(",")[2]) for line in CSV.splitlines()[1:]]
    stored(folder / "alertbot.db", video=rates, img=[5.25, None, 0])

    exported = alertbot("export")
    (folder / "exported.csv").write_text(exported.stdout)

    assert exported.exit_code == 0
    assert exported.stdout.splitlines()[-3:] == [
        "img.example.com,2026-03-02T00:00:00Z,5.25",
        "img.example.com,2026-03-02T00:05:00Z,",
        "img.example.com,2026-03-02T00:10:00Z,0",
    ]
    assert events(alertbot("replay", "--csv", "exported.csv", "--json").output) == TOLD


@pytest.mark.parametrize("span", [("--from", "2027-01-01"), ("--to", "2001-01-01")])
def test_an_export_of_a_time_of_which_nothing_is_stored_is_empty(folder, span):
    stored(folder / "alertbot.db", video=[1, 2, 3])
    result = alertbot("export", *span)
    assert (result.exit_code, result.stdout) == (0, "domain,time,bps\n")
    assert alertbot("export", "--openmetrics", *span).stdout.endswith("# EOF\n")


def test_an_export_can_be_narrowed_to_domains_and_a_time(folder):
    stored(folder / "alertbot.db", video=[1, 2, 3], img=[4, 5, 6])

    result = alertbot("export", "--from", "2026-03-02T00:05:00Z", "--to", "2026-03-02T00:06:00Z", "img")

    assert result.stdout.splitlines() == ["domain,time,bps", "img.example.com,2026-03-02T00:05:00Z,5"]


def test_the_database_of_a_service_is_found_in_its_state_directory(folder, monkeypatch):
    (folder / "state").mkdir()
    stored(folder / "state" / "alertbot.db", video=[1])
    monkeypatch.setenv("STATE_DIRECTORY", str(folder / "state"))

    assert len(alertbot("export").stdout.splitlines()) == 2


@pytest.mark.parametrize("command", ["replay", "export", "ack", "silences"])
def test_without_a_database_there_is_nothing_to_ask_and_exit_code_1(command):
    result = alertbot(command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no database yet" in result.stderr


def test_a_folder_is_no_database(folder):
    (folder / "alertbot.db").mkdir()
    for command in ("check", "status", "run"):
        result = alertbot(command)

        assert (result.exit_code, result.stdout) == (2, "")
        assert 'alertbot.db is a folder: name a file in it, such as "alertbot.db/alertbot.db"' in result.stderr


def test_where_one_may_not_look_that_is_said(folder, monkeypatch):
    monkeypatch.setattr("alertbot.cli.options._PLACES", (folder / ("x" * 300), folder / "rules.toml"))
    result = CliRunner().invoke(main, ["check"])

    assert result.exit_code == 2
    assert "file: cannot be read: File name too long: name yours with -c" in result.stderr


# --- orders and silences


class Service:
    """Answers what the shell asks, as the service would: ``requests`` holds it all."""

    def __init__(self, path, outcome=None):
        self._outcome = outcome
        self._ended = threading.Event()
        self._store = Store(path)
        self._store.do(feed.write_live, "{}", time.time())
        self._thread = threading.Thread(target=self._work)
        self.requests = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._store.close()

    def _work(self):
        while not self._ended.wait(0.02):
            for request in self._store.do(requests.waiting, time.time()):
                self.requests.append(request)
                if self._outcome is not None:
                    self._store.do(requests.finish, request.number, self._outcome, time.time())


@pytest.fixture
def login(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.delenv("SUDO_USER", raising=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ack",), ("ack",)),
        (("ack", "#412"), ("ack", "#412")),
        (("ack", "412", "looking", "into", "it"), ("ack", "412", "looking", "into", "it")),
        (("unack", "412"), ("unack", "412")),
        (("silence", "rule:my rule", "2h", "image", "work"), ("silence", "rule:my rule", "2h", "image", "work")),
        (("unsilence", "s3"), ("unsilence", "s3")),
        (("ack", "412", "caf\udce9"), ("ack", "412", "caf\ufffd")),
    ],
)
@pytest.mark.usefixtures("login")
def test_an_order_is_handed_to_the_service_and_its_answer_printed(folder, arguments, words):
    with Service(folder / "alertbot.db", RequestOutcome("`#412` is acknowledged,\na &amp; b.")) as service:
        result = alertbot(*arguments)
    assert (result.exit_code, result.stdout) == (0, "#412 is acknowledged,\na & b.\n")
    assert [(request.author, request.words) for request in service.requests] == [("ada (shell)", words)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("ack", "412"),
        ("unack", "412"),
        ("silence", "video.example.com", "2h"),
        ("unsilence", "s3"),
        ("keep-posting", "video.example.com"),
        ("learn-silence", "video.example.com"),
    ],
)
def test_what_became_of_an_order_is_told_as_json(folder, arguments):
    with Service(folder / "alertbot.db", RequestOutcome("`#412` is acknowledged: a &amp; b.")):
        result = alertbot(*arguments, "--json")
    assert json.loads(result.stdout) == {"request": 1, "done": True, "answer": "#412 is acknowledged: a & b."}


def test_a_refusal_is_told_with_exit_code_2(folder):
    with Service(folder / "alertbot.db", RequestOutcome("there is no incident #412", refused=True)):
        result = alertbot("ack", "412")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "alertbot: there is no incident #412\n")


def test_an_order_that_is_not_understood_never_reaches_the_service(folder):
    with Service(folder / "alertbot.db", RequestOutcome("done")) as service:
        result = alertbot("silence", "video.*")
    assert result.exit_code == 2
    assert 'say until when: "silence video.* 2h"' in result.stderr
    assert service.requests == []


def test_a_service_that_does_not_answer_is_told_with_exit_code_1(folder, monkeypatch):
    monkeypatch.setattr("alertbot.cli.orders.PATIENCE", -19.5)  # half a second beyond the probe
    with Service(folder / "alertbot.db") as service:
        result = alertbot("ack", "412")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the service has not answered" in result.stderr
    assert service.requests


def test_where_no_service_runs_an_order_waits_for_its_start(folder):
    store = Store(folder / "alertbot.db")
    assert json.loads(alertbot("ack", "412", "--json").stdout)["done"] is False
    store.do(feed.write_live, "{}", time.time() - 600)
    result = alertbot("ack", "413")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "when it starts" in result.stdout
    assert [request.words[1] for request in store.do(requests.waiting, time.time())] == ["412", "413"]
    store.close()


def test_a_service_that_was_stopped_just_now_does_not_run(folder):
    database = folder / "alertbot.db"
    store = Store(database)
    store.do(feed.write_live, Live(time.time()).to_json(), time.time())
    store.close()
    assert "does not seem to run" not in alertbot("status").stdout
    lock_path(database).touch()  # as a service leaves it behind

    assert "The service does not seem to run: this is what it knew " in alertbot("status").stdout
    assert json.loads(alertbot("status", "--json").stdout)["running"] is False
    assert "when it starts" in alertbot("ack", "412").stdout


@pytest.mark.parametrize(("variable", "name"), [("SUDO_USER", "bob (shell)"), ("LOGNAME", "ada (shell)")])
def test_who_gave_an_order_is_known_through_sudo(folder, monkeypatch, login, variable, name):
    if variable == "SUDO_USER":
        monkeypatch.setenv("SUDO_USER", "bob")
    with Service(folder / "alertbot.db", RequestOutcome("done")) as service:
        alertbot("ack")
    assert service.requests[0].author == name


def test_a_user_without_a_name_gives_orders_too(folder, monkeypatch):
    for name in ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    with Service(folder / "alertbot.db", RequestOutcome("done")) as service:
        alertbot("ack")
    assert service.requests[0].author == "somebody (shell)"


def test_silences_are_listed_in_words_and_as_json(folder):
    Store(folder / "alertbot.db").close()
    assert alertbot("silences").stdout == "Nothing is silenced.\n"
    begins, ends = time.time() - 60, time.time() + 3600
    with closing(sqlite3.connect(folder / "alertbot.db")) as connection, connection:
        connection.execute(
            "INSERT INTO silences (target, begins, ends, author, reason, channel, created)"
            " VALUES ('video.*', ?, ?, 'ada', 'a & b', '#ops', 0)",
            (begins, ends),
        )
    result = alertbot("silences")
    assert result.stdout.startswith("1 silence in force.\ns1 video.* until ")
    assert result.stdout.endswith(", silenced by ada: a & b\n")
    assert json.loads(alertbot("silences", "--json").stdout) == {
        "id": 1,
        "stage": "in force",
        "number": 1,
        "target": "video.*",
        "author": "ada",
        "reason": "a & b",
        "begins": begins,
        "ends": ends,
        "cancelled": None,
        "cancelled_by": None,
    }


# --- run, as processes of their own


def start(folder, **tokens):
    """``alertbot run`` in the folder; its log comes through a pipe."""
    environment = {**os.environ, **{f"ALERTBOT_{name.upper()}": token for name, token in tokens.items()}}
    return subprocess.Popen([ALERTBOT, "run"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def test_a_run_without_the_api_token_exits_2_and_says_where_it_is_read_from(folder):
    process = start(folder)
    _, log = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert "ALERTBOT_API_TOKEN" in log
    assert "api_token" in log


def test_a_run_with_half_of_slack_exits_2(folder):
    process = start(folder, api_token="t0k", slack_app_token="xapp-1")
    _, log = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert "ALERTBOT_SLACK_BOT_TOKEN" in log
    assert "xapp-1" not in log


@pytest.mark.slow
def test_a_second_run_on_the_same_database_exits_1_and_leaves_the_first_alone(folder):
    with start(folder, api_token="t0k") as first:
        # Once it says so, the database is its own.
        assert any("watching begins" in line for line in first.stderr)
        second = start(folder, api_token="t0k")
        _, log = second.communicate(timeout=PATIENCE)
        first.send_signal(signal.SIGTERM)
        _, rest = first.communicate(timeout=PATIENCE)

    assert second.returncode == 1
    assert "another alertbot runs on this database" in log
    assert first.returncode == 0
    assert "t0k" not in log + rest
