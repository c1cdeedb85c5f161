"""Each red cause has an entry in the run-book, and whoever is told of the cause is told which."""

from __future__ import annotations

import re
import socket

import httpx
import pages
import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working
from fakes.wire.pinged import DeadMansSwitch

from alertbot.feed.simulator.scenario import Event
from alertbot.messages.page_search import named
from alertbot.messages.slack import plain
from alertbot.messages.status import status_message
from alertbot.ops.trouble import Cause, Trouble
from alertbot.query.status import stored_status

RUNBOOK = pages.PAGES["runbook"]
ENTRIES = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def test_the_runbook_has_an_entry_for_each_cause_and_no_other():
    assert list(ENTRIES) == [str(cause) for cause in Cause]


@pytest.mark.parametrize("cause", Cause)
def test_a_report_names_a_command_that_prints_the_entry(cause):
    program, command, *words = Trouble(cause, "").entry.split()

    assert (program, command) == ("alertbot", "help")
    assert named(words).heading == cause


@pytest.mark.parametrize("cause", Cause)
def test_an_entry_says_whether_alerts_come_and_has_a_command_to_begin_with(cause):
    text = ENTRIES[cause]
    assert re.search(r"\*\*[^*]*(alert|rest)[^*]*\*\*", text, re.IGNORECASE)
    assert "```sh\n" in text


def test_a_report_names_the_entry_on_its_second_line():
    trouble = Trouble(Cause.STORE, "nothing can be stored: disk full")
    assert trouble.report.split("\n") == [
        "nothing can be stored: disk full",
        "run-book: alertbot help runbook nothing can be stored",
    ]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
async def test_healthz_the_heartbeat_and_status_name_the_same_entry(tmp_path):
    switch, port = DeadMansSwitch(), free_port()
    url = await switch.start()
    text = f'{WATCH}{CEILING}[heartbeat]\nurl = "{url}"\n[metrics]\nlisten = "127.0.0.1:{port}"\n'
    over = Event("a.example.com", START + 20 * MINUTE, START + 600 * MINUTE, factor=50)
    try:
        async with working(tmp_path, text, events=[over]) as house:
            await house.until_judged("a.example.com")
            house.slack.fault("chat.postMessage", "500", times=100_000)
            entry = f"run-book: {Trouble(Cause.WAITING, '').entry}"
            await until(lambda: any(kind == "/fail" and entry in words for kind, words in switch.pings))
            async with httpx.AsyncClient(trust_env=False) as client:
                ill = await client.get(f"http://127.0.0.1:{port}/healthz")
            assert ill.status_code == 503
            assert ill.text.endswith(f"\n{entry}\n")
            status, _ = stored_status(house.store)
            assert entry in plain(status_message(status, house.service._wiring.parts.config.slack.zone))
    finally:
        await switch.stop()


async def test_status_says_nothing_of_health_while_all_is_well(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        await until(lambda: house.service._wiring.health.turns > 3)
        assert house.live()["unhealthy"] is None
