"""What a replay is given: holes, names as the CDN or a person writes them, spans, the events of another run."""

from __future__ import annotations

import json
import math
import random

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.worlds.stored import store as write_stored

from alertbot.cli.main import main
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-03-02")
NAMES = ("a.example.com", "b.example.com", "c.example.com")
RULES = """
[watch]
domains = ["a.example.com", "b.example.com", "c.example.com"]

[slack]
timezone = "Europe/Berlin"

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"

[[rule]]
name = "fell"
kind = "drop"
by = "20%"
from = "5 Mbps"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path


def alertbot(*words):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result


def replayed(*words):
    return [json.loads(line) for line in alertbot("replay", "--json", *words).stdout.splitlines()]


def a_bumpy_series(dice, slots, hole):
    """Traffic that falls and goes dark now and then, with a hole of which nothing is known."""
    values = np.array([dice.uniform(0.9e8, 1.1e8) for _ in range(slots)])
    for _ in range(6):
        first, length = dice.randrange(slots), dice.randint(1, 80)
        values[first : first + length] *= dice.choice([0.0, 0.3, 0.7])
    values[hole : hole + 44 * 12] = math.nan
    return values


@pytest.mark.parametrize("seed", range(4))
def test_an_export_with_holes_replays_as_what_is_stored_does(folder, seed):
    dice = random.Random(seed)
    slots = 6 * DAY_SLOTS
    columns = {name: a_bumpy_series(dice, slots, dice.randrange(200, 900)) for name in NAMES}
    write_stored(folder / "alertbot.db", START, {**columns, "total": sum(columns.values())})
    (folder / "history.csv").write_text(alertbot("export").stdout)

    direct = replayed()
    assert direct
    assert replayed("--csv", "history.csv") == direct


def csv(folder, rows):
    (folder / "history.csv").write_text("\n".join(["domain,time,bps", *rows, ""]), encoding="utf-8")


def dark(name, begins=24, slots=48):
    return [f"{name},{START + slot * SLOT},{0 if slot >= begins else 1e8}" for slot in range(slots)]


@pytest.mark.parametrize("written", ["\u00e4.example.com", "\u00c4.Example.com", "xn--4ca.example.com"])
def test_a_domain_is_judged_under_its_configured_name(folder, written):
    rules = RULES.replace('"a.example.com", "b.example.com", "c.example.com"', '"\u00e4.example.com"')
    (folder / "rules.toml").write_text(
        rules.replace('name = "went-dark"', 'name = "went-dark"\ndomains = ["\u00e4.*"]'), encoding="utf-8"
    )
    csv(folder, dark(written))

    fired = [event["series"] for event in replayed("--csv", "history.csv", "--rule", "went-dark")]
    assert fired == ["xn--4ca.example.com"]


def test_rules_that_match_no_domain_of_the_file_are_named_beside_the_output(folder):
    (folder / "rules.toml").write_text(RULES.replace('name = "fell"', 'name = "fell"\ndomains = ["total"]'))
    csv(folder, dark("a.example.com"))

    result = alertbot("replay", "--csv", "history.csv", "--json")
    assert result.stderr == "history.csv: no domain is matched by fell\n"
    assert [json.loads(line)["rule"] for line in result.stdout.splitlines()] == ["went-dark"]


@pytest.mark.parametrize(
    ("words", "fired"),
    [
        ((), ["2026-03-01T23:00:00Z", "2026-03-03T23:00:00Z"]),
        (("--to", "2026-03-02"), ["2026-03-01T23:00:00Z"]),
        (("--to", "20260302"), ["2026-03-01T23:00:00Z"]),
        (("--to", "2026-03-01"), []),
        (("--from", "2026-03-03"), ["2026-03-03T23:00:00Z"]),
        (("--from", "1d"), ["2026-03-03T23:00:00Z"]),
        (("--from", "2026-03-02", "--to", "2026-03-02"), ["2026-03-01T23:00:00Z"]),
    ],
)
def test_a_day_is_that_of_the_output_and_a_duration_counts_back_from_the_end(folder, words, fired):
    first = parse_time("2026-03-01T12:00:00Z")
    dips = [parse_time("2026-03-01T23:00:00Z"), parse_time("2026-03-03T23:00:00Z")]
    slots = range(first, first + 3 * DAY, SLOT)
    csv(folder, [f"a.example.com,{at},{0 if any(d <= at < d + 3600 for d in dips) else 1e8}" for at in slots])

    events = replayed("--csv", "history.csv", "--rule", "went-dark", *words)
    assert [event["since"] for event in events if event["event"] == "fired"] == [parse_time(each) for each in fired]


def test_the_same_events_differ_in_nothing(folder):
    csv(folder, dark("a.example.com"))
    (folder / "before.jsonl").write_text(alertbot("replay", "--csv", "history.csv", "--json").stdout)

    shown = alertbot("replay", "--csv", "history.csv", "--against-events", "before.jsonl").stdout
    assert shown.splitlines() == [
        "fell: 0 newly posted, 0 no longer, 1 as before",
        "went-dark: 0 newly posted, 0 no longer, 1 as before",
    ]


def test_what_is_newly_posted_and_what_no_longer_is_listed_by_rule(folder):
    csv(folder, dark("a.example.com") + dark("b.example.com", begins=30))
    earlier = [event for event in replayed("--csv", "history.csv") if event["series"] != "b.example.com"]
    gone = {**earlier[0], "rule": "of-old", "series": "b.example.com"}
    (folder / "before.jsonl").write_text("\n".join(map(json.dumps, [*earlier, gone])))

    shown = alertbot("replay", "--csv", "history.csv", "--against-events", "before.jsonl").stdout
    assert shown.splitlines() == [
        "fell: 1 newly posted, 0 no longer, 1 as before",
        "  newly posted  2026-03-02 03:40  b.example.com (before: of-old)",
        "of-old: 0 newly posted, 1 no longer, 0 as before",
        "  no longer     2026-03-02 03:10  b.example.com (now: fell, went-dark)",
        "went-dark: 1 newly posted, 0 no longer, 1 as before",
        "  newly posted  2026-03-02 03:40  b.example.com (before: of-old)",
    ]


NO_TIME = (
    '{"event": "fired", "rule": "r", "series": "s", "slot": 1e30, "since": 0, "value": 1, "reference": null,'
    ' "severity": "info", "reason": "breach"}'
)


@pytest.mark.parametrize("text", ["x", "{}", "[]", '{"event": "fired", "rule": "r", "series": "s"}', NO_TIME])
def test_a_file_that_holds_no_events_is_refused_with_its_line(folder, text):
    csv(folder, dark("a.example.com"))
    (folder / "before.jsonl").write_text(text)

    result = CliRunner().invoke(main, ["replay", "--csv", "history.csv", "--against-events", "before.jsonl"])
    assert (result.exit_code, "before.jsonl:1: not a line" in result.output) == (1, True)
