"""The arithmetic of a breach in words: it says what the kind itself says, and every comparison in it is true."""

import operator
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alertbot.rules.base import Direction, Kind
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY_SLOTS, parse_rate

KINDS = [
    Threshold(above=8e9),
    Threshold(below=5e6),
    Threshold(above=8e9, below=5e6),
    Drop(to=0.0, from_=5e6),
    Drop(to=1e6, from_=0.0),
    Drop(by=0.8, from_=5e6),
    DayOverDay(ratio=2.0, floor=5e7),
    DayOverDay(ratio=0.5),
    Baseline(factor=2.0),
    Baseline(factor=1.5, zeros=False, only=Direction.FALL, floor=0.0),
    Baseline(factor=3.0, only=Direction.RISE),
]
RATES = st.one_of(st.just(0.0), st.floats(0.01, 1e12), st.sampled_from([5e6, 8e9, 1.6e9, 1e7, 5e7, 8e9 + 1, 5e6 - 0.5]))
COMPARED = re.compile(
    r"(\d[\d.]* [kMGT]?bps) (<=|>=|<|>) "
    r"(?:floor |[\d.]+(?:%? of| x) (?:the usual )?[^ ]+ \w+ = |the usual [^ ]+ \w+ / [\d.]+ = )?"
    r"(\d[\d.]* [kMGT]?bps)"
)
SIGNS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


@pytest.mark.parametrize(
    ("kind", "value", "reference", "texts"),
    [
        (Drop(to=0.0, from_=5e6), 0.0, 1.84e9, ["0 bps <= 0 bps", "reference 1.84 Gbps >= 5 Mbps"]),
        (Drop(to=0.0, from_=5e6), 0.0, 2e6, ["0 bps <= 0 bps", "reference 2 Mbps < 5 Mbps"]),
        (Drop(by=0.8), 3e8, 1e9, ["300 Mbps > 20% of 1 Gbps = 200 Mbps", "reference 1 Gbps >= 1 Mbps"]),
        (Threshold(above=8e9), 8.2e9, None, ["8.2 Gbps > 8 Gbps"]),
        (Threshold(above=8e9), 8_000_100_000.0, None, ["8.0001 Gbps > 8 Gbps"]),
        (Threshold(above=8e9), 8e9, None, ["8 Gbps <= 8 Gbps"]),
        (Threshold(above=8e9, below=1e6), 5e6, None, ["5 Mbps <= 8 Gbps", "5 Mbps >= 1 Mbps"]),
        (DayOverDay(ratio=2.0), 3e9, 1.2e9, ["3 Gbps >= 2 x 1.2 Gbps = 2.4 Gbps", "3 Gbps >= floor 10 Mbps"]),
        (
            DayOverDay(ratio=2.0),
            3e6,
            1e6,
            ["3 Mbps >= 2 x 1 Mbps = 2 Mbps", "both under the floor: 3 Mbps < floor 10 Mbps"],
        ),
        (DayOverDay(ratio=2.0), 3e6, 0.0, ["no traffic before, so nothing to compare with"]),
        (
            Baseline(factor=1.8),
            4.1e9,
            1.8e9,
            ["4.1 Gbps >= 1.8 x the usual 1.8 Gbps = 3.24 Gbps", "4.1 Gbps >= floor 10 Mbps"],
        ),
        (
            Baseline(factor=1.8),
            1.2e9,
            1.8e9,
            ["1.2 Gbps > the usual 1.8 Gbps / 1.8 = 1 Gbps", "1.8 Gbps >= floor 10 Mbps"],
        ),
        (Baseline(), 1.8e9, 1.8e9, ["1.8 Gbps is usual at this time"]),
        (Baseline(), 1.8e9, 0.0, ["where nothing is usual, nothing is unusual"]),
        (Baseline(zeros=False), 0.0, 1e9, ["5 minutes without traffic are left to other rules, since zeros = false"]),
        (Baseline(only=Direction.RISE), 1e6, 1e9, ["1 Mbps is no rise from the usual 1 Gbps"]),
        (Drop(to=0.0), float("nan"), 1e9, []),
        (DayOverDay(ratio=2.0), 1e9, float("nan"), []),
    ],
)
def test_the_arithmetic_reads_as_it_was_done(kind, value, reference, texts):
    assert [term.text for term in kind.terms(value, kind.named(reference))] == texts


@given(st.sampled_from(KINDS), RATES, RATES)
@example(KINDS[5], 0.2 * 1e9 * (1 + 5e-10), 1e9)
@example(KINDS[6], 2e9 * (1 - 5e-10), 1e9)
def test_the_terms_hold_where_the_kind_sees_a_breach_and_each_is_true(kind, value, reference):
    reference = None if isinstance(kind, Threshold) else reference
    found = kind.terms(value, kind.named(reference))
    breach = kind.breach(np.asarray(value), None if reference is None else np.asarray(reference))
    assert all(term.holds for term in found) == bool(breach)
    for term in found:
        for left, sign, right in COMPARED.findall(term.text):
            if "e" not in left + right:
                assert SIGNS[sign](parse_rate(left), parse_rate(right)), term.text


class Strange(Kind):
    """A kind that nobody wrote words for."""

    frozen = False
    depth = 0

    def reference(self, past):
        return None

    def breach(self, value, reference):
        return value > 1

    def direction(self, value, reference):
        return Direction.RISE

    def describe(self):
        return "strange"

    def firing(self, facts):
        return f"{facts.series} is strange"


def test_a_kind_without_words_of_its_own_shows_its_numbers():
    assert [(term.text, term.holds) for term in Strange().terms(5.0, {})] == [("5 bps", True)]
    assert Strange().terms(0.0, Strange().named(2e6))[0].text == "0 bps against 2 Mbps"
    assert Strange().looks_at == ()


def test_what_a_reference_is_made_of_can_be_listed():
    assert Drop(to=0.0, window=3).looks_at == (1, 2, 3)
    assert Baseline(days=2, weeks=1).looks_at == (DAY_SLOTS, 2 * DAY_SLOTS, 7 * DAY_SLOTS)
    assert DayOverDay(ratio=2.0, days=2, weeks=1).looks_at == (DAY_SLOTS, 2 * DAY_SLOTS, 7 * DAY_SLOTS)
