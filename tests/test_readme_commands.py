"""Every command of the README's chapters on the command line and on operations is run, as it stands there.

Paths of a real machine (/etc, /var, /opt) are a folder of the test's; sudo is nobody, and systemctl does what it would
do with the units that were copied there. The CDN and Slack are on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing

import pytest
from fakes.wire.slack import APP_TOKEN, BOT_TOKEN, FakeSlack
from fakes.worlds.stored import store as write_stored
from pages import ROOT, TEXT

from alertbot.clock import SystemClock
from alertbot.feed.simulator.scenario import Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.query.live import Live
from alertbot.store import feed
from alertbot.store.store import Store
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time, slot_at

pytestmark = [pytest.mark.slow, pytest.mark.real_time]

TOKEN = "api-s3cret"
DOMAINS = ("video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com")

RULES = """
[feed]
base_url = "{api}"

[watch]
domains = ["video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com"]

[[group]]
name = "downloads"
domains = ["dl*"]
sum = true

[slack]
base_url = "{slack}"

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"

[[rule]]
name = "video-ceiling"
kind = "threshold"
domains = ["video.*"]
above = "3 Gbps"

[[rule]]
name = "my rule"
kind = "threshold"
above = "9 Gbps"
"""

TESTS = """
[[test]]
name   = "a busy domain goes dark"
start  = 2026-03-02T12:00:00
series = { "video.example.com" = "1 Gbps x12, 0 x4" }
expect = [{ fired = "went-dark", slot = 13 }]
"""

SHIMS = {
    "sudo": 'exec "$@"',
    # Where there is no rules.toml in the current folder, that of the service is found, and the state of its unit.
    "alertbot": """
name=$1; shift
case $name in init|demo|help) ;; *) [ -e rules.toml ] || {
    set -- -c "$FAKE/etc/alertbot/rules.toml" "$@"
    export STATE_DIRECTORY="$FAKE/var/lib/alertbot"
};; esac
exec "$PYTHON" -m alertbot "$name" "$@"
""",
    "journalctl": '[ "$1 $2" = "-u alertbot" ] && echo "journalctl $*" >>"$LOG"',
    "sudoedit": '[ -f "$1" ]',
    "chown": 'for file in "$@"; do [ -e "${file#--reference=}" ] || exit 1; done',
    "systemd-creds": """
[ "$1" = encrypt ] || exit 1
if [ "$3" = - ]; then [ "$4" = "$FAKE/etc/alertbot/${2#--name=}.cred" ] && exec cat >"$4"; exit 1; fi
[ "${2#--name=}" = "${3##*/}" ] && cp "$3" "$4"
""",
    **{name: f'echo "{name} $*" >>"$LOG"' for name in ("apt", "git", "python3", "pip")},
    # A unit must have been copied there; the one-shot service does its work, the timer and the service are noted.
    "systemctl": """
echo "systemctl $*" >>"$LOG"
case $1 in daemon-reload) exit 0;; *) shift;; esac
[ "$1" = --now ] && shift
for unit in "$@"; do
    case $unit in *.*) ;; *) unit=$unit.service;; esac
    file=$FAKE/etc/systemd/system/$(echo "$unit" | sed 's/@[^.]*/@/')
    [ -e "$file" ] || { echo "no unit $unit" >&2; exit 5; }
    if [ "$unit" = alertbot-backup.service ]; then
        line=$(sed -n "s|^ExecStart=[^ ]*|alertbot|p" "$file")
        line=$(echo "$line" | sed "s|%S|/var/lib|; s| /etc| $FAKE/etc|; s| /var| $FAKE/var|")
        STATE_DIRECTORY=$FAKE/var/lib/alertbot sh -ec "$line"
    fi
done
""",
}
"""Commands that would change a machine, or need one."""


def chapter(title):
    """What stands under a heading, up to the next one of its rank."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |^{'#' * 2} |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no heading {title}"
    return found[2]


def blocks(title):
    return re.findall(r"^```sh\n(.*?)^```$", chapter(title), re.MULTILINE | re.DOTALL)


GROUPS = ("First steps", "Questions", "Orders", "History")
NOT_HERE = ("alertbot run", "alertbot demo")
"""They go on, or take a minute: tests/e2e and tests/cli/test_cli.py run them."""


SECRETS = {"api_token": TOKEN, "slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN}


@pytest.fixture
def machine(tmp_path):
    """Folders as they are on a machine, and commands that act on these alone."""
    for folder in ("etc/systemd/system", "var/lib/alertbot", "var/lib/private/alertbot", "var/lib/alertbot-backups",
                   "var/backups", "opt/alertbot/.venv/bin", "usr/local/bin", "bin", "home"):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
    for name, text in SHIMS.items():
        for folder in ("bin", "opt/alertbot/.venv/bin"):
            (tmp_path / folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / folder / name).chmod(0o755)
    for name in ("systemd", ".ci", "rules.example.toml"):
        (tmp_path / "opt/alertbot" / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.fixture
def installed(machine):
    """Likewise, once alertbot was installed there."""
    for unit in (ROOT / "systemd").iterdir():
        (machine / "etc/systemd/system" / unit.name).write_bytes(unit.read_bytes())
    (machine / "etc/alertbot").mkdir()
    for name, token in SECRETS.items():
        (machine / "etc/alertbot" / name).write_text(f"{token}\n")
    return machine


@asynccontextmanager
async def surroundings(machine):
    """The CDN, Slack with somebody who clicks, and a database with the last days and an open incident."""
    simulator = Simulator(Scenario(token=TOKEN, domains=dict.fromkeys(DOMAINS, Shape(1e9))), SystemClock())
    slack = FakeSlack()
    text = RULES.format(api=await simulator.start(), slack=await slack.start())
    (machine / "home/rules.toml").write_text(text)
    fill(machine / "home/alertbot.db")
    if (machine / "etc/alertbot").exists():
        (machine / "etc/alertbot/rules.toml").write_text(text)
        fill(machine / "var/lib/alertbot/alertbot.db")
    (machine / "home/old.toml").write_text(text.replace("3 Gbps", "2 Gbps"))
    (machine / "home/tests.toml").write_text(TESTS)
    (machine / "home/history.csv").write_text("\n".join(["domain,time,bps", *_history(), ""]))
    clicking = asyncio.create_task(click(slack))
    try:
        yield slack
    finally:
        clicking.cancel()
        await asyncio.gather(clicking, return_exceptions=True)
        await simulator.stop()
        await slack.stop()


def _history():
    """Nine days of a domain that is over its limit in the first hours."""
    first = parse_time("2026-03-02")
    for number in range(9 * DAY_SLOTS):
        yield f"video.example.com,{first + number * SLOT},{4e9 if number < 40 else 1e9}"


def fill(path):
    now = slot_at(time.time()) - SLOT
    first = now - 9 * DAY
    values = {name: [1e9] * ((now - first) // SLOT + 1) for name in (*DOMAINS, "sum:downloads", "total")}
    write_stored(path, first, values)
    store = Store(path)
    live = Live(float(now), frontier=now, newest=now + SLOT, domains=4, series=6)
    store.do(feed.write_live, live.to_json(), now - 9 * DAY)
    store.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO incidents (id, kind, channel, since, opened) VALUES (412, 'alert', '#cdn-alerts', ?, ?)",
            (now, float(now)),
        )
        db.execute(
            "INSERT INTO silences (id, target, begins, ends, author, reason, channel, created)"
            " VALUES (3, 'video.*', 0, ?, 'Ada', '', '#cdn-alerts', 0)",
            (now + DAY,),
        )


async def click(slack):
    """Somebody clicks whatever asks for it."""
    done = set()
    while True:
        for message in list(slack.posts):
            if message.ts not in done and "doctor" in message.everything and message.blocks:
                done.add(message.ts)
                with contextlib.suppress(TimeoutError, LookupError):
                    await slack.click(message, "doctor", patience=5)
        await asyncio.sleep(0.05)


async def run(machine, script, typed=""):
    """Run lines of the shell, each of which must do well, and type something where they wait for it."""
    for folder in ("etc", "var", "opt", "usr"):
        script = re.sub(rf"(?<![\w./])/{folder}/", f"{machine}/{folder}/", script)
    environment = {
        "PATH": f"{machine}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHON": sys.executable,
        "FAKE": str(machine),
        "LOG": str(machine / "log"),
        "USER": "ada",
        "HOME": f"{machine}/home",
        **{f"ALERTBOT_{name.upper()}": token for name, token in SECRETS.items()},
    }
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, cwd=machine / "home", env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate(f"{typed}\n".encode())
    assert process.returncode == 0, f"{script}\n{printed.decode()}"
    assert not any(secret in printed.decode() for secret in SECRETS.values())
    return printed.decode()


def logged(machine):
    return (machine / "log").read_text().splitlines() if (machine / "log").exists() else []


def at(text, path):
    """Commands for the API on loopback, which ``path`` names, rather than for the CDN's own."""
    api = re.search(r'base_url = "(http://[^"]+/v2/)"', path.read_text())[1]
    return text.replace("alertbot init", f"alertbot init --base-url {api}")


def test_the_chapters_were_found():
    assert all(blocks(title) for title in (*GROUPS, *OPERATIONS, *INSTALLING))


@pytest.mark.parametrize("title", GROUPS)
async def test_every_example_of_a_command_does_well(installed, title):
    async with surroundings(installed):
        rules = installed / "home/rules.toml"
        lines = [line for block in blocks(title) for line in at(block, rules).splitlines()]
        for line in lines:
            if not line.startswith(NOT_HERE):
                await run(installed, line)
            if title == "Questions":
                for each in (await run(installed, f"{line.partition('#')[0]} --json")).splitlines():
                    json.loads(each)


OPERATIONS = ("Start, stop, look", "Reload", "Backup and restore", "Upgrade", "Go back after an upgrade")


async def test_the_commands_of_operations_do_well_in_their_order(installed):
    today = time.strftime("alertbot-%Y-%m-%d.db", time.gmtime())
    async with surroundings(installed):
        fill(installed / "var/lib/alertbot/alertbot.db.before-what_people_found_useful")
        for block in (block for title in OPERATIONS for block in blocks(title)):
            # The copy of the day stands for the one that is named there.
            await run(installed, re.sub(r"alertbot-\d{4}-\d\d-\d\d\.db", today, block))
        with closing(sqlite3.connect(installed / "var/lib/alertbot/alertbot.db")) as db:
            assert db.execute("SELECT id FROM incidents").fetchall() == [(412,)]

    log = logged(installed)
    assert "systemctl enable --now alertbot-backup.timer" in log
    assert "systemctl stop alertbot" in log
    assert any(line.startswith("pip install") for line in log)


INSTALLING = (
    "1. Install",
    "2. The API's token",
    "3. Say what to watch",
    "4. Create the Slack app",
    "5. Slack's tokens",
    "6. Does everything work?",
    "7. Start",
    "Several accounts",
    "Encrypted secrets",
    "A new token",
)


async def test_an_installation_goes_through_as_it_is_described(machine):
    async with surroundings(machine) as slack:
        api = machine / "api.toml"
        (machine / "home/rules.toml").rename(api)
        for title in INSTALLING:
            for block in blocks(title):
                if "alertbot run" in block:
                    continue
                lines = re.sub(r"(&&|\|)\n", r"\1", block).splitlines() if "read -rs" in block else [block]
                for line in lines:
                    name = line.rpartition("/")[2].removesuffix(".cred")
                    await run(machine, at(line, api), SECRETS.get(name, ""))
            if title == "5. Slack's tokens":
                (machine / "etc/alertbot/eu").mkdir()
            if title == "3. Say what to watch":
                rules = machine / "etc/alertbot/rules.toml"
                rules.write_text(rules.read_text().replace("[slack]", f'[slack]\nbase_url = "{slack.base_url}"'))

    held = machine / "etc/alertbot"
    assert {name: (held / name).read_text() for name in SECRETS} == SECRETS
    assert all((held / name).stat().st_mode & 0o777 == 0o600 for name in SECRETS)
    assert (held / "rules.toml").stat().st_mode & 0o004, "the service's user, whoever that is, must read it"
    assert (held / "slack_bot_token.cred").exists()
    assert "systemctl enable --now alertbot" in logged(machine)
    assert "systemctl enable --now alertbot@eu" in logged(machine)


async def test_uninstalled_leaves_nothing(installed):
    (installed / "usr/local/bin/alertbot").touch()
    for block in blocks("Uninstall"):
        await run(installed, block)

    assert list(installed.glob("[eouv]*/**/*alertbot*")) == []


async def test_a_unit_that_is_not_there_would_be_noticed(installed):
    with pytest.raises(AssertionError, match="no unit alertbto"):
        await run(installed, "sudo systemctl restart alertbto")
