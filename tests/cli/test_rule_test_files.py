"""Files of rule tests: what the compact series mean, and every mistake with its line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.cli.rule_tests import load_tests
from alertbot.cli.series_text import MOST_SLOTS, parse_series
from alertbot.config import load
from alertbot.errors import ConfigError
from alertbot.units import SLOT, format_rate, parse_time

RULES = """
[watch]
domains = ["video.example.com", "dl1.example.com", "dl2.example.com"]
[[group]]
name = "downloads"
domains = ["dl*.example.com"]
sum = true
[slack]
timezone = "Europe/Berlin"
[[rule]]
name = "ceiling"
kind = "threshold"
domains = ["video.*", "sum:downloads"]
above = "8 Gbps"
[[rule]]
name = "asleep"
kind = "threshold"
above = "8 Gbps"
enabled = false
"""
NAN = math.nan


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 Gbps", [1e9]),
        ("1 Gbps x3", [1e9] * 3),
        ("1Gbpsx2,0x2,_x1", [1e9, 1e9, 0, 0, NAN]),
        ("1 Gbps x12, 0 x4, _ x2", [1e9] * 12 + [0] * 4 + [NAN] * 2),
        ("0 bps x15m", [0] * 3),
        ("1 kbps..3 kbps x3", [1000, 2000, 3000]),
        ("(1 bps, 2 bps x2) x2, _", [1, 2, 2, 1, 2, 2, NAN]),
        ("((1 bps) x2, 0) x2", [1, 1, 0, 1, 1, 0]),
        (" 1.5 Mbps\n x2 ,\n 0 ", [1.5e6, 1.5e6, 0]),
    ],
)
def test_a_compact_series_means_these_values(text, values):
    np.testing.assert_array_equal(parse_series(text), values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a value is missing"),
        ("1 Gbps,,0", "a value is missing"),
        ("1 Gbps x2,", "a value is missing"),
        ("x3", "a value is missing"),
        ("1 GB x2", "is not a bit rate"),
        ("5 x2", "is not a bit rate"),
        ("-1 bps", "is not a bit rate"),
        ("1 Gbps x0", "is no slot at all"),
        ("1 Gbps x7m", "no whole number of 5-minute slots"),
        ("1 Gbps xmany", "is no number of slots"),
        ("1 Gbps x2 0 x2", "a comma is missing"),
        ("1 Gbps x2 x2", "a comma is missing"),
        ("(1 Gbps x2", 'closing ")" is missing'),
        ("1 Gbps)", 'stands without its "("'),
        ("1 Gbps..2 Gbps", "needs the number of its slots"),
        ("1 Gbps x999999999", "more than 400 days"),
        ("(((0 x1000) x1000) x1000)", "more than 400 days"),
        ("xoxb-1-abc", "secret"),
    ],
)
def test_a_series_that_is_wrong_is_told_with_what_to_write(text, says):
    with pytest.raises(ValueError, match=says.replace("(", r"\(").replace(")", r"\)")):
        parse_series(text)


@given(st.text(alphabet='0123456789 xX_,.()GMbps"dhm\n-', max_size=60))
def test_whatever_is_written_is_read_or_refused(text):
    try:
        values = parse_series(text)
    except ValueError:
        return
    assert 0 < len(values) <= MOST_SLOTS


RUNS = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 5e6, 1.84e9, NAN]), st.integers(1, 40)), min_size=1, max_size=8)


@given(RUNS)
def test_what_is_written_in_runs_is_read_back_as_it_was(runs):
    text = ", ".join(f"{'_' if math.isnan(value) else format_rate(value)} x{count}" for value, count in runs)

    np.testing.assert_array_equal(parse_series(text), np.repeat([v for v, _ in runs], [n for _, n in runs]))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return load(path)


def loaded(config, text):
    path = config.path.with_name("tests.toml")
    path.write_text(text)
    return load_tests(path, config)


def problems(config, text):
    with pytest.raises(ConfigError) as caught:
        loaded(config, text)
    return [f"{problem.line}: {problem.key}: {problem.message}" for problem in caught.value.problems]


def test_a_test_is_laid_over_the_rules_and_the_readers_time(config):
    (test,) = loaded(
        config,
        '[[test]]\nname = "t"\nstart = 2026-07-01T10:00:00\n'
        'series = { "Video.Example.com" = "9 Gbps x2", "sum:downloads" = "0 x3" }\n'
        'expect = [{ fired = "ceiling", series = "video.example.com", at = 2026-07-01T08:05:00Z, since = "0s" }]\n',
    )

    assert test.start == parse_time("2026-07-01T08:00:00Z")
    assert test.selection == {"ceiling": ("video.example.com", "sum:downloads")}
    (expected,) = test.expected
    assert (expected.fired, expected.slot, expected.since) == (True, test.start + SLOT, test.start)
    assert (expected.line, test.line) == (5, 1)


TEST = '[[test]]\nname = "t"\nseries = { "video.example.com" = "9 Gbps x3" }\n'
ONE = TEST + "expect = [{ %s }]\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: file: is empty: write [[test]] sections"),
        ("x = 1\n", "1: x: unknown here"),
        ("[test]\n", "1: test: there is no test"),
        ("[[rule]]\n", "1: rule: unknown here"),
        ("[[test]]\n", "1: test[1].series: missing"),
        ('[[test]]\nnam = "t"\n', '2: test[1].nam: unknown key, did you mean "name"?'),
        (TEST, "1: test.t.expect: missing"),
        (TEST + TEST + "expect = []\n", '5: test.t.name: "t" is taken'),
        (TEST + "expect = 3\n", "4: test.t.expect: write a list"),
        (TEST + 'expect = ["fired"]\n', "4: test.t.expect: write a table in braces"),
        (TEST + "start = 2026-03-02T12:03:00\nexpect = []\n", "4: test.t.start: this is not the start of a"),
        (TEST + 'start = "noon"\nexpect = []\n', "4: test.t.start: write a date and time without quotes"),
        (TEST + "rules = []\nexpect = []\n", "4: test.t.rules: no rule is looked at"),
        (TEST + 'rules = ["celing"]\nexpect = []\n', '4: test.t.rules[1]: "celing" matches no rule, did you mean'),
        (TEST.replace("video.e", "vide.e") + "expect = []\n", '"vide.example.com" is not watched, did you mean'),
        (TEST.replace("video.e", "*.e") + "expect = []\n", "is a glob"),
        (TEST.replace("9 Gbps", "9 GB") + "expect = []\n", "3: test.t.series.video.example.com: "),
        (ONE % 'fired = "celing", slot = 1', '4: test.t.expect[1].fired: there is no rule "celing", did you mean'),
        (ONE % 'fired = "asleep", slot = 1', "is switched off"),
        (ONE % 'fired = "ceiling", resolved = "ceiling", slot = 1', "write either fired = or resolved ="),
        (ONE % "slot = 1", "write either fired = or resolved ="),
        (ONE % 'fired = "ceiling"', "write either slot = 13"),
        (ONE % 'fired = "ceiling", slot = 1, at = "5m"', "write either slot = 13"),
        (ONE % 'fired = "ceiling", slot = 3', "4: test.t.expect[1].slot: outside the values"),
        (ONE % 'fired = "ceiling", slot = -1', "slots count from 0"),
        (ONE % 'fired = "ceiling", slot = 1.0', "write a whole number without quotes"),
        (ONE % 'fired = "ceiling", slot = true', "write a whole number without quotes"),
        (ONE % 'fired = "ceiling", at = "7m"', "no whole number of 5-minute slots"),
        (ONE % 'fired = "ceiling", at = 2025-01-01T00:00:00', "test.t.expect[1].at: outside the values"),
        (ONE % 'fired = "ceiling", slot = 1, since = 2', "after the slot that decides"),
        (ONE % 'fired = "ceiling", slot = 1, reason = "cleard"', 'is no reason, did you mean "cleared"?'),
        (ONE % 'fired = "ceiling", slot = 1, seris = "x"', 'seris: unknown key, did you mean "series"?'),
        (ONE % 'fired = "ceiling", slot = 1, series = "dl1.example.com"', "this test has no values of"),
        (ONE.replace("video", "dl1") % 'fired = "ceiling", slot = 1', 'does not judge "dl1.example.com"'),
        (
            ONE.replace(" }\n", ', "total" = "0" }\n', 1) % 'fired = "ceiling", slot = 1',
            "this test has several series, so say which is meant",
        ),
    ],
)  # fmt: skip
def test_a_test_that_is_wrong_is_told_with_its_line(config, text, told):
    assert any(told in problem for problem in problems(config, text)), problems(config, text)


def test_everything_wrong_is_told_at_once(config):
    told = problems(config, ONE % 'fired = "celing", slot = 1' + '[[test]]\nseries = { "video.example.com" = "?" }\n')

    assert [problem.partition(": ")[0] for problem in told] == ["4", "5", "5", "6"]


def test_where_domains_are_discovered_a_test_may_name_any(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('[watch]\ndomains = ["*"]\n[[rule]]\nname = "ceiling"\nkind = "threshold"\nabove = "1 Gbps"\n')

    (test,) = loaded(load(path), '[[test]]\nname = "t"\nseries = { "any.org" = "0", total = "0" }\nexpect = []\n')

    assert (test.watched, test.selection) == (("any.org",), {"ceiling": ("any.org",)})
