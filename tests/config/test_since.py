"""What ``check`` says of a file from before 0.2: each key that means something else now, once."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from alertbot.cli.main import main
from alertbot.config.since import HEAD

DARK = '[[rule]]\nname = "went-dark"\nkind = "drop"\nto = "0 bps"\n'
FELL = '[[rule]]\nname = "fell"\nkind = "drop"\nby = "80%"\nclear = "50%"\naccept_after = "24h"\n'
HALF = '[[rule]]\nname = "half"\nkind = "day_over_day"\nratio = 0.5\n'
OFF = '[[rule]]\nname = "off"\nkind = "baseline"\nfactor = 2.0\n'
LOW = '[[rule]]\nname = "low"\nkind = "threshold"\nbelow = "5 Mbps"\n'
HIGH = '[[rule]]\nname = "high"\nkind = "threshold"\nabove = "5 Gbps"\n'
BILL = '[[rule]]\nname = "bill"\nkind = "percentile"\ncommit = "10 Gbps"\n'


@pytest.fixture
def check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def checked(*parts):
        (tmp_path / "rules.toml").write_text("\n".join(['[watch]\ndomains = ["a.example.com"]', *parts]))
        result = CliRunner().invoke(main, ["check"])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()[1:]

    return checked


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        (DARK, ["rule.went-dark.to"]),
        (FELL, ["rule.fell.by", "rule.fell.clear", "rule.fell.accept_after"]),
        (HALF, ["rule.half.ratio"]),
        (OFF, ["rule.off.kind"]),
        (LOW, ["rule.low.below"]),
        (HIGH, []),
        (BILL, []),
    ],
)
def test_a_key_that_means_something_else_is_named_with_its_line(check, rule, keys):
    lines = check(rule)
    assert lines[:1] == ([HEAD] if keys else [])
    assert [line.split(": ")[1] for line in lines[1:]] == keys
    assert all(line.startswith("  rules.toml:") for line in lines[1:])


def test_it_is_named_once_however_many_rules_have_it(check):
    lines = check(DARK, DARK.replace("went", "goes"), DARK.replace("went", "is"))
    assert len(lines) == 2
    assert lines[1].endswith(" (2 other rules likewise)")


def test_keys_of_sections_are_named_where_they_matter(check):
    zone = '[slack]\ntimezone = "Europe/Berlin"'
    calls = "[feed]\ncalls_per_minute = 200"
    assert not [line for line in check(zone, DARK) if "slack.timezone" in line]
    assert [line for line in check(zone, HALF) if "rules.toml:4: slack.timezone: also says when the days" in line]
    assert [line for line in check(calls, HIGH) if "rules.toml:4: feed.calls_per_minute: bounds each" in line]


@pytest.mark.parametrize("key", ["learn_silence = true", "learn_silence = false", "trial = false"])
def test_nothing_is_said_once_a_rule_states_what_0_1_did_not_know(check, key):
    assert check(DARK, f"{FELL}{key}\n") == []
