"""Words for people: lists, quotes, plurals, and what a mistyped word was meant to be."""

from __future__ import annotations

import time

import pytest

from alertbot.words import at, counted, did_you_mean, how_often, listed, nearest, one_of, printable, quoted


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c"], "a, b and 1 more"), ("abcde", "a, b and 3 more")],
)
def test_the_first_names_are_listed_and_the_rest_counted(names, text):
    assert listed(iter(names), 2) == text


def test_what_was_meant_is_found_whatever_its_case_and_how_like_it_must_be_may_be_said():
    assert nearest("went-drk", ["Went-Dark", "ceiling"]) == "Went-Dark"
    assert did_you_mean("treshold", ["threshold"]) == ": did you mean threshold?"
    assert did_you_mean("teshd", ["threshold"], ', did you mean "{}"?', alike=0.9) == ""


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (0, "0"),
        (0.001, "less than 0.01"),
        (0.25, "0.25"),
        (0.5, "0.5"),
        (1.0, "1"),
        (100, "100"),
        (2.34, "2.3"),
        (12.4, "12"),
        (7100, "7,100"),
    ],
)
def test_how_often_something_happens_is_read_at_a_glance(times, text):
    assert how_often(times) == text


@pytest.mark.parametrize(("letters", "text"), [(40, "x" * 40), (41, "x" * 37 + "...")])
def test_a_long_text_is_cut_in_its_quotes(letters, text):
    assert quoted("x" * letters) == f'"{text}"'


def test_what_cannot_be_printed_stands_in_its_quotes_as_its_code():
    assert quoted("a\x1b[2Jb\nc") == '"a\\x1b[2Jb\\nc"'
    assert quoted("café") == '"café"'


def test_choices_and_plurals():
    assert one_of(["info", "warning", "critical"]) == '"info", "warning" or "critical"'
    assert (counted(1, "domain"), counted(1500, "domain")) == ("1 domain", "1,500 domains")
    assert counted(2, "series", "series") == "2 series"


def test_the_nearest_of_many_long_names_is_found_without_looking_closely_at_each():
    names = [f"node-{number:04}.{'x' * 240}.com" for number in range(1500)]
    began = time.process_time()
    assert nearest(f"nod-0777.{'x' * 240}.com", names) is not None
    assert nearest("q" * 4000, names) is None
    assert time.process_time() - began < 2
    assert nearest("vdeo.example.com", [*names, "video.example.com"]) == "video.example.com"


def test_what_would_move_a_terminals_cursor_is_written_out():
    assert printable("a\x1b[2Jb\r\n\u202ec\u00a0d é") == "a\\x1b[2Jb\\r\\n\\u202ec\u00a0d é"


@pytest.mark.parametrize(("clock", "said"), [("12:05", "at 12:05"), ("Mon 2 Nov 12:05", "on Mon 2 Nov at 12:05")])
def test_a_time_of_another_day_has_its_date_before_it(clock, said):
    assert at(clock) == said
