"""``alertbot replay`` as a judge: what it comes to, what another file would change, a chart of each alert."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.rigs.effort import examples
from fakes.worlds.stored import store
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory, write_csv
from alertbot.cli.main import main
from alertbot.cli.replay_charts import chart_name
from alertbot.cli.replay_report import ReplayScope, summary
from alertbot.config.watch import Watch
from alertbot.incidents.firings import Firing, FiringRecord, compare, days_between
from alertbot.rules.base import Rule, Severity
from alertbot.rules.selection import Group
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-03-02")
PNG = b"\x89PNG"

RULES = """
[watch]
domains = ["*"]
[[rule]]
name = "ceiling"
kind = "threshold"
above = "150 Mbps"
[[rule]]
name = "hum"
kind = "threshold"
above = "110 Mbps"
severity = "info"
[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
severity = "critical"
"""


def days(*levels):
    return np.repeat(np.array(levels, dtype=float) * 1e6, DAY_SLOTS)


def eventful():
    """Two domains that spike together on the second day, one of which goes dark on the third, and a quiet one."""
    a, b, c = days(100, 100, 100, 100), days(100, 100, 100, 100), days(100, 100, 100, 100)
    a[DAY_SLOTS + 30 : DAY_SLOTS + 36] = b[DAY_SLOTS + 31 : DAY_SLOTS + 40] = 2e8
    a[2 * DAY_SLOTS + 50 : 2 * DAY_SLOTS + 80] = 0
    return {"a.example.com": a, "b.example.com": b, "c.example.com": c}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES)
    with (tmp_path / "history.csv").open("w", encoding="utf-8") as file:
        write_csv(file, [(name, START, values) for name, values in eventful().items()])
    return tmp_path


def replayed(*options, csv=True):
    given_csv = ("--csv", "history.csv") if csv else ()
    return CliRunner().invoke(main, ["replay", *given_csv, *options], prog_name="alertbot")


SUMMARY = [
    "5 alerts fired in 4 days, on 2 of 3 series: 2 pages, 0.5 a day.",
    "  ceiling    2 alerts on 2 series, 3.5 a week; 42m each, at most 50m",
    "  hum        2 alerts on 2 series, 3.5 a week; 42m each, at most 50m",
    "  went-dark  1 alert on 1 series, 1.8 a week; 2h 35m each, at most 2h 35m",
    "The worst: 2026-03-04 04:10, went-dark: a.example.com went dark at 04:10: 0 bps, was 100 Mbps.",
    "The busiest day: 2026-03-04, 1 page; 2 days without any.",
    "Most of all: a.example.com (3), b.example.com (2).",
]


def test_in_words_a_replay_ends_with_what_it_comes_to():
    lines = replayed().stdout.splitlines()

    assert lines[10:] == SUMMARY
    assert all("  fired     " in line or "  resolved  " in line for line in lines[:10])


def test_the_stored_history_is_summed_up_likewise(folder):
    store(folder / "alertbot.db", START, eventful())

    assert replayed(csv=False).stdout.splitlines()[-len(SUMMARY) :] == SUMMARY


def test_where_nothing_fires_that_is_said_with_what_was_judged():
    assert replayed("--to", "2026-03-02T12:00:00Z").stdout == "0 alerts fired in 1 day, judging 3 series.\n"
    assert replayed("--from", "2030-01-01").stdout == "0 alerts fired in 0 days, judging 3 series.\n"


def test_narrowed_to_a_rule_only_that_is_summed_up():
    assert (
        replayed("--rule", "hum").stdout.splitlines()[-4].startswith("2 alerts fired in 4 days, on 2 of 3 series: 0 p")
    )


def test_what_still_fires_at_the_end_is_counted_as_not_over():
    lines = replayed("--to", "2026-03-04T05:00:00Z").stdout.splitlines()

    assert "  went-dark  1 alert on 1 series, 2.3 a week; 55m each, at most 55m, 1 not over" in lines


def test_rules_that_never_fired_are_named(folder):
    (folder / "rules.toml").write_text(RULES + '[[rule]]\nname = "calm"\nkind = "threshold"\nabove = "1 Tbps"\n')

    assert "  never: calm" in replayed().stdout.splitlines()


def test_beside_a_json_replay_nothing_is_said():
    events = [json.loads(line) for line in replayed("--json").stdout.splitlines()]

    assert [set(event) for event in events] == [
        {"event", "rule", "series", "slot", "since", "value", "reference", "severity", "reason"}
    ] * 10


def test_a_relapse_is_said_as_messages_say_it(folder):
    values = days(100, 100)
    values[DAY_SLOTS : DAY_SLOTS + 6] = values[DAY_SLOTS + 12 : DAY_SLOTS + 18] = 0
    with (folder / "history.csv").open("w", encoding="utf-8") as file:
        write_csv(file, [("a.example.com", START, values)])
    lines = replayed("--rule", "went-dark").stdout.splitlines()
    second = "went-dark: a.example.com went dark again at 01:00: 0 bps, was 100 Mbps; second time since 00:00."

    assert [line.partition("fired     ")[2] for line in lines if "  fired  " in line] == [
        "went-dark: a.example.com went dark at 00:00: 0 bps, was 100 Mbps.",
        second,
    ]
    worst = second.replace(" again at 01:00", " at 00:00").partition(";")[0]
    assert f"The worst: 2026-03-03 00:00, {worst}." in lines
    assert (
        f"2026-03-03 01:10  newly fires   {second}"
        in against(folder, RULES.partition('[[rule]]\nname = "went-dark"')[0]).stdout
    )


# --- against another file


def against(folder, text, *options):
    (folder / "old.toml").write_text(text)
    return replayed("--against", "old.toml", *options)


def test_a_file_against_itself_differs_in_nothing(folder):
    result = against(folder, RULES)

    assert result.stdout == (
        "0 alerts newly fire, 0 fall silent, 5 as before; 2 pages, 0.5 a day, before 2 pages, 0.5 a day.\n"
    )
    assert against(folder, RULES, "--json").stdout == ""


def test_what_newly_fires_and_what_falls_silent_is_listed_in_order(folder):
    old = RULES.replace('name = "hum"', 'name = "din"').replace("150 Mbps", "300 Mbps")

    assert against(folder, old).stdout.splitlines() == [
        (
            "2026-03-03 02:40  newly fires   ceiling: a.example.com went above 150 Mbps at 02:30: 200 Mbps."
            " (posted by din before)"
        ),
        (
            "2026-03-03 02:40  falls silent  din: a.example.com went above 110 Mbps at 02:30: 200 Mbps."
            " (posted by ceiling, hum now)"
        ),
        (
            "2026-03-03 02:40  newly fires   hum: a.example.com went above 110 Mbps at 02:30: 200 Mbps."
            " (posted by din before)"
        ),
        (
            "2026-03-03 02:45  newly fires   ceiling: b.example.com went above 150 Mbps at 02:35: 200 Mbps."
            " (posted by din before)"
        ),
        (
            "2026-03-03 02:45  falls silent  din: b.example.com went above 110 Mbps at 02:35: 200 Mbps."
            " (posted by ceiling, hum now)"
        ),
        (
            "2026-03-03 02:45  newly fires   hum: b.example.com went above 110 Mbps at 02:35: 200 Mbps."
            " (posted by din before)"
        ),
        "4 alerts newly fire, 2 fall silent, 1 as before; 2 pages, 0.5 a day, before 1 page, 0.25 a day.",
    ]


def test_as_json_a_difference_is_a_line(folder):
    old = RULES.replace('to = "0 bps"', 'by = "99%"').replace('"critical"', '"warning"').replace("110 Mbps", "250 Mbps")

    lines = [json.loads(line) for line in against(folder, old, "--json").stdout.splitlines()]

    assert lines[0] == {
        "difference": "newly fires",
        "rule": "hum",
        "series": "a.example.com",
        "slot": START + (DAY_SLOTS + 31) * SLOT,
        "since": START + (DAY_SLOTS + 30) * SLOT,
        "ended": START + (DAY_SLOTS + 37) * SLOT,
        "value": 2e8,
        "reference": None,
        "worst": 2e8,
        "severity": "info",
        "reason": "cleared",
        "told_by": ["ceiling"],
    }
    assert [line["rule"] for line in lines] == ["hum", "hum"]


def test_an_alert_that_only_fires_at_another_time_is_no_difference(folder):
    slower = RULES.replace('above = "150 Mbps"', 'above = "150 Mbps"\nfor = "20m"')

    assert " 0 fall silent, 5 as before" in against(folder, slower).stdout


def test_another_file_that_is_wrong_is_told_with_its_own_name(folder):
    result = against(folder, RULES.replace("150 Mbps", "150 MB"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("old.toml:7: rule.ceiling.above: ")


def test_a_rule_of_either_file_may_be_asked_for(folder):
    old = RULES.replace('name = "hum"', 'name = "din"')

    assert "2 fall silent" in against(folder, old, "--rule", "din").stdout
    assert "2 alerts newly fire, 0 fall silent" in against(folder, old, "--rule", "hum").stdout
    assert against(folder, old, "--rule", "dim").exit_code == 2


def test_the_stored_history_is_that_of_the_file_that_is_tried(folder):
    store(folder / "alertbot.db", START, eventful())
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "old.toml").write_text(RULES.replace("150 Mbps", "300 Mbps"))

    result = replayed("--against", "elsewhere/old.toml", csv=False)

    assert result.stdout.splitlines()[-1].startswith("2 alerts newly fire, 0 fall silent, 3 as before; ")


# --- charts


@pytest.mark.slow
def test_each_alert_is_drawn_the_worst_first(folder):
    result = replayed("--charts", "drawn", "--rule", "went-dark")

    assert (
        result.stdout.splitlines()[-1]
        == "drawn/01-went-dark-a.example.com-20260304T0410Z.png: a.example.com: went-dark"
    )
    (only,) = sorted(Path("drawn").iterdir())
    assert only.read_bytes().startswith(PNG)


@pytest.mark.slow
def test_no_more_than_the_worst_are_drawn(folder, monkeypatch):
    monkeypatch.setattr("alertbot.cli.replay.MOST_CHARTS", 2)

    result = replayed("--charts", "drawn", "--json")

    assert sorted(path.name[:12] for path in Path("drawn").iterdir()) == ["01-went-dark", "02-ceiling-a"]
    assert all(json.loads(line)["event"] for line in result.stdout.splitlines())
    assert result.stderr.splitlines()[-1] == "3 more alerts have no chart"


@pytest.mark.slow
def test_against_another_file_what_differs_is_drawn(folder):
    (folder / "old.toml").write_text(RULES.replace('to = "0 bps"', 'by = "99%"\nenabled = false'))

    replayed("--charts", "drawn", "--against", "old.toml")

    assert [path.name for path in Path("drawn").iterdir()] == ["01-went-dark-a.example.com-20260304T0410Z.png"]


@pytest.mark.parametrize(
    ("place", "told"),
    [("history.csv", "is a file: name a folder"), ("no/where", "there is no folder no"), ("/proc/x", "/proc/x: ")],
)
def test_a_folder_that_cannot_be_is_told_before_the_replay(place, told):
    result = replayed("--charts", place)

    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


@given(st.integers(1, 20), st.text(min_size=1, max_size=80), st.text(min_size=1, max_size=250))
def test_the_name_of_a_chart_is_one_that_any_disk_takes(place, rule, series):
    (fired,) = firings({"a": [200.0] * 3}, 150.0)
    odd = Firing(_named(fired, rule, series), fired.last, fired.severity)
    name = chart_name(place, odd)
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \n\0')
    assert len(name) < 200


def _named(firing, rule, series):
    return type(firing.fired)(**{
        **{field: getattr(firing.fired, field) for field in firing.fired.__slots__},
        "rule": rule,
        "series": series,
    })  # fmt: skip


# --- what must always hold


def firings(columns, above, names=("r",), span=None):
    rules = [Rule(name, "threshold", Threshold(above=above), Severity.WARNING) for name in names]
    past = CsvHistory(
        {name: SeriesHistory(START + SLOT * np.arange(len(each)), np.array(each)) for name, each in columns.items()}
    )
    record = FiringRecord({rule.name: rule for rule in rules})
    engine = Engine(rules, {rule.name: past.series for rule in rules}, past.series)
    for change in replay(engine, past, span or Span()):
        record.add(change)
    record.close(past.last_of)
    return record.firings


runs = st.lists(st.tuples(st.sampled_from([50.0, 100.0, 200.0, 400.0]), st.integers(1, 30)), min_size=1, max_size=12)
columns = st.dictionaries(st.sampled_from("abc"), runs, min_size=1, max_size=3)


def spread(columns):
    return {name: [value for value, count in each for _ in range(count)] for name, each in columns.items()}


@examples(20, 120)
@given(columns, st.sampled_from([75.0, 150.0, 300.0]), st.sampled_from([75.0, 150.0, 300.0]))
def test_what_one_file_newly_tells_falls_silent_in_the_other(columns, one, other):
    now, before = firings(spread(columns), one), firings(spread(columns), other)
    there, back = compare(now, before), compare(before, now)

    def shown(found, *, new):
        return [each.firing for each in found.differences if each.new is new]

    assert shown(there, new=True) == shown(back, new=False)
    assert shown(there, new=False) == shown(back, new=True)
    assert there.same + len(shown(there, new=True)) == len(now)
    assert compare(now, now).differences == ()
    if one == other:
        assert there.differences == ()
    if other < one:  # what is above the higher limit is above the lower one
        assert shown(there, new=True) == []


@examples(20, 120)
@given(columns, st.sampled_from([75.0, 150.0]))
def test_there_are_no_more_pages_than_alerts_and_none_is_lost(columns, above):
    fired = firings(spread(columns), above, names=("r", "s"))
    rules = {name: Rule(name, "threshold", Threshold(above=above), Severity.WARNING) for name in "rs"}
    scope = ReplayScope(1, 3, Watch(UTC, rules=rules, groups=(Group("g", ("a", "b")),)), "#ops")
    pages = scope.pages(fired)

    assert len(pages) <= len(fired)
    assert sorted(told.number for page in pages for told in page.alerts) == list(range(len(fired)))
    assert len(list(summary(fired, scope))) >= 1


@pytest.mark.parametrize(
    ("first", "last", "count"), [(0, 2**62, 3), (START + DAY, 2**62, 2), (START, START + DAY - SLOT, 1), (0, 5, 0)]
)
def test_days_are_those_that_were_judged(first, last, count):
    day = START // DAY
    assert days_between([day, day + 1, day + 9], first, last) == count
