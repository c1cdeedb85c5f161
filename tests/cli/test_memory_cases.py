"""Inputs that older versions judged wrongly, as people write them: rules, and rule tests or a CSV; with neighbours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from alertbot.cli.main import main
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

MONDAY = parse_time("2026-02-02")
WEEKS = 6
JOB = 30  # at 02:30
HALF = 'kind = "day_over_day"\nratio = 0.5\nseverity = "critical"\n'
DARK = 'kind = "drop"\nto = "0 bps"\nfrom = "5 Mbps"\nseverity = "critical"\n'
LOW = 'kind = "threshold"\nbelow = "5 Mbps"\n'
FALLEN = 'kind = "drop"\nby = "80%"\nfrom = "20 Mbps"\nfor = "15m"\naccept_after = "24h"\n'
FAR_OFF = 'kind = "baseline"\nfactor = 1.9\nfloor = "20 Mbps"\nzeros = false\nfor = "5m"\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def watching(domains, **rules):
    """A configuration with these rules."""
    listed = "".join(f'[[rule]]\nname = "{name}"\n{keys}' for name, keys in rules.items())
    return f"[watch]\ndomains = {json.dumps(domains)}\n{listed}"


def checked(folder, series, expect, **rules):
    """What ``check`` says of one rule test of the domain ``a.example.com``."""
    (folder / "rules.toml").write_text(watching(["a.example.com"], **rules))
    expected = ", ".join(f'{{ {what} = "{rule}", slot = {slot} }}' for what, rule, slot in expect)
    one = f'[[test]]\nname = "it"\nseries = {{ "a.example.com" = "{series}" }}\nexpect = [{expected}]\n'
    (folder / "tests.toml").write_text(one)
    return CliRunner().invoke(main, ["check", "--test", "tests.toml"])


@pytest.mark.parametrize("days", [1, 3])
@pytest.mark.parametrize("rule", [HALF, HALF + "days = 3\n", DARK, LOW, FAR_OFF.replace("false", "true")])
def test_a_domain_that_has_been_dark_for_days_is_not_normal_again(folder, rule, days):
    begun = 5 * DAY_SLOTS
    fires = begun + ('for = "5m"' not in rule)
    expect = [("fired", "it", fires), ("resolved", "it", begun + days * DAY_SLOTS + 1)]
    result = checked(folder, f"1 Gbps x5d, 0 x{days}d, 1 Gbps x1h", expect, it=rule)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("hours", [2, 26])
def test_an_outage_is_over_under_all_rules_when_traffic_is_back(folder, hours):
    begun, over = 2 * DAY_SLOTS + 1, 2 * DAY_SLOTS + 12 * hours + 1
    expect = [(what, rule, slot) for what, slot in (("fired", begun), ("resolved", over)) for rule in ("half", "dark")]
    result = checked(folder, f"1 Gbps x2d, 0 x{hours}h, 1 Gbps x2d", expect, half=HALF, dark=DARK)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("event", ["1.2 Gbps x2h", "3 Gbps x1h", "1.1 Gbps x20h"])
@pytest.mark.parametrize("before", ["1d", "8d"])
def test_an_event_that_ends_as_it_began_is_no_fall(folder, before, event):
    series = f"200 Mbps x{before}, 200 Mbps x3h, {event}, 200 Mbps x6h"
    result = checked(folder, series, [], it=FALLEN)
    assert result.exit_code == 0, result.output


def test_a_fall_beside_such_an_event_is_one(folder):
    series = "200 Mbps x1d, 200 Mbps x3h, 1.2 Gbps x2h, 10 Mbps x6h"
    begun = DAY_SLOTS + 5 * 12
    result = checked(folder, series, [("fired", "it", begun + 2)], it=FALLEN)
    assert result.exit_code == 0, result.output


def nights(folder, rule, begins, days, *, job=JOB, slots=6, level=1100e6):
    """The days since the job began on which a replay fires; it runs on those weekdays, in week ``begins`` and after."""
    values = np.random.default_rng(8).normal(100e6, 3e6, WEEKS * 7 * DAY_SLOTS)
    for day in range(7 * begins, WEEKS * 7):
        if day % 7 in days:
            values[day * DAY_SLOTS + job : day * DAY_SLOTS + job + slots] = level
    rows = (f"a.example.com,{MONDAY + SLOT * row},{value:.0f}" for row, value in enumerate(values) if value > 0)
    (folder / "rules.toml").write_text(watching(["a.example.com"], it=rule))
    (folder / "history.csv").write_text("\n".join(["domain,time,bps", *rows]) + "\n")
    result = CliRunner().invoke(main, ["replay", "--csv", "history.csv", "--json"], catch_exceptions=False)
    events = map(json.loads, result.stdout.splitlines())
    return [(each["slot"] - MONDAY) // DAY for each in events if each["event"] == "fired"]


@pytest.mark.parametrize("how", [{}, {"slots": 1}, {"job": 285, "slots": 24}, {"level": 300e6}, {"level": 40e6}])
def test_a_job_that_runs_every_night_is_posted_on_four_nights_at_most(folder, how):
    found = nights(folder, FAR_OFF, 4, range(7), **how)
    assert found[0] == 28
    assert len(set(found)) <= 4


@pytest.mark.parametrize(("weekday", "slots"), [(0, 6), (3, 1), (6, 24)])
def test_a_job_that_runs_every_week_is_posted_in_four_weeks_at_most(folder, weekday, slots):
    found = nights(folder, FAR_OFF, 1, [weekday], slots=slots)
    assert found[0] == 7 + weekday
    assert len(set(found)) <= 4


def test_an_outage_in_the_middle_of_what_was_learned_is_posted(folder):
    """What the job taught is no reason to be quiet of anything else."""
    found = nights(folder, DARK, 4, range(7), level=0.0, slots=6)
    assert found[0] == 28
    assert len(found) <= 5
    assert nights(folder, DARK, 5, [2], level=0.0) == [37]
