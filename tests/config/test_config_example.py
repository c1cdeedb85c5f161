"""rules.example.toml: the starter file, and the reference of every key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from alertbot.config import load
from alertbot.config.draft import SECTIONS
from alertbot.config.kinds import KINDS
from alertbot.rules.drop import Drop
from alertbot.rules.threshold import Threshold

EXAMPLE = Path(__file__).parents[2] / "rules.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def uncommented(text):
    """The file with every setting that is off switched on."""
    return re.sub(
        r"^# (?=\w+ *= |\[\[mute\]\]|\[\[rule\]\]|\[(?:digest|review|heartbeat|metrics|alertmanager)\])",
        "",
        text,
        flags=re.MULTILINE,
    )


def test_the_example_passes_as_it_stands():
    assert [rule.name for rule in load(EXAMPLE).rules] == [
        "went-dark",
        "small-dark",
        "far-off",
        "sharp-fall",
        "total-fall",
        "video-ceiling",
    ]


def test_the_example_watches_a_domain_going_dark_above_all():
    dark = load(EXAMPLE).rules[0]

    assert isinstance(dark.kind, Drop)
    assert (dark.kind.to, dark.severity, dark.domains) == (0.0, "critical", ("*",))


def test_rules_of_the_example_for_every_domain_know_no_fixed_limit():
    everywhere = [rule for rule in load(EXAMPLE).rules if "*" in rule.domains]

    assert len(everywhere) == 4
    assert not any(isinstance(rule.kind, Threshold) for rule in everywhere)


@pytest.mark.parametrize(
    ("section", "key"),
    [(section, key) for section, model in SECTIONS.items() for key in model.key_names()]
    + [(kind, key) for kind, model in KINDS.items() for key in model.key_names()],
)
def test_every_key_stands_in_the_example(section, key):
    off = {name: f"# [{name}]" for name in ("digest", "review", "heartbeat", "metrics", "alertmanager")}
    header = {"group": "[[group]]", "rule": "# Rules.", "mute": "# [[mute]]", **off}.get(section, f"[{section}]")
    start = TEXT.index("\n" + ("# Rules." if section in KINDS else header))
    end = TEXT.find("\n\n\n", start)

    assert re.search(rf"^(#\s+)?{key}\s*= ", TEXT[start : end if end > 0 else None], re.MULTILINE)


def test_settings_that_are_off_in_the_example_may_be_switched_on(tmp_path):
    path = tmp_path / "rules.toml"
    # "clear" goes with only one of "above" and "below".
    path.write_text(re.sub(r"^clear   = .*\n", "", uncommented(TEXT), flags=re.MULTILINE))

    config = load(path)

    assert config.slack.fallback_channel == "#ops"
    assert config.groups[0].channel == "#downloads"
    assert [(mute.reason, mute.when is None) for mute in config.mutes] == [
        ("image pipeline maintenance", False),
        ("the launch", True),
    ]


def test_nothing_is_muted_by_the_example_as_it_stands():
    assert load(EXAMPLE).mutes == ()


def test_what_the_example_calls_a_default_is_the_default(tmp_path):
    written = tomllib.loads(TEXT)
    path = tmp_path / "rules.toml"
    path.write_text('[watch]\ndomains = ["*"]\n[[rule]]\nname = "r"\nkind = "drop"\nto = "0 bps"\n')

    assert set(written["feed"]) == set(SECTIONS["feed"].key_names())
    assert load(path).feed == load(EXAMPLE).feed
