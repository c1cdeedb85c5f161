"""``alertbot check --test``: rules held to what their author expects of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from pages import PAGES

from alertbot.cli.main import main
from alertbot.cli.rule_tests import ExpectModel, TestModel

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(r"^```toml test\n(.*?)^```$", PAGES["commands"], re.MULTILINE | re.DOTALL)

RULES = """
[watch]
domains = ["video.example.com", "img.example.com"]
[[rule]]
name = "ceiling"
kind = "threshold"
above = "3 Gbps"
[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
learn_silence = true
[[mute]]
start = 2026-03-02T00:00:00
end = 2026-03-02T06:00:00
"""
DARK = '[[test]]\nname = "dark"\nseries = { "video.example.com" = "2 Gbps x12, 0 x4, 2 Gbps x3" }\n'
FIRED = '{ fired = "went-dark", slot = 13 }'
RESOLVED = '{ resolved = "went-dark", slot = 17 }'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path


def checked(*texts):
    files = []
    for number, text in enumerate(texts, 1):
        Path(f"t{number}.toml").write_text(text)
        files += ["--test", f"t{number}.toml"]
    return CliRunner().invoke(main, ["check", *files], prog_name="alertbot")


def test_rules_that_do_what_is_expected_pass():
    result = checked(DARK + f"expect = [{FIRED}, {RESOLVED}]\n")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "rules.toml: fine: 2 rules over 2 domains\nt1.toml: 1 test passed\n"


def test_what_differs_is_shown_beside_what_was_as_expected():
    result = checked(DARK + f'expect = [{{ fired = "went-dark", slot = 12 }}, {RESOLVED}]\n')

    assert (result.exit_code, result.stderr) == (1, "alertbot: 1 rule test failed\n")
    title, first, second, third, total = result.stdout.splitlines()[1:]
    assert title == "t1.toml:1: dark: - was expected, + happened instead"
    assert first == "  - fired    went-dark  video.example.com  slot 12 (+1h)   (line 4)"
    assert second.startswith(
        "  + fired    went-dark  video.example.com  slot 13 (+1h5m), since slot 12 (+1h)   video.ex"
    )
    assert third.startswith("    resolved went-dark  video.example.com  slot 17 (+1h25m)")
    assert total == "t1.toml: 1 of 1 test failed"


@pytest.mark.parametrize(
    ("expect", "code"),
    [
        (f"[{FIRED}, {RESOLVED}]", 0),
        (f"[{RESOLVED}, {FIRED}]", 0),
        (f"[{FIRED}]", 1),
        (f"[{FIRED}]\nexhaustive = false", 0),
        ("[]", 1),
        ('[]\nrules = ["ceil*"]', 0),
        (f"[{FIRED}, {FIRED}, {RESOLVED}]", 1),
        (f'[{FIRED}, {RESOLVED}, {{ fired = "ceiling", slot = 3 }}]\nexhaustive = false', 1),
        ('[{ fired = "went-dark", slot = 13, since = 11 }]\nexhaustive = false', 1),
        ('[{ resolved = "went-dark", slot = 17, reason = "revised" }]\nexhaustive = false', 1),
        ('[{ resolved = "went-dark", slot = 17, since = "1h", reason = "cleared" }]\nexhaustive = false', 0),
    ],
)
def test_a_test_is_met_by_all_that_it_lists_and_nothing_else(expect, code):
    assert checked(DARK + f"expect = {expect}\n").exit_code == code


def test_an_unknown_slot_is_neither_zero_nor_an_end():
    """What is pending drops, what fires holds: as live, where the API refused those slots for good."""
    unknown = '[[test]]\nname = "u"\nseries = { "video.example.com" = "2 Gbps x12, %s" }\nexpect = [%s]\n'

    assert checked(unknown % ("_ x6", "")).exit_code == 0
    assert checked(unknown % ("0, _, 0, _", "")).exit_code == 0
    assert checked(unknown % ("0 x2, _ x6, 2 Gbps, _, 2 Gbps", FIRED)).exit_code == 0
    assert checked(unknown % ("0 x2, _ x6, 2 Gbps x2", FIRED)).exit_code == 1


def test_several_files_are_run_and_the_wrong_one_named():
    result = checked(DARK + "expect = []\n", DARK + f"expect = [{FIRED}, {RESOLVED}]\n", DARK + f"expect = [{FIRED}]\n")

    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line.endswith(("passed", "failed"))] == [
        "t1.toml: 1 of 1 test failed",
        "t2.toml: 1 test passed",
        "t3.toml: 1 of 1 test failed",
    ]
    assert result.stderr == "alertbot: 2 rule tests failed\n"


def test_wrong_files_are_all_told_before_any_test_is_run():
    result = checked(DARK, DARK + "expect = []\n", "[[tset]]\n")

    assert (result.exit_code, result.stdout) == (2, "rules.toml: fine: 2 rules over 2 domains\n")
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == ["t1.toml:1", "t3.toml:1", "t3.toml:1"]


def test_a_file_that_is_not_there_is_told():
    result = CliRunner().invoke(main, ["check", "--test", "nowhere.toml"])

    assert (result.exit_code, result.stderr.startswith("nowhere.toml:0: file: there is no such file: write [[te")) == (
        2,
        True,
    )


def test_the_readmes_example_holds_for_the_rules_beside_it(folder):
    assert EXAMPLES
    for example in EXAMPLES:
        (folder / "tests.toml").write_text(example)
        result = CliRunner().invoke(main, ["check", "-c", str(ROOT / "rules.example.toml"), "--test", "tests.toml"])
        assert result.exit_code == 0, result.output


def test_every_key_of_a_test_stands_in_the_readme():
    chapter = PAGES["commands"].partition("## Rule tests")[2].partition("\n## ")[0]
    keys = re.findall(r"^- `(\w+)`: ", chapter, re.MULTILINE)

    assert sorted(keys) == sorted(TestModel.key_names())
    assert [key for key in ExpectModel.key_names() if f"`{key}`" not in chapter] == []
