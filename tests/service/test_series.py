"""The bandwidth of series at the wire: what is scraped is what is stored and known, each slot once, in order."""

from __future__ import annotations

import math
import socket
from contextlib import closing

import httpx
import numpy as np
import pytest
from fakes.rigs.effort import examples
from fakes.rigs.until import until
from fakes.rigs.working import API_TOKEN, MINUTE, START, working
from fakes.worlds.stored import store
from fakes.worlds.virtual import passes
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from alertbot.feed.simulator.scenario import Delay, Event, Fault, FaultMode, Revision, Scenario, Shape
from alertbot.rules.grid import Grid
from alertbot.service.series import FURTHEST, KEEP, RECENT, Offer, SeriesMetrics
from alertbot.store import samples, schema
from alertbot.units import DAY, SLOT

NAN = math.nan
A, B = "a.example.com", "b.example.com"
TEXT = f"""
[watch]
domains = ["{A}", "{B}"]

[[group]]
name = "both"
domains = ["*"]
sum = true

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"

[metrics]
series = true
"""


def read(text):
    """The slot and value of each sample in the order served, by the domain, sum or total."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "alertbot_bandwidth_bits_per_second":
                (series,) = sample.labels.values()
                assert ("domain" in sample.labels) == ("." in series)
                found.setdefault(series, []).append((int(sample.timestamp), sample.value))
    return found


def incidents(text):
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    return [(sample.labels, sample.value) for sample in families["alertbot_incident_open"]]


async def get(port):
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        return (await client.get(f"http://127.0.0.1:{port}/metrics")).text


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Prometheus:
    """Scrapes, and keeps of each slot the value that it saw first, as Prometheus does."""

    def __init__(self, port):
        self._port = port
        self.kept = {}

    async def scrape(self, minutes):
        for _ in range(minutes):
            await passes(MINUTE)
            for series, shown in read(await get(self._port)).items():
                for slot, value in shown:
                    self.kept.setdefault(series, {}).setdefault(slot, value)

    def slots(self, series):
        return sorted(self.kept[series])


def scenario(**more):
    shapes = {A: Shape(level=1e8, noise=0.1), B: Shape(level=3e8, noise=0.1)}
    return Scenario(token=API_TOKEN, domains=shapes, **more)


def served(folder, port, world, text=TEXT):
    """A service that looks seldom, so that hours take little."""
    return working(folder, f'{text}listen = ":{port}"\n', scenario=world, feed='probe = "60s"')


def whole(slots):
    return list(range(slots[0], slots[-1] + SLOT, SLOT))


# The service


async def test_each_series_has_the_time_of_its_slot_and_what_it_really_carried(tmp_path, port):
    world = scenario()
    async with served(tmp_path, port, world) as house:
        await house.until_judged(A, B)
        await Prometheus(port).scrape(3)
        text = await get(port)
        shown = read(text)
        assert set(shown) == {A, B, "sum:both", "total"}
        ((slot, value),) = shown[A]
        assert value == world.truth(A, slot)
        assert slot == house.live()["frontier"] - SLOT
        assert f'alertbot_bandwidth_bits_per_second{{domain="{A}"}} ' in text
        assert f" {slot * 1000}\n" in text
        assert 'alertbot_bandwidth_bits_per_second{series="total"} ' in text
        assert shown["total"] == shown["sum:both"] == [(slot, pytest.approx(value + world.truth(B, slot)))]
        assert incidents(text) == []


async def test_a_dark_domain_is_zero_and_its_incident_is_open(tmp_path, port):
    world = scenario(events=[Event(A, START, START + 10 * MINUTE, 0)])
    async with served(tmp_path, port, world) as house:
        prometheus = Prometheus(port)
        await prometheus.scrape(30)
        number = {"incident": "1", "kind": "alert", "severity": "critical", "rule": "went-dark", "domain": A}
        assert incidents(await get(port)) == [(number, 1)]
        await prometheus.scrape(40)
        assert incidents(await get(port)) == []
        assert house.slack.posts
    assert prometheus.kept[A] == {slot: world.truth(A, slot) for slot in whole(prometheus.slots(A))}
    assert 0 in prometheus.kept[A].values()


@pytest.mark.slow
async def test_what_is_late_failed_or_half_full_is_never_served_and_a_gap_is_made_up_for(tmp_path, port):
    faults = [
        Fault(START + 10 * MINUTE, START + 40 * MINUTE, FaultMode.SERVER_ERROR),
        Fault(START + 50 * MINUTE, START + 65 * MINUTE, FaultMode.SERVER_ERROR, domain=A),
    ]
    late = Delay(A, START + 25 * SLOT, START + 26 * SLOT, 240)
    world = scenario(faults=faults, delays=[late], lag={"default": 420.0, B: 500.0}, partial=0.5, partial_for=200)
    async with served(tmp_path, port, world):
        prometheus = Prometheus(port)
        await prometheus.scrape(170)
    for series in (A, B, "total", "sum:both"):
        slots = prometheus.slots(series)
        assert slots == whole(slots)
        assert len(slots) > 20
        assert min(prometheus.kept[series].values()) > 0
    for series in (A, B):
        assert prometheus.kept[series] == {slot: world.truth(series, slot) for slot in prometheus.slots(series)}


@pytest.mark.slow
async def test_no_slot_is_served_again_once_a_newer_one_was(tmp_path, port):
    """Prometheus would count each as out of order, and warn."""
    async with served(tmp_path, port, scenario()) as house:
        await house.until_judged(A, B)
        await Prometheus(port).scrape(3)  # after a start an hour is served
        newest = {}
        for _ in range(20):
            await passes(MINUTE)
            for series, shown in read(await get(port)).items():
                assert len(shown) == 1
                assert shown[0][0] >= newest.get(series, 0)
                newest[series] = shown[0][0]


def test_a_series_that_cannot_be_read_keeps_its_last_slot_for_an_hour(tmp_path):
    path = store(tmp_path / "alertbot.db", FIRST, {A: [1.0] * 20, B: [2.0] * 30})
    metrics = SeriesMetrics(path, lambda: LATE)
    shown = [served_by(metrics, 600.0 + minutes * 60, minutes * 60.0) for minutes in (0, 39, 45, 55)]
    last = FIRST + 18 * SLOT
    assert [each[A][-1:] for each in shown[:2]] == [[(last, 1.0)]] * 2
    assert [set(each) for each in shown] == [{A, B}] * 2 + [{B}] * 2


@pytest.mark.parametrize(("judged", "newest"), [(20, 18), (22, 20), (10, 16)])  # LATE is four slots
def test_the_total_waits_for_the_slowest_domain_and_not_for_ever(tmp_path, judged, newest):
    path = store(tmp_path / "alertbot.db", FIRST, {A: [1.0] * judged, B: [1.0] * 22, "total": [2.0] * 22})
    shown = served_by(SeriesMetrics(path, lambda: LATE), 600.0, 0.0)
    assert shown["total"][-1] == (FIRST + newest * SLOT, 2.0)
    assert shown[B][-1] == (FIRST + 20 * SLOT, 1.0)


async def test_a_reload_begins_and_ends_it(tmp_path, port):
    without = TEXT.replace("series = true", "")
    async with served(tmp_path, port, scenario(), without) as house:
        await house.until_judged(A, B)
        assert "example.com" not in await get(port)
        house.write(f'{TEXT}listen = ":{port}"\n')
        await house.reload()
        await until(lambda: house.rows("SELECT 1"))
        assert read(await get(port))[A]
        house.write(f'{without}listen = ":{port}"\n')
        await house.reload()
        assert "example.com" not in await get(port)


@pytest.mark.slow
async def test_what_is_revised_later_is_served_as_it_stood(tmp_path, port):
    """The first value is what Prometheus keeps; that a wrong one was revised, ``export`` says."""
    slot = START
    revision = Revision(A, slot, slot + SLOT, slot + 1500, 0.8)
    async with served(tmp_path, port, scenario(revisions=[revision])) as house:
        prometheus = Prometheus(port)
        await prometheus.scrape(30)
        with closing(schema.open_for_reading(house.store)) as db:
            stored = samples.series_between(db, A, slot, slot)[0]
    assert prometheus.kept[A][slot] == pytest.approx(0.8 * stored)


# What is offered


@pytest.mark.parametrize(
    ("offer", "known_to", "now", "expected"),
    [
        (Offer(0, 0, 0.0), SLOT, KEEP - 1, Offer(0, 0, 0.0)),  # not there for long enough
        (Offer(0, 0, 0.0), SLOT, KEEP, Offer(SLOT, SLOT, KEEP)),
        (Offer(0, 0, 0.0), 3 * SLOT, KEEP, Offer(SLOT, 3 * SLOT, KEEP)),  # after a gap
        (Offer(0, 0, 0.0), 9 * SLOT, KEEP, Offer(SLOT, 4 * SLOT, KEEP)),  # not too many at once
        (Offer(0, 3 * SLOT, 0.0), 3 * SLOT, KEEP, Offer(3 * SLOT, 3 * SLOT, 0.0)),  # the newest alone goes on
        (Offer(0, 0, 0.0), FURTHEST + SLOT, KEEP, Offer(2 * SLOT, 5 * SLOT, KEEP)),  # what is too old is skipped
        (Offer(0, 2 * SLOT, 0.0), SLOT, KEEP, Offer(2 * SLOT, 2 * SLOT, 0.0)),  # its zero is not sure yet
    ],
)
def test_what_is_offered_next(offer, known_to, now, expected):
    assert offer.next(known_to, now, 4) == expected


VALUES = st.sampled_from([NAN, 0.0, 1.5, 2e9])
STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([15, 60, 99])), min_size=1, max_size=8)
FIRST = 20_000 * DAY - 8 * SLOT
LATE = 4 * SLOT


@given(st.lists(VALUES, min_size=60, max_size=60), st.lists(VALUES, min_size=60, max_size=60), STEPS)
@examples(15, 150)
def test_what_is_served_is_what_is_stored_and_known(tmp_path_factory, of_a, of_b, steps):
    path = tmp_path_factory.mktemp("served") / "alertbot.db"
    store(path, FIRST, {A: of_a[:20], "total": of_b[:20]})
    values = {A: of_a, "total": of_b}
    metrics, judged, now, seen = SeriesMetrics(path, lambda: LATE), 20, 0.0, {A: {}, "total": {}}
    for more, seconds in [(0, 15), *steps, (0, KEEP), (0, KEEP), (0, KEEP)]:
        judged, now = judged + more, now + seconds
        write(path, {name: carried[:judged] for name, carried in values.items()})
        for series, shown in served_by(metrics, (judged - 20) * SLOT, now).items():
            slots = [slot for slot, _ in shown]
            assert slots == sorted(set(slots))
            for slot, value in shown:
                row = (slot - FIRST) // SLOT
                assert row < judged - 1
                assert value == values[series][row]
                assert value or row < judged - LATE // SLOT
                seen[series][slot] = value
    for series, carried in values.items():
        late = judged - LATE // SLOT
        sure = next((row for row in range(late, judged - 1) if carried[row] == 0), judged - 1)
        known = {FIRST + SLOT * row: carried[row] for row in range(20 - RECENT // SLOT + 1, sure)}
        known = {slot: value for slot, value in known.items() if not math.isnan(value)}
        assert known.items() <= seen[series].items()


def served_by(metrics, after, now):
    """What is served so many seconds after the end of the twentieth slot."""
    names = A, B, "total", "c.example.com"
    return read(metrics._text(names, FIRST + 20 * SLOT + after, now).decode())


def write(path, values):
    grid = Grid(tuple(values))
    for name, carried in values.items():
        grid.put(name, FIRST, np.array(carried))
    db = schema.open_database(path)
    with closing(db), db.atomic():
        ids = samples.series_ids(db, grid.series)
        samples.write_days(db, ids, grid, [(name, day) for name in grid.series for day in grid.days])
        samples.write_cursors(db, ids, {name: FIRST + (len(carried) - 1) * SLOT for name, carried in values.items()})
