"""What a command says fits a terminal of eighty columns, and stands in whole lines everywhere else."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from alertbot.cli import terminal
from alertbot.cli.main import main
from alertbot.cli.terminal import wrapped

LONG = (
    "video.example.com: judged until 12:15: 0 bps; 3 rules judge it.\n"
    "went-dark (critical): no alert; fires when fallen to 0 bps from 5 Mbps or more for 10m; has never fired for this"
    " domain\n"
    "    indented, and much longer than a terminal is wide, so that what goes on stands under it and a bit further in"
)


def test_a_long_line_goes_on_under_itself():
    assert wrapped(LONG, 80).splitlines() == [
        "video.example.com: judged until 12:15: 0 bps; 3 rules judge it.",
        "went-dark (critical): no alert; fires when fallen to 0 bps from 5 Mbps or more",
        "  for 10m; has never fired for this domain",
        "    indented, and much longer than a terminal is wide, so that what goes on",
        "      stands under it and a bit further in",
    ]


@given(st.text("ab -\n", max_size=400), st.integers(20, 120))
def test_no_line_is_wider_than_the_terminal_but_a_word_that_is(text, columns):
    said = wrapped(text, columns)
    assert all(len(line) <= columns or " " not in line.strip() for line in said.split("\n"))
    assert said.split() == text.split()


@pytest.mark.parametrize("arguments", [("check",), ("replay",), ("help", "xyzzy")])
def test_what_is_wrong_is_said_in_eighty_columns_on_a_terminal(arguments, monkeypatch, tmp_path):
    (tmp_path / "rules.toml").write_text('[watch]\ndomains = ["video.example.com"]\nexcpt = ["img.example.com"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    whole = CliRunner().invoke(main, arguments).output
    monkeypatch.setattr(terminal, "_is_terminal", lambda _: True)
    said = CliRunner().invoke(main, arguments).output
    assert said.split() == whole.split()
    assert max(map(len, said.splitlines())) <= 80


def test_a_replay_is_read_in_eighty_columns_on_a_terminal_and_its_json_in_whole_lines(monkeypatch, tmp_path):
    (tmp_path / "rules.toml").write_text(
        '[watch]\ndomains = ["*"]\n[[rule]]\nname = "far-above-what-this-pipe-can-carry"\nkind = "threshold"\n'
        'domains = ["downloads.*"]\nabove = "1 Mbps"\n'
    )
    rows = "".join(f"downloads.eu-central.example.com,{1772409600 + 300 * index},2e6\n" for index in range(4))
    (tmp_path / "history.csv").write_text(f"domain,time,bps\n{rows}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(terminal, "_is_terminal", lambda _: True)
    replayed = ("replay", "--csv", "history.csv")
    said = CliRunner().invoke(main, replayed).output
    assert "went above" in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80
    assert len(CliRunner().invoke(main, (*replayed, "--json")).output.splitlines()) == 1
