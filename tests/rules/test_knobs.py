"""What a review may change in a rule kind: each step is a number of the file under which less is a breach."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from alertbot.config.kinds import KINDS, rule_of

RULES = {
    "above": {"kind": "threshold", "above": "8 Gbps", "clear": "7 Gbps"},
    "below": {"kind": "threshold", "below": "100 Mbps", "clear": "200 Mbps"},
    "dark": {"kind": "drop", "to": "0 bps"},
    "fell": {"kind": "drop", "by": "50%", "from": "1 kbps"},
    "fell a little": {"kind": "drop", "by": "30%"},
    "rose": {"kind": "day_over_day", "ratio": 1.5},
    "sank": {"kind": "day_over_day", "ratio": 0.55},
    "off": {"kind": "baseline"},
    "bill": {"kind": "percentile", "commit": "10 Gbps"},
}
SIZES = [2.3e6, 4.1e7, 1.2e9, 1.21e9, 9e10]


def steps(name):
    """Each knob of a rule with its steps."""
    kind = rule_of({"name": name, **RULES[name]}).kind
    return [
        (knob, list(knob.steps(now, SIZES))) for knob in kind.knobs if (now := getattr(kind, knob.field)) is not None
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("above", {"above": [1e11]}),
        ("below", {"below": [8e7, 6e7, 5e7, 3e7, 1e7]}),
        ("dark", {"from": [5e7, 1.5e9, 1e11]}),
        ("fell", {"from": [5e7, 1.5e9, 1e11], "by": [0.6, 0.7, 0.8, 0.9, 0.95]}),
        ("fell a little", {"from": [5e7, 1.5e9, 1e11]}),
        ("rose", {"floor": [5e7, 1.5e9, 1e11], "ratio": [1.8, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]}),
        ("sank", {"floor": [5e7, 1.5e9, 1e11], "ratio": [0.5, 0.4, 0.3, 0.2, 0.1]}),
        ("off", {"floor": [5e7, 1.5e9, 1e11], "factor": [2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]}),
        ("bill", {}),
    ],
)
def test_steps_are_round_numbers_the_nearest_first(name, found):
    assert {knob.key: pytest.approx(values) for knob, values in steps(name)} == found


@pytest.mark.parametrize("name", RULES)
def test_what_is_tried_is_what_the_file_would_say(name):
    before = rule_of({"name": name, **RULES[name]})
    for knob, values in steps(name):
        for value in values:
            written = tomllib.loads(f"value = {knob.written(value)}")["value"]
            edited = rule_of({"name": name, **RULES[name], knob.key: written})
            assert edited == replace(before, kind=replace(before.kind, **{knob.field: value}))
            settings = KINDS[RULES[name]["kind"]].model_validate({"name": name, **RULES[name], knob.key: written})
            assert list(settings.contradictions({"name", knob.key, *RULES[name]})) == []
