"""Killed with -9 at random instants and at chosen points of the talk with Slack: nothing lost, nothing twice."""

from __future__ import annotations

import os

import pytest
from crash.run import SPEED, Threads, run
from fakes.rigs.needs import needs

pytestmark = needs("faketime")

KILLS = int(os.environ.get("ALERTBOT_TEST_KILLS", "24"))
"""500 take most of an hour."""

LONG = 100
"""From so many on, Slack fails meanwhile as well."""


def test_a_bot_that_is_killed_again_and_again_tells_every_incident_once_with_every_edit_and_reply(tmp_path):
    table, _ = run(tmp_path, KILLS)
    _assert_all_told(table)
    assert table.repeated == 0


if KILLS >= LONG:

    def test_so_it_does_while_slack_loses_answers_fails_throttles_and_is_away(tmp_path):
        table, _ = run(tmp_path, KILLS // 3, variant="faults", speed=SPEED / 2)
        _assert_all_told(table)
        assert table.repeated == 0

    @pytest.mark.parametrize("variant", ["charts", "charts refused"])
    def test_so_it_does_while_it_answers_with_charts_that_slack_takes_or_refuses(tmp_path, variant):
        table, _ = run(tmp_path, KILLS // 3, variant=variant)
        _assert_all_told(table)
        assert table.repeated == 0
        assert 0 < table.answered["chart"] + table.answered["words"] <= table.asked
        assert (table.answered["refused"] > 0) == (variant == "charts refused")

    def test_where_the_history_cannot_be_read_at_most_one_message_a_kill_is_repeated_and_the_log_says_so(tmp_path):
        table, log = run(tmp_path, KILLS // 3, variant="unreadable")
        _assert_all_told(table)
        assert table.repeated <= table.kills
        assert table.repeated == 0 or "cannot be read (missing_scope)" in log


def _message(number, text, ts, thread_ts=None, *, listed=()):
    return {
        "ts": ts,
        "thread_ts": thread_ts,
        "text": text,
        "blocks": list(listed),
        "attachments": [],
        "edits": [],
        "metadata": {"event_payload": {"id": f"id-{number}"}},
    }


def test_the_count_sees_replies_that_are_lost_said_twice_or_in_another_thread():
    said = [
        _message(1, "a", "1.1"),
        _message(2, "b", "1.2"),
        _message(3, "more", "1.3", "1.1"),
        _message(4, "Resolved: a", "1.4", "1.2"),
        _message(5, "Resolved: a", "1.5", "1.2"),
    ]
    threads = Threads({"1.1": "incident:1", "1.2": "incident:2"}, said)
    assert threads.repeated() == 1
    assert threads.missing({"id-3": "incident:1", "id-4": "incident:1", "id-6": "incident:1"}) == 2
    assert (threads.ends("incident:1"), threads.ends("incident:2")) == (0, 1)


def test_two_replies_that_begin_alike_and_list_other_domains_are_no_repetition():
    said = [_message(number, "2 more:", f"1.{number}", "1.1", listed=[f"d{number}"]) for number in (2, 3)]
    assert Threads({"1.1": "incident:1"}, said).repeated() == 0
    assert Threads({"1.1": "incident:1"}, [*said, said[0]]).repeated() == 1


def _assert_all_told(table):
    assert table.due >= table.kills / 2
    assert table.replies >= table.kills
    assert table.delivered == table.due + table.replies
    assert (table.lost, table.stale, table.unended, table.unposted) == (0, 0, 0, 0)
