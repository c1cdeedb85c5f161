"""The units in systemd/: what they promise, and that systemd takes them as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.waiting import PATIENCE
from pages import TEXT

from alertbot.cli.main import main
from alertbot.config.credentials import Credentials
from alertbot.errors import ConfigError, CredentialsError
from alertbot.service.store_outage import LAST_WORDS

ROOT = Path(__file__).parents[1]
UNITS = sorted((ROOT / "systemd").iterdir())
UNIT, TEMPLATE, BACKUP = (ROOT / "systemd" / f"{name}.service" for name in ("alertbot", "alertbot@", "alertbot-backup"))


def settings(section, unit=UNIT):
    """Key and value of a section's lines, in order: a key may stand there several times."""
    text = unit.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [line for line in body.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split("=", 1)) for line in lines]


SERVICE = settings("Service")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("DynamicUser", "yes"),
        ("StateDirectory", "alertbot"),
        ("Restart", "on-failure"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
    ],
)
def test_the_service_keeps_what_its_safety_rests_on(key, value):
    assert (key, value) in SERVICE


@pytest.mark.parametrize(
    ("lasts", "ends"),
    [
        # A start that cannot succeed: the interpreter's own start, then what it tells Slack, at most.
        (3.0, True),
        (3.0 + LAST_WORDS, True),
        # A service that was at work before it failed.
        (60.0, False),
    ],
)
def test_starts_that_fail_at_once_come_to_an_end_and_a_service_that_fails_later_is_started_for_ever(lasts, ends):
    unit = dict(settings("Unit"))
    (pause,) = [float(value) for key, value in SERVICE if key == "RestartSec"]
    within = 60 * float(unit["StartLimitIntervalSec"].removesuffix("min"))

    assert (int(unit["StartLimitBurst"]) * (lasts + pause) < within) is ends


def test_a_start_that_cannot_succeed_is_not_repeated():
    (codes,) = [value for key, value in SERVICE if key == "RestartPreventExitStatus"]

    assert {ConfigError.exit_code, CredentialsError.exit_code} == {int(code) for code in codes.split()}


@pytest.mark.parametrize("name", [field.name for field in fields(Credentials)])
def test_each_secret_comes_from_its_file_and_may_be_absent(name):
    assert ("LoadCredential", f"{name}:/etc/alertbot/{name}") in SERVICE
    # systemd 252 refuses the start where a file is missing and nothing stands in for it.
    assert ("SetCredential", rf"{name}:\n") in SERVICE


def test_the_service_starts_a_command_that_there_is():
    ((_, line),) = [setting for setting in SERVICE if setting[0] == "ExecStart"]
    program, name, *arguments = shlex.split(line)

    assert Path(program).is_absolute()
    main.commands[name].make_context(name, arguments)


def test_a_reload_signals_the_service_and_then_checks_what_it_reads():
    signals, checks = (shlex.split(value) for key, value in SERVICE if key == "ExecReload")
    (start,) = (shlex.split(value) for key, value in SERVICE if key == "ExecStart")

    assert signals == ["/bin/kill", "-HUP", "$MAINPID"]
    assert checks == [start[0], "check", *start[2:]]


def test_a_watchdog_waits_longer_than_any_pause_of_a_service_that_is_well_and_leaves_no_core():
    (seconds,) = [float(value) for key, value in SERVICE if key == "WatchdogSec"]

    assert 60 <= seconds <= 120
    assert ("LimitCORE", "0") in SERVICE


def test_what_runs_away_is_ended_before_it_takes_the_machine_and_long_after_what_is_needed():
    files, memory = (dict(SERVICE)[key] for key in ("LimitNOFILE", "MemoryMax"))

    assert 1024 < int(files) <= 65_536
    assert 1 <= int(memory.removesuffix("G")) <= 4


def test_the_readme_installs_what_the_service_starts_and_reads():
    ((_, line),) = [setting for setting in SERVICE if setting[0] == "ExecStart"]
    folder = line.partition("/.venv/")[0]

    assert f"git clone REPOSITORY {folder} " in TEXT
    assert f"ExecStart={line} " in TEXT
    assert "cp rules.example.toml /etc/alertbot/rules.toml" in TEXT


def test_the_service_of_an_account_differs_in_its_paths_alone():
    ours = [line for line in UNIT.read_text().splitlines() if not line.startswith(("#", "Description="))]
    instance = [line for line in TEMPLATE.read_text().splitlines() if not line.startswith(("#", "Description="))]
    expected = [
        re.sub(r"^(\w+Directory=alertbot)$", r"\1-%i", line).replace("/etc/alertbot/", "/etc/alertbot/%i/")
        for line in ours
    ]

    assert [line for line in instance if line != "User=alertbot-%i"] == expected
    assert sum("%i" in line for line in instance) >= 7


def test_the_backup_is_made_by_a_command_that_there_is_as_the_services_own_user():
    held = dict(setting for setting in settings("Service", BACKUP) if setting[0] != "SystemCallFilter")
    program, name, *arguments = shlex.split(held["ExecStart"])

    assert program == dict(SERVICE)["ExecStart"].split()[0]
    main.commands[name].make_context(name, list(arguments))
    assert (held["Type"], held["User"], held["DynamicUser"]) == ("oneshot", UNIT.stem, "yes")
    database, copies = held["StateDirectory"].split()
    assert ("StateDirectory", database) in SERVICE
    assert arguments[-1] == f"%S/{copies}"
    assert BACKUP.with_suffix(".timer").exists()


@pytest.fixture
def copies(tmp_path):
    """The units as they would be installed; the real program is there only once alertbot is."""
    for unit in UNITS:
        copy = tmp_path / unit.name.replace("@.", "@eu.")
        copy.write_text(re.sub(r"^(Exec\w+=)/opt/\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE))
    return sorted(tmp_path.iterdir())


@needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(copies):
    result = analyze("verify", *copies)

    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    assert len(copies) == 4


@needs("systemd-analyze")
def test_each_sandbox_leaves_at_most_1_5_of_10_exposed(copies):
    for copy in copies:
        if copy.suffix == ".service":
            result = analyze("security", "--offline=yes", "--threshold=15", copy)
            assert result.returncode == 0, result.stdout


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
