"""How far the first history is: a bar on a terminal, lines of the log elsewhere."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from alertbot.ops.progress import history_reporter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_each_tenth_is_a_line_of_the_log(monkeypatch, caplog):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level(logging.INFO, "alertbot")
    report = history_reporter()

    for done in range(0, 2001, 50):
        report(done, 2000)

    assert len(caplog.messages) == 11
    assert caplog.messages[5] == "history: 1,000 of 2,000 series are there"
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("calls", [[(5, 10), (10, 10)], [(9, 10), (1, 2), (2, 2)], [(10, 10), (1, 4), (4, 4)]])
def test_on_a_terminal_a_bar_follows_every_task_and_goes_with_it(monkeypatch, calls):
    monkeypatch.setattr(sys, "stderr", Terminal())
    report = history_reporter()

    shown = []
    for done, total in calls:
        at = len(sys.stderr.getvalue())
        report(done, total)
        shown.append(f"{100 * done // total}%" in sys.stderr.getvalue()[at:])

    assert all(shown)
    assert sys.stderr.getvalue().endswith("\r\033[K\033[?25h")
    assert "\n" not in sys.stderr.getvalue()
