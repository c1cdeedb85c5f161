"""What alertbot says of the feed itself: silence, failing calls, refusals, domains that come and go, revisions."""

from __future__ import annotations

import logging
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.rigs.night import Night, ceiling, config_for, dark, fell, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import Fault, World, WorldApi

from alertbot.config import GroupSettings
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.simulator.scenario import Scenario, Shape
from alertbot.feed.simulator.server import Simulator

DOMAINS = {"video.example.com": 1e9, "img.example.com": 2e8, "dl.example.com": 6e7}
ALWAYS = 1e9


@pytest.fixture
def folder():
    with night_folder() as path:
        yield path


def night_in(folder, *faults: Fault, slots=120, rules=None, watch=tuple(DOMAINS), witnessed=True, **settings) -> Night:
    world = World(DOMAINS, FakeClock(), slots=slots, lag=400.0)
    config = config_for(folder / "night.db", watch, rules or [dark(domains=("*", "total"))], **settings)
    return Night(config, world, WorldApi(world, faults=faults), witnessed=witnessed)


def all_dark(night: Night, first: int, count: int) -> None:
    for domain in DOMAINS:
        night.world.traffic(domain, first, count, 0.0)


async def test_a_dark_account_is_one_incident_that_becomes_account_wide_and_takes_its_alerts_in(folder):
    night = night_in(folder)
    all_dark(night, 24, 16)
    await night.begin()
    await night.run_to(29)
    (incident,) = night.incidents()
    assert incident["kind"] == "dark"
    either = "Either all traffic stopped or the CDN stopped reporting: open one of your sites to find out."
    assert night.texts(1) == [f"No data since 12:00. {either}"]
    await night.run_to(38)
    (incident,) = night.incidents()
    assert night.texts(1)[-1].startswith("Still no data since 12:00, so the whole account counts as at 0")
    assert {alert["series"] for alert in night.alerts()} == {*DOMAINS, "total"}
    assert {alert["incident"] for alert in night.alerts()} == {1}
    await night.run_to(60)
    (incident,) = night.incidents()
    assert incident["closed"] is not None
    assert night.texts(1)[-1].startswith(
        "Resolved: No traffic on the whole account from 12:00 to 13:20 (1h 20m, about "
    )
    assert {alert["reason"] for alert in night.alerts()} == {"cleared"}
    assert night.posts() == 1
    await night.end()


NOON, ONE = 24, 36
"""Slots of the story, which begins at 10:00."""


def silent_at_noon(night: Night, *, days: int = 21) -> None:
    for day in range(1, days + 1):
        all_dark(night, NOON - 288 * day, ONE - NOON)


async def test_a_silence_that_is_usual_at_this_hour_is_a_warning_that_mentions_nobody(folder):
    night = night_in(folder, mention={"critical": "@here", "warning": "@channel"})
    silent_at_noon(night)
    all_dark(night, NOON, ONE - NOON)
    await night.begin()
    await night.run_to(ONE)
    (incident,) = night.incidents()
    assert (incident["kind"], incident["closed"]) == ("dark", None)
    assert night.texts(1) == ["Silent as usual from 12:00: the whole account."]
    assert night.watcher.trouble is None, "a usual silence is no trouble"
    await night.run_to(ONE + 20)
    assert night.incidents()[0]["closed"] is not None
    assert night.texts(1)[-1].startswith("Resolved: The whole account is no longer silent as usual")
    assert (night.posts(), night.alerts()) == (1, [])
    await night.end()


@pytest.mark.slow
@pytest.mark.parametrize("days", [2, 9])
async def test_what_lies_before_an_accounts_first_traffic_makes_no_hour_usually_silent(folder, days):
    night = night_in(folder, mention={"critical": "@here"})
    all_dark(night, -27 * 288, int((27 - days) * 288))
    all_dark(night, NOON, ONE - NOON)
    await night.begin()
    await night.run_to(ONE)
    (incident,) = night.incidents()
    assert "usually_silent" not in incident["facts"]
    assert night.texts(1)[0].startswith(
        "<!here> No data since 12:00. Either all traffic stopped or the CDN stopped reporting"
    )
    await night.end()


async def test_a_silence_that_lasts_longer_than_usual_is_posted_anew_as_critical(folder):
    night = night_in(folder, mention={"critical": "@here"})
    silent_at_noon(night)
    all_dark(night, NOON, 48)
    await night.begin()
    await night.run_to(ONE + 14)
    usual, lasting = night.incidents()
    assert usual["closed"] is not None
    assert lasting["closed"] is None
    assert night.texts(2)[0].startswith("<!here> Still no data since 12:00, so the whole account counts as at 0")
    await night.run_to(ONE + 60)
    assert all(each["closed"] is not None for each in night.incidents())
    await night.end()


async def test_an_account_that_never_shows_traffic_is_told_of_once_until_it_does(folder):
    night = night_in(folder, Fault(-ALWAYS, 30 * 300, "empty"), rules=[dark()], witnessed=False)
    await night.begin()
    await night.run(1100)
    assert night.incidents() == [], "not yet for stale_after"
    await night.run(300)
    (incident,) = night.incidents()
    assert (incident["kind"], incident["closed"]) == ("dark", None)
    assert night.texts(1) == ["The account shows no traffic at all: is this the right token?"]
    await night.restart(after=60)
    await night.run_to(28)
    assert night.incidents()[0]["closed"] is None
    await night.run_to(40)
    assert night.incidents()[0]["closed"] is not None
    assert night.texts(1)[-1].startswith("Resolved: The account shows traffic now, after 2h")
    assert night.posts() == 1
    await night.end()


async def test_a_publication_that_stalls_is_told_once_and_pages_for_no_domain(folder):
    night = night_in(folder)
    for domain in DOMAINS:
        night.world.delay(domain, 24, [1700.0 - 60.0 * slot for slot in range(20)])
    await night.begin()
    await night.run_to(80)
    assert [(row["kind"], row["closed"] is not None) for row in night.incidents()] == [("dark", True)]
    assert night.alerts() == []
    assert night.witness.judged_zero_wrongly == []
    await night.end()


async def test_what_comes_together_after_a_stall_is_judged_once_it_has_filled_up(folder):
    """Each of the slots shows a tenth at first, the CDN shows so while it catches up: no fall, and no rise less."""
    night = night_in(folder, rules=[fell(), ceiling(1.5e9)])
    for domain in DOMAINS:
        night.world.delay(domain, 24, [1500.0 - 300.0 * slot for slot in range(5)])
        night.world.revise(domain, 24, 5, 0.1, 250.0)
    night.world.traffic("video.example.com", 25, 3, 2.0)
    await night.begin()
    await night.run_to(40)
    assert [(row["rule"], row["series"]) for row in night.alerts()] == [("ceiling", "video.example.com")]
    await night.end()


async def test_what_came_and_went_while_the_publication_stalled_is_told_once_the_data_is_there(folder):
    night = night_in(folder, rules=[dark()])
    for domain in DOMAINS:
        night.world.delay(domain, 24, [1500.0 - 300.0 * slot for slot in range(5)])
    night.world.traffic("img.example.com", 24, 2, 0.0)
    await night.begin()
    await night.run_to(40)
    assert [row["kind"] for row in night.incidents()] == ["dark", "passed"]
    said = "While alertbot had no data, 1 alert came and went between 12:00 and 12:10: `img.example.com`."
    assert night.texts(2)[-1] == said
    await night.end()


async def test_what_a_further_rule_saw_come_and_go_meanwhile_is_of_the_incident_that_is_open(folder):
    night = night_in(folder, rules=[dark(), fell(for_slots=5)])
    night.world.traffic("img.example.com", 24, 7, 0.0)
    await night.begin()
    await night.run_to(28)
    night.clock.advance(3 * 3600.0)
    await night.run(300)
    await night.run_to(66)
    assert {alert["rule"] for alert in night.alerts()} == {"went-dark", "fell"}
    assert [row["kind"] for row in night.incidents()] == ["alert"]
    assert [reply for reply in night.replies(1) if "now fires" in reply] == []
    await night.end()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("refused", "token invalid"),
        pytest.param("down", "HTTP 500", marks=pytest.mark.slow),
        pytest.param("throttled", "HTTP 429", marks=pytest.mark.slow),
        pytest.param("hang", "no answer within 20 s", marks=pytest.mark.slow),
    ],
)
async def test_calls_that_fail_for_long_are_one_incident_with_the_cause_in_words(folder, mode, words):
    night = night_in(folder, Fault(24 * 300, 36 * 300, mode))
    night.world.traffic("img.example.com", 26, 20, 0.0)
    await night.begin()
    await night.run_to(27)
    assert night.incidents() == [], "not yet for stale_after"
    await night.run_to(35)
    (incident,) = night.incidents()
    assert incident["kind"] == "feed"
    assert words in night.texts(1)[0]
    assert night.alerts() == [], "rules hold"
    await night.run_to(60)
    assert night.incidents("feed")[0]["closed"] is not None
    assert night.texts(1)[-1].startswith("Resolved: The CDN's API answers again")
    assert [(alert["series"], alert["since"]) for alert in night.alerts()] == [
        ("img.example.com", night.world.start + 26 * 300)
    ], "what still burned is told with its true start"
    assert night.posts() == 2
    await night.end()


async def test_a_restart_during_an_outage_tells_of_it_once(folder):
    night = night_in(folder, Fault(24 * 300, 48 * 300, "down"))
    await night.begin()
    await night.run_to(32)
    await night.restart(after=120)
    await night.run_to(44)
    await night.restart(after=900)
    await night.run_to(70)
    assert [(row["kind"], row["closed"] is not None) for row in night.incidents()] == [("feed", True)]
    assert night.posts() == 1
    await night.end()


@pytest.mark.slow
async def test_a_single_series_that_stays_unreadable_is_named(folder):
    night = night_in(folder, Fault(24 * 300, 40 * 300, "garbled", target="img.example.com"))
    await night.begin()
    await night.run_to(38)
    (incident,) = night.incidents()
    assert incident["facts"]["series"] == ["img.example.com"]
    assert "1 domain has been unreadable since 12:01, so no rule judges it: `img.example.com`" in night.texts(1)[0]
    assert night.cursors()["video.example.com"] >= night.world.start + 34 * 300, "the others go on"
    await night.run_to(60)
    assert night.incidents()[0]["closed"] is not None
    assert min(night.cursors().values()) >= night.world.start + 56 * 300
    assert night.alerts() == []
    await night.end()


@pytest.mark.slow
async def test_the_message_says_how_many_cannot_be_read_by_now(folder):
    until = zip(DOMAINS, (60, 36, 60), strict=True)
    faults = (Fault(24 * 300, last * 300, "garbled", target=name) for name, last in until)
    night = night_in(folder, *faults)
    await night.begin()
    await night.run_to(34)
    assert "3 domains have been unreadable since 12:01, so no rule judges them: " in night.texts(1)[-1]
    await night.run_to(46)
    assert "2 domains have been unreadable since 12:01, so no rule judges them: " in night.texts(1)[-1]
    assert (night.posts(), night.replies(1)) == (1, [])
    await night.end()


@pytest.mark.slow
async def test_the_message_of_an_api_that_fails_says_why_it_does_now(folder):
    night = night_in(folder, Fault(24 * 300, 34 * 300, "down"), Fault(34 * 300, 60 * 300, "forbidden"))
    await night.begin()
    await night.run_to(32)
    before = night.texts(1)[-1]
    await night.run_to(44)
    assert night.texts(1)[-1] != before
    assert "401" in night.texts(1)[-1]
    assert night.posts() == 1
    await night.end()


@pytest.mark.slow
async def test_an_outage_of_the_api_stays_one_though_a_domain_is_unreadable_for_longer(folder):
    longer = Fault(14 * 300, 44 * 300, "garbled", target="img.example.com")
    night = night_in(folder, Fault(24 * 300, 32 * 300, "down"), longer)
    await night.begin()
    await night.run_to(60)
    (incident,) = night.incidents()
    assert incident["closed"] is not None
    assert (incident["facts"]["series"], incident["facts"]["failed"]) == (["img.example.com"], True)
    await night.end()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"])
async def test_a_wrong_time_zone_of_the_feed_is_told_and_nothing_is_judged(folder, zone):
    clock = FakeClock()
    world = World({"video.example.com": 1e9}, clock, slots=60)
    simulator = Simulator(
        Scenario(token="tok-5ecret", domains={"video.example.com": Shape(level=1e9)}, timezone="Asia/Shanghai"), clock
    )
    base_url = await simulator.start()
    budget = Budget(300, clock)
    api = CdnApi(base_url, "tok-5ecret", ZoneInfo(zone), budget=budget, clock=clock)
    config = config_for(folder / "night.db", ("video.example.com",), [dark()])
    night = Night(config, world, api, witnessed=False)
    try:
        await night.begin()
        await night.run(2400)
        (incident,) = night.incidents()
        assert incident["kind"] == "feed"
        assert "outside what was asked for" in night.texts(1)[0]
        assert "timezone" in night.texts(1)[0], "what to mend is said"
        assert night.alerts() == []
        assert night.watcher.live().frontier is None
        await night.end()
    finally:
        await api.aclose()
        await simulator.stop()


async def test_where_the_total_is_refused_domains_stand_for_it_and_that_is_said_once(folder, caplog):
    night = night_in(folder, Fault(0, ALWAYS, "forbidden", target="all"), rules=[dark()], witnessed=False)
    night.world.traffic("img.example.com", 26, 12, 0.0)
    with caplog.at_level(logging.WARNING, "alertbot"):
        await night.begin()
        await night.run_to(60)
    told = [record for record in caplog.records if "total is refused" in record.getMessage()]
    assert len(told) == 1
    cursors = night.cursors()
    assert min(cursors[domain] for domain in DOMAINS) >= night.world.start + 56 * 300
    assert [(alert["series"], alert["reason"]) for alert in night.alerts()] == [("img.example.com", "cleared")]
    assert night.posts() == 1
    assert night.watcher.live().frontier >= night.world.start + 56 * 300
    await night.end()


@pytest.mark.parametrize("known", [(), tuple(DOMAINS)], ids=["never", "not any more"])
async def test_a_total_that_is_refused_while_no_domain_can_stand_for_it_is_a_failing_feed(folder, caplog, known):
    night = night_in(folder, Fault(0, ALWAYS, "forbidden", target="all"), watch=("*",), rules=[dark()], witnessed=False)
    night.api.names = known
    await night.begin()
    await night.run(900)
    night.api.names = ()
    await night.run(3 * 3600)
    assert "a turn failed" not in caplog.text
    assert "feed" in {row["kind"] for row in night.incidents()}
    await night.end()


@pytest.mark.slow
async def test_a_total_that_was_refused_for_a_while_is_asked_for_again(folder):
    night = night_in(folder, Fault(24 * 300, 30 * 300, "forbidden", target="all"), witnessed=False)
    await night.begin()
    await night.run_to(29)
    assert night.cursors()["total"] < night.world.start + 25 * 300
    await night.run_to(60)
    assert min(night.cursors().values()) >= night.world.start + 56 * 300
    assert night.alerts() == []
    await night.end()


async def test_each_domain_falls_back_where_it_is_not_permitted(folder, caplog):
    class Plain(WorldApi):
        async def each_domain(self, domains, start, end, *, priority="poll"):
            self.faults.append(Fault(0, ALWAYS, "forbidden"))
            try:
                return await super().each_domain(domains, start, end)
            finally:
                self.faults.pop()

    night = night_in(folder, each_domain=True)
    night.api = Plain(night.world)
    night.api.heard = night.witness.heard
    with caplog.at_level(logging.WARNING, "alertbot"):
        await night.begin()
        await night.run_to(30)
    assert sum("each_domain is not permitted" in record.getMessage() for record in caplog.records) == 1
    assert min(night.cursors().values()) >= night.world.start + 26 * 300
    await night.end()


async def test_discovered_domains_come_and_go(folder):
    night = night_in(folder, watch=("*",), rules=[dark()], slots=160, witnessed=False)
    night.api.names = ("video.example.com", "img.example.com")
    await night.begin()
    await night.run_to(14)
    assert set(night.cursors()) == {"video.example.com", "img.example.com", "total"}
    night.api.names = ("video.example.com", "img.example.com", "dl.example.com")
    await night.run_to(40)
    assert night.cursors()["dl.example.com"] >= night.world.start + 32 * 300, "a new domain is watched within the hour"
    assert night.incidents() == []
    night.api.names = ("video.example.com", "dl.example.com")
    await night.run_to(64)
    (incident,) = night.incidents()
    assert incident["kind"] == "vanished"
    assert "`img.example.com`" in night.texts(1)[0]
    assert night.watcher.live().gone == ("img.example.com",)
    await night.restart(after=60)
    await night.run_to(90)
    assert night.posts() == 1
    night.api.names = tuple(DOMAINS)
    await night.run_to(130)
    assert [row["kind"] for row in night.incidents() if row["closed"] is None] == []
    assert night.texts(1)[-1].startswith("Resolved: Back among the account's domains: `img.example.com`")
    assert night.cursors()["img.example.com"] >= night.world.start + 120 * 300
    await night.end()


def stored(night, series):
    """What is stored of a series from the start of the world on."""
    (series,) = night.rows(f"SELECT id FROM series WHERE name = '{series}'")
    rows = night.rows(f"SELECT day, slots FROM samples WHERE series = {series['id']} ORDER BY day")
    days = {row["day"]: np.frombuffer(row["slots"], dtype="<f8") for row in rows}
    first, last = min(days), max(days)
    whole = np.concatenate([days.get(day, np.full(288, np.nan)) for day in range(first, last + 1)])
    return whole[(night.world.start - first * 86_400) // 300 :]


async def test_a_list_of_domains_that_hangs_does_not_hold_up_the_polls(folder):
    """It is asked for again after five minutes, not at every turn."""
    night = night_in(
        folder, Fault(20 * 300, 60 * 300, "hang", target="list"), watch=("*",), rules=[dark()], witnessed=False
    )
    night.world.traffic("img.example.com", 26, 30, 0.0)
    await night.begin()
    await night.run_to(20)
    await night.restart()
    asked = len(night.api.calls)
    await night.run(3600)
    lists = night.api.calls[asked:].count(("list",))
    assert 3600 / 420 - 2 < lists < 14
    assert [alert["series"] for alert in night.alerts()] == ["img.example.com"]
    await night.end()


GROUPS = (GroupSettings(name="all", domains=["*"], sum=True),)


@pytest.mark.slow
async def test_a_sum_is_unknown_while_a_member_is_refused_and_goes_on_without_it_once_it_left(folder):
    """What was summed before stays; nothing fires for the member that is missing."""
    night = night_in(
        folder, watch=("*",), groups=GROUPS, rules=[fell(domains=("sum:all",))], slots=160, witnessed=False
    )
    night.api.refused = {"img.example.com"}
    await night.begin()
    await night.run_to(4)
    assert "sum:all" not in night.cursors()
    night.api.refused = set()
    await night.run_to(40)
    assert night.cursors()["sum:all"] >= night.world.start + 36 * 300
    night.api.refused = {"img.example.com"}
    await night.run_to(50)
    assert night.cursors()["sum:all"] <= night.world.start + 41 * 300
    night.api.names = ("video.example.com", "dl.example.com")
    await night.run_to(70)
    assert night.cursors()["sum:all"] >= night.world.start + 66 * 300
    await night.restart(after=60)
    await night.run_to(90)
    assert night.cursors()["sum:all"] >= night.world.start + 86 * 300
    values = stored(night, "sum:all")[20:66]
    whole, rest = sum(DOMAINS.values()), DOMAINS["video.example.com"] + DOMAINS["dl.example.com"]
    known = values[~np.isnan(values)]
    assert [bool(np.isclose(known, each, rtol=0.03).any()) for each in (whole, rest)] == [True, True]
    assert (np.isclose(known, whole, rtol=0.03) | np.isclose(known, rest, rtol=0.03)).all()
    assert np.isnan(values[22:28]).all(), "what was refused meanwhile stays unknown"
    assert night.alerts() == []
    await night.end()


@pytest.mark.slow
async def test_the_alerts_of_a_domain_that_vanished_stay_open(folder):
    night = night_in(folder, watch=("*",), rules=[dark()], slots=100, witnessed=False)
    night.world.traffic("img.example.com", 20, 80, 0.0)
    await night.begin()
    await night.run_to(26)
    assert [alert["phase"] for alert in night.alerts()] == ["firing"]
    night.api.names = ("video.example.com", "dl.example.com")
    await night.run_to(60)
    assert [alert["phase"] for alert in night.alerts()] == ["firing"]
    assert sorted(row["kind"] for row in night.incidents()) == ["alert", "vanished"]
    await night.end()


@pytest.mark.slow
async def test_a_domain_that_left_is_posted_once_and_a_second_one_once_more(folder):
    """No reminder comes for days; the digest lists it."""
    night = night_in(folder, watch=("*",), rules=[dark()], slots=320, witnessed=False)
    await night.begin()
    await night.run_to(14)
    night.api.names = ("video.example.com", "dl.example.com")
    await night.run_to(160)
    (incident,) = night.incidents()
    assert len(night.texts(incident["id"])) == 1
    night.api.names = ("video.example.com",)
    await night.run_to(310)
    (incident,) = night.incidents()
    assert incident["closed"] is None
    (reply,) = night.replies(incident["id"])
    assert "`dl.example.com`, `img.example.com`" in reply
    await night.end()


@pytest.mark.slow
async def test_a_history_that_is_cut_off_is_no_reason_to_wait(folder):
    night = night_in(folder, Fault(0, ALWAYS, "old"), rules=[dark(), fell()])
    night.world.traffic("img.example.com", 26, 6, 0.0)
    await night.begin()
    await night.run_to(50)
    assert min(night.cursors().values()) >= night.world.start + 46 * 300
    assert {(alert["rule"], alert["series"]) for alert in night.alerts()} == {
        ("went-dark", "img.example.com"),
        ("fell", "img.example.com"),
    }
    await night.end()


async def test_downtime_longer_than_what_the_api_still_has_is_jumped_and_what_fired_stays(folder):
    night = night_in(folder, rules=[dark()], slots=400)
    night.world.traffic("img.example.com", 20, 380, 0.0)
    night.world.traffic("video.example.com", 60, 4, 0.0)
    await night.begin()
    await night.run_to(27)
    assert [(alert["series"], alert["phase"]) for alert in night.alerts()] == [("img.example.com", "firing")]
    night.api.faults = [Fault(0, ALWAYS, "old")]
    await night.restart(after=28 * 3600)
    night._witnessed = False
    await night.run(3600)
    assert [(alert["series"], alert["phase"]) for alert in night.alerts()] == [("img.example.com", "firing")]
    assert min(night.cursors().values()) >= night.watcher.live().frontier - 4 * 300
    assert night.posts() == 1
    await night.end()


async def test_a_page_that_late_values_take_back_is_resolved_as_revised(folder):
    night = night_in(folder, rules=[dark(), fell()])
    night.world.delay("img.example.com", 30, [1500.0] * 30)
    await night.begin()
    await night.run_to(100)
    assert {(alert["rule"], alert["series"], alert["reason"]) for alert in night.alerts()} == {
        ("went-dark", "img.example.com", "revised"),
        ("fell", "img.example.com", "revised"),
    }
    assert night.texts(1)[-1].startswith("Corrected at 13:09: the CDN revised its figures for `img.example.com`")
    assert "revised its figures" in night.texts(1)[-1]
    assert night.posts() == 1, "two rules on one domain are one incident"
    (over,) = night.replies(1)
    assert over.startswith("Corrected at 13:09: ")
    assert "revised its figures" in over
    assert night.watcher.live().held.keys() >= {"img.example.com"}
    assert min(night.cursors().values()) >= night.world.start + 90 * 300
    await night.end()


async def test_an_outage_whose_end_comes_in_late_is_resolved_and_never_called_none(folder):
    night = night_in(folder, rules=[dark()])
    night.world.traffic("img.example.com", 30, 12, 0.0)
    night.world.delay("img.example.com", 42, [1500.0] * 20)
    await night.begin()
    await night.run_to(80)
    assert [(alert["reason"], alert["since"]) for alert in night.alerts()] == [
        ("cleared", night.world.start + 30 * 300)
    ]
    assert night.texts(1)[-1].startswith("Resolved: `img.example.com` is back to normal at 13:30 after 1h: ")
    assert not any("No alert" in text for text in night.texts(1) + night.replies(1))
    assert night.posts() == 1
    await night.end()


@pytest.mark.slow
async def test_a_domain_that_is_always_late_is_learned_in_its_first_hour(folder):
    night = night_in(folder, rules=[dark(), fell()])
    night.world.delay("img.example.com", -20, [1250.0] * 127)
    await night.begin()
    await night.run_to(100)
    assert night.alerts() == []
    assert night.witness.judged_zero_wrongly == []
    assert 550 <= night.watcher.live().held["img.example.com"] <= 615
    await night.end()


async def test_what_burns_when_watching_begins_is_one_summary(folder):
    night = night_in(folder, rules=[dark(), fell()])
    night.world.traffic("img.example.com", -10, 60, 0.0)
    night.world.traffic("dl.example.com", -6, 60, 0.0)
    await night.begin()
    await night.run_to(20)
    (incident,) = night.incidents()
    assert incident["kind"] == "summary"
    assert len(night.alerts()) == 4
    assert night.posts() == 1
    await night.run_to(70)
    assert night.incidents()[0]["closed"] is not None
    await night.end()


async def test_what_came_and_went_during_downtime_is_one_summary_and_what_burns_fires_with_its_start(folder):
    night = night_in(folder, rules=[dark()])
    night.world.traffic("img.example.com", 30, 6, 0.0)
    night.world.traffic("dl.example.com", 34, 60, 0.0)
    await night.begin()
    await night.run_to(26)
    await night.restart(after=20 * 300)
    await night.run(900)
    assert [(row["kind"], row["since"]) for row in night.incidents()] == [
        ("passed", night.world.start + 30 * 300),
        ("alert", night.world.start + 34 * 300),
    ]
    assert night.posts() == 2
    await night.end()


async def test_a_database_written_by_a_watch_of_other_rules_ends_their_alerts(folder):
    night = night_in(folder, rules=[dark(), fell()])
    night.world.traffic("img.example.com", 20, 60, 0.0)
    await night.begin()
    await night.run_to(30)
    night.config = replace(night.config, rules=(dark(),))
    night._witnessed = False
    await night.restart()
    await night.run(600)
    assert {(alert["rule"], alert["reason"]) for alert in night.alerts()} == {
        ("fell", "rule changed"),
        ("went-dark", None),
    }
    assert night.posts() == 1
    (ended,) = night.replies(1)
    assert ended == ("The rule fell was changed and no longer fires for `img.example.com`; another still does.")
    await night.end()
