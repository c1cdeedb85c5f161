"""In which part of the traffic an incident lies, by what the parts carried before and now, or that nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.incidents.anatomy import HOUR, Verdict, dissect
from alertbot.messages.anatomy import anatomy_line

NAN = float("nan")


def line(v4, v6, whole=None, domains=1):
    """What is said where the parts carried this before, and then this, this, ..., in Mbps; nothing is ``None``."""
    parts = {name: np.array([each[0]] * HOUR + list(each[1:])) * 1e6 for name, each in (("IPv4", v4), ("IPv6", v6))}
    total = sum(parts.values()) if whole is None else np.array([whole[0]] * HOUR + list(whole[1:])) * 1e6
    found = dissect(total, parts)
    return None if found is None else anatomy_line([found], domains).text


@pytest.mark.parametrize(
    ("v4", "v6", "said"),
    [
        ((100, 100), (300, 0), "All of it IPv6 (0 bps, was 300 Mbps); IPv4 as usual."),
        ((100, 10), (50, 48), "All of it IPv4 (10 Mbps, was 100 Mbps); IPv6 as usual."),
        ((100, 100), (50, 400), "All of it IPv6 (400 Mbps, was 50 Mbps); IPv4 as usual."),
        ((100, 0), (50, 0), "IPv4 and IPv6 fell alike."),
        ((100, 310), (50, 160), "IPv4 and IPv6 rose alike."),
        ((100, 60), (300, 0), "IPv4 60 Mbps, was 100 Mbps; IPv6 0 bps, was 300 Mbps."),
        ((100, 180), (300, 0), "IPv4 180 Mbps, was 100 Mbps; IPv6 0 bps, was 300 Mbps."),
        ((1000, 910), (100, 0), "IPv4 910 Mbps, was 1 Gbps; IPv6 0 bps, was 100 Mbps."),
        ((100, 0), (1, 0), None),
        ((100, 0), (0, 0), None),
        ((100, 95), (300, 290), None),
        ((100, 0, 100), (50, 50, 50), None),
    ],
    ids=[
        "IPv6 alone", "IPv4 alone", "a rise", "both", "both rise", "both, unlike", "one takes over",
        "the other a little", "hardly any IPv6", "no IPv6", "hardly a fall", "over by now",
    ],
)  # fmt: skip
def test_a_line_names_what_changed_and_says_nothing_where_that_tells_nothing(v4, v6, said):
    assert line(v4, v6) == said


@pytest.mark.parametrize(
    ("v4", "v6", "whole", "said"),
    [
        ((100, 100), (300, 0), (400, 400), None),
        ((100, 0), (100, 0), (100, 0), "IPv4 and IPv6 fell alike."),
        ((400, 100), (400, 100), (400, 100), None),
        ((100, 100, 100), (300, 0, 0), (400, 100, NAN), "All of it IPv6 (0 bps, was 300 Mbps); IPv4 as usual."),
        ((100, 100, 0), (300, 0, 0), (400, 100, 100), "All of it IPv6 (0 bps, was 300 Mbps); IPv4 as usual."),
    ],
    ids=["a part is late", "other slots", "the parameter is not heeded", "the newest unknown", "the newest late"],
)
def test_a_slot_in_which_the_parts_are_not_the_whole_says_nothing(v4, v6, whole, said):
    if said and "alike" in said:
        v4, v6 = (50, 0), (50, 0)
    assert line(v4, v6, whole) == said


def test_of_several_domains_or_the_account_the_line_says_so():
    assert line((100, 0), (50, 0), domains=3) == "3 domains together: IPv4 and IPv6 fell alike."
    assert line((100, 0), (50, 0), domains=None) == "Account total: IPv4 and IPv6 fell alike."
    assert line((100, 0), (50, 50), domains=None).startswith("Account total: all of it IPv4 (0 bps")


rates = st.floats(0, 1e12)


@given(
    st.lists(st.tuples(rates, rates, rates), min_size=HOUR + 1, max_size=HOUR + 4),
    st.floats(0, 2),
)
def test_whatever_was_carried_what_is_named_as_usual_is_within_a_quarter_of_it(slots, more):
    one, two, three = (np.array(each) for each in zip(*slots, strict=True))
    two[HOUR:] *= more
    found = dissect(one + two + three, {"one": one, "two": two, "three": three})
    if found is None:
        return
    assert found.changed
    assert all(abs(part.now - part.before) <= part.before / 4 + 1e-3 for part in found.usual)
    if found.verdict is Verdict.ONE_PART:
        assert found.usual
        fell = (one + two + three)[-1] < sum(np.median(each[:HOUR]) for each in (one, two, three))
        assert found.falls == fell
