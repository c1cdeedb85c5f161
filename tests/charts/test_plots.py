"""What a chart shows of the database: which series, over which time, against what, and which slots were in breach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes.rigs.house import START, House
from fakes.rigs.inquired import Inquired

from alertbot.charts import plots
from alertbot.charts.plots import Mark
from alertbot.config import load
from alertbot.query.names import Meant
from alertbot.store import charts
from alertbot.units import DAY, SLOT

RULES = """
[watch]
domains = ["a.example.com", "b.example.com", "c.example.com", "d.example.com", "e.example.com", "f.example.com"]

[slack]
timezone = "Europe/Berlin"

[[group]]
name = "ab"
domains = ["a.*", "b.*"]
sum = true

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"

[[rule]]
name = "ceiling"
kind = "threshold"
domains = ["a.*", "b.*"]
above = "900 Mbps"

[[rule]]
name = "doubled"
kind = "day_over_day"
domains = ["c.*"]
ratio = 2.5

[[rule]]
name = "far-off"
kind = "baseline"
domains = ["e.*"]
factor = 2.0

[[rule]]
name = "much"
kind = "threshold"
domains = ["d.*"]
above = "100 Mbps"
severity = "info"
"""
A, B, C, D, E, F = (f"{letter}.example.com" for letter in "abcdef")
USUAL = {A: 4e8, B: 2e8, C: 1e8, D: 5e7, E: 4e7, F: 3e7, "sum:ab": 6e8, "total": 9e8}


@pytest.fixture
async def house(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    config = load(path)
    house = House(config, config.watched())
    await house.begin(USUAL)
    yield house
    await house.end()


def incident(house, number=1):
    return plots.of_incident(Inquired(house).scope, number)


def series(house, name, span):
    return plots.of_series(Inquired(house).scope, Meant(name, (name,)), span)


async def carry(house, slots, **changed):
    values = {**USUAL, **{f"{letter}.example.com": value for letter, value in changed.items()}}
    for _ in range(slots):
        await house.judge(values)


async def test_a_domain_that_went_dark_is_shown_against_what_it_carried_before(house):
    await carry(house, 6)
    await carry(house, 3, a=0.0)
    chart = incident(house)
    (panel,) = chart.panels
    assert chart.title == f"#1 {A}"
    assert chart.zone == "Europe/Berlin"
    assert (panel.name, panel.note) == (A, "0 bps")
    assert panel.breaches == ((START + 6 * SLOT, START + 8 * SLOT),)
    before = panel.limits[0]
    assert before.label == "400 Mbps before"
    assert chart.first + SLOT * int(np.flatnonzero(~np.isnan(before.values))[0]) == START - 6 * SLOT
    assert "In alert from" in chart.alt


async def test_what_is_not_published_yet_is_unknown_up_to_now(house):
    await carry(house, 3, a=0.0)
    chart = incident(house)
    assert chart.first <= house.now - 6 * 3600 + SLOT
    assert chart.end >= house.now
    assert np.isnan(chart.panels[0].values[-1])
    assert "data until 01:15, times in Europe/Berlin" in chart.subtitle


async def test_yesterday_is_behind_it_and_a_week_that_is_not_stored_is_not(house):
    await carry(house, 3, a=0.0)
    (panel,) = incident(house).panels
    assert np.nanmax(panel.yesterday) == 4e8
    assert panel.last_week is None


async def test_a_rise_over_days_is_shown_against_so_many_times_the_day_before(house):
    await carry(house, 3, c=3e8)
    (panel,) = incident(house).panels
    assert [limit.label for limit in panel.limits] == ["2.5 times a day earlier"]
    assert np.nanmax(panel.limits[0].values) == 2.5e8


async def test_what_is_far_off_is_shown_between_what_would_be_too_much_and_too_little(house):
    await carry(house, 3, e=2e8)
    (panel,) = incident(house).panels
    assert [limit.label for limit in panel.limits] == ["2 times what is usual", "1/2 of what is usual"]
    assert [np.nanmax(limit.values) for limit in panel.limits] == pytest.approx([8e7, 2e7])


async def test_a_limit_that_moves_is_left_out_where_it_lies_far_above_all_that_is_carried(house):
    await carry(house, 14, e=5e6)
    (panel,) = incident(house).panels
    assert [limit.label for limit in panel.limits] == ["1/2 of what is usual"], "2 times the usual is never reached"


async def test_a_limit_is_shown_where_its_rule_fired_and_where_it_is_in_sight(house):
    await carry(house, 3, a=1e9)
    assert [limit.label for limit in incident(house).panels[0].limits] == ["above 900 Mbps"]
    assert [limit.label for limit in series(house, A, DAY).panels[0].limits] == ["above 900 Mbps"]
    assert series(house, B, DAY).panels[0].limits == ()  # far above all that it carries


async def test_the_whole_group_stands_above_its_members(house):
    await carry(house, 3, a=1e9, b=1e9)
    chart = incident(house)
    assert [panel.name for panel in chart.panels] == ["ab, all of the group", A, B]
    assert chart.title == "#1: ab, all of the group and 2 more"


async def test_of_many_series_the_worst_are_shown_below_the_account(house):
    await carry(house, 3, a=0.0, b=0.0, c=0.0, d=0.0, e=0.0)
    chart = incident(house)
    assert len(chart.panels) == plots.MOST_PANELS
    assert [panel.name for panel in chart.panels][:2] == ["the whole account", A]
    assert chart.title == "#1: the worst of 5 series"


async def test_the_end_of_an_alert_ends_its_breach_and_the_chart_an_hour_later(house):
    await carry(house, 3, a=0.0)
    await carry(house, 4)
    assert incident(house).panels[0].breaches == ((START, START + 2 * SLOT),)
    await house.look(DAY)
    chart = incident(house)
    assert chart.end < house.now - DAY + 2 * 3600


async def test_a_long_incident_gets_a_longer_chart(house):
    await carry(house, 3, a=0.0)
    await house.look(3 * 3600)
    lasted = house.now - START
    assert incident(house).count == pytest.approx(4 * lasted / SLOT, abs=2)
    await house.look(30 * DAY)
    chart = incident(house)
    assert chart.count == 7 * DAY // SLOT
    assert chart.panels[0].yesterday is None


async def test_an_incident_that_is_not_there_has_no_chart(house):
    assert incident(house, 7) is None


async def test_a_series_is_shown_over_the_time_asked_for_with_all_its_alerts(house):
    await carry(house, 3, a=0.0)
    await carry(house, 4)
    chart = series(house, A, DAY)
    assert chart.title == A
    assert chart.count == DAY // SLOT
    assert chart.panels[0].breaches == ((START, START + 2 * SLOT),)


async def test_a_series_of_which_nothing_is_known_has_a_chart_that_says_so(house):
    chart = series(house, "g.example.com", DAY)
    assert chart.subtitle == "nothing is known of this time"
    assert chart.alt.endswith("nothing is known.")


def test_what_an_alert_was_well_for_at_its_end_is_no_breach():
    from alertbot.alerts.lifecycle import Alert, Phase  # noqa: PLC0415
    from alertbot.rules.base import Direction  # noqa: PLC0415

    alert = Alert("r", A, Phase.FIRING, START, START + 5 * SLOT, 1.0, 2.0, 0.0, Direction.FALL, clear_run=2)
    assert Mark.of(alert) == Mark("r", START, START + 3 * SLOT, 2.0)
    assert Mark.of(replace(alert, clear_run=0)).last == alert.slot


async def owed(house, since):
    return await house._keeper.do(charts.due, since)


async def stand(house, subject="incident:1"):
    """Slack took the message."""

    statement = "UPDATE outbox SET state = 'sent', sent = ?, channel_id = 'C0', ts = '1.2' WHERE subject = ?"
    await house._keeper.do(lambda db: db.conn.execute(statement, (house.now, subject)))


async def test_a_loud_incident_is_owed_one_chart_once_its_message_stands(house):
    await carry(house, 3, a=0.0)
    assert await owed(house, 0) == []
    await stand(house)
    assert await owed(house, 0) == [charts.DueChart("incident:1", "C0", "1.2")]
    assert await house._keeper.do(charts.mark_tried, "incident:1", house.now)
    assert not await house._keeper.do(charts.mark_tried, "incident:1", house.now)
    assert await owed(house, 0) == []


async def test_what_was_told_long_ago_is_owed_none(house):
    await carry(house, 3, a=0.0)
    await stand(house)
    assert await owed(house, house.now - 1) != []
    assert await owed(house, house.now) == []


async def test_an_incident_that_is_only_worth_an_info_is_owed_none(house):
    await carry(house, 3, d=2e8)
    await stand(house)
    assert len(house.outbox()) == 1
    assert await owed(house, 0) == []


async def test_an_incident_that_was_over_soon_is_owed_one_all_the_same(house):
    await carry(house, 3, a=0.0)
    await carry(house, 4)
    await stand(house)
    assert len(await owed(house, house.now - 900)) == 1


async def test_a_group_without_a_sum_is_its_members_added_up(house):
    await carry(house, 3)
    what = Meant("@some", (A, "d.example.com"), 2)
    chart = plots.of_series(Inquired(house).scope, what, DAY)
    (panel,) = chart.panels
    assert panel.name == "some, all of the group"
    single = [series(house, name, DAY).panels[0].values for name in what.series]
    np.testing.assert_array_equal(panel.values, single[0] + single[1])
    assert panel.breaches == ()
