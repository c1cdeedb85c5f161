"""``alertbot replay --chart``: which series is drawn, over which time, and what is said where none can be."""

from __future__ import annotations

import json
from datetime import UTC

import numpy as np
import pytest
from click.testing import CliRunner

from alertbot.alerts.engine import Engine
from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.cli.main import main
from alertbot.cli.replay_charts import of_replay
from alertbot.config.watch import Watch
from alertbot.incidents.firings import FiringRecord
from alertbot.rules.base import Rule, Severity
from alertbot.rules.threshold import Threshold
from alertbot.units import DAY, SLOT

START = 20_000 * DAY
RULES = """
[watch]
domains = ["steady.example.com", "busy.example.com", "once.example.com"]

[slack]
timezone = "Europe/Berlin"

[[rule]]
name = "ceiling"
kind = "threshold"
above = "150 Mbps"

[[rule]]
name = "once"
kind = "threshold"
domains = ["once.*"]
above = "120 Mbps"
"""


@pytest.fixture
def replayed(tmp_path):
    """Runs the command in a folder with a history of three domains."""
    (tmp_path / "rules.toml").write_text(RULES)
    rows = ["domain,time,bps"]
    for slot in range(200):
        rows.append(f"steady.example.com,{START + slot * SLOT},100000000")
        rows.append(f"busy.example.com,{START + slot * SLOT},{200000000 if slot % 20 < 4 else 90000000}")
        rows.append(f"once.example.com,{START + slot * SLOT},{130000000 if slot > 190 else 80000000}")
    (tmp_path / "history.csv").write_text("\n".join(rows) + "\n")

    def run(*options):
        given = ("-c", str(tmp_path / "rules.toml"), "--csv", str(tmp_path / "history.csv"), *options)
        return CliRunner().invoke(main, ["replay", *given])

    return run


@pytest.mark.slow
def test_the_series_with_most_alerts_is_drawn(replayed, tmp_path):
    target = tmp_path / "out.png"
    result = replayed("--chart", str(target))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"{target}: busy.example.com: 10 alerts"
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_of_a_rule_that_is_named_its_own_series_is_drawn(replayed, tmp_path):
    target = tmp_path / "out.png"
    assert "once.example.com: 1 alert\n" in replayed("--chart", str(target), "--rule", "once").stdout


def test_beside_json_nothing_else_is_printed(replayed, tmp_path):
    result = replayed("--chart", str(tmp_path / "out.png"), "--json")
    assert all(json.loads(line)["event"] in {"fired", "resolved"} for line in result.stdout.splitlines())
    assert "busy.example.com: 10 alerts" in result.stderr


def test_where_one_may_not_look_there_is_no_place_for_charts(replayed, tmp_path):
    for option in ("--chart", "--charts"):
        for target in ("x" * 300, f"{'x' * 300}/out.png"):
            result = replayed(option, str(tmp_path / target))
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr.endswith("File name too long: name another place\n")


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nowhere/out.png", "there is no folder"),
        (".", "is a folder: name a file"),
        ("/proc/1/out.png", "/proc/1/out.png: "),
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_a_line(replayed, tmp_path, target, told):
    result = replayed("--chart", str(tmp_path / target))
    assert result.exit_code == 1
    assert result.stderr.startswith("alertbot: ")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_a_time_without_history_has_no_chart(replayed, tmp_path):
    result = replayed("--chart", str(tmp_path / "out.png"), "--from", "2030-01-01")
    assert result.exit_code == 1
    assert "there is no chart" in result.stderr


# What is drawn

RULE = Rule("ceiling", "threshold", Threshold(above=150), Severity.WARNING)


EVERY = Span()


def drawn(columns, span=EVERY):
    past = CsvHistory(
        {name: SeriesHistory(START + SLOT * np.arange(len(each)), np.array(each)) for name, each in columns.items()}
    )
    selection = {RULE.name: past.series}
    record = FiringRecord({RULE.name: RULE})
    for change in replay(Engine((RULE,), selection, past.series), past, span):
        record.add(change)
    record.close(lambda series: min(past.last_of(series), span.last))
    return of_replay(past, record.firings, span, Watch(UTC, tuple(past.series), {RULE.name: RULE}, selection))


def test_alerts_are_shaded_from_first_to_last_slot_of_the_breach_and_to_the_end_where_they_still_fire():
    chart = drawn({"a": [100.0] * 10 + [200.0] * 5 + [100.0] * 10 + [200.0] * 5})
    (panel,) = chart.panels
    assert panel.breaches == (
        (START + 10 * SLOT, START + 14 * SLOT),
        (START + 25 * SLOT, START + 29 * SLOT),
    )
    assert (chart.first, chart.count, chart.now) == (START, 30, START + 30 * SLOT)
    assert [limit.label for limit in panel.limits] == ["above 150 bps"]


def test_without_an_alert_the_first_series_that_was_judged_is_drawn():
    chart = drawn({"a": [100.0] * 30, "b": [120.0] * 30})
    assert chart.title == "a: 0 alerts"
    assert chart.panels[0].breaches == ()


def test_only_the_time_that_was_judged_is_drawn_with_the_days_before_behind_it():
    days = [100.0] * 288 + [200.0] * 288
    chart = drawn({"a": days}, Span(START + DAY, START + DAY + 99 * SLOT))
    (panel,) = chart.panels
    assert (chart.first, chart.count) == (START + DAY, 100)
    assert panel.yesterday.tolist() == [100.0] * 100
    assert panel.breaches == ((START + DAY, START + DAY + 99 * SLOT),)
