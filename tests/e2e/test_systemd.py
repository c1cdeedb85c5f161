"""The shipped unit under a real systemd, PID 1 of its own namespaces, beside the simulator and the loopback Slack."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import API_TOKEN, RULES, SCENARIO, Stage, StageClock
from fakes.rigs.waiting import PATIENCE, wait_for
from fakes.wire.workspace import APP_TOKEN, BOT_TOKEN
from pages import PAGES

import alertbot

pytestmark = [pytest.mark.slow, needs("root", "systemd-analyze")]

SOURCE = Path(alertbot.__file__).parents[1]
UNIT = Path(__file__).parents[2] / "systemd" / "alertbot.service"
BOOT = Path(__file__).with_name("boot.sh")

UNSHARE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--fork", "--mount-proc", "--kill-child"),
    *("--propagation", "private"),
)

TOKENS = {"api_token": API_TOKEN, "slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN}


# There is no journal in there to take the log, and nobody to wait for the next start.
DROP_IN = "[Service]\nStandardOutput=file:/run/alertbot.log\nStandardError=file:/run/alertbot.log\nRestartSec=1\n"


class Machine:
    """A booted systemd, by the process id of its PID 1 out here."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    @property
    def root(self) -> Path:
        """Its file system, seen from out here."""
        return Path(f"/proc/{self._pid}/root")

    def systemctl(self, *arguments: str) -> str:
        """What systemctl prints in there, whatever its exit code."""
        return self.run("systemctl", *arguments)

    def run(self, *command: str) -> str:
        """What a command prints in there, whatever its exit code."""
        inside = ["nsenter", "--target", str(self._pid), "--mount", "--pid", "--cgroup", *command]
        return subprocess.run(inside, stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=False).stdout

    def status(self) -> str:
        """The line the service gave systemd for its status."""
        return self.systemctl("show", "--property=StatusText", "alertbot.service")

    def fed(self) -> float:
        """When systemd last heard that all is well, in its own monotonic seconds."""
        stamp = self.systemctl("show", "--property=WatchdogTimestampMonotonic", "--value", "alertbot.service")
        return int(stamp) / 1e6

    def shows(self, **properties: str) -> bool:
        """Whether the unit has these properties."""
        shown = self.systemctl("show", "alertbot.service").splitlines()
        return all(f"{name}={value}" in shown for name, value in properties.items())


@pytest.fixture
def boot(tmp_path):
    """Boots a systemd that starts the shipped unit with the configuration in ``etc/alertbot``."""
    if why := _why_not():
        pytest.skip(why)
    folder = tmp_path / "machine"
    (folder / "units" / "alertbot.service.d").mkdir(parents=True)
    (folder / "etc" / "alertbot").mkdir(parents=True)
    (folder / "units" / "alertbot.service.d" / "test.conf").write_text(DROP_IN)
    (folder / "units" / "stage.target").write_text("[Unit]\nWants=alertbot.service\n")
    for unit in UNIT.parent.iterdir():
        shutil.copy(unit, folder / "units")
    for name in ("sysinit", "basic", "shutdown", "network-online", "time-sync"):
        (folder / "units" / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")

    @contextmanager
    def booted(stage: Stage, more: str = "") -> Iterator[Machine]:
        (folder / "units" / "alertbot.service.d" / "more.conf").write_text(more)
        shutil.copy(stage.configuration, folder / "etc" / "alertbot")
        for name, token in TOKENS.items():
            (folder / "etc" / "alertbot" / name).write_text(f"{token}\n")
        with _own_cgroup() as cgroup, _running(folder, cgroup) as pid:
            yield Machine(pid)

    return booted


def test_the_unit_becomes_active_posts_and_stops_cleanly(tmp_path, boot):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage) as machine:
        wait_for(lambda: machine.shows(ActiveState="active"), "an active unit")
        wait_for(stage.told, "the first alert")
        assert "`video.example.com` went above 1 Gbps " in stage.told()[0].text
        assert (machine.root / "var/lib/private/alertbot/alertbot.db").stat().st_uid != 0

        machine.systemctl("stop", "alertbot.service")
        assert machine.shows(ActiveState="inactive", Result="success", ExecMainStatus="0", NRestarts="0")
        assert (machine.root / "run/alertbot.log").read_text().endswith("stopped\n")


def test_a_killed_service_is_started_again_and_tells_nothing_twice(tmp_path, boot):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage) as machine:
        wait_for(stage.told, "the first alert")
        machine.systemctl("kill", "--signal=KILL", "alertbot.service")
        again = {"NRestarts": "1", "ActiveState": "active", "SubState": "running"}
        wait_for(lambda: machine.shows(**again), "another start")
        wait_for(lambda: "data until" in machine.status(), "data")
        (told,) = stage.told()
        assert not told.replies


def test_the_backup_is_made_beside_the_service_and_without_it(tmp_path, boot):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage) as machine:
        wait_for(lambda: "data until" in machine.status(), "data")
        machine.systemctl("start", "alertbot-backup.service")
        (copy,) = (machine.root / "var/lib/private/alertbot-backups").iterdir()
        database = machine.root / "var/lib/private/alertbot/alertbot.db"
        assert copy.name.startswith("alertbot-2")
        assert (copy.stat().st_uid, copy.stat().st_mode & 0o777) == (database.stat().st_uid, 0o600)
        with closing(sqlite3.connect(shutil.copy(copy, tmp_path))) as held:
            assert held.execute("SELECT count(*) FROM samples").fetchone()[0] > 0
        assert machine.shows(ActiveState="active", SubState="running", NRestarts="0")

        machine.systemctl("stop", "alertbot.service")
        before = copy.stat().st_ino
        machine.systemctl("start", "alertbot-backup.service")
        assert copy.stat().st_ino != before
        machine.systemctl("start", "alertbot-backup.timer", "alertbot.service")
        wait_for(lambda: machine.shows(ActiveState="active"), "an active unit")
        assert "alertbot-backup.service" in machine.systemctl("list-timers", "--no-legend", "--full")


def test_an_instance_has_its_own_configuration_credentials_and_state(tmp_path, boot):
    clock = StageClock.real()
    own = "[Unit]\nWants=alertbot@eu.service\n"
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        shutil.copytree(stage.configuration.parent, tmp_path / "machine" / "etc" / "alertbot" / "eu")
        for name, token in TOKENS.items():
            (tmp_path / "machine" / "etc" / "alertbot" / "eu" / name).write_text(f"{token}\n")
        with boot(stage, own) as machine:
            database = machine.root / "var/lib/private/alertbot-eu/alertbot.db"
            wait_for(database.exists, "a database of its own")
            states = partial(machine.systemctl, "is-active", "alertbot.service", "alertbot@eu.service")
            wait_for(lambda: states().split() == ["active", "active"], "two active services")
            assert (machine.root / "var/lib/private/alertbot/alertbot.db").stat().st_uid != database.stat().st_uid


def test_secrets_that_are_encrypted_as_the_readme_says_reach_the_service(tmp_path, boot):
    readme = PAGES["operations"]
    (drop_in,) = re.findall(r"^```ini\n(\[Service\]\nLoadCredential=\n.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage) as machine:
        wait_for(stage.told, "the first alert")
        machine.systemctl("stop", "alertbot.service")
        for name in TOKENS:
            where = f"/etc/alertbot/{name}"
            machine.run("systemd-creds", "encrypt", "--with-key=host", f"--name={name}", where, f"{where}.cred")
            (machine.root / where[1:]).unlink()
        (machine.root / "run/units/alertbot.service.d/secrets.conf").write_text(drop_in)
        machine.systemctl("daemon-reload")
        machine.systemctl("start", "alertbot.service")
        assert machine.shows(ActiveState="active", SubState="running")
        wait_for(lambda: "data until" in machine.status(), "data")


def test_a_reload_takes_up_what_is_right_and_refuses_what_is_wrong(tmp_path, boot):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage) as machine:
        wait_for(stage.told, "the first alert")
        rules = machine.root / "etc/alertbot/rules.toml"
        log = machine.root / "run/alertbot.log"
        right = rules.read_text()

        rules.write_text(right.replace("1 Gbps", "1.5 Gbps"))
        assert machine.systemctl("reload", "alertbot.service") == ""
        assert machine.shows(ActiveState="active", SubState="running", NRestarts="0", ReloadResult="success")
        wait_for(
            lambda: "the configuration is reloaded: rule changed: video-ceiling" in log.read_text(),
            "the reload",
        )

        rules.write_text(right.replace("above", "abvoe"))
        machine.systemctl("reload", "alertbot.service")
        wait_for(lambda: len(stage.told()) == 2, "the message")
        assert "/etc/alertbot/rules.toml:" in stage.told()[1].text
        wait_for(
            lambda: machine.shows(ActiveState="active", SubState="running", NRestarts="0", ReloadResult="exit-code"),
            "a failed reload of a running unit",
        )
        assert "data until" in machine.status()
        assert "resolved" not in stage.told()[0].text


def test_a_wedged_process_is_started_again_by_the_watchdog(tmp_path, boot):
    clock = StageClock.real()
    quick = "[Service]\nWatchdogSec=10\nTimeoutStopSec=2\n"
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage, quick) as machine:
        wait_for(stage.told, "the first alert")
        fed = machine.fed()
        wait_for(lambda: machine.fed() > fed + 10, "food for longer than the watchdog waits")
        assert machine.shows(NRestarts="0", ActiveState="active")
        machine.systemctl("kill", "--signal=STOP", "alertbot.service")
        again = {"NRestarts": "1", "ActiveState": "active", "SubState": "running"}
        wait_for(lambda: machine.shows(**again), "another start")
        wait_for(lambda: "data until" in machine.status(), "data")
        (told,) = stage.told()
        assert not told.replies


def test_a_wrong_configuration_ends_the_service_with_exit_code_2_for_good(tmp_path, boot):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES.replace("above", "abvoe")) as stage, boot(stage) as machine:
        failed = {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}
        wait_for(lambda: machine.shows(**failed), "a failed unit")
        assert 'unknown key, did you mean "above"?' in (machine.root / "run/alertbot.log").read_text()


def test_a_damaged_database_ends_the_service_after_some_starts_and_is_told_once(tmp_path, boot):
    clock = StageClock.real()
    damage = "[Service]\nExecStartPre=/bin/sh -c 'echo no database at all >${STATE_DIRECTORY}/alertbot.db'\n"
    limit = "[Unit]\nStartLimitBurst=3\n"
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage, boot(stage, damage + limit) as machine:
        failed = {"ActiveState": "failed", "ExecMainStatus": "1", "NRestarts": "3"}
        wait_for(lambda: machine.shows(**failed), "a failed unit")
        (told,) = stage.told()
        assert told.text.startswith("alertbot cannot start, so nothing is watched and no alert comes")
        assert "alertbot.db: file is not a database: put a backup in its place" in told.text
        assert len(stage.calls("conversations.history")) == 3


def _why_not() -> str | None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "booting a systemd takes root on Linux"
    if not Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    if _cgroup2() is None:
        return "there is no cgroup2 hierarchy"
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        return "namespaces cannot be made here"
    return None


def _cgroup2() -> Path | None:
    """Where the machine mounts cgroup2, if it may be written."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mounted, _, kind = line.partition(" - ")
        point = mounted.split()[4]
        if kind.startswith("cgroup2 ") and os.access(point, os.W_OK):
            return Path(point)
    return None


@contextmanager
def _own_cgroup() -> Iterator[Path]:
    """A cgroup for all that runs in there, so that its systemd sees no process of the machine's."""
    cgroup = _cgroup2() / f"alertbot-test-{os.getpid()}"
    cgroup.mkdir()
    try:
        yield cgroup
    finally:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            _remove(Path(folder))


def _remove(cgroup: Path) -> None:
    """Remove a cgroup once the last of its processes, just killed, is gone."""

    def gone() -> bool:
        with suppress(OSError):
            cgroup.rmdir()
        return not cgroup.exists()

    wait_for(gone, f"the end of all that ran in {cgroup}")


@contextmanager
def _running(folder: Path, cgroup: Path) -> Iterator[int]:
    """A systemd that runs the units of a folder; the process id of its PID 1."""
    paths = (folder, sys.base_prefix, sysconfig.get_path("purelib"), SOURCE)
    enter = f'echo $$ > "{cgroup}/cgroup.procs" && exec "$@"'
    command = ["sh", "-c", enter, "sh", *UNSHARE, "sh", str(BOOT), *map(str, paths)]
    with (folder / "boot.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield _first_child(process, folder / "boot.log")
    finally:
        # Its PID 1 goes with it, and with that all the others.
        process.kill()
        process.wait()


def _first_child(process: subprocess.Popen[bytes], log: Path) -> int:
    """The process that became PID 1 in there, once it is systemd."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def booted() -> list[int]:
        assert process.poll() is None, f"it did not boot: {log.read_text()}"
        pids = map(int, children.read_text().split())
        return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"]

    wait_for(booted, "a systemd")
    return booted()[0]
