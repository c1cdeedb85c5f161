"""``alertbot review`` with noise in the database: the edit that would have spared it, in words, as JSON, as a patch."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner
from fakes.rigs.needs import needs
from fakes.worlds.stored import store as write_stored

from alertbot.cli.main import main
from alertbot.cli.rules_patch import patch
from alertbot.config import load
from alertbot.errors import UsageError
from alertbot.messages.review import review_message
from alertbot.messages.slack import plain
from alertbot.query.edit_search import SuggestedEdit
from alertbot.query.edits import Edit
from alertbot.query.review import Review
from alertbot.store.schema import open_database
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
A = "a.example.com"
RULES = f"""\
# What we watch.
[watch]
domains = ["{A}"]

[[rule]]            # the first
name  = "ceiling"
kind  = "threshold"
above = "1 Gbps"    # what the contract says
for   = "5m"
"""
EDIT = Edit(None, "above", '"1 Gbps"', '"1.2 Gbps"', 1.2)


def suggested(key, value, rule="ceiling", was="", domains=()):
    return SuggestedEdit(EDIT, 6, 7, 1, 300, 9, rule, key, was, value, domains)


SMALL = [(day * DAY_SLOTS + 30 + 17 * day, 1.1e9) for day in range(1, 7)]
LARGE = (7 * DAY_SLOTS + 30 + 17 * 7, 3e9)


def stored(folder, peaks):
    """Peaks of which somebody voted the small ones noise, and the large one useful."""
    values = [8e8] * (9 * DAY_SLOTS)
    for at, peak in peaks:
        values[at : at + 2] = [peak, peak]
    write_stored(folder / "alertbot.db", START, {A: values})
    with closing(open_database(folder / "alertbot.db")) as db, db.atomic():
        for number, (at, peak) in enumerate(peaks, 1):
            slot = START + at * SLOT
            db.conn.execute(
                "INSERT INTO incidents (id, kind, channel, since, opened, closed) VALUES (?, 'alert', '#c', ?, ?, ?)",
                (number, slot, slot + 600, slot + 1800),
            )
            db.conn.execute(
                "INSERT INTO alerts (rule, series, phase, severity, direction, since, slot, fired, resolved, reason,"
                ' value, worst, "window", clear_run, bars, incident)'
                " VALUES ('ceiling', ?, 'resolved', 'warning', 'rise', ?, ?, ?, ?, 'cleared', 8e8, ?, '0x0', 2, 1, ?)",
                (A, slot, slot + 3 * SLOT, slot, slot + 3 * SLOT, peak, number),
            )
            db.conn.execute("INSERT INTO votes VALUES (?, 'U1', 'ann', ?, 0)", (number, peak > 2e9))


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Six peaks that somebody voted noise, and one that was useful."""
    stored(tmp_path, [*SMALL, LARGE])
    monkeypatch.setattr("alertbot.cli.questions.time.time", lambda: START + 9 * DAY)
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path / "rules.toml"


def review(path, *arguments):
    result = CliRunner().invoke(main, ["review", "-c", str(path), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_edit_is_shown_as_toml_with_what_it_would_have_changed(path):
    assert review(path, "30d").splitlines() == [
        "7 posts in the last 30d, 6 of them noise.",
        "ceiling: 7 posts, 6 noise, 100% over soon, votes: 1 useful, 6 noise",
        (
            "In 9 days of history ceiling would not have fired in 6 of 6 incidents that were noise."
            " The one that was useful or acknowledged would have been posted."
        ),
        "[[rule]]",
        'name = "ceiling"',
        'above = "1.2 Gbps"   # was "1 Gbps"',
        "noise: voted so, or without a vote over by itself within 10m and not acknowledged; over soon: within 10m",
    ]


def test_how_long_it_may_take_where_much_fired_is_said_beside_it(path, monkeypatch):
    asked = ["review", "-c", str(path), "--json"]
    assert CliRunner().invoke(main, asked).stderr == ""
    monkeypatch.setattr("alertbot.query.review.ALERTS_A_SECOND", 7 / 60)
    result = CliRunner().invoke(main, asked)
    assert result.stderr == "The review may take up to 2m: it comes here.\n"
    assert json.loads(result.stdout)["edits"]


def test_its_facts_are_json(path):
    (edit,) = json.loads(review(path, "--json"))["edits"]
    assert edit == {
        "spared": 6,
        "noise": 6,
        "kept": 1,
        "later": 0,
        "days": 9,
        "rule": "ceiling",
        "key": "above",
        "was": '"1 Gbps"',
        "value": '"1.2 Gbps"',
        "domains": [],
        "loses": [],
    }


def test_the_file_stays_as_it_is_and_the_patch_keeps_its_comments(path):
    assert review(path, "--diff").splitlines() == [
        "--- ./rules.toml",
        "+++ ./rules.toml",
        "@@ -5,5 +5,5 @@",
        " [[rule]]            # the first",
        ' name  = "ceiling"',
        ' kind  = "threshold"',
        '-above = "1 Gbps"    # what the contract says',
        '+above = "1.2 Gbps"    # what the contract says',
        ' for   = "5m"',
    ]
    assert path.read_text() == RULES


@pytest.mark.slow
@needs("patch", "git")
@pytest.mark.parametrize("command", [("patch", "-p0"), ("git", "apply", "-")], ids=["patch", "git"])
def test_patch_and_git_take_the_patch_and_the_next_review_suggests_nothing(path, command):
    text = review(path, "--diff")
    program = shutil.which(command[0])
    subprocess.run([program, *command[1:]], cwd=path.parent, input=text, text=True, check=True, capture_output=True)
    assert load(path).rules[0].kind.above == 1.2e9
    assert review(path, "--diff") == ""


MUTE = suggested("mute", "daily 03:00-04:00", domains=(A,))


@pytest.mark.parametrize(
    ("text", "edit", "lines"),
    [
        (RULES, suggested("for", '"15m"'), ['-for   = "5m"', '+for   = "15m"']),
        (RULES, suggested("except", f'["{A}"]'), [f'+except = ["{A}"]']),
        (RULES, MUTE, ["+", "+", "+[[mute]]", f'+domains = ["{A}"]', '+rules = ["ceiling"]',
                       '+when = ["daily 03:00-04:00"]', '+reason = "noise at that time"']),
        (RULES.rstrip("\n"), suggested("for", '"15m"'),
         ['-for   = "5m"', "\\ No newline at end of file", '+for   = "15m"', "\\ No newline at end of file"]),
        (RULES + "except = ['b.*']\r\n", suggested("except", f'["b.*", "{A}"]'),
         ["-except = ['b.*']\r", f'+except = ["b.*", "{A}"]\r']),
    ],
)  # fmt: skip
def test_each_edit_changes_its_line_alone(tmp_path, text, edit, lines):
    path = tmp_path / "rules.toml"
    path.write_text(text, newline="")
    changed = [line for line in patch(path, [edit]).split("\n")[2:] if line[:1] in {"+", "-", "\\"}]
    assert changed == lines


def test_an_edit_that_would_lose_something_is_not_suggested_and_who_voted_may_look_again():
    edit = replace(suggested("above", '"2 Gbps"', was='"1 Gbps"'), loses=(12, 31, 4, 5, 6, 7))
    lost = "#12, #31, #4, #5, #6 and 1 more"
    text = plain(review_message(Review(7 * DAY, 7, 6, (), in_doubt=(edit,))))
    said = (
        'Not suggested: above = "2 Gbps" for ceiling. It would spare 6 of 7 incidents that were noise, but lose'
        f" {lost}, found useful by one person. If that was a slip, vote noise."
    )
    assert said in text.splitlines()
    assert "[[rule]]" not in text


def test_several_edits_are_one_patch(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    text = patch(path, [suggested("above", '"1.2 Gbps"'), MUTE])
    assert text.count("--- ./rules.toml") == 1
    assert "[[mute]]" in text
    assert patch(path, []) == ""


@pytest.mark.parametrize("text", [
    'rule = [{ name = "ceiling", kind = "threshold", above = "1 Gbps" }]\n',
    '[[rule]]\nname = "ceiling"\nkind = "threshold"\nabove = """1 Gbps"""\n',
    '[[rule]]\nname = "ceiling"\nkind = "threshold"\nabove = \'\'\'\n1 Gbps\'\'\'\n',
])  # fmt: skip
def test_what_does_not_stand_on_a_line_of_its_own_is_left_to_people(tmp_path, text):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    assert tomllib.loads(text)["rule"]
    with pytest.raises(UsageError, match="change it by hand"):
        patch(path, [suggested("above", '"1.2 Gbps"')])


def test_what_is_in_doubt_stands_apart_from_what_is_suggested_and_in_no_patch(path):
    (path.parent / "alertbot.db").unlink()
    stored(path.parent, [*SMALL, LARGE, *((at + 120, peak) for at, peak in SMALL)])
    with closing(open_database(path.parent / "alertbot.db")) as db, db.atomic():
        db.conn.execute("UPDATE votes SET useful = 1 WHERE incident = 1")
    facts = json.loads(review(path, "--json"))
    assert [(each["value"], each["loses"]) for each in facts["in_doubt"]] == [('"1.2 Gbps"', [1])]
    assert not any(each["loses"] for each in facts["edits"])
    assert "1.2 Gbps" not in review(path, "--diff")


def test_of_domains_that_are_no_longer_watched_nothing_is_suggested(path):
    path.write_text(RULES.replace(A, "b.example.com"))
    assert json.loads(review(path, "30d", "--json"))["edits"] == []
