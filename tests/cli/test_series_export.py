"""What Prometheus and Grafana are handed: history that promtool takes, a dashboard whose every panel asks rightly."""

from __future__ import annotations

import json
import math
import re
import subprocess

import pytest
from click.testing import CliRunner
from fakes.rigs.needs import needs
from fakes.worlds.stored import store
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from alertbot.cli.main import main
from alertbot.units import DAY, SLOT

RULES = '[watch]\ndomains = ["a.example.com"]\n[[rule]]\nname = "high"\nkind = "threshold"\nabove = "1 Gbps"\n'
FIRST = 20_000 * DAY
CARRIED = {
    "a.example.com": [1.5, 0.0, math.nan, 2e9],
    "sum:both": [math.nan, 3.0, 4.0, 5.0],
    "total": [7.0, 8.0, 9.0, math.nan],
}


@pytest.fixture
def exported(tmp_path):
    def export(*options):
        path = tmp_path / "rules.toml"
        path.write_text(RULES)
        result = CliRunner().invoke(main, ["export", "--openmetrics", "-c", str(path), *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    store(tmp_path / "alertbot.db", FIRST, CARRIED)
    return export


def samples(text):
    (family,) = text_string_to_metric_families(text)
    found = {}
    for sample in family.samples:
        (series,) = sample.labels.values()
        found.setdefault(series, []).append((int(float(sample.timestamp)), sample.value))
    return found


def known(name):
    values = enumerate(CARRIED[name])
    return [(FIRST + row * SLOT, value) for row, value in values if not math.isnan(value)]


def test_openmetrics_has_all_series_in_seconds_one_after_the_other(exported):
    text = exported()
    assert samples(text) == {name: known(name) for name in CARRIED}
    assert text.endswith("\n# EOF\n")
    assert text.count("# TYPE") == 1
    assert f'{{domain="a.example.com"}} 0.0 {FIRST + SLOT}\n' in text


def test_openmetrics_can_be_narrowed_as_csv_can(exported):
    assert samples(exported("total")) == {"total": known("total")}
    assert samples(exported("--from", str(FIRST + 3 * SLOT), "a")) == {"a.example.com": [(FIRST + 3 * SLOT, 2e9)]}


@needs("promtool")
def test_promtool_makes_blocks_of_it(exported, tmp_path):
    (tmp_path / "history.txt").write_text(exported())
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.txt", "blocks"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (tmp_path / "blocks" / "wal").mkdir()
    dump = ["promtool", "tsdb", "dump", "blocks"]
    dumped = subprocess.run(dump, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = re.findall(r'\{__name__="(\w+)", (\w+)="(\S+)"\} (\S+) (\d+)', dumped.stdout)
    expected = {(name, value, at * 1000) for name in CARRIED for at, value in known(name)}
    assert {(series, float(value), int(at)) for _, _, series, value, at in lines} == expected


# The dashboard


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(CliRunner().invoke(main, ["dashboard"]).stdout)


def test_panels_fill_the_width_and_none_overlaps(dashboard):
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells)) == 24 * max(p["y"] + p["h"] for p in places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)


def test_everything_asks_the_data_source_that_the_reader_chooses(dashboard):
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    variables, targets = dashboard["templating"]["list"][1:], [t for p in dashboard["panels"] for t in p["targets"]]
    asking = [*variables, *dashboard["annotations"]["list"], *dashboard["panels"], *targets]
    assert {json.dumps(each["datasource"]) for each in asking} == {'{"type": "prometheus", "uid": "${datasource}"}'}


def test_bandwidth_stands_beside_yesterday_and_last_week(dashboard):
    whole = next(panel for panel in dashboard["panels"] if panel["title"] == "Whole account")
    assert [target["legendFormat"] for target in whole["targets"]] == ["now", "yesterday", "a week earlier"]
    assert whole["fieldConfig"]["defaults"]["unit"] == "bps"
    assert whole["interval"] == "5m"
