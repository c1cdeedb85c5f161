"""The checker of the simulation objects to what a service might do wrong: each time one thing in a good record is."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.rigs.working import START
from fakes.worlds.virtual import run
from simulation.checker import objections
from simulation.story import DARK, DOMAINS, HIGH, MINUTE, Mishap, Outage, Story
from simulation.world import Health, play

from alertbot.feed.simulator.scenario import Fault, FaultMode

SHORT = Story(
    seed=0,
    end=START + 130 * MINUTE,
    outages=(
        Outage(DARK, DOMAINS[0], START + 40 * MINUTE, START + 55 * MINUTE),
        Outage(HIGH, DOMAINS[1], START + 60 * MINUTE, START + 75 * MINUTE),
    ),
    faults=(),
    delays=(),
    mishaps=(),
    clock_off=0.0,
    partial=1.0,
)
"""An outage and a rise, and nothing that goes wrong."""


@pytest.fixture(scope="module")
def record():
    with tempfile.TemporaryDirectory() as folder:
        return run(play(SHORT, Path(folder)))


def _without(record, kind):
    return replace(record, events=tuple(event for event in record.events if event.kind != kind))


def _elsewhere(record, minutes):
    return replace(record, story=replace(SHORT, outages=tuple(_moved(each, minutes) for each in SHORT.outages)))


def _moved(outage, minutes):
    return replace(outage, start=outage.start + minutes * MINUTE, end=outage.end + minutes * MINUTE)


def _with_events(record, change):
    return replace(record, events=tuple(change(event) for event in record.events))


def _late(event):
    return replace(event, at=event.at + 60 * MINUTE)


def _early(event):
    return replace(event, at=event.at - 10 * MINUTE) if event.text.startswith("Resolved") else event


HOUR_OF_IT = (START + 20 * MINUTE, START + 80 * MINUTE)

WRONG = {
    "nothing is posted": (lambda it: replace(it, events=()), "silent"),
    "all is posted an hour late": (lambda it: _with_events(it, _late), "silent"),
    "the alerts are of other times": (lambda it: _elsewhere(it, 30), "false"),
    "an end is told too early": (lambda it: _with_events(it, _early), "false end"),
    "no end is told": (lambda it: _without(_without(it, "reply"), "edit"), "no end"),
    "everything is posted twice": (lambda it: replace(it, events=it.events * 2), "twice"),
    "each edit is a message that mentions": (
        lambda it: _with_events(it, lambda event: replace(event, kind="post", mentions=True)),
        "mentions",
    ),
    "nobody is mentioned": (lambda it: _with_events(it, lambda event: replace(event, mentions=False)), "mentions"),
    "an alert never ends": (
        lambda it: replace(it, alerts=tuple({**alert, "phase": "firing"} for alert in it.alerts)),
        "no end",
    ),
    "a message is owed in the end": (
        lambda it: replace(it, owed=({"subject": "incident:1", "action": "update", "state": "unknown"},)),
        "owed",
    ),
    "the switch is pinged while health is red": (
        lambda it: replace(it, health=tuple(Health(each.at, "Slack: ratelimited") for each in it.health)),
        "health: pinged",
    ),
    "health was green while the disk was full": (
        lambda it: replace(it, story=replace(SHORT, mishaps=(Mishap("disk", *HOUR_OF_IT, "full", "1"),))),
        "health: green",
    ),
    "health was green while no call was answered": (
        lambda it: replace(it, story=replace(SHORT, faults=(Fault(*HOUR_OF_IT, FaultMode.HANG),))),
        "health: green",
    ),
    "an exception is logged": (lambda it: replace(it, errors=("a turn failed: KeyError: 1",)), "error of its own"),
}


@pytest.mark.slow
def test_there_is_nothing_to_object_to_where_all_went_well(record):
    assert objections(record) == []


@pytest.mark.slow
def test_nor_is_there_where_an_account_goes_dark_and_a_configuration_is_broken_twice_while_edits_are_refused():
    story = replace(
        SHORT,
        end=START + 170 * MINUTE,
        outages=tuple(Outage(DARK, name, START + 40 * MINUTE, START + 100 * MINUTE) for name in DOMAINS),
        mishaps=(
            Mishap("slack", START + 40 * MINUTE, START + 160 * MINUTE, "cant_update_message", "chat.update"),
            *(
                Mishap("configuration", START + at * MINUTE, START + (at + 5) * MINUTE, "broken", "")
                for at in (120, 140)
            ),
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        assert objections(run(play(story, Path(folder)))) == []


@pytest.mark.parametrize("what", WRONG)
def test_the_checker_objects_where(record, what):
    spoil, objection = WRONG[what]
    assert any(each.startswith(objection) for each in objections(spoil(record)))
