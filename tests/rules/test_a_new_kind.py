"""A rule kind is one class and one entry in ``KINDS``: what it knows of itself, everything else asks it for."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.rigs.house import START, House
from fakes.rigs.inquired import Inquired

import alertbot
from alertbot.charts import plots
from alertbot.cli.main import main
from alertbot.config import load
from alertbot.config.fields import Rate
from alertbot.config.kinds import KINDS, KindSettings
from alertbot.rules.base import Direction, Kind
from alertbot.units import SLOT, format_rate

A = "a.example.com"
RULES = f"""
[watch]
domains = ["{A}"]

[[rule]]
name = "jumped"
kind = "jump"
by = "1 Gbps"
"""
CARRIED = [4e8] * 6 + [1.9e9] * 3 + [4e8] * 3
FIRED = f"{A} jumped by 1.5 Gbps at 00:30: 1.9 Gbps."


@dataclass(frozen=True)
class Jump(Kind):
    """At least ``by`` bit/s more than the slot before, until that is gone again."""

    by: float

    frozen = True
    depth = 1
    looks_at = (1,)

    def possible(self, past):
        return None

    def reference(self, past):
        return past.back(1)

    def breach(self, value, reference):
        return value >= reference + self.by

    def direction(self, value, reference):
        return Direction.RISE

    def describe(self):
        return f"jumped by {format_rate(self.by)} or more"

    def firing(self, facts):
        risen = facts.value - facts.references["usual"]
        return f"{facts.series} jumped by {format_rate(risen)} at {facts.since}: {format_rate(facts.value)}"


class JumpSettings(KindSettings):
    by: Rate = 1e9

    def judged_by(self):
        return Jump(self.by)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "jump", JumpSettings)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text(RULES)
    rows = [f"{A},{START + row * SLOT},{value}" for row, value in enumerate(CARRIED)]
    Path("history.csv").write_text("\n".join(["domain,time,bps", *rows]))


@pytest.fixture
async def house():
    """One that carried all of it but for its end."""
    config = load(Path("rules.toml"))
    house = House(config, (A,))
    await house.begin({A: 4e8, "total": 4e8})
    for value in CARRIED[:8]:
        await house.judge({A: value, "total": value})
    yield house
    await house.end()


def shell(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


def test_check_knows_it_and_its_keys():
    assert shell("check").exit_code == 0
    Path("rules.toml").write_text(RULES.replace("by =", "byy ="))
    assert 'unknown key, did you mean "by"?' in shell("check").stderr


def test_a_replay_judges_it():
    found = [json.loads(line) for line in shell("replay", "--csv", "history.csv", "--json").stdout.splitlines()]
    assert [(each["event"], (each["slot"] - START) // SLOT) for each in found] == [("fired", 7), ("resolved", 10)]
    assert FIRED in shell("replay", "--csv", "history.csv").stdout


async def test_its_alert_is_posted_in_its_own_words(house):
    assert [row.text.splitlines()[0] for row in house.outbox()] == [FIRED.replace(A, f"`{A}`")]


async def test_why_shows_what_it_looked_at(house):
    text = await Inquired(house).ask("why a")
    assert "1.9 Gbps against 400 Mbps (the level before this began): breach" in text
    assert "jumped (warning): jumped by 1 Gbps or more for 10m; watching 1" in await Inquired(house).ask("rules")


async def test_a_chart_shows_what_it_was_compared_with(house):
    chart = plots.of_incident(Inquired(house).scope, 1)
    (limit,) = chart.panels[0].limits
    assert limit.label == "400 Mbps expected"
    shown = chart.first + SLOT * np.flatnonzero(~np.isnan(limit.values))
    assert (shown[0], shown[-1]) == (START + 6 * SLOT, START + 7 * SLOT)


def test_nobody_but_the_configuration_asks_a_kind_for_its_class():
    """The question ``p95`` is about the one kind that counts a month."""
    package, classes = Path(alertbot.__file__).parent, {type(each).__name__ for each in kinds_of_all()}
    found = [
        (path.relative_to(package).as_posix(), name)
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] != "rules" and path.name != "kinds.py"
        for name in names(ast.parse(path.read_text()))
        if name in classes
    ]
    assert set(found) == {("query/percentile.py", "Percentile")}
    assert len(found) <= 4


def kinds_of_all():
    return [model().judged_by() for name, model in KINDS.items() if name != "jump"]


def names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]
