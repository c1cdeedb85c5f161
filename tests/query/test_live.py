"""What the service keeps of itself in the database, read by a version that may be an older one."""

from __future__ import annotations

import json

from alertbot.query.live import Live

NOW = Live(now=1_793_622_060.0, frontier=1_793_621_700, held={"a.example.com": 42.0}, gone=("b.example.com",))


def test_what_was_kept_is_read_as_it_was():
    assert Live.from_json(NOW.to_json()) == NOW


def test_what_a_later_version_adds_is_left_out():
    later = json.dumps({**json.loads(NOW.to_json()), "added_in_0_9": ["what", "ever"]})
    assert Live.from_json(later) == NOW
