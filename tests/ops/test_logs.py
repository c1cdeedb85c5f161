"""The log: a line an event, in which format whatever, nothing twice, and no secret in any of it."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import MINUTE, START, working

from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.ops.logs import RedactingFormatter, Secrets, is_journal
from alertbot.ops.outage import Outage

TOKEN = "xoxb-5ecr3t/with+signs and ä"


def record(message, *arguments, level=logging.WARNING, error=None):
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("alertbot.x", level, "x.py", 1, message, arguments, info)


def formatter(**options):
    return RedactingFormatter(Secrets([TOKEN]), **{"journal": False, **options})


def raised(message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        raise ValueError(message)
    return caught.value


@pytest.mark.parametrize("json_lines", [False, True])
@pytest.mark.parametrize("journal", [False, True])
@pytest.mark.parametrize(
    "shown",
    [TOKEN, "xoxb-5ecr3t%2Fwith%2Bsigns%20and%20%C3%A4", "xoxb-5ecr3t%2Fwith%2Bsigns+and+%C3%A4"],
)
def test_a_secret_is_blotted_out_in_messages_arguments_and_tracebacks(journal, json_lines, shown):
    made = formatter(journal=journal, json_lines=json_lines)
    said = made.format(record("%s and %s", f"a {shown}", [shown], error=raised(f"in here too: {shown}")))
    assert "5ecr3t" not in said
    assert said.count("***") == 3
    assert "Traceback" in said


def test_a_secret_that_comes_later_is_hidden_from_then_on_and_the_longest_first():
    secrets = Secrets(["abc"])
    made = RedactingFormatter(secrets, journal=False)
    secrets.add("abc-and-more")
    assert made.format(record("abc-and-more, abc")).endswith(" WARNING *** , ***".replace(" ,", ","))


def test_an_empty_secret_hides_nothing():
    assert Secrets(["", "x-y"]).hide("a x-y") == "a ***"


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 2)],
)
def test_for_the_journal_every_line_has_its_priority_and_no_time(level, priority):
    said = formatter(journal=True).format(record("it is so", level=level, error=raised("bad")))
    assert said.splitlines()[0] == f"<{priority}>it is so"
    assert all(line.startswith(f"<{priority}>") for line in said.splitlines())


def test_a_message_is_one_line_whatever_others_wrote_in_it():
    said = formatter(journal=True).format(record("%s", "first\n<2>forged\x1b[31m\rline"))
    assert said == r"<4>first\n<2>forged\x1b[31m\rline"


def test_json_is_one_object_a_line_with_the_traceback_in_it():
    said = formatter(json_lines=True).format(record("it is %s\nso", "ä", error=raised("bad")))
    assert "\n" not in said
    facts = json.loads(said)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", facts.pop("time"))
    assert facts.pop("exception").endswith("ValueError: bad")
    assert facts == {"level": "warning", "logger": "alertbot.x", "message": "it is ä\nso"}


def test_the_journal_is_known_by_the_device_and_inode_of_standard_error():
    here = os.fstat(2)
    assert is_journal({"JOURNAL_STREAM": f"{here.st_dev}:{here.st_ino}"})
    assert not is_journal({"JOURNAL_STREAM": "8:1"})  # that of a service which started this one, say
    assert not is_journal({})


BY_ITSELF = """
import sys, threading, warnings
from alertbot.ops.logs import Secrets, set_up
set_up(Secrets(["s3cr3t"]), journal=False)
warnings.warn("a warning with s3cr3t")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
raise RuntimeError("an end with s3cr3t")
"""


def test_what_python_itself_would_print_goes_through_the_log_too():
    ended = subprocess.run([sys.executable, "-c", BY_ITSELF], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "s3cr3t" not in ended.stderr.replace('raise RuntimeError("an end with s3cr3t")', "")
    assert "a warning with ***" in ended.stderr
    assert "a thread ended by a mistake" in ended.stderr
    assert "CRITICAL alertbot crashed" in ended.stderr
    assert "RuntimeError: an end with ***" in ended.stderr


def test_a_failure_is_told_once_for_each_cause_and_counted():
    now = iter((5.0, 12.0, 40.0, 41.0))
    failures = Outage(lambda: next(now))
    assert failures.ended() == 0
    assert failures.seconds is None
    assert [failures.is_news(cause) for cause in ("a", "a", "b", "a")] == [True, False, True, False]
    assert failures.cause == "a"
    assert failures.seconds == 7.0
    assert failures.ended() == 4
    assert failures.cause is None
    assert failures.seconds is None
    assert failures.is_news("a")
    assert failures.seconds == 1.0


# The service


@pytest.fixture
def said(caplog):
    """The lines of alertbot's own, from a moment on."""
    caplog.set_level(logging.INFO, "alertbot")

    def lines(since=0):
        return [each.getMessage() for each in caplog.records[since:] if each.name.startswith("alertbot")]

    lines.now = lambda: len(caplog.records)
    return lines


async def test_a_start_is_a_few_lines_and_a_healthy_hour_none(tmp_path, said):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com", "b.example.com")
        assert len(said()) <= 5
        since = said.now()
        await house.clock.sleep(90 * MINUTE)
        assert said(since) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "words"),
    [(FaultMode.SERVER_ERROR, "HTTP 500"), (FaultMode.UNAUTHORISED, "HTTP 401"), (FaultMode.GARBAGE, "")],
)
async def test_an_api_that_is_down_for_an_hour_is_one_line_and_one_more_with_a_count(tmp_path, said, mode, words):
    faults = [Fault(START + 30 * MINUTE, START + 90 * MINUTE, mode)]
    async with working(tmp_path, faults=faults) as house:
        await house.until_judged("a.example.com", "b.example.com")
        since = said.now()
        await house.clock.sleep(START + 90 * MINUTE - house.clock.time())
        await until(lambda: any("answers again" in line for line in said(since)))
        down, *rest, up = said(since)
        assert words in down
        assert re.fullmatch(r"the CDN's API answers again after (1h.*|5[89]m.*) and \d+ failed probes", up)
        assert len(rest) <= 1  # a call of a fan-out fails otherwise than a probe


@pytest.mark.slow
async def test_a_slack_that_is_down_for_an_hour_is_one_line_each_and_one_more_with_a_count(tmp_path, said):
    over = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)
    async with working(tmp_path, events=[over], begin=False) as house:
        for mode in ("500", "garbage") * 20:
            house.slack.fault("chat.postMessage", mode)
        await house.start()
        await until(lambda: house.slack.posts)
        await until(lambda: any(line.startswith("Slack takes messages for #cdn-alerts again") for line in said()))
        about = [line for line in said() if "message" in line and "#cdn-alerts" in line]
        assert len(about) <= 4
        assert re.search(r"again, after \d+ attempts that failed", about[-1])


async def test_a_mistake_of_our_own_is_told_once_with_its_traceback_and_once_when_it_is_over(tmp_path, said, caplog):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com", "b.example.com")
        poller, house.service._wiring.watcher._poller = house.service._wiring.watcher._poller, None
        watcher = house.service._wiring.watcher
        discover = watcher._discover

        async def broken():
            raise RuntimeError("a mistake")

        watcher._discover = broken
        await house.clock.sleep(2 * MINUTE)  # after ten of them it would end
        watcher._discover = discover
        await until(lambda: any("turns succeed again" in line for line in said()))
        assert poller is not None
        assert said().count("a turn failed: beginning again from what is stored") == 1
        assert caplog.text.count("RuntimeError: a mistake") == 1
