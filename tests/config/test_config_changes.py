"""What a reload says has changed, and what it refuses to change."""

from __future__ import annotations

import pytest

from alertbot.config import load
from alertbot.config.changes import changes, demand_restart
from alertbot.errors import ConfigError

BASE = """
[feed]
probe = "20s"

[watch]
domains = ["a.example.com", "b.example.com"]

[[group]]
name = "downloads"
domains = ["a.example.com"]

[slack]
channel = "#cdn-alerts"
mention = { critical = "@here" }

[[rule]]
name = "ceiling"
kind = "threshold"
above = "1 Gbps"
"""

RULE = '[[rule]]\nname = "floor"\nkind = "threshold"\nbelow = "1 Mbps"\n'
MUTE = '[[mute]]\nwhen = ["sun 02:00-04:00"]\n'
DIGEST = '[digest]\nat = "09:00"\n'


@pytest.fixture
def read(tmp_path):
    def reads(text):
        path = tmp_path / "rules.toml"
        path.write_text(text)
        return load(path)

    return reads


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (BASE, BASE, ()),
        (BASE, BASE + "# a comment\n", ()),
        (BASE, BASE + RULE, ("rule added: floor",)),
        (BASE + RULE, BASE, ("rule removed: floor",)),
        (BASE, BASE.replace("1 Gbps", "2 Gbps"), ("rule changed: ceiling",)),
        (BASE, BASE.replace('"ceiling"', '"limit"'), ("rule added: limit", "rule removed: ceiling")),
        (
            BASE,
            BASE.replace('"b.example.com"]', '"c.example.com", "d.example.com"]'),
            ("2 domains added: c.example.com, d.example.com", "1 domain removed: b.example.com"),
        ),
        (BASE, BASE.replace('["a.example.com", "b.example.com"]', '["*"]'), ("watch changed",)),
        (BASE, BASE.replace('"downloads"', '"loads"'), ("group added: loads", "group removed: downloads")),
        (BASE, BASE + MUTE, ("mutes changed",)),
        (BASE, BASE + DIGEST, ("settings changed: [digest] added",)),
        (BASE, BASE + '[review]\nat = "mon 9:00"\n', ("settings changed: [review] added",)),
        (BASE + DIGEST, BASE + DIGEST.replace("09", "10"), ("settings changed: digest.at",)),
        (
            BASE,
            BASE.replace("20s", "10s").replace("cdn-alerts", "ops").replace("@here", "@channel"),
            ("settings changed: feed.probe, slack.channel, slack.mention",),
        ),
        (
            BASE,
            BASE.replace("[slack]", '[slack]\ntimezone = "Europe/Berlin"'),
            ("settings changed: slack.timezone",),
        ),
    ],
)
def test_what_changed_is_said_by_name(read, old, new, said):
    assert changes(read(old), read(new)) == said


def test_of_many_names_the_first_are_listed(read):
    more = "".join(RULE.replace("floor", f"floor-{number}") for number in range(14))
    (said,) = changes(read(BASE), read(BASE + more))
    assert said.startswith("rules added: floor-0, floor-1,")
    assert said.endswith("floor-9 and 4 more")


@pytest.mark.parametrize(
    ("new", "line", "key"),
    [
        (BASE + '\n[store]\npath = "other.db"\n', 22, "store.path"),
        (BASE.replace("[slack]", '[slack]\nbase_url = "https://slack-gov.com/api/"'), 13, "slack.base_url"),
    ],
)
def test_what_only_a_restart_changes_is_refused_with_its_line(read, new, line, key):
    config = read(new)
    with pytest.raises(ConfigError) as refused:
        demand_restart(read(BASE), config, read(new).path)
    (problem,) = refused.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert problem.message.startswith("a reload cannot change this: restart the service for it")


def test_a_key_that_went_back_to_its_default_is_refused_too(read):
    old = read(BASE + '[store]\npath = "other.db"\n')
    with pytest.raises(ConfigError, match=r"rules\.toml:0: store\.path: a reload cannot change this"):
        demand_restart(old, read(BASE), old.path)
