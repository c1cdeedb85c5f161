"""Killed with -9 at random instants and at chosen points of the talk with Slack: nothing lost, nothing twice."""

from __future__ import annotations

import os

import pytest
from crash.run import run
from fakes.stage import needs_faketime

pytestmark = needs_faketime

KILLS = int(os.environ.get("ALERTBOT_TEST_KILLS", "40"))
"""500 take most of an hour."""


def test_a_bot_that_is_killed_again_and_again_tells_every_incident_once_with_every_edit(tmp_path):
    table, _ = run(tmp_path, KILLS)
    _assert_all_told(table)
    assert table.repeated == 0


@pytest.mark.skipif(KILLS <= 40, reason="part of the longer profile: set ALERTBOT_TEST_KILLS to 100 or more")
def test_so_it_does_while_slack_loses_answers_fails_throttles_and_is_away(tmp_path):
    table, _ = run(tmp_path, KILLS // 5, variant="faults")
    _assert_all_told(table)
    assert table.repeated == 0


@pytest.mark.skipif(KILLS <= 40, reason="part of the longer profile: set ALERTBOT_TEST_KILLS to 100 or more")
def test_where_the_history_cannot_be_read_at_most_one_message_a_kill_is_repeated_and_the_log_says_so(tmp_path):
    table, log = run(tmp_path, KILLS // 5, variant="unreadable")
    _assert_all_told(table)
    assert table.repeated <= table.kills
    assert "the history of #cdn-alerts cannot be read (missing_scope)" in log


def _assert_all_told(table):
    assert table.due >= table.kills
    assert (table.delivered, table.lost, table.stale, table.untold) == (table.due, 0, 0, 0)
