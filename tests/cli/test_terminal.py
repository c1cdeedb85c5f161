"""What a command says fits a terminal of eighty columns, and stands in whole lines everywhere else."""

from __future__ import annotations

import os
import subprocess
import sys

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


def alertbot(*arguments, **streams):
    """A process of its own, with the streams as a shell opens or closes them."""
    redirected = " ".join(f"{number}{where}" for number, where in streams.items()).replace("_", "")
    command = f"exec {sys.executable} -m alertbot {' '.join(arguments)} {redirected}"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("arguments", [("--help",), ("help", "rules")])
def test_a_full_disk_below_what_is_printed_is_said_in_a_line(arguments):
    result = alertbot(*arguments, _1=">/dev/full")
    said = "alertbot: what it prints cannot be written: No space left on device: make room, or write it elsewhere\n"
    assert (result.returncode, result.stderr) == (1, said)


def test_streams_that_are_closed_change_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    result = alertbot("help", "rules", _1=">&-")
    assert (result.returncode, result.stderr) == (0, "")
    result = alertbot("check", "-c", "nowhere.toml", _0="<&-", _1=">&-", _2=">&-")
    assert result.returncode == 2


def test_a_reader_that_has_gone_is_told_of_nothing():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "alertbot", "help", "rules"]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_bytes_that_are_no_text_are_shown_as_such():
    assert terminal.readable("caf\udce9") == "caf\ufffd"
    assert terminal.readable("caf\udcc3\udca9 \u2603") == "café \u2603"
