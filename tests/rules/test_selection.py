"""Which series a rule judges."""

from __future__ import annotations

import pytest

from alertbot.rules.selection import Group, domains_matching, select, unmatched

WATCHED = ("video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com")
DOWNLOADS = Group("downloads", ("dl1.example.com", "dl2.example.com"), sum=True)
PICTURES = Group("pictures", ("img.example.com",))
GROUPS = (DOWNLOADS, PICTURES)


@pytest.mark.parametrize(
    ("patterns", "excluded", "selected"),
    [
        (["*"], [], WATCHED),  # every watched domain and nothing else
        (["video.*"], [], ["video.example.com"]),
        (["dl?.example.com"], [], ["dl1.example.com", "dl2.example.com"]),
        (["dl[13].example.com"], [], ["dl1.example.com"]),
        (["img.example.com"], [], ["img.example.com"]),
        (["IMG.Example.COM"], [], ["img.example.com"]),
        (["example.com"], [], []),  # a glob matches a whole name
        (["dl*", "video*"], [], ["video.example.com", "dl1.example.com", "dl2.example.com"]),  # in watch order
        (["dl1.example.com", "*1*"], [], ["dl1.example.com"]),  # once
        (["@downloads"], [], ["dl1.example.com", "dl2.example.com"]),  # its members
        (["sum:downloads"], [], ["sum:downloads"]),
        (["sum:pictures"], [], []),  # has no sum
        (["sum:*"], [], []),  # no globs over sums
        (["@nobody"], [], []),
        (["total"], [], ["total"]),
        (["*", "sum:downloads", "total"], [], [*WATCHED, "sum:downloads", "total"]),
        (["total", "sum:downloads", "img*"], [], ["img.example.com", "sum:downloads", "total"]),
        (["*"], ["img.*"], ["video.example.com", "dl1.example.com", "dl2.example.com"]),
        (["*", "total"], ["@downloads", "total"], ["video.example.com", "img.example.com"]),
        (["*"], ["*"], []),
        (["*", "sum:downloads"], ["*"], ["sum:downloads"]),
        ([], [], []),
    ],
)
def test_a_rule_judges_what_its_patterns_mean_without_what_is_excluded(patterns, excluded, selected):
    assert select(patterns, excluded, WATCHED, GROUPS) == tuple(selected)


def test_a_pattern_that_means_nothing_is_named():
    patterns = ["*", "vid.*", "@downloads", "@nobody", "sum:pictures", "sum:downloads", "total"]
    assert unmatched(patterns, WATCHED, GROUPS) == ("vid.*", "@nobody", "sum:pictures")


def test_a_domain_called_total_is_told_apart_from_the_total_by_its_glob():
    assert domains_matching(["*"], ("total.example.com",)) == {"total.example.com"}


def test_a_dot_in_a_pattern_is_a_dot():
    assert domains_matching(["a.example.com", "b.*"], ("axexample.com", "bx.example.com")) == frozenset()


def test_many_domains_and_patterns_are_matched_quickly():
    watched = tuple(f"d{number}.example.com" for number in range(15_000))
    assert len(domains_matching([f"d{number}.*" for number in range(50)], watched)) == 50


def test_a_groups_sum_is_a_series_of_its_own():
    assert DOWNLOADS.series == "sum:downloads"
