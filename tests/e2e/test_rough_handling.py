"""The real process handled roughly: killed while it makes its database, reloaded, started twice, sent elsewhere."""

from __future__ import annotations

import contextlib
import http.server
import random
import re
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.stage import API_TOKEN, RULES, SCENARIO, Stage, StageClock
from fakes.rigs.waiting import for_a_while, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(tmp_path):
    with Stage(tmp_path / "stage", StageClock.real(), SCENARIO, RULES) as one:
        yield one


def soundness(stage):
    """What SQLite says of the database."""
    with closing(sqlite3.connect(stage.configuration.with_name("alertbot.db"))) as database:
        return database.execute("PRAGMA integrity_check").fetchone()[0]


def test_kills_while_the_database_is_made_leave_one_that_works(stage):
    path, drawn = stage.configuration.with_name("alertbot.db"), random.Random(17)
    for _ in range(5):
        for left in path.parent.glob("alertbot.db*"):
            left.unlink()
        bot = stage.bot()
        wait_for(path.exists, "the file")
        for_a_while(drawn.uniform(0, 0.05))
        bot.end(signal.SIGKILL)
        again = stage.bot()
        wait_for(lambda again=again: "watching begins" in again.printed, "a start on what was left")
        again.end()
    bot = stage.bot()
    wait_for(stage.told, "the alert")
    assert bot.end() == 0
    assert soundness(stage) == "ok"


def test_forty_wrong_configurations_change_nothing_and_are_one_message(stage):
    bot = stage.bot()
    wait_for(stage.told, "the alert")
    right = stage.configuration.read_text()
    wrong = [
        "", "[", "\x00", right + right, right.replace("1 Gbps", "8 GB"), right.replace("video.example.com", "*."),
        right.replace("threshold", "treshold"), "[[rule]]\n" * 999,
    ]  # fmt: skip
    for number in range(40):
        stage.configuration.write_text(wrong[number % len(wrong)])
        bot.signal(signal.SIGHUP)
        wait_for(lambda n=number: bot.printed.count("is not reloaded") > n, f"refusal {number + 1}")
    stage.configuration.write_text(right)
    bot.signal(signal.SIGHUP)
    wait_for(lambda: "the configuration is reloaded: nothing changed" in bot.printed, "the repair")
    wait_for(lambda: stage.told()[-1].edits and "can be used again" in stage.told()[-1].edits[-1][1], "the edit")
    assert len(stage.told()) == 2
    assert bot.end() == 0
    assert "Traceback" not in stage.log


def test_of_two_that_start_at_once_on_one_database_one_works_and_the_other_ends(stage):
    for number in range(1, 4):
        both = stage.bot(), stage.bot()
        wait_for(lambda both=both: any(each.code is not None for each in both), "one that ends")
        wait_for(lambda n=number: stage.log.count("watching begins") == n, "the other to begin")
        assert sorted(each.code or 0 for each in both) == [0, 1]
        for each in both:
            each.drop()
    assert stage.log.count("another alertbot runs on this database") == 3
    assert soundness(stage) == "ok"


@contextmanager
def server(handler):
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=served.serve_forever, daemon=True)
    thread.start()
    try:
        yield served.server_port
    finally:
        served.shutdown()
        served.server_close()
        thread.join()


def test_a_redirect_takes_the_token_nowhere_and_the_log_says_to_which_host(stage):
    elsewhere: list[str] = []

    class Thief(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            elsewhere.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            """Nothing."""

    with server(Thief) as thief:

        class Redirecting(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{thief}{self.path}")
                self.end_headers()

            def log_message(self, *_):
                """Nothing."""

        with server(Redirecting) as port:
            text = stage.configuration.read_text()
            there = f'base_url = "http://127.0.0.1:{port}/v2/"'
            stage.configuration.write_text(re.sub(r'base_url = ".*/v2/"', there, text))
            bot = stage.bot()
            wait_for(lambda: "it redirects to localhost" in bot.printed, "the reason")
            assert bot.end() == 0
    assert elsewhere == []
    assert API_TOKEN not in stage.log


@needs("root")
def test_a_disk_without_inodes_is_waited_for(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=64", "tmpfs", folder], check=True)
    try:
        rules = f'{RULES}\n[store]\npath = "{folder}/alertbot.db"\n'
        with Stage(tmp_path / "stage", StageClock.real(), SCENARIO, rules) as stage:
            taken = [folder / str(number) for number in range(64)]
            with contextlib.suppress(OSError):
                for path in taken:
                    path.touch()
            bot = stage.bot()
            wait_for(lambda: "nothing can be stored" in bot.printed, "the reason")
            for path in taken:
                path.unlink(missing_ok=True)
            wait_for(stage.told, "the alert")
            assert bot.end() == 0
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
