"""Where the traffic went that a domain lost: to others, away, or that cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.incidents.moved import BEFORE, LOOKED_FOR, Traffic, beyond_usual, find
from alertbot.units import SLOT

LEVEL = 1e9


def carried(domains: int, noise: float, seed: int, slots: int = BEFORE + 8) -> np.ndarray:
    """Domains of 1 Gbps each, with some noise."""
    return LEVEL * (1 + noise * np.random.default_rng(seed).standard_normal((slots, domains)))


def found(values: np.ndarray, *fell: str, unwatched: float = 0.0, groups: dict[str, frozenset[str]] | None = None):
    """What is found of a fall of these domains, which are named by their columns."""
    names = [str(each) for each in range(values.shape[1])]
    sums = {"total": values.sum(axis=1) + unwatched}
    for group, members in (groups or {}).items():
        sums[group] = values[:, [int(each) for each in members]].sum(axis=1)
    return find(fell, BEFORE * SLOT, Traffic(0, names, values, sums, groups or {}))


def move(values: np.ndarray, share: float, *to: int, apart: int = 0) -> None:
    values[BEFORE:, 0] -= share * LEVEL
    for each in to:
        values[BEFORE + apart :, each] += share * LEVEL / len(to)


moves = st.tuples(
    st.floats(0.3, 1.0), st.integers(1, 4), st.integers(-3, 3), st.floats(0, 0.01), st.integers(5, 30), st.integers(0)
)


@given(moves)
def test_what_is_conserved_is_linked_with_what_rose(drawn):
    share, count, apart, noise, domains, seed = drawn
    values = carried(domains, noise, seed % 2**32)
    move(values, share, *range(1, count + 1), apart=apart)
    moved = found(values, "0")
    assert moved.risen == {str(each) for each in range(1, count + 1)}
    assert moved.amount == pytest.approx(share * LEVEL, rel=0.15)
    assert moved.stayed
    assert moved.of == "total"


@given(moves, st.sampled_from([0.1, 0.4, 1.7, 3.0, 8.0]), st.sampled_from([-9, -6, 0, 3, 7]))
def test_a_rise_of_another_size_or_at_another_time_is_not_linked(drawn, size, apart):
    share, _, _, noise, domains, seed = drawn
    values = carried(domains, noise, seed % 2**32)
    move(values, share)
    values[BEFORE + apart :, 1] += size * share * LEVEL
    moved = found(values, "0")
    assert moved is None or not moved.rose


@given(st.floats(0.3, 1.0), st.floats(0, 0.004), st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_a_fall_that_the_total_shares_has_left_the_account(share, noise, domains, seed):
    values = carried(domains, noise, seed)
    move(values, share)
    left = found(values, "0")
    assert left.rose == ()
    assert left.changed == pytest.approx(-share * LEVEL, rel=0.3)


def test_what_went_to_a_domain_that_is_not_watched_has_neither_moved_nor_left():
    values = carried(5, 0.001, 1)
    move(values, 0.8)
    elsewhere = np.zeros(len(values))
    elsewhere[BEFORE:] = 0.8 * LEVEL
    assert found(values, "0", unwatched=elsewhere) is None


def test_it_is_not_said_to_have_left_before_a_rise_could_be_late():
    values = carried(5, 0.001, 1)
    move(values, 0.8)
    assert found(values[: BEFORE + 3], "0") is None
    assert found(values[: BEFORE + 5], "0") is not None


def test_several_falls_make_one_rise():
    values = carried(5, 0.001, 1)
    values[BEFORE:, [0, 1]] -= 0.4 * LEVEL
    values[BEFORE + 1 :, 2] += 0.8 * LEVEL
    assert found(values, "0", "1").risen == {"2"}


def test_a_domain_that_rose_a_little_for_itself_is_not_named():
    values = carried(6, 0.001, 1)
    move(values, 0.8, 1)
    values[BEFORE + 1 :, 2] += 0.12 * LEVEL
    values[BEFORE + 1 :, 3] -= 0.12 * LEVEL
    assert found(values, "0").risen == {"1"}


def test_a_groups_sum_shows_it_where_the_total_fell_for_another_reason():
    values = carried(6, 0.001, 1)
    move(values, 0.8, 1)
    values[BEFORE:, 5] -= 0.9 * LEVEL
    assert found(values, "0", groups={"sum:g": frozenset("012")}).of == "sum:g"
    assert found(values, "0", groups={"sum:g": frozenset("023")}) is None


@pytest.mark.parametrize("unknown", ["0", "1", "total"])
def test_what_is_unknown_links_nothing(unknown):
    values = carried(4, 0.001, 1)
    move(values, 0.8, 1)
    elsewhere = np.zeros(len(values))
    if unknown == "total":
        elsewhere[:] = np.nan
        assert found(values, "0", unwatched=elsewhere) is None
    else:
        known = values.sum(axis=1)
        values[BEFORE - 2 :, int(unknown)] = np.nan
        moved = find(("0",), BEFORE * SLOT, Traffic(0, list("0123"), values, {"total": known}, {}))
        assert moved is None


def test_many_domains_that_fell_at_once_are_not_looked_into():
    values = carried(30, 0.001, 1)
    values[BEFORE:, :21] -= 0.5 * LEVEL
    values[BEFORE:, 25] += 10.5 * LEVEL
    assert found(values, *(str(each) for each in range(21))) is None


def test_a_rise_that_every_day_has_at_this_time_is_none():
    values = carried(4, 0.001, 1)
    move(values, 0.8)
    daily = np.zeros_like(values)
    daily[BEFORE:, 1] += 0.8 * LEVEL
    assert found(values + daily, "0").risen == {"1"}
    usual = [carried(4, 0.001, 2 + day) + daily for day in range(3)]
    moved = found(beyond_usual(values + daily, usual), "0")
    assert moved is None or not moved.rose


def test_a_day_of_which_something_is_unknown_does_not_count_for_that_domain():
    values = carried(2, 0.0, 1, LOOKED_FOR)
    usual = carried(2, 0.0, 2, LOOKED_FOR)
    usual[3, 0] = np.nan
    beyond = beyond_usual(values, [usual])
    assert (beyond[:, 0] == values[:, 0]).all()
    assert (beyond[:, 1] == 0).all()
