"""``alertbot suggest``: limits that fit a history, written to be pasted, with what they would have done."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.rigs.effort import examples
from fakes.worlds.stored import store
from hypothesis import given
from hypothesis import strategies as st

from alertbot.cli.csv_history import CsvHistory, SeriesHistory, write_csv
from alertbot.cli.limits import days_of, suggestions
from alertbot.cli.main import main
from alertbot.units import DAY_SLOTS, SLOT, format_rate, friendly, parse_rate, parse_time

START = parse_time("2026-10-05")
ALL = '[watch]\ndomains = ["*"]\n[[rule]]\nname = "went-dark"\nkind = "threshold"\nabove = "9 Tbps"\n'
LISTED = ALL.replace('["*"]', '["video.example.com", "img.example.com"]')


def traffic(days, level=1e9, seed=1):
    """Days and nights that never touch zero."""
    slots = np.arange(days * DAY_SLOTS)
    noise = np.random.default_rng(seed).lognormal(0, 0.05, len(slots))
    return np.round(level * (1 + 0.6 * np.sin(2 * np.pi * slots / DAY_SLOTS)) * noise)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(ALL)
    return tmp_path


def history(**series):
    with Path("history.csv").open("w", encoding="utf-8") as file:
        write_csv(file, [(f"{name}.example.com", START, values) for name, values in series.items()])


def alertbot(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


def suggested(*more):
    result = alertbot("suggest", "--csv", "history.csv", *more)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def test_a_steady_domain_gets_a_limit_above_its_peaks_and_a_floor_under_its_nights(folder):
    history(video=traffic(14))

    lines = suggested().splitlines()

    assert lines[0] == "# Suggested from the history of 2026-10-05 to 2026-10-18. Read it, keep what you"
    assert lines[4:] == [
        "# would have fired 0 times in 14 days, 0 a week",
        "[[rule]]",
        'name    = "video.example.com-above"',
        'kind    = "threshold"',
        'domains = ["video.example.com"]',
        'above   = "3 Gbps"',
        'clear   = "2.5 Gbps"',
        'for     = "10m"',
        "",
        "# would have fired 0 times in 14 days, 0 a week",
        "[[rule]]",
        'name     = "went-dark-120000000"',
        'kind     = "drop"',
        'domains  = ["video.example.com"]',
        'to       = "0 bps"',
        'from     = "120 Mbps"',
        'for      = "10m"',
        'severity = "critical"',
    ]


def test_a_lower_limit_is_suggested_only_where_it_is_asked_for():
    history(video=traffic(14))

    assert "below" not in suggested()
    assert re.search(r'^below   = "150 Mbps"$', suggested("--below"), re.MULTILINE)


def test_many_domains_that_carry_about_as_much_share_a_rule(folder):
    levels = {f"shop-{number:02}": 2e6 * 1.25**number for number in range(25)}
    history(**{name: traffic(8, level, seed=number) for number, (name, level) in enumerate(levels.items())})
    written = suggested()
    (folder / "rules.toml").write_text(ALL + "\n" + written)

    assert alertbot("check").exit_code == 0
    names = re.findall(r'^name +="? ?"?([^"\n]+)', written.replace("= ", "="), re.MULTILINE)
    assert len(names) <= 8, "a rule for each would be 50"
    assert names[:3] == ["10Gbps-above", "1Gbps-above", "100Mbps-above"]
    assert written.count('"shop-07.example.com"') == 2, "a limit and a floor"
    assert max(map(len, written.splitlines())) <= 80


def troubled():
    """A domain with a spike, an outage and a slump, one that sleeps at night, one that is new, one that is silent."""
    video, shop = traffic(21), traffic(21, 3e8, seed=2)
    video[3000:3006] *= 4
    video[4000:4010] = 0
    video[5100:5110] *= 0.05
    shop[np.arange(len(shop)) % DAY_SLOTS > 200] = 0
    return {"video": video, "shop": shop, "new": traffic(4), "silent": np.zeros(21 * DAY_SLOTS)}


@pytest.mark.parametrize("rules", [ALL, LISTED])
def test_what_is_suggested_may_be_appended_and_does_what_was_said_of_it(folder, rules):
    (folder / "rules.toml").write_text(rules)
    history(**(troubled() if rules is ALL else {"video": troubled()["video"], "other": traffic(21)}))
    written = suggested("--below")
    (folder / "rules.toml").write_text(rules + "\n" + written)

    assert alertbot("check").exit_code == 0
    events = [json.loads(line) for line in alertbot("replay", "--csv", "history.csv", "--json").stdout.splitlines()]
    fires = Counter(event["rule"] for event in events if event["event"] == "fired")
    said = {json.loads(name): int(times) for times, name in re.findall(
        r"would have fired (\d+) times? .*\n(?:# .*\n)?\[\[rule\]\]\nname +=(.*)", written)}  # fmt: skip
    assert said
    assert said == {name: fires[name] for name in said}
    assert fires["video.example.com-above"] == 1
    assert fires["video.example.com-below"] >= 2


def test_what_gets_no_suggestion_is_listed_with_why(folder):
    history(**troubled())

    last = suggested().splitlines()[-3:]

    assert last == [
        "# new.example.com: 4 days of history; 7 are needed",
        "# shop.example.com: goes to 0 too often for a rule on that",
        "# silent.example.com: carries next to nothing",
    ]


@pytest.mark.parametrize(
    ("level", "why"),
    [(1e9, "goes to 0 too often for a rule on that"), (5e4, "carries too little for a rule on going to 0")],
)
def test_no_floor_is_suggested_that_lies_above_all_that_a_domain_carries(level, why):
    values = traffic(10, level)
    for begin in (3 * DAY_SLOTS + 70, 5 * DAY_SLOTS + 70, 8 * DAY_SLOTS + 70):  # at the peak of the day
        values[begin : begin + 6] = 0
    history(video=values, img=traffic(10))

    lines = suggested().splitlines()

    assert lines[-1] == f"# video.example.com: {why}"
    assert [line for line in lines if line.startswith("domains  = ")] == ['domains  = ["img.example.com"]']


def test_as_json_it_is_one_object_with_the_same_numbers():
    history(**troubled())

    facts = json.loads(suggested("--json"))

    assert set(facts) == {"rules", "left_out", "days"}
    assert facts["days"] == {
        "video.example.com": 21,
        "shop.example.com": 21,
        "new.example.com": 4,
        "silent.example.com": 21,
    }
    above = next(rule for rule in facts["rules"] if rule["name"] == "video.example.com-above")
    assert above == {
        "name": "video.example.com-above",
        "kind": "threshold",
        "domains": ["video.example.com"],
        "above": 3e9,
        "clear": 2.5e9,
        "fires": 1,
        "fires_per_week": 0.3333,
    }
    assert sorted(facts["left_out"]) == ["new.example.com", "shop.example.com", "silent.example.com"]


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (0.01, "less than a day of history; 7 are needed"),
        (1.4, "1 day of history; 7 are needed"),
        (6.4, "6 days of history"),
    ],
)
def test_from_too_little_history_nothing_is_suggested(days, says):
    history(video=traffic(7)[: int(days * DAY_SLOTS)])

    result = alertbot("suggest", "--csv", "history.csv")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"alertbot: too little history to suggest from: video.example.com: {says}")


def test_an_empty_history_is_said_to_be_one(folder):
    (folder / "history.csv").write_text("domain,time,bps\n")

    result = alertbot("suggest", "--csv", "history.csv")

    assert (result.exit_code, result.stderr) == (1, "alertbot: there is no history yet\n")


def test_a_domain_that_no_rule_may_name_is_refused(folder):
    (folder / "rules.toml").write_text(LISTED)
    history(other=traffic(14))

    result = alertbot("suggest", "--csv", "history.csv")

    assert (result.exit_code, "none of its domains is watched" in result.stderr) == (2, True)


def test_it_can_be_narrowed_to_domains():
    history(video=traffic(14), img=traffic(14))

    assert "img" not in suggested("Video.example.com")
    assert suggested("vid") == suggested("video.example.com")
    result = alertbot("suggest", "--csv", "history.csv", "vdeo.example.com")
    assert (result.exit_code, "did you mean video.example.com?" in result.stderr) == (2, True)


def test_a_name_that_is_taken_is_not_given_again(folder):
    (folder / "rules.toml").write_text(ALL.replace('"went-dark"', '"video.example.com-above"'))
    history(video=traffic(14))

    assert 'name    = "video.example.com-above-2"' in suggested()


def test_the_stored_history_does_as_well_with_its_total(folder):
    values = traffic(14)
    store(folder / "alertbot.db", START, {"video.example.com": values, "total": values * 2})

    result = alertbot("suggest")

    assert result.exit_code == 0
    assert 'domains = ["total"]\nabove   = "6 Gbps"\n' in result.stdout
    (folder / "rules.toml").write_text(ALL + result.stdout)
    assert alertbot("check").exit_code == 0


@given(st.floats(1, 1e15))
def test_friendly_numbers_are_near_and_are_written_as_they_are(value):
    above, below = friendly(value, up=True), friendly(value)
    assert below <= value * (1 + 1e-9)
    assert value * (1 - 1e-9) <= above
    assert above <= 1.35 * value
    assert value <= 1.35 * below
    for number in (above, below):
        assert parse_rate(format_rate(number)) == pytest.approx(number, rel=1e-12)


shapes = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 3e5, 1e8, 1e9, 4e9, math.nan]), st.integers(1, 900)), min_size=1, max_size=9
)


@examples(8, 50)
@given(st.lists(shapes, min_size=1, max_size=3))
def test_whatever_the_history_what_is_suggested_is_a_right_file(tmp_path_factory, series):
    folder = tmp_path_factory.mktemp("any")
    with (folder / "h.csv").open("w", encoding="utf-8") as file:
        runs = [np.repeat([value for value, _ in shape], [count for _, count in shape]) for shape in series]
        write_csv(file, [(f"d{number}.example.com", START, values) for number, values in enumerate(runs)])
    (folder / "rules.toml").write_text(ALL)

    result = alertbot("suggest", "-c", str(folder / "rules.toml"), "--csv", str(folder / "h.csv"), "--below")

    assert result.exit_code in {0, 1}
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if result.exit_code == 0:
        (folder / "rules.toml").write_text(ALL + result.stdout)
        assert alertbot("check", "-c", str(folder / "rules.toml")).exit_code == 0


def test_one_bad_day_does_not_set_a_limit():
    """What a limit is made of are the days as they usually are: the worst of ten is left out of it."""
    bad = traffic(20)
    bad[1000:1100] *= 10
    slots = START + SLOT * np.arange(len(bad))

    def above(values):
        found = suggestions(CsvHistory({"a": SeriesHistory(slots, values)}), ("a",), (), below=False)
        return found.found[0].rule.kind.above, found.found[0].times

    assert above(traffic(20)) == (3e9, 0)
    assert above(bad) == (3e9, 1)


def test_a_level_that_lasts_one_slot_sets_no_limit():
    values = np.full(10 * DAY_SLOTS, 1e9)
    values[::DAY_SLOTS] = 9e9

    days = days_of(CsvHistory({"a": SeriesHistory(START + SLOT * np.arange(len(values)), values)}))["a"]

    assert (days.known, set(days.highs), set(days.lows)) == (10, {1e9}, {1e9})
