"""``alerts`` and ``incidents``: a line an incident, none missing, the loudest first."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import CHANNEL, config_for, dark, fell

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.config import GroupSettings
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Progress
from alertbot.incidents.moved import Moved
from alertbot.messages.alert import PLAIN
from alertbot.messages.feed_incident import was
from alertbot.query import incidents
from alertbot.query.as_json import to_json
from alertbot.rules.base import Direction
from alertbot.rules.drop import Drop
from alertbot.store.feed_reports import FeedReport
from alertbot.units import DAY, SLOT

MANY = tuple(f"shop-{number:03}.example.com" for number in range(40))
DOMAINS = ("a.example.com", "b.example.com", "c.example.com", "d.example.com", *MANY)
USUAL = dict.fromkeys(DOMAINS, 1e8) | {"a.example.com": 1.84e9, "b.example.com": 3e8}
USUAL["total"] = sum(USUAL.values())


@pytest.fixture
async def house(tmp_path):
    opened = []

    async def begun(*rules, groups=()):
        home = House(config_for(database(tmp_path), DOMAINS, rules or (dark(),), groups=groups), DOMAINS)
        await home.begin(USUAL)
        opened.append(home)
        return home, Inquired(home)

    yield begun
    for home in opened:
        await home.end()


async def carried(home, slots=1, **changed):
    for _ in range(slots):
        now = USUAL | {name.replace("_", "-") + ".example.com": value for name, value in changed.items()}
        await home.judge({**now, "total": sum(now[name] for name in DOMAINS)})


async def test_with_nothing_open_it_says_so(house):
    home, asked = await house()
    await carried(home)
    assert await asked.ask("alerts") == "No alerts."
    assert await asked.ask("incidents") == "No incidents within 7d."
    assert "No alerts." in await asked.ask("status")


async def test_an_incident_is_a_line_with_how_long_and_whose_word(house):
    home, asked = await house()
    await carried(home, 2, a=0.0)
    said = await asked.ask("alerts")
    assert "1 incident open, 1 alert firing." in said
    assert "#1 critical, 20m, not acknowledged: a.example.com went dark at 00:00: 0 bps" in said
    await home.say("ack")
    await home.say("silence a.* 2h")
    assert "#1 critical, 20m, acknowledged by Ada, silenced by Ada until 02:20: a.ex" in await asked.ask("alerts")
    assert "1 incident open: #1; 1 alert firing." in await asked.ask("status")
    assert "silenced: s1 a.* until 02:20 by Ada" in await asked.ask("status")


async def test_an_incident_of_the_feed_is_open_though_no_alert_fires(house):
    home, asked = await house()
    await carried(home)
    facts = {"cause": "500 Internal Server Error"}
    await home.dispatcher.report([FeedReport(IncidentKind.FEED, CHANNEL, home.slot, facts)])
    home.now += 1200
    said = await asked.ask("alerts")
    assert "No alerts" not in said
    assert "1 incident open." in said
    assert "#1 warning, 35m, not acknowledged: The CDN's API has been failing since 00:00" in said
    assert "1 incident open: #1." in await asked.ask("status")
    await home.dispatcher.report([FeedReport(IncidentKind.FEED, CHANNEL, home.slot, facts, number=1, closes=True)])
    assert "#1 warning, 00:00 to 00:35 (35m): The CDN's API gave no data." in await asked.ask("alerts")


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        (IncidentKind.FEED, {"series": ["a.example.com"]}, "1 domain was unreadable: a.example.com."),
        (IncidentKind.FEED, {"series": ["domain/list"]}, "The list of the account's domains was unreadable."),
        (
            IncidentKind.FEED,
            {"series": ["domain/list"], "failed": True},
            "The CDN's API gave no data; then the list of the account's domains was unreadable.",
        ),
        (IncidentKind.VANISHED, {"series": ["a.example.com", "b.example.com"]}, "2 domains left the account: a.exam"),
        (IncidentKind.DARK, {}, "No data came."),
        (IncidentKind.DARK, {"unseen": True}, "The account showed no traffic at all."),
        (IncidentKind.DARK, {"usually_silent": True}, "The whole account was silent as usual."),
    ],
)
def test_of_what_is_over_a_list_says_what_it_was(kind, facts, said):
    assert was(Incident(1, kind, CHANNEL, 0, 0.0, 1.0, (), facts), PLAIN).startswith(said)


def test_a_rise_that_is_the_other_side_of_a_fall_counts_as_the_fall_does():
    rise = Alert("r", "b.example.com", Phase.FIRING, 0, SLOT, 2e9, 1e9, 2e9, Direction.RISE)
    fall = replace(rise, series="a.example.com", value=0.0, worst=0.0, direction=Direction.FALL)
    fired = (FiredAlert(1, fall, "warning", None, None), FiredAlert(2, rise, "critical", None, None))
    moved = Moved(0, (("a.example.com", 1e9),), (("b.example.com", 1e9),), "total", 0.0, 1e6)
    incident = Incident(1, IncidentKind.ALERT, CHANNEL, 0, 0.0, None, fired)
    assert incidents.severity_of(incident) == "critical"
    assert incidents.severity_of(replace(incident, progress=Progress(moved=moved))) == "warning"


async def test_the_loudest_come_first_and_none_is_buried(house):
    warns = [replace(fell(domains=(f"{name}.*",)), name=f"{name}-fell") for name in "bcd"]
    home, asked = await house(dark(domains=("a.*", "shop-*")), *warns)
    await carried(home, 2, d=1e6)
    await carried(home, 4, d=1e6, c=1e6)
    await carried(home, 4, d=1e6, c=1e6, b=1e6)
    await carried(home, 2, d=1e6, c=1e6, b=1e6, a=0.0)
    loud = [each.number for each in incidents.alerts(asked.scope, DAY).open]
    assert loud[0] == max(loud)
    assert len(loud) == 4
    said = await asked.ask("alerts")
    assert all(f"#{number}" in said for number in loud)


async def test_forty_domains_are_one_line(house):
    home, asked = await house()
    down = {name.removesuffix(".example.com").replace("-", "_"): 0.0 for name in MANY[:15]}
    await carried(home, 2, **down)
    (line,) = incidents.alerts(asked.scope, DAY).open
    assert line.domains == 15
    assert "14 more domains fell with it" in await asked.ask("alerts")


async def test_what_fires_without_being_posted_stands_there_with_the_reason(house):
    home, asked = await house()
    await home.say("silence a.* 2h image <work>")
    await carried(home, 2, a=0.0)
    said = await asked.ask("alerts")
    assert said.startswith("1 alert firing.\nFiring, but not posted:\ncritical, went-dark: a.example.com went dark")
    assert said.endswith("(silenced by Ada until 02:00 (s1): image <work>)")


async def test_what_ended_follows_for_a_day_or_as_long_as_asked(house):
    home, asked = await house()
    await carried(home, 2, a=0.0)
    await carried(home, 3)
    said = await asked.ask("alerts")
    assert said.startswith(
        "No alerts.\nEnded within a day:\n#1 critical, 00:00 to 00:10 (10m): a.example.com was dark."
    )
    home.now += 2 * DAY
    assert await asked.ask("alerts") == "No alerts."
    assert "#1 critical, Tue 3 Nov 00:00 to 00:10 (10m): a.example.com was dark." in await asked.ask("alerts 7d")
    assert "1 incident within 7d." in await asked.ask("incidents")
    assert await asked.ask("incidents 24h") == "No incidents within a day."


async def test_of_a_domain_that_was_dark_twice_both_outages_are_told(house):
    home, asked = await house()
    for _ in range(2):
        await carried(home, 2, a=0.0)
        await carried(home, 3)
    assert "#1 critical, 00:00 to 00:35 (35m): a.example.com was dark, 2 times." in await asked.ask("incidents")
    await carried(home, 2, a=0.0, b=0.0)
    await carried(home, 3)
    assert "2 domains were dark: a.example.com, b.example.com." in await asked.ask("incidents")


async def test_a_part_of_the_account_wide_fall_is_no_line_one_must_acknowledge(house):
    home, asked = await house(groups=[GroupSettings(name="own", domains=["a.*"], channel="#own")])
    await carried(home, 2, **{name.removesuffix(".example.com").replace("-", "_"): 0.0 for name in DOMAINS})
    said = await asked.ask("alerts")
    first, second = [line for line in said.splitlines() if line.startswith("#")]
    assert "Account-wide: " in first
    assert "not acknowledged" in first
    assert "Part of the account-wide fall" in second
    assert "acknowledged" not in second


async def test_scripts_keep_their_keys(house):
    home, asked = await house()
    await carried(home, 2, a=0.0)
    facts = json.loads(to_json(incidents.alerts(asked.scope, DAY)))
    assert {"firing", "resolved", "more", "incidents"} <= facts.keys()
    (line,) = facts["incidents"]
    assert (line["number"], line["severity"], line["closed"]) == (1, "critical", None)
    assert line["since"] == home.slot - SLOT
    assert "incident" not in line


async def test_what_is_at_zero_below_a_rules_floor_is_not_called_normal(house):
    home, _ = await house(dark(domains=("a.*",)))
    await carried(home, 2, a=0.0, b=0.0, c=0.0)
    post = home.outbox()[0].shown
    assert "no alert on the other 43 domains (2 of them are at 0 too)" in post


async def test_the_floor_is_named_below_which_others_are_at_zero(house):
    home, _ = await house(replace(dark(), kind=Drop(to=0.0, from_=5e8)))
    await carried(home, 2, a=0.0, b=0.0, c=0.0)
    assert "(2 of them are at 0 too, below the floor of 500 Mbps)" in home.outbox()[0].shown


async def test_old_figures_say_how_old_they_are(house):
    home, asked = await house()
    await carried(home)
    assert "(data until 00:05)" in await asked.ask("show a")
    home.now += 1800
    assert "(data until 00:05, 40m old)" in await asked.ask("show a")
    assert "data until 00:05, 40m old" in await asked.ask("top 3")
    trouble = Inquired(home, trouble="500")
    assert "No data from the CDN's API: 500. Last data until 00:05, 40m old." in await trouble.ask("status")
