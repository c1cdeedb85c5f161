"""``why`` says what the service did and why: asked of a real house after each turn of events."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import ceiling, config_for, dark, doubled, far_off, fell
from fakes.worlds.virtual import run
from hypothesis import given, settings
from hypothesis import strategies as st

from alertbot.config import GroupSettings, MuteSettings
from alertbot.config.watch import lay_out
from alertbot.incidents.suppression import Suppressed
from alertbot.query.as_json import to_json
from alertbot.query.why import MOST_SHOWN, why
from alertbot.query.why_facts import Missing
from alertbot.rules.baseline import Baseline
from alertbot.rules.schedule import Schedule, parse_window
from alertbot.units import DAY, SLOT

DOMAINS = ("a.example.com", "b.example.com", "c.example.com")
USUAL = {"a.example.com": 1.84e9, "b.example.com": 3e8, "c.example.com": 1e8}
A = DOMAINS[0]
OPEN: list[House] = []


@pytest.fixture
async def house(tmp_path):
    """Opens houses over rules, with what their database is asked."""

    async def opened(*rules, mutes=(), groups=()):
        house = House(config_for(database(tmp_path), DOMAINS, rules, mutes=mutes, groups=groups), DOMAINS)
        await house.begin({**USUAL, "total": sum(USUAL.values())})
        OPEN.append(house)
        return house, Inquired(house)

    yield opened
    while OPEN:
        await OPEN.pop().end()


async def carried(house, *values, series=A):
    for value in values:
        now = {**USUAL, series: value}
        await house.judge({**now, "total": sum(now.values())})


def of(asked, rule="went-dark", series=A):
    return next(each for each in why(asked.scope, series).rules if each.rule.name == rule)


async def test_a_breach_is_shown_with_its_slots_its_reference_and_how_much_of_for_is_seen(house):
    home, asked = await house(dark(), fell())
    await carried(home, 1.84e9, 0.0)
    found = of(asked)
    assert found.alert is not None
    assert (found.alert.phase.value, found.told, found.suppressed_by) == ("pending", None, None)
    assert [(each.slot, each.value, each.breach) for each in found.judged] == [
        (home.slot - SLOT, 1.84e9, False),
        (home.slot, 0.0, True),
    ]
    assert [term.text for term in found.terms] == ["0 bps <= 0 bps", "reference 1.84 Gbps >= 1 Mbps"]
    text = await asked.ask("why a")
    assert "went-dark (critical): pending since 00:05: 5m of 10m shown" in text
    await carried(home, 0.0)
    text = await asked.ask("why a")
    assert "firing since 00:05, fired at 00:10, posted as #1" in text
    assert "reference 1.84 Gbps >= 1 Mbps (the level before this began): breach" in text


async def test_of_an_earlier_time_it_shows_the_slots_of_then_and_the_alert_they_are_of(house):
    home, asked = await house(dark())
    await carried(home, 1.84e9, 0.0, 0.0, 0.0, 1.84e9, 1.84e9, 1.84e9)
    text = await asked.ask("why a 00:10")
    assert text.startswith("a.example.com at 00:10: 0 bps.")
    assert "in alert since 00:05, fired at 00:10, posted as #1, over 00:20: cleared" in text
    assert "00:10: 0 bps <= 0 bps, reference 1.84 Gbps >= 1 Mbps (the level before this began): breach" in text
    assert "no alert that fired; fires when fallen to 0 bps" in await asked.ask("why a at 00:00")
    assert (await asked.ask("why a 2026-01-01 00:00")).startswith("a.example.com on Thu 1 Jan at 00:00: not known")
    assert "judged until 00:35" in await asked.ask("why a")


async def test_in_its_first_hour_it_is_said_that_its_lateness_is_still_being_learned(house):
    home, asked = await house(dark())
    await carried(home, 1.84e9)
    said = "how late its data comes is still being learned, until about "
    asked.live_facts["learns_for"] = 400 * DAY  # that is what the service says: an hour
    assert said in await asked.ask("why a")
    asked.live_facts["learns_for"] = 3600
    assert said not in await asked.ask("why a"), "the house looked at it before"


async def test_the_reference_that_is_shown_stays_frozen_for_as_long_as_it_burns(house):
    home, asked = await house(dark())
    await carried(home, *[0.0] * 20)
    assert of(asked).judged[-1].reference == 1.84e9
    await carried(home, 1.84e9, 1.84e9)
    found = of(asked)
    assert found.alert is None
    assert found.told is not None
    assert found.told.reason == "cleared"
    assert found.judged[-1].reference == 1.84e9, "the window reaches back over the outage"


async def test_a_rule_that_does_not_fire_shows_why_not(house):
    home, asked = await house(
        dark(), replace(dark(domains=("b.*",)), name="others"), replace(fell(enabled=False), name="off"), ceiling(3e9)
    )
    await carried(home, 1.9e9)
    found = why(asked.scope, A)
    assert (found.others, found.disabled) == (("others",), ("off",))
    text = await asked.ask("why a")
    assert "1.9 Gbps > 0 bps, reference 1.84 Gbps >= 1 Mbps: no breach" in text
    assert "1.9 Gbps <= 3 Gbps: no breach" in text
    assert "rules that don't watch this domain: others\nswitched off: off" in text


async def test_under_from_and_floor_it_says_so(house):
    small = replace(dark(), kind=replace(dark().kind, from_=5e9))
    high = replace(doubled(), kind=replace(doubled().kind, floor=5e9))
    home, asked = await house(small, high)
    await carried(home, 0.0, 3.9e9)
    text = await asked.ask("why a")
    assert "reference 1.84 Gbps < 5 Gbps: no breach" in text
    assert "3.9 Gbps >= 2 x 1.84 Gbps = 3.68 Gbps, both under the floor: 3.9 Gbps < floor 5 Gbps: no breach" in text


async def test_a_baseline_shows_what_it_expected_what_is_usual_and_the_factor(house):
    home, asked = await house(far_off())
    await carried(home, 1.9e9, 4.1e9, 4.1e9)
    text = await asked.ask("why a")
    assert (
        "4.1 Gbps >= 1.9 x the usual 1.84 Gbps = 3.5 Gbps, 4.1 Gbps >= floor 10 Mbps"
        " (expected 1.84 Gbps, usual 1.84 Gbps): breach" in text
    )
    assert "firing since" in text
    await carried(home, 1.84e9)
    assert "1.84 Gbps is usual at this time (expected 1.84 Gbps, usual 1.84 Gbps): clear" in await asked.ask("why a")


async def test_a_baseline_says_from_when_on_it_will_judge_and_what_it_lacks_later(house):
    home, asked = await house(far_off(), replace(far_off(), name="weekly", kind=Baseline(days=0, weeks=1)))
    await carried(home, 4.1e9)
    found, later = of(asked, "far-off"), of(asked, "weekly")
    assert found.alert is not None
    assert later.basis is not None
    assert later.basis.begins == home.slot - 2 * DAY + 7 * DAY + 12 * SLOT
    assert "the reference is unknown: too little history yet, it judges from" in await asked.ask("why a")


async def test_a_baseline_says_so_where_nothing_is_usual(tmp_path):
    home = House(config_for(database(tmp_path), DOMAINS, [far_off()]), DOMAINS)
    await home.begin({**USUAL, A: 0.0, "total": 4e8})
    OPEN.append(home)
    await carried(home, 4.1e9)
    text = await Inquired(home).ask("why a")
    assert "4.1 Gbps, the reference is unknown: usually there is nothing at this time" in text
    await OPEN.pop().end()


async def test_what_keeps_it_quiet_is_said_with_whom_and_until_when(house):
    mute = MuteSettings(domains=["b.*"], reason="maintenance", when=["daily 00:00-24:00"])
    home, asked = await house(dark(), mutes=[mute])
    await home.say("silence a.* 2h image <work>")
    await carried(home, 0.0, 0.0)
    found = of(asked).suppressed_by
    assert found is not None
    assert (found.why, found.by, found.reason, found.number) == (Suppressed.SILENCED, "Ada", "image <work>", 1)
    assert "not posted: silenced by Ada until 02:00 (s1): image <work>" in await asked.ask("why a")
    assert "would not be posted: muted by the configuration: maintenance" in await asked.ask("why b")
    await carried(home, 0.0, 0.0, series=DOMAINS[1])
    assert "not posted: muted by the configuration: maintenance" in await asked.ask("why b")
    assert of(asked, series=DOMAINS[2]).suppressed_by is None


async def test_a_rule_on_trial_is_not_said_to_post_later(house):
    _, asked = home = await house(dark(trial=True))
    await carried(home[0], 0.0, 0.0)
    text = await asked.ask("why a")
    assert "went-dark (critical): firing since 00:00, fired at 00:05\n" in text
    assert "not posted: its rule is on trial: judged, never posted" in text


async def test_what_is_usual_is_not_called_the_level_before(tmp_path):
    home = House(config_for(database(tmp_path), DOMAINS, [dark()]), DOMAINS)
    await home.begin({**USUAL, "total": sum(USUAL.values())})
    OPEN.append(home)
    home.ledger.take(A, home.slot - 287 * SLOT, np.zeros(288))
    await carried(home, 0.0, 0.0)
    text = await Inquired(home).ask("why a")
    assert "0 bps <= 0 bps, usual 920 Mbps >= 1 Mbps: breach" in text
    await OPEN.pop().end()


async def test_scripts_read_what_keeps_it_quiet_under_the_keys_and_words_they_know(house):
    home, asked = await house(dark())
    await home.say("silence a.* 2h")
    (rule,) = json.loads(to_json(why(asked.scope, A)))["rules"]
    until = rule["hush"].pop("until")
    assert rule["hush"] == {"why": "silenced", "by": "Ada", "reason": "", "number": 1}
    assert until > home.now
    assert [each.value for each in Suppressed] == [
        "trial", "silenced", "muted", "inactive", "clearing", "flapping", "darkness", "part of", "acknowledged"
    ]  # fmt: skip


async def test_an_incident_that_was_taken_on_says_by_whom(house):
    home, asked = await house(dark())
    await carried(home, 0.0, 0.0)
    await home.say("ack #1")
    assert "no reminders: #1 is acknowledged by Ada" in await asked.ask("why a")


async def test_what_fell_with_the_whole_account_is_said_to_be_a_part_of_it(house):
    home, asked = await house(dark(), groups=[GroupSettings(name="own", domains=["a.*"], channel="#own")])
    for _ in range(2):
        await home.judge({**dict.fromkeys(DOMAINS, 0.0), "total": 0.0})
    parts = {series: of(asked, series=series).suppressed_by for series in DOMAINS}
    inhibited = [found for found in parts.values() if found is not None and found.why is Suppressed.PART_OF]
    assert inhibited
    assert "see there" in await asked.ask("why a")


async def test_outside_its_hours_a_rule_says_that_it_does_not_judge(house):
    office = Schedule((parse_window("mon-sun 09:00-18:00"),), UTC)
    home, asked = await house(dark(active=office))
    await carried(home, 0.0)
    assert of(asked).judged[-1].missing is Missing.INACTIVE
    assert "0 bps, not judged: outside daily 09:00-18:00" in await asked.ask("why a")


async def test_what_a_series_waits_for_is_said(house):
    home, asked = await house(dark())
    await carried(home, 1.84e9)
    asked.live_facts = {
        "frontier": home.slot + 5 * SLOT,
        "held": {A: 600.0},
        "unreadable": {A: "HTTP 400 <unknown>"},
        "trouble": "the API is down",
        "gone": (A,),
    }
    text = await asked.ask("why a")
    assert "held back 10m, since it reports late; the last 15m not judged yet" in text
    assert "it cannot be read: HTTP 400 <unknown>" in text
    assert "no data from the CDN's API, so no rule is judged: the API is down" in text
    assert "it is no longer the account's" in text


async def test_a_series_that_was_never_judged_says_so(house):
    home, asked = await house(dark())
    home.watch = lay_out(home.config, (*DOMAINS, "new.x.com"))
    assert "nothing of it was judged yet" in await asked.ask("why new.x.com")


async def test_what_flaps_is_said_to(house):
    home, asked = await house(ceiling(3e9, for_slots=1, clear_slots=1))
    for _ in range(6):
        await carried(home, 4e9, 1e9)
    await carried(home, 4e9)
    assert "flapping; posted once it stays for 20m" in await asked.ask("why a")


async def test_an_incident_tells_its_story(house):
    home, asked = await house(dark())
    await carried(home, 0.0, 0.0)
    await home.say("ack #1")
    await home.say("silence #1 1h for <now>")
    await carried(home, *[1.84e9] * 3)
    text = await asked.ask("why #1")
    assert text.startswith("#1: a.example.com is back to normal at 00:10")
    assert (
        "it fired by 00:05: 0 bps <= 0 bps, reference 1.84 Gbps >= 1 Mbps (the level before this began): breach" in text
    )
    assert "Acknowledged by Ada" in text
    assert "for <now>" in text
    assert "closed " in text
    assert "there is no incident #2" in (await asked.ask("why 2")).lower()


async def test_an_incident_of_traffic_that_moved_shows_the_sums(house):
    home, asked = await house(dark())
    moved = {**USUAL, A: 0.0, DOMAINS[1]: USUAL[DOMAINS[1]] + USUAL[A], "total": sum(USUAL.values())}
    for _ in range(3):
        await home.judge(moved)
    text = await asked.ask("why #1")
    assert text.startswith("#1: a.example.com fell and b.example.com rose by about 1.84 Gbps at 00:00")
    sums = "moved: a.example.com -1.84 Gbps, b.example.com +1.84 Gbps; the total +0 bps, usual noise 0 bps"
    assert sums in text


async def test_an_incident_whose_rule_is_gone_still_tells_what_is_stored(house):
    home, asked = await house(dark(), fell())
    await carried(home, 0.0, 0.0)
    await home.restart(config_for(home.config.store.path, DOMAINS, [ceiling(1e12)]))
    text = await asked.ask("why #1")
    assert "went-dark (critical) on a.example.com" in text
    assert "it fired by" not in text


async def test_a_storm_lists_the_worst_and_counts_the_rest(tmp_path):
    names = tuple(f"d{number}.example.com" for number in range(12))
    home = House(config_for(database(tmp_path), names, [dark()]), names)
    await home.begin({**dict.fromkeys(names, 1e8), "total": 1.2e9})
    for _ in range(2):
        await home.judge({**dict.fromkeys(names, 0.0), "total": 0.0})
    text = await Inquired(home).ask("why #1")
    assert text.count("went-dark (critical)") == 5
    assert text.count("it fired by") == 3
    assert "more: ask `why DOMAIN` for one".replace("`", "") in text
    await home.end()


VALUES = st.sampled_from([0.0, 1e5, 4e8, 1.84e9, 2.5e9, 4e9])


@settings(max_examples=15)
@given(st.lists(VALUES, min_size=1, max_size=30))
def test_what_why_says_of_a_slot_is_what_the_engine_did_with_it(tmp_path_factory, values):
    """The last slots are in breach exactly as the alert's own record of them says, reference and value alike."""

    async def lived():
        folder = tmp_path_factory.mktemp("why")
        home = House(config_for(database(folder), DOMAINS, [dark(), fell(), ceiling(3e9), doubled()]), DOMAINS)
        await home.begin({**USUAL, "total": sum(USUAL.values())})
        asked = Inquired(home)
        for value in values:
            await carried(home, value)
            for found in why(asked.scope, A).rules:
                _agrees(home, found)
        await home.end()

    run(lived())


def _agrees(home, found):
    alert = home.ledger.alerts.get((found.rule.name, A))
    assert found.alert == alert
    last = found.judged[-1]
    assert last.slot == home.slot
    assert len(found.judged) == min(max(found.rule.for_slots, 2), MOST_SHOWN)
    assert all(term.holds for term in found.terms) == last.breach or last.missing is not None
    if alert is None:
        assert not last.breach
        return
    for row, judged in enumerate(reversed(found.judged)):
        if alert.fired is None and judged.slot >= alert.since:
            assert judged.breach == bool(alert.window >> row & 1)
    assert last.value == alert.value or alert.fired is None
    if alert.reference is not None and last.reference is not None and found.rule.kind.frozen:
        assert last.reference == alert.reference


async def test_why_what_was_accepted_is_no_breach_is_said_beside_the_figures(house):
    home, asked = await house(doubled(accept_slots=6))
    await carried(home, *[3.9e9] * 8)
    found = of(asked, "doubled")
    assert (found.alert, found.judged[-1].breach) == (None, False)
    assert "3.9 Gbps >= 2 x 1.84 Gbps = 3.68 Gbps, 3.9 Gbps >= floor 10 Mbps: no breach, since that is usual now;" in (
        await asked.ask("why a")
    )
    await carried(home, 1.84e9)
    assert "3.68 Gbps, 1.84 Gbps >= floor 10 Mbps: no breach;" in await asked.ask("why a")


async def test_what_is_set_aside_is_shown_with_its_incident(house):
    home, asked = await house(dark(), fell())
    began = home.slot + SLOT
    assert "set aside" not in await asked.ask(f"why {A}")
    await carried(home, *[0.0] * 6, *[1.84e9] * 6)

    found = why(asked.scope, A).set_aside

    # From the breach's first slot to the one before the slot that resolves it.
    assert {(each.first, each.incident, each.accepted) for each in found} == {(began, 1, None)}
    assert {each.last for each in found} == {home.rows("SELECT resolved FROM alerts")[0]["resolved"] - SLOT}
    assert "set aside, no measure of what is usual: " in await asked.ask(f"why {A}")
    assert "(#1)" in await asked.ask(f"why {A}")
    assert not why(asked.scope, DOMAINS[1]).set_aside
