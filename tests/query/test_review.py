"""What each rule posted, and what became of it: figures that votes, acknowledgements and time bear out."""

from __future__ import annotations

import json

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import ceiling, config_for, dark, fell

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Vote
from alertbot.incidents.orders import Person
from alertbot.query.as_json import to_json
from alertbot.query.posted import PostedIncident
from alertbot.query.review import review
from alertbot.rules.base import Direction
from alertbot.units import DAY, SLOT

DOMAINS = tuple(f"{name}.example.com" for name in "abcdef")
USUAL = {**dict.fromkeys(DOMAINS, 1e8), "total": 6e8}
BOB = Person("U0BOB", "Bob")


@pytest.fixture
async def home(tmp_path):
    house = House(
        config_for(database(tmp_path), DOMAINS, [dark(repeat=1800), ceiling(1e12)], mention={"critical": "@here"}),
        DOMAINS,
    )
    await house.begin(USUAL)
    yield house
    await house.end()


async def outage(home, domain="a", slots=2):
    """A domain is dark for so many slots, then back; what follows is no part of it any more."""
    for _ in range(slots):
        await home.judge({**USUAL, f"{domain}.example.com": 0.0})
    for _ in range(16):
        await home.judge(USUAL)


def of_rule(home, rule="went-dark", span=7 * DAY):
    return next(each for each in review(Inquired(home).scope, span).rules if each.rule == rule)


async def test_figures_of_a_rule(home):
    await outage(home)
    await outage(home, "b")
    await outage(home, "c", slots=6)
    for _ in range(2):
        await home.judge({**USUAL, "d.example.com": 0.0})
    await home.look(240)
    await home.say("ack #4")
    await home.say("silence d.* 2h")
    await home.say("noise #2")
    await home.say("useful #3")
    await home.say("useful #3", BOB)

    found = of_rule(home)
    assert (found.posts, found.mentions, found.ended) == (4, 4, 3)
    assert (found.acknowledged, found.ack_seconds) == (1, 240)
    assert (found.over_soon, found.useful, found.noise, found.noisy) == (2, 2, 1, 2)
    assert found.silenced == 0
    home.now += 3 * 3600
    assert of_rule(home).silenced == 2 * 3600
    assert (await Inquired(home).ask("review")).splitlines() == [
        "4 posts in the last 7d, 2 of them noise.",
        (
            "went-dark: 4 posts, 2 noise, 4 mentions, 1 acknowledged after 4m, 67% over soon, silenced for 2h,"
            " votes: 2 useful, 1 noise"
        ),
        "Posted nothing: ceiling",
        "noise: voted so, or without a vote over by itself within 10m and not acknowledged; over soon: within 10m",
    ]


async def test_people_were_mentioned_by_the_rules_that_are_as_loud_as_the_incident(tmp_path):
    rules = [dark(), fell()]
    home = House(config_for(database(tmp_path), DOMAINS, rules, mention={"critical": "@here"}), DOMAINS)
    await home.begin(USUAL)
    await outage(home)

    counted = {name: (of_rule(home, name).posts, of_rule(home, name).mentions) for name in ("went-dark", "fell")}
    assert counted == {"went-dark": (1, 1), "fell": (1, 0)}
    await home.end()


async def test_only_what_was_posted_within_the_span_counts(home):
    assert (await Inquired(home).ask("review 30d")).startswith("No posts in the last 30d.")
    await outage(home)
    assert of_rule(home, span=DAY).posts == 1
    home.now += 2 * DAY
    assert of_rule(home, span=DAY).posts == 0


async def test_the_facts_are_json(home):
    await outage(home)
    facts = json.loads(to_json(review(Inquired(home).scope, DAY)))
    assert (facts["span"], facts["incidents"], facts["noisy"]) == (DAY, 1, 1)
    assert facts["rules"][0] == {
        "rule": "went-dark",
        "posts": 1,
        "mentions": 1,
        "acknowledged": 0,
        "ack_seconds": None,
        "over_soon": 1,
        "ended": 1,
        "silenced": 0.0,
        "useful": 0,
        "noise": 0,
        "noisy": 1,
    }


def posted(votes="", *, over_soon=True, acked=None, kind=IncidentKind.ALERT, acknowledged=False):
    slots = 1 if over_soon else 9
    last = (slots + 2) * SLOT
    alert = Alert(
        rule="dark",
        series="a.example.com",
        phase=Phase.FIRING,
        since=0,
        slot=last,
        value=1e8,
        reference=1e8,
        worst=0.0,
        direction=Direction.FALL,
        fired=SLOT,
        clear_run=2,
        acknowledged=acknowledged,
    )
    fired = FiredAlert(1, alert, "critical", last, "cleared", incident=1)
    cast = tuple(Vote("ann", useful=vote == "useful") for vote in votes.split())
    return PostedIncident(Incident(1, kind, "#cdn", 0, 900.0, 5000.0, (fired,), votes=cast), 0, acked)


@pytest.mark.parametrize(
    ("one", "noise", "worth_keeping"),
    [
        (posted(), True, False),
        (posted(over_soon=False), False, False),
        (posted(acked=60.0), False, True),
        (posted(acknowledged=True), False, True),
        (posted("useful"), False, True),
        (posted("noise", over_soon=False), True, False),
        (posted("useful noise"), False, True),
        (posted("useful noise noise"), True, False),
        (posted("noise", acked=60.0), False, True),
        (posted(kind=IncidentKind.PASSED), False, False),
    ],
)
def test_votes_decide_and_without_any_how_soon_it_was_over(one, noise, worth_keeping):
    assert (one.noise, one.worth_keeping) == (noise, worth_keeping)
