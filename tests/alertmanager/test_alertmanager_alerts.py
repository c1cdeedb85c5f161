"""What Alertmanagers are told: which alerts, under which labels, and from when on they are over."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from fakes.worlds.cases import T, incident, mute, rule, silence, suppression, told

from alertbot.alertmanager.alerts import RESOLVED_FOR, AlertLayout, fires_elsewhere, of_alert, of_incident, plan_relay
from alertbot.alerts.lifecycle import Reason
from alertbot.incidents.flapping import Flap
from alertbot.incidents.incident import AccountFall, IncidentKind
from alertbot.incidents.relayed import RelayFacts, RelayPlan
from alertbot.incidents.suppression import Darkness
from alertbot.rules.base import Severity
from alertbot.rules.selection import Group
from alertbot.rules.threshold import Threshold
from alertbot.units import SLOT

LAYOUT = AlertLayout(ZoneInfo("UTC"))
NOW = 10
"""Slots after ``T`` at which all of it is looked at, but where a case says otherwise."""


def nobody(_series):
    return False


def relay(facts, at=NOW, held=None, layout=LAYOUT, awaited=nobody) -> RelayPlan:
    return plan_relay(facts, held or suppression(at), layout, awaited, float(T + at * SLOT))


def known(alert, at=NOW - 1, layout=LAYOUT, **changes):
    """What was told of an alert some slots ago."""
    return replace(of_alert(alert, suppression(at), layout), **changes)


def names(alerts):
    return [dict(each.labels)["series"] for each in alerts]


def test_the_labels_of_an_alert_are_those_it_is_routed_by_and_none_that_differs_between_bots():
    groups = (Group("videos", ("a", "b"), sum=True), Group("all", ("a",)))
    scene = suppression(NOW, rule(), groups=groups)
    layout = AlertLayout(ZoneInfo("UTC"), {"team": "cdn"})
    one, other = told(1, "a", since=1, slot=9, incident=4), told(77, "a", since=2, slot=8)

    labels = dict(of_alert(one, scene, layout).labels)
    assert labels == {
        "alertname": "dark",
        "job": "alertbot",
        "severity": "warning",
        "series": "a",
        "domain": "a",
        "group": "all,videos",
        "team": "cdn",
    }
    assert of_alert(other, scene, layout).labels == of_alert(one, scene, layout).labels
    assert "domain" not in dict(of_alert(told(1, "sum:videos"), scene, layout).labels)
    assert dict(of_alert(told(1, "sum:videos"), scene, layout).labels)["group"] == "videos"
    assert dict(of_alert(told(1, "total"), scene, layout).labels).keys() == {
        "alertname",
        "job",
        "severity",
        "series",
        "team",
    }


def test_the_annotations_say_it_in_a_sentence_with_its_numbers():
    dark = rule(runbook="https://wiki.example.com/cdn")
    alert = of_alert(told(1, "a", since=1, slot=3), suppression(4, dark), LAYOUT)

    assert alert.annotations == {
        "summary": "a went dark at 00:05: 0 bps, was 1 Gbps.",
        "description": "a went dark at 00:05: 0 bps, was 1 Gbps. Last seen: 0 bps against 1 Gbps, "
        "data until 00:20. The rule dark: fallen to 0 bps from 1 Mbps or more for 5m.",
        "value": "0 bps",
        "reference": "1 Gbps",
        "since": "2026-03-02T00:05:00Z",
        "runbook_url": "https://wiki.example.com/cdn",
    }
    assert alert.starts == T + 4 * SLOT


def test_an_alert_of_a_fixed_limit_has_no_reference_and_one_whose_rule_is_gone_is_told_all_the_same():
    limit = rule("high", kind_name="threshold", kind=Threshold(above=1e9))
    high = told(1, "a", "high", rises=True)
    high = replace(high, alert=replace(high.alert, value=2e9, worst=2e9, reference=None))

    assert "reference" not in of_alert(high, suppression(1, limit), LAYOUT).annotations
    assert "which is gone" in of_alert(high, suppression(1, rule()), LAYOUT).annotations["summary"]


@pytest.mark.parametrize(
    ("series", "link"),
    [
        ("video.example.com", "https://g.example.com/?s=video.example.com&x=1"),
        ("sum:ä b&", "https://g.example.com/?s=sum%3A%C3%A4%20b%26&x=1"),
    ],
)
def test_the_link_names_the_series_as_a_part_of_an_address(series, link):
    layout = AlertLayout(ZoneInfo("UTC"), link="https://g.example.com/?s={series}&x=1")
    assert of_alert(told(1, series), suppression(1), layout).link == link
    assert of_alert(told(1, series), suppression(1), LAYOUT).link is None


HOLDS = {
    "nothing holds it": ({}, {}, True, True),
    "it is silenced": ({}, {"silences": (silence(),)}, False, False),
    "it is muted": ({}, {"mutes": (mute(0, 20),)}, False, False),
    "it flaps": ({}, {"flapping": {("dark", "a"): Flap(T, T + 9 * SLOT)}}, False, False),
    # What is about to be over is not told anew, nor is what fell in a darkness; what was told goes on.
    "it is about to be over": ({"clearing": 1}, {}, False, True),
    "it fell with the whole account": ({}, {"darkness": (Darkness(T, T + 10.5 * SLOT),)}, False, True),
}


@pytest.mark.parametrize(("alert", "scene", "anew", "again"), HOLDS.values(), ids=HOLDS.keys())
def test_what_the_bot_holds_is_not_told(alert, scene, anew, again):
    firing = told(1, "a", since=9, slot=10, **alert)
    held = suppression(NOW, **scene)

    fresh = relay(RelayFacts([firing], [], []), held=held)
    later = relay(RelayFacts([firing], [], [known(firing)]), held=held)

    assert bool(fresh.firing) == anew
    assert bool(later.firing) == again
    # Never as over: another bot may not hold it, and Alertmanager lets it end by itself.
    assert later.resolved == ()
    assert bool(later.to_forget) != again


def test_what_is_new_is_written_and_what_was_told_keeps_its_beginning():
    new, old = told(1, "a", since=9, slot=10), told(2, "b", since=3, slot=10)
    earlier = known(told(2, "b", since=3, slot=4), at=5)

    said = relay(RelayFacts([new, old], [], [earlier]))

    assert names(said.firing) == ["a", "b"]
    assert names(said.to_store) == ["a"]
    assert [each.starts for each in said.firing] == [T + NOW * SLOT, T + 5 * SLOT]
    # ... and says how it stands now.
    assert said.firing[1].annotations["description"] != earlier.annotations["description"]


def test_what_ended_is_over_from_now_on_in_the_words_of_its_end():
    firing = told(1, "a", since=1, slot=8)
    ended = told(1, "a", since=1, ended=10)
    ended = replace(ended, alert=replace(ended.alert, value=9e8, clear_run=2), reason=Reason.CLEARED.value)

    said = relay(RelayFacts([], [], [known(firing)], {("dark", "a"): ended}))

    (over,) = said.resolved
    assert said.to_store == (over,)
    assert over.ends == T + NOW * SLOT
    assert over.annotations["summary"].startswith("a is back to normal at 00:45 after 40m: 900 Mbps")
    assert over.labels == known(firing).labels


@pytest.mark.parametrize(("later", "repeated"), [(0.0, True), (RESOLVED_FOR - 1, True), (RESOLVED_FOR, False)])
def test_an_end_is_told_for_15_minutes(later, repeated):
    before = known(told(1, "a"), ends=T + NOW * SLOT - later)

    said = relay(RelayFacts([], [], [before]))

    assert said.resolved == ((before,) if repeated else ())
    assert said.to_forget == (() if repeated else (before.labels,))
    assert said.to_store == ()


def test_what_burns_again_begins_anew():
    before = known(told(1, "a"), ends=T + 9.5 * SLOT)
    said = relay(RelayFacts([told(2, "a", since=9, slot=10)], [], [before]))

    assert [each.ends for each in said.firing] == [None]
    assert said.firing == said.to_store
    assert said.firing[0].starts == T + NOW * SLOT
    assert said.resolved == ()


def test_what_is_told_under_other_labels_from_now_on_is_over_under_the_former():
    firing = told(1, "a", slot=10)
    said = relay(RelayFacts([firing], [], [known(firing)]), layout=AlertLayout(ZoneInfo("UTC"), {"team": "cdn"}))

    assert [dict(each.labels).get("team") for each in said.firing] == ["cdn"]
    assert [dict(each.labels).get("team") for each in said.resolved] == [None]


def test_nothing_is_said_of_what_is_yet_to_be_judged():
    firing, ended = told(1, "a", slot=3), known(told(2, "b"))
    dark = incident(7, kind=IncidentKind.DARK)
    facts = RelayFacts([firing], [dark], [known(firing), ended])

    assert relay(facts, awaited=lambda _series: True) == RelayPlan()
    said = relay(facts, awaited=lambda series: series in {"a", "total"})
    assert (said.firing, names(said.resolved)) == ((), ["b"])


FEED = {
    "nothing new is published": (IncidentKind.DARK, {}, "AlertbotFeedDark", "critical", "No data since 00:00"),
    "calls fail": (IncidentKind.FEED, {"cause": "HTTP 500"}, "AlertbotFeedFailing", "warning", "HTTP 500"),
    "a domain left": (IncidentKind.VANISHED, {"series": ["a"]}, "AlertbotDomainsVanished", "warning", "No longer"),
}


@pytest.mark.parametrize(("kind", "facts", "name", "severity", "words"), FEED.values(), ids=FEED.keys())
def test_trouble_of_the_feed_is_an_alert_of_its_own(kind, facts, name, severity, words):
    trouble = replace(incident(7, kind=kind), facts=facts)

    (alert,) = relay(RelayFacts([], [trouble], [])).firing
    assert dict(alert.labels) == {"alertname": name, "job": "alertbot", "severity": severity}
    assert words in alert.annotations["summary"]
    assert "#7" in alert.annotations["description"]

    closed = replace(trouble, closed=float(T + NOW * SLOT))
    (over,) = relay(RelayFacts([], [], [alert], {}, {7: closed})).resolved
    assert over.ends is not None
    assert over.annotations["summary"] != alert.annotations["summary"]


def test_a_fall_of_the_whole_account_is_an_alert_of_its_own_beside_those_of_its_domains():
    alerts = [told(number, name, since=8, slot=10) for number, name in enumerate("abc", 1)]
    fell = incident(7, *alerts, wide=AccountFall(T + 8 * SLOT, 3, 4, "warning"))
    scene = suppression(NOW, rule(), rule("loud", severity=Severity.CRITICAL))

    said = relay(RelayFacts(alerts, [fell], []), held=scene)
    account = said.firing[-1]

    assert len(said.firing) == 4
    # The severity is the same whichever of the alerts a bot saw first.
    assert dict(account.labels) == {"alertname": "AlertbotAccountFell", "job": "alertbot", "severity": "critical"}
    assert "3 of 4 domains with traffic have fallen" in account.annotations["summary"]

    well = replace(fell, progress=replace(fell.progress, wide=AccountFall(T + 8 * SLOT, 3, 4, "warning", over=T)))
    assert list(of_incident(well, scene, LAYOUT)) == []
    (over,) = relay(RelayFacts([], [well], [account], {}, {7: well}), held=scene).resolved
    assert over.annotations["summary"] == "The account as a whole is no longer affected."


@pytest.mark.parametrize(
    ("since_our_end", "kept"),
    [
        (-60, False),  # what we said ourselves, a re-sending before
        (-1, False),  # ... or just before
        (60, True),  # another bot said so after we had found it over
        (35, True),
        (5, False),  # too near: clocks may differ by seconds
    ],
)
def test_another_bot_is_seen_by_when_it_last_said_that_it_burns(since_our_end, kept):
    assert fires_elsewhere(1000.0 + since_our_end + 6 * 60.0, 1000.0, 60.0) == kept


def test_it_is_decided_quickly_in_a_storm():
    alerts = [told(number, f"d{number}", slot=10) for number in range(3000)]
    scene = suppression(NOW, silences=(silence(),))

    assert len(relay(RelayFacts(alerts, [], [known(each) for each in alerts]), held=scene).to_forget) == 3000


def test_when_it_is_told_counts_by_alertmanagers_clock_and_not_by_the_apis():
    said = plan_relay(RelayFacts([told(1, "a", slot=10)], [], []), suppression(NOW), LAYOUT, nobody, 5000.0)
    assert [each.starts for each in said.firing] == [5000.0]
    over = plan_relay(RelayFacts([], [], said.firing), suppression(NOW), LAYOUT, nobody, 6000.0).resolved
    assert [each.ends for each in over] == [6000.0]
