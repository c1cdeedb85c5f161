"""Where messages go: the channels that a configuration names, of which Slack is asked at the start."""

from __future__ import annotations

import pytest

from alertbot.config import load
from alertbot.incidents.routing import is_channel

RULES = """
[watch]
domains = ["a.example.com"]

[[group]]
name = "g"
domains = ["a.*"]
channel = "#group"

[slack]
channel = "#default"
fallback_channel = "#fallback"

[[rule]]
name = "one"
kind = "drop"
to = "0 bps"
channel = "#rule"
escalate_after = "1h"
escalate_to = ["@here", "#ops", "U024BE7LH", "C0123456789", "#rule", "S0614TZR7"]
"""


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        ("#ops", True),
        ("C0123456789", True),
        ("G0123456789", True),
        ("@here", False),
        ("@channel", False),
        ("U024BE7LH", False),
        ("W024BE7LH", False),
        ("S0614TZR7", False),
    ],
)
def test_what_an_alert_escalates_to_is_a_channel_or_somebody(target, is_one):
    assert is_channel(target) is is_one


def test_every_channel_that_is_named_is_known_at_the_start(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)

    assert load(path).channels == ("#default", "#fallback", "#group", "#rule", "#ops", "C0123456789")
