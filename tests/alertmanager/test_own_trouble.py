"""alertbot's own trouble at an Alertmanager: sent while it lasts, resolved once it is over, whatever fails."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working
from fakes.wire.alertmanager import FakeAlertmanager
from fakes.worlds.clock import FakeClock
from fakes.worlds.virtual import VirtualClock

from alertbot.alertmanager.alerts import RESOLVED_FOR, AlertLayout
from alertbot.alertmanager.own_trouble import ALERT_OF, LASTS, OwnAlert, OwnTrouble
from alertbot.feed.simulator.scenario import Event
from alertbot.incidents.relayed import RelayPlan
from alertbot.ops.trouble import Cause, Trouble

OVER = Event("a.example.com", START + 20 * MINUTE, START + 900 * MINUTE, factor=50)


@asynccontextmanager
async def beside_an_alertmanager(folder, **keys):
    """A service at work, and the Alertmanager that it tells."""
    place = FakeAlertmanager(VirtualClock(START))
    await place.begin()
    text = f'{WATCH}{CEILING}[alertmanager]\nurls = ["{place.urls[0]}"]\nlabels = {{ account = "one" }}\n'
    try:
        async with working(folder, text, **keys) as house:
            place._clock = house.clock
            await house.until_judged("a.example.com", "b.example.com")
            yield house, place
    finally:
        await place.end()


def named(place, name):
    return [each for each in place.alerts() if each["labels"]["alertname"] == name]


async def fires(place, name):
    """Wait for an alert of that name."""
    await until(lambda: named(place, name))
    (alert,) = named(place, name)
    return alert


async def is_resolved(place, name):
    await until(lambda: [page for page in place.of(name) if page.status == "resolved"])
    assert not named(place, name)


@pytest.mark.slow
async def test_messages_that_wait_are_an_alert_until_slack_takes_them(tmp_path):
    async with beside_an_alertmanager(tmp_path, events=[OVER]) as (house, place):
        house.slack.fault("chat.postMessage", "500", times=100_000)
        alert = await fires(place, "AlertbotNotDelivering")
        labels = alert["labels"]
        assert (labels["severity"], labels["job"], labels["account"]) == ("critical", "alertbot", "one")
        assert labels["instance"]
        assert "series" not in labels
        assert "alertbot help runbook" in alert["annotations"]["description"]
        house.slack.mend()
        await is_resolved(place, "AlertbotNotDelivering")


@pytest.mark.slow
async def test_a_database_that_fails_is_an_alert_until_it_works_again(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.store.schema.LOCK_WAIT_MS", 20)
    async with beside_an_alertmanager(tmp_path) as (house, place):
        with closing(sqlite3.connect(house.store, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            alert = await fires(place, "AlertbotStoreFailing")
            assert "locked" in alert["annotations"]["summary"]
            other.execute("ROLLBACK")
        await is_resolved(place, "AlertbotStoreFailing")


async def test_data_that_is_not_judged_is_an_alert_until_it_is(tmp_path, monkeypatch):
    async with beside_an_alertmanager(tmp_path) as (house, place):
        with monkeypatch.context() as patch:

            async def idle():
                """Stands for a fan-out that reaches nothing, for whatever reason."""

            patch.setattr(house.service._wiring.watcher._poller, "fan_out", idle)
            await fires(place, "AlertbotNotJudging")
        await is_resolved(place, "AlertbotNotJudging")


def test_each_cause_is_an_alert_or_known_to_be_none():
    assert ALERT_OF.keys() == set(Cause)
    assert {name for name in ALERT_OF.values() if name is not None} == set(OwnAlert)


@pytest.fixture
def own():
    """The troubles that a test sets, and what comes of them."""
    clock = FakeClock()
    trouble = OwnTrouble(lambda: trouble.wrong, AlertLayout(UTC), clock)
    trouble.wrong = []
    trouble.clock = clock
    return trouble


def sent(own):
    own.look()
    plan = own.beside(RelayPlan())
    return [dict(each.labels)["alertname"] for each in plan.firing], [each.ends for each in plan.resolved]


def test_trouble_is_sent_once_it_lasts_and_resolved_for_a_while_once_it_is_over(own):
    own.wrong = [Trouble(Cause.STORE, "nothing can be stored: disk full"), Trouble(Cause.CALLS, "no data: down")]
    assert sent(own) == ([], [])
    own.clock.advance(LASTS)
    assert sent(own) == (["AlertbotStoreFailing"], [])
    own.wrong = []
    ended = own.clock.time()
    assert sent(own) == ([], [ended])
    own.clock.advance(RESOLVED_FOR - 1)
    assert sent(own) == ([], [ended])
    own.clock.advance(1)
    assert sent(own) == ([], [])


def test_what_comes_again_fires_again_and_is_not_resolved_beside_that(own):
    own.wrong = [Trouble(Cause.WAITING, "waits")]
    own.look()
    own.clock.advance(LASTS)
    own.look()
    own.wrong = []
    own.look()
    own.wrong = [Trouble(Cause.REFUSED, "refused")]
    own.look()
    own.clock.advance(LASTS)
    assert own.look()
    assert sent(own) == (["AlertbotNotDelivering"], [])
