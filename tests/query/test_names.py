"""What a person meant: abbreviations, groups, and the nearest right word."""

import pytest

from alertbot.errors import UsageError
from alertbot.query.names import Meant, meant, resolve
from alertbot.rules.selection import Group

BOOKS = "xn--bcher-kva.example.org"
NAMES = ("video.example.com", "video2.example.com", "img.example.com", BOOKS, "sum:summed", "total")
GROUPS = (Group("summed", ("img.example.com",), sum=True), Group("Plain", NAMES[:2]), Group("none", ()))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("img", Meant("img.example.com", ("img.example.com",))),
        ("https://IMG.example.com/", Meant("img.example.com", ("img.example.com",))),
        ("bücher.example.org", Meant(BOOKS, (BOOKS,))),
        ("http://BÜCHER.example.org/", Meant(BOOKS, (BOOKS,))),
        ("bücher", Meant(BOOKS, (BOOKS,))),
        ("total", Meant("total", ("total",))),
        ("sum:summed", Meant("sum:summed", ("sum:summed",))),
        ("@summed", Meant("@summed", ("sum:summed",), 1)),
        ("@PLAIN", Meant("@Plain", NAMES[:2], 2)),
    ],
)
def test_a_word_means_a_series_or_a_group(word, expected):
    assert meant(word, NAMES, GROUPS) == expected


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("example.com", "could be video.example.com, video2.example.com, img.example.com: write more of it"),
        ("münchen", 'no watched domain is named "münchen"'),
        ("vdeo.example.com", "did you mean video.example.com?"),
        ("@sumed", "did you mean @summed?"),
        ("@none", "has no members that are watched"),
        ("``", "a domain is missing"),
    ],
)
def test_what_cannot_be_meant_is_explained(word, says):
    with pytest.raises(UsageError) as caught:
        meant(word, NAMES, GROUPS)
    assert says in str(caught.value)


def test_before_anything_is_watched_that_is_said():
    with pytest.raises(UsageError, match="only just starting"):
        resolve("video", ())
