"""SIGHUP for the real process, and what it tells systemd of itself."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from fakes.rigs.stage import RULES, SCENARIO, Stage, StageClock
from fakes.rigs.waiting import for_a_while, wait_for
from fakes.wire.systemd import Systemd

pytestmark = pytest.mark.slow


@pytest.fixture
def systemd(tmp_path):
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.close()


def test_sighup_takes_up_what_is_right_and_refuses_what_is_wrong(tmp_path, systemd):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        bot = stage.bot(environment={"NOTIFY_SOCKET": systemd.address})
        wait_for(stage.told, "the first alert")
        right = stage.configuration.read_text()

        def reload(text, said):
            stage.configuration.write_text(text)
            readies = systemd.heard.count("READY=1")
            bot.signal(signal.SIGHUP)
            wait_for(lambda: systemd.heard.count("READY=1") > readies, "the end of it")
            assert said in bot.printed

        reload(right.replace("1 Gbps", "1.2 Gbps"), "the configuration is reloaded: rule changed: video-ceiling")
        reload(right.replace("above", "abvoe"), 'rule.video-ceiling.abvoe: unknown key, did you mean "above"?')
        wait_for(lambda: len(stage.told()) == 2, "the message")
        assert f"{stage.configuration}:" in stage.told()[1].text
        wait_for(lambda: "former one is at work" in stage.shell("status"), "the status")
        assert sum(said.startswith("RELOADING=1\nMONOTONIC_USEC=") for said in systemd.heard) == 2
        assert bot.end() == 0
        assert "STOPPING=1" in systemd.heard
        assert stage.told()[0].edits == ()
        assert stage.leaks() == []


def state_of(pid):
    """The letter by which the kernel says what a process does."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_the_watchdog_is_fed_until_the_process_is_wedged(tmp_path, systemd):
    clock = StageClock.real()
    with Stage(tmp_path / "stage", clock, SCENARIO, RULES) as stage:
        bot = stage.bot(environment={"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "400000"})
        wait_for(lambda: systemd.heard.count("WATCHDOG=1") > 5, "some food")
        assert systemd.heard.index("READY=1") < systemd.heard.index("WATCHDOG=1")
        bot.signal(signal.SIGSTOP)
        wait_for(lambda: state_of(bot.pid) == "T", "a process that stands still")
        before = systemd.heard.count("WATCHDOG=1")
        for_a_while(1)
        assert systemd.heard.count("WATCHDOG=1") == before
        bot.signal(signal.SIGCONT)
        # What the watchdog sends is answered with where each thread stands.
        bot.signal(signal.SIGABRT)
        assert bot.wait() == -signal.SIGABRT
        assert "Fatal Python error: Aborted" in bot.printed
        assert stage.leaks() == []
