"""Slack's own charts in answers: nothing unknown is drawn, and whatever the numbers, Slack takes them."""

from __future__ import annotations

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.rigs.effort import examples
from fakes.wire.blockkit import Refused, refuse_message
from fakes.worlds.stored import store
from hypothesis import given
from hypothesis import strategies as st

from alertbot.messages.blocks import Message, section
from alertbot.messages.native_chart import line_chart, top_chart
from alertbot.query.bandwidth import By, Top, TopLine, show
from alertbot.query.names import Meant
from alertbot.query.percentile import month_of, percentile
from alertbot.query.trend import MOST, Trend, compared, trend_of
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-11-02")
NAN = math.nan
A = Meant("a.example.com", ("a.example.com",))


def lines_of(block):
    """The labels, and the values of each line."""
    chart = block["chart"]
    labels = chart["axis_config"]["categories"]
    for line in chart["series"]:
        assert [point["label"] for point in line["data"]] == labels
    return labels, {line["name"]: [point["value"] for point in line["data"]] for line in chart["series"]}


def test_a_day_is_drawn_beside_yesterday_and_last_week(tmp_path):
    level = np.repeat([1e9, 2e9, 3e9], [7 * DAY_SLOTS, 6 * DAY_SLOTS, DAY_SLOTS])
    store(tmp_path / "db", START, {"a.example.com": level})
    found = show(tmp_path / "db", A, DAY, START + 14 * DAY)
    block = line_chart("a.example.com, 1d", found.trend, UTC)
    labels, lines = lines_of(block)
    assert labels == [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in range(0, 1440, 90)]
    assert lines == {"now": [3.0] * 16, "a day earlier": [2.0] * 16, "a week earlier": [1.0] * 16}
    assert block["chart"]["type"] == "line"
    assert block["chart"]["axis_config"]["y_label"] == "Gbps, average of 1h 30m"
    assert "x_label" not in block["chart"]["axis_config"]
    assert block["title"] == "a.example.com, 1d"


def test_what_is_not_known_is_left_out_and_zero_is_drawn():
    values = np.full(MOST + 7 * DAY_SLOTS, 5e6)
    values[-4:] = [0.0, NAN, 4e6, NAN]
    values[-1 - DAY_SLOTS] = NAN  # yesterday, where nothing is known now either
    values[-20 - 7 * DAY_SLOTS] = NAN
    block = line_chart("a", compared(values, MOST, START + 19 * SLOT), UTC)
    labels, lines = lines_of(block)
    assert lines == {"now": [5.0] * 16 + [0.0, 4.0], "a day earlier": [5.0] * 18}
    assert labels[-2:] == ["01:20", "01:30"]
    assert block["chart"]["axis_config"]["x_label"] == "2 of 20 not known"


@pytest.mark.parametrize("known", [0, 1])
def test_what_is_hardly_known_is_not_drawn(known):
    values = np.array([1.0] * known + [NAN] * (MOST - known))
    assert line_chart("a", trend_of(START, {"now": values}), UTC) is None
    assert line_chart("a", None, UTC) is None


def test_a_month_shows_its_peaks_beside_what_is_billed(tmp_path):
    values = np.tile(np.repeat([1e9, 9e9], [270, 18]), 20)
    store(tmp_path / "db", parse_time("2026-11-01"), {"a.example.com": values})
    now = parse_time("2026-11-21")
    found = percentile(tmp_path / "db", A, month_of(None, UTC, now), UTC, now)
    labels, lines = lines_of(line_chart("a", found.trend, UTC))
    assert labels[:2] == ["1 Nov 00:00", "2 Nov 00:00"]
    assert lines == {"peak": [9.0] * 20, "95th percentile": [9.0] * 20}


def test_an_hour_that_comes_twice_has_two_labels():
    berlin, first = ZoneInfo("Europe/Berlin"), parse_time("2026-10-25T00:00:00Z")
    labels, _ = lines_of(line_chart("a", Trend(first, 1800, {"now": (1.0,) * 5}), berlin))
    assert labels == ["02:00", "02:30", "02:00 again", "02:30 again", "03:00"]


def line(name, now=1e9, yesterday=2e9, peak=3e9, p95=4e9):
    return TopLine(name, START, now, yesterday, peak, p95)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.NOW, {"now": [1.0, 1.0], "yesterday": [2.0, 2.0]}),
        (By.CHANGE, {"now": [1.0, 1.0], "yesterday": [2.0, 2.0]}),
        (By.PEAK, {"peak of 24h": [3.0, 3.0]}),
        (By.P95, {"95th percentile": [4.0, 4.0]}),
    ],
)
def test_a_list_is_drawn_as_what_it_is_ranked_by(by, expected):
    names = "a.example.com", "a-name-that-is-longer.example.com"
    labels, lines = lines_of(top_chart(Top(by, START, None, tuple(map(line, names)), 2, 2)))
    assert labels == ["1. a.example.com", "2. a-name-that-is-l…"]
    assert lines == expected


def test_a_list_with_one_unknown_yesterday_is_drawn_without_yesterday():
    lines = (line("a"), line("b", yesterday=None))
    assert lines_of(top_chart(Top(By.NOW, START, None, lines, 2, 2)))[1] == {"now": [1.0, 1.0]}
    assert top_chart(Top(By.NOW, None, None, (), 0, 2)) is None


RATES = st.one_of(st.just(NAN), st.just(0.0), st.floats(0, 1e18))
OPTIONAL = st.one_of(st.none(), st.floats(0, 1e18))
NAMES = st.text(max_size=80)
ZONES = st.sampled_from([UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")])


@given(
    st.integers(0, 2**31), st.integers(1, 400), st.lists(RATES, min_size=1, max_size=30), NAMES, ZONES, st.booleans()
)
@examples(60, 600)
def test_slack_takes_every_line_that_is_drawn(first, count, values, title, zone, peaks):
    slots = np.resize(np.array(values), count)
    trend = trend_of(first // SLOT * SLOT, {"now": slots, "a day earlier": slots[::-1]}, peaks=peaks)
    block = line_chart(title, trend, zone)
    if block is None:
        assert sum(value is not None for value in trend.lines["now"]) < 2
    else:
        refuse_message(Message("An answer.", (section("An answer."),), chart=block).with_chart().payload())


@given(st.sampled_from(By), st.lists(st.tuples(NAMES, OPTIONAL, OPTIONAL, OPTIONAL, OPTIONAL), max_size=50))
@examples(60, 600)
def test_slack_takes_every_list_that_is_drawn(by, drawn):
    lines = tuple(TopLine(name, START, *figures) for name, *figures in drawn)
    block = top_chart(Top(by, START, None, lines, len(lines), 1000))
    if block is not None:
        refuse_message(Message("An answer.", chart=block).with_chart().payload())


def test_a_post_never_has_one():
    block = line_chart("a", Trend(START, SLOT, {"now": (1.0, 2.0)}), UTC)
    assert Message("text", (section("text"),), chart=block).payload()["blocks"] == [section("text")]


# What the loopback Slack refuses


def chart(**changes):
    block = line_chart("a", Trend(START, SLOT, {"now": (1.0, 2.0), "then": (1.0, 2.0)}), UTC)
    return block | {"chart": block["chart"] | changes}


def named(*names):
    return [{**each, "name": name} for each, name in zip(chart()["chart"]["series"] * 4, names, strict=False)]


@pytest.mark.parametrize(
    "blocks",
    [
        [chart()] * 3,
        [{**chart(), "title": "x" * 51}],
        [{**chart(), "colour": "red"}],
        [{key: value for key, value in chart().items() if key != "title"}],
        [chart(type="gauge")],
        [chart(series=[])],
        [chart(series=named(*"abcdefg"))],
        [chart(series=named("a", "a"))],
        [chart(series=named("x" * 21))],
        [chart(series=[{"name": "now", "data": [{"label": "00:00", "value": 1.0}]}])],
        [chart(series=[{"name": "now", "data": [{"label": "00:00", "value": None}, {"label": "00:05", "value": 1}]}])],
        [chart(axis_config={"categories": ["00:00"]})],
        [chart(axis_config={"categories": ["00:00", "00:05"], "y_label": "x" * 51})],
        [chart(axis_config={})],
    ],
)
def test_slack_refuses_what_its_documentation_refuses(blocks):
    refuse_message({"text": "t", "blocks": [chart()]})
    with pytest.raises(Refused, match="invalid_blocks"):
        refuse_message({"text": "t", "blocks": blocks})
