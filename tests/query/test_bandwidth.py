"""Figures of series: held against what a person would work out by hand, slot by slot."""

import math
from fractions import Fraction

import numpy as np
import pytest
from fakes.worlds.stored import store

from alertbot.query.bandwidth import By, Figures, figures, nearest_rank, rank, show, top
from alertbot.query.names import Meant
from alertbot.store import samples, schema
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-11-02")
NOW = START + 20 * DAY + 600.0
NAN = math.nan


def only(name):
    return Meant(name, (name,))


def wave(days, level=1e9, seed=1):
    rng = np.random.default_rng(seed)
    return level * rng.uniform(0.5, 1.5, days * DAY_SLOTS)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alertbot.db"


def test_a_span_is_held_against_the_same_span_a_day_and_a_week_earlier(path):
    values = wave(20)
    values[-5] = NAN
    store(path, START, {"a": values})
    found = show(path, only("a"), DAY, NOW)
    day, before, week = values[-288:], values[-576:-288], values[-8 * 288 : -7 * 288]
    known = day[~np.isnan(day)]
    assert (found.last, found.now, found.slots, found.known) == (START + 20 * DAY - SLOT, values[-1], 288, 287)
    assert (found.average, found.peak) == (pytest.approx(known.mean()), known.max())
    assert found.p95 == sorted(known)[math.ceil(Fraction(95, 100) * 287) - 1]
    assert found.peak_slot == START + SLOT * (19 * 288 + int(np.nanargmax(day)))
    assert (found.yesterday, found.last_week) == (values[-289], values[-1 - 7 * 288])
    assert found.day_before == figures(before)
    assert found.week_before == figures(week)


def test_now_is_the_last_known_slot_and_the_span_ends_there(path):
    store(path, START, {"a": [*wave(20)[:-10], *[NAN] * 10]})
    found = show(path, only("a"), 3600, NOW)
    assert found.last == START + 20 * DAY - 11 * SLOT
    assert (found.slots, found.known) == (12, 12)


def test_nothing_is_known_of_what_was_never_stored_or_lies_a_day_back(path):
    store(path, START, {"a": wave(18)})
    for name in ("a", "b"):
        found = show(path, only(name), DAY, NOW)
        assert (found.last, found.now, found.known) == (None, None, 0)


def test_of_a_group_those_slots_count_in_which_all_its_members_are_known(path):
    store(path, START, {"a": [1.0, 2.0, NAN, 4.0], "b": [10.0, NAN, 30.0, 40.0]})
    found = show(path, Meant("@g", ("a", "b"), 2), 1200, START + 4 * SLOT + 60.0)
    assert (found.now, found.peak, found.known, found.members) == (44.0, 44.0, 2, 2)
    with schema.reading(path) as db:
        added = samples.sum_of(db, ("a", "b"), START, START + 3 * SLOT)
        assert np.array_equal(added, [11.0, NAN, NAN, 44.0], equal_nan=True)
        assert np.isnan(samples.sum_of(db, ("a", "none"), START, START)).all()
        beside = samples.matrix(db, ("b", "none", "a"), START, START + SLOT)
        assert np.array_equal(beside, [[10.0, NAN, 1.0], [NAN, NAN, 2.0]], equal_nan=True)


@pytest.mark.parametrize("count", [*range(1, 200), 8640, 8928, 10_080])
def test_the_nearest_rank_is_exact_for_any_count(count):
    assert rank(count) == math.ceil(Fraction(95, 100) * count)
    assert nearest_rank(np.arange(count, 0, -1.0)) == math.ceil(Fraction(95, 100) * count)


def test_figures_of_nothing_are_unknown():
    assert figures(np.array([NAN, NAN])) == Figures(None, None, None, 0)


@pytest.fixture
def ranked(path):
    names = [f"d{number}" for number in range(8)]
    values = {name: wave(3, 10.0 ** (3 + number), number) for number, name in enumerate(names)}
    values["d7"][-6:] = NAN  # late, but not too late
    values["d6"][-20:] = NAN  # too late for a present value
    values["d5"][-1 - DAY_SLOTS] = NAN  # nothing to compare with
    values["d4"][-DAY_SLOTS:] = NAN  # nothing of the last day
    values["total"] = sum(values[name] for name in names[:4])
    return store(path, START, values), names, values


def p95_of(values):
    known = sorted(values[~np.isnan(values)])
    return known[math.ceil(Fraction(95, 100) * len(known)) - 1]


def test_domains_are_ranked_by_what_is_asked_for(ranked):
    path, names, values = ranked
    now = START + 3 * DAY + 60.0
    found = top(path, names, By.NOW, 3, now)
    assert [line.series for line in found.lines] == ["d7", "d5", "d3"]
    assert (found.ranked, found.domains, found.last) == (6, 8, START + 3 * DAY - SLOT)
    assert found.lines[0].slot == START + 3 * DAY - 7 * SLOT
    assert found.lines[0].now == values["d7"][-7]
    assert found.lines[0].yesterday == values["d7"][-7 - DAY_SLOTS]
    assert found.total is not None
    assert found.total.now == pytest.approx(values["total"][-1])
    peaks = top(path, names, By.PEAK, 50, now).lines
    assert [line.series for line in peaks] == ["d7", "d6", "d5", "d3", "d2", "d1", "d0"]
    assert [line.peak for line in peaks] == [np.nanmax(values[line.series][-DAY_SLOTS:]) for line in peaks]
    for line in top(path, names, By.P95, 50, now).lines:
        assert line.p95 == p95_of(values[line.series][-DAY_SLOTS:])


def test_a_fall_ranks_by_its_size_like_a_rise_and_what_has_no_yesterday_does_not(ranked):
    path, names, _ = ranked
    found = top(path, names, By.CHANGE, 50, START + 3 * DAY + 60.0)
    moves = [abs(line.change) for line in found.lines]
    assert moves == sorted(moves, reverse=True)
    assert {line.series for line in found.lines} == {"d0", "d1", "d2", "d3", "d7"}


def test_without_data_nobody_is_ranked(path):
    store(path, START, {"a": [1.0]})
    found = top(path, ["a", "b"], By.NOW, 10, START + 3.0 * DAY)
    assert (found.last, found.total, found.lines, found.domains) == (None, None, (), 2)
