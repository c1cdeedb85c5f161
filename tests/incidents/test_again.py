"""A second outage within the hour: the same incident, told and stored by a real house."""

from __future__ import annotations

import json

import numpy as np
import pytest
from fakes.rigs.house import ADA, House, database
from fakes.rigs.night import config_for, dark, fell

from alertbot.units import SLOT

A, B = "a.example.com", "b.example.com"
USUAL = {A: 1.84e9, B: 3e8, "c.example.com": 1e8, "d.example.com": 1e8}


@pytest.fixture
async def house(tmp_path):
    opened = House(config_for(database(tmp_path), tuple(USUAL), [dark(), fell()]), tuple(USUAL))
    await opened.begin({**USUAL, "total": sum(USUAL.values())})
    yield opened
    await opened.end()


async def carried(house, slots, **values):
    """So many slots in which ``a`` and ``b`` carried this share of the usual."""
    now = {name: level * values.get(name[0], 1) for name, level in USUAL.items()}
    for _ in range(slots):
        await house.judge({**now, "total": sum(now.values())})


def pages(house):
    return [(row.subject, row.text) for row in house.outbox() if row.pages]


def incidents(house):
    return {row["id"]: row for row in house.rows("SELECT * FROM incidents")}


@pytest.mark.parametrize("restarts", [False, True])
async def test_it_reopens_the_incident_whoever_acknowledged_that(house, restarts):
    await carried(house, 4, a=0)
    await house.say("ack 1", ADA)
    await carried(house, 8)
    assert incidents(house)[1]["closed"] is not None
    if restarts:
        await house.restart()

    await carried(house, 6, a=0)

    (_, first), (subject, second) = pages(house)
    assert "went dark at" in first
    assert subject == "incident:1"
    assert "went dark again at" in second
    assert "second time since" in second
    assert second.endswith("#1 reopened.")
    (row,) = incidents(house).values()
    assert (row["closed"], json.loads(row["standing"])["acked_at"]) == (None, None)
    assert house.outbox()[-1].action == "update"

    await carried(house, 4)
    assert incidents(house)[1]["closed"] is not None
    assert len(pages(house)) == 2
    assert "2 domains" not in house.outbox()[-1].text


async def test_a_reminder_counts_from_the_outage_that_goes_on(house):
    await house.restart(config_for(house.config.store.path, tuple(USUAL), [dark(repeat=1800)]))
    await carried(house, 4, a=0)
    await carried(house, 8)
    await carried(house, 8, a=0)

    (reminder,) = [text for _, text in pages(house) if text.startswith("Still ")]
    assert reminder.startswith("Still dark after 40m, not acknowledged: `a.example.com` went dark again at 01:00")


@pytest.mark.parametrize("acked", [False, True])
async def test_that_people_took_care_of_an_outage_outlives_a_restart_and_the_next_outage(house, acked):
    await carried(house, 4, a=0)
    if acked:
        await house.say("ack 1", ADA)
    await carried(house, 8)
    await carried(house, 4, a=0)  # reopens it: nobody has acknowledged this one
    for _ in range(2):
        outages = sorted(house.ledger.grid.aside.episodes.of(A), key=lambda each: each.first)
        assert [each.handled for each in outages if each.rule == "went-dark"] == [acked, False]
        await house.restart()


async def test_what_joins_an_acknowledged_incident_was_acknowledged_as_well(house):
    await carried(house, 2, a=0, b=0)
    await house.say("ack 1", ADA)
    await carried(house, 2, a=0, b=0, c=0)
    rows = house.rows("SELECT series, acknowledged FROM alerts WHERE incident = 1 AND rule = 'went-dark'")
    assert {row["series"][0]: row["acknowledged"] for row in rows} == {"a": 1, "b": 1, "c": 1}
    marked = {alert.series[0] for alert in house.ledger.alerts.values() if alert.acknowledged}
    assert marked == {"a", "b", "c"}


async def test_after_an_hour_it_is_an_incident_of_its_own(house):
    await carried(house, 4, a=0)
    await carried(house, 16)
    await carried(house, 4, a=0)

    assert [subject for subject, _ in pages(house)] == ["incident:1", "incident:2"]
    assert "again" not in pages(house)[-1][1]


async def test_another_domain_is_an_incident_of_its_own(house):
    await carried(house, 4, a=0)
    await carried(house, 4)
    await carried(house, 4, b=0)

    assert [subject for subject, _ in pages(house)] == ["incident:1", "incident:2"]


async def test_a_domain_that_is_out_again_beside_another_that_still_is_wakes_people_in_its_incident(house):
    await carried(house, 4, a=0, b=0)
    await carried(house, 6, b=0)
    await carried(house, 4, a=0, b=0)

    assert len(incidents(house)) == 1
    assert "went dark again" in pages(house)[-1][1]
    assert "reopened" not in pages(house)[-1][1]


async def test_a_third_time_is_counted_from_the_first(house):
    began = house.slot + SLOT
    for _ in range(3):
        await carried(house, 4, a=0)
        await carried(house, 5)

    assert len(incidents(house)) == 1
    assert "third time since" in pages(house)[-1][1]
    assert incidents(house)[1]["since"] == began


async def test_a_message_says_by_itself_that_its_domain_gives_no_data_and_that_it_does_again(house):
    await carried(house, 4, a=0)
    for _ in range(8):
        await house.judge({**{name: level for name, level in USUAL.items() if name != A}, "total": 5e8})
    edits = [row for row in house.outbox() if row.action == "update" and "No data for a.example.com since" in row.shown]
    assert len(edits) == 1
    house.ledger.take(A, house.slot - 7 * SLOT, np.zeros(8))
    await carried(house, 1, a=0)
    last = house.outbox()[-1]
    assert (last.action, "No data" in last.shown) == ("update", False)
    assert len(pages(house)) == 1
