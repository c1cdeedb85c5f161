"""What an answer may hold, what is refused, and what a failure means."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot import errors
from alertbot.feed.answers import (
    Grain,
    bucket_at,
    read_code,
    read_document,
    read_each_domain,
    read_page,
    read_series,
    span_of,
)
from alertbot.feed.failures import ATTEMPTS, failure_of, pause_after, redirection

ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_793_613_600  # 2026-11-02 10:00 UTC
SPAN = span_of(T0, T0 + 1200, Grain.MINUTE5, ZONE)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(T0),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], {}),  # a silent series
        ([[T0, 5.5], [T0 + 300, 7]], {T0: 5.5, T0 + 300: 7.0}),  # nested
        ([T0, 5.5, T0 + 300, 7], {T0: 5.5, T0 + 300: 7.0}),  # flat
        ([[T0 + 300, 7], [T0, 5.5]], {T0: 5.5, T0 + 300: 7.0}),  # newest first
        ([[T0, 1], [T0, 2]], {T0: 2.0}),  # the last of equals wins
        ([[T0, 1], [T0, 0]], {}),  # ... a zero as well
        ([[float(T0), 1]], {T0: 1.0}),  # whole seconds as a float
        ([[T0, 0], [T0 + 300, 0.0]], {}),  # zeros are left out
        ([[T0 - 300, 1], [T0 + 1500, 1]], {}),  # one bucket too many on either side
        ([[T0 + 1200, 1e14]], {T0 + 1200: 1e14}),  # the last bucket is included
    ],
)
def test_pairs_are_read_in_every_form_the_api_writes_them(data, expected):
    assert read_series(data, SPAN) == expected


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (None, "null stands where a list of pairs belongs"),
        ({}, "an object stands where a list of pairs belongs"),
        ("[]", '"[]" stands where a list of pairs belongs'),
        ([T0], "a bucket without a value"),
        ([[T0]], "a list stands where a pair belongs"),
        ([[T0, 1, 2]], "a list stands where a pair belongs"),
        ([[T0, 1], T0 + 300, 2], f"{T0 + 300} stands where a pair belongs"),
        ([[T0, "one"]], '"one" is not a number'),
        ([[T0, ""]], '"" is not a number'),
        ([[T0, "nan"]], '"nan" is not a number'),
        ([[T0, "1_000"]], '"1_000" is not a number'),
        ([[T0, "-1"]], "-1.0 cannot be a rate or a volume"),
        ([[T0, 1e308]], "1e.308 cannot be a rate or a volume"),
        ([[T0, "1e308"]], "1e.308 cannot be a rate or a volume"),
        ([[T0, None]], "null is not a number"),
        ([[T0, [1]]], "a list is not a number"),
        ([[T0, True]], "true is not a number"),
        ([[True, 1]], "true is not a number"),
        ([[T0, -1]], "-1 cannot be a rate or a volume"),
        ([[T0, math.inf]], "Infinity cannot be a rate or a volume"),
        ([[T0, math.nan]], "NaN cannot be a rate or a volume"),
        ([[T0, 10**400]], "cannot be a rate or a volume"),
        ([[T0 + 1, 1]], "2026-11-02T10:00:01Z is not the start of a minute5 bucket"),
        ([[T0 + 0.5, 1]], "is not the start of a bucket"),
        (
            [[T0 - 600, 1]],
            "bucket 2026-11-02T09:50:00Z lies outside what was asked for: the feed's timezone may be set wrong",
        ),
        (
            [[T0 + 1800, 1]],
            "bucket 2026-11-02T10:30:00Z lies outside what was asked for: the feed's timezone may be set wrong",
        ),
        (
            [[1000 * T0, 1]],
            f"bucket {1000 * T0} lies outside what was asked for: the feed's timezone may be set wrong",
        ),  # milliseconds
        (
            [[1, T0]],
            "bucket 1970-01-01T00:00:01Z lies outside what was asked for: the feed's timezone may be set wrong",
        ),  # swapped
    ],
)
def test_what_no_answer_can_hold_is_refused(data, cause):
    with pytest.raises(ValueError, match=f"^.*{cause.replace('[]', '..')}$"):
        read_series(data, SPAN)


@given(data=JSON)
def test_whatever_json_comes_it_is_read_or_refused_but_never_breaks(data):
    for read in (
        lambda: read_series(data, SPAN).values(),
        lambda: [value for series in read_each_domain(data, ["a.example"], SPAN).values() for value in series.values()],
        lambda: [len(name) for name in read_page(data)[0]],
    ):
        values = []
        with contextlib.suppress(ValueError):
            values = read()
        assert all(math.isfinite(value) and value > 0 for value in values)


@given(
    values=st.dictionaries(st.integers(0, 4), st.floats(0, 1e15, allow_nan=False)),
    flat=st.booleans(),
    random=st.randoms(),
)
def test_what_was_written_is_read_whatever_the_order(values, flat, random):
    pairs = [[T0 + 300 * index, value] for index, value in values.items()]
    random.shuffle(pairs)
    data = [item for pair in pairs for item in pair] if flat else pairs
    expected = {T0 + 300 * index: value for index, value in values.items() if value > 0}
    assert read_series(json.loads(json.dumps(data)), SPAN) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"code": 0',
        b'{"code": NaN}',
        b'{"a": -Infinity}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"1" * 9999,
    ],
)
def test_a_body_that_is_not_json_is_refused(body):
    with pytest.raises(ValueError, match=r"^the answer is not JSON$"):
        read_document(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"7", b'"text"'])
def test_a_document_that_is_no_object_is_refused(body):
    with pytest.raises(ValueError, match=r"^the answer is not a JSON object$"):
        read_document(body)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], {}),  # an empty object, as this API writes it
        ({}, {}),
        ({"x": {"domain": "a.example", "data": [[T0, 1]]}}, {"a.example": {T0: 1.0}}),  # the inner name counts
        ({"0": {"domain": "A.Example", "data": []}}, {"a.example": {}}),  # a silent domain
        (
            {"a.example": {"domain": "b.example", "data": [T0, 2]}, "b.example": {"domain": "a.example", "data": []}},
            {"b.example": {T0: 2.0}, "a.example": {}},
        ),
    ],
)
def test_the_inner_domain_says_whose_series_it_is(data, expected):
    assert read_each_domain(data, ["a.example", "b.example"], SPAN) == expected


@pytest.mark.parametrize(
    "data",
    [
        None,
        [1],
        {"a.example": []},
        {"a.example": 7},
        {"a.example": {"data": []}},
        {"a.example": {"domain": "a.example"}},
        {"a.example": {"domain": "c.example", "data": []}},
        {"1": {"domain": "a.example", "data": []}, "2": {"domain": "a.example", "data": []}},
        {"a.example": {"domain": "a.example", "data": [[T0, -1]]}},
    ],
)
def test_a_series_that_cannot_be_told_whose_it_is_or_read_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        read_each_domain(data, ["a.example", "b.example"], SPAN)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"list": []},
        {"list": None, "total_number": 1},
        {"list": [{}], "total_number": 1},
        {"list": ["a.example"], "total_number": 1},
        {"list": [{"domain": ""}], "total_number": 1},
        {"list": [{"domain": 7}], "total_number": 1},
    ],
)
def test_a_page_of_domains_that_cannot_be_read_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        read_page(data)


def test_numbers_may_be_written_as_text():
    span = span_of(T0, T0 + 300, Grain.MINUTE5, ZONE)
    assert read_series([[str(T0), "208706182.29"], [T0 + 300, "1.5e6"]], span) == {T0: 208706182.29, T0 + 300: 1.5e6}
    assert read_page({"list": [{"domain": "a.com"}], "total_number": "12"}) == (["a.com"], 12)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, 0),
        ("0", 0),
        (401001, 401001),
        ("401001", 401001),
        (True, None),
        (None, None),
        ("all is well", None),
        (401006.0, 401006),
        (0.5, None),
        (float("inf"), None),
    ],
)
def test_the_answers_own_code_may_be_written_as_text(code, expected):
    assert read_code({"code": code}) == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://login.example.com/v2/?token=s3cret", "it redirects to login.example.com"),
        ("https://user:s3cret@login.example.com:8443/", "it redirects to login.example.com"),
        ("/elsewhere?token=s3cret", ""),
        ("http://[", ""),
        ("http://a=b%20c/", ""),
        (None, ""),
    ],
)
def test_a_redirection_is_named_by_its_host_alone(location, expected):
    assert redirection(302, {} if location is None else {"Location": location}) == expected
    assert redirection(400, {} if location is None else {"Location": location}) == ""


@pytest.mark.parametrize(
    ("grain", "zone", "moment", "expected"),
    [
        (Grain.MINUTE5, "Asia/Shanghai", "2026-11-02T10:04:59+00:00", "2026-11-02T10:00:00+00:00"),
        (Grain.HOUR, "Asia/Shanghai", "2026-11-02T10:59:59+00:00", "2026-11-02T10:00:00+00:00"),
        (Grain.HOUR, "Asia/Kolkata", "2026-11-02T10:15:00+00:00", "2026-11-02T15:00:00+05:30"),
        (Grain.HOUR, "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T02:00:00+01:00"),  # the second 02:30
        (Grain.DAY, "Asia/Shanghai", "2026-11-02T17:00:00+00:00", "2026-11-03T00:00:00+08:00"),
        (Grain.DAY, "Europe/Berlin", "2026-10-25T23:00:00+01:00", "2026-10-25T00:00:00+02:00"),
    ],
)
def test_hours_and_days_are_those_of_the_zone(grain, zone, moment, expected):
    epoch = int(datetime.fromisoformat(moment).timestamp())
    assert bucket_at(epoch, grain, ZoneInfo(zone)) == datetime.fromisoformat(expected).timestamp()


def test_a_span_of_one_bucket_asks_for_the_one_before_as_well():
    span = span_of(T0 + 10, T0 + 290, Grain.MINUTE5, ZONE)
    assert (span.start, span.end, span.asked) == (T0, T0, T0 - 300)


@pytest.mark.parametrize(
    ("status", "code", "expected", "number"),
    [
        (400, 400209, errors.FeedBadRequest, 400209),
        (400, 400699, errors.FeedUnknownDomain, 400699),
        (401, 401001, errors.FeedUnauthorised, 401001),
        (401, 401006, errors.FeedUnauthorised, 401006),
        (403, None, errors.FeedUnauthorised, 403),
        (404, None, errors.FeedRefused, 404),
        (302, None, errors.FeedRefused, 302),
        (200, 401006, errors.FeedUnauthorised, 401006),  # all is well, says the status alone
        (200, 400699, errors.FeedUnknownDomain, 400699),
        (429, None, errors.FeedThrottled, None),
        (400, 429001, errors.FeedThrottled, None),
        (200, 429017, errors.FeedThrottled, None),
        (500, 500001, errors.FeedUnreachable, None),
        (503, None, errors.FeedUnreachable, None),
        (502, 400209, errors.FeedUnreachable, None),
        (200, 500123, errors.FeedUnreachable, None),
        (200, None, errors.FeedGarbled, None),
        (200, 17, errors.FeedGarbled, None),
        (204, None, errors.FeedGarbled, None),
    ],
)
def test_every_status_and_code_has_its_error(status, code, expected, number):
    error = failure_of("stat/bandwidth", status, code, "so it is", {})
    assert type(error) is expected
    assert getattr(error, "code", None) == number
    assert str(error).startswith(f"stat/bandwidth: HTTP {status}")
    assert str(error).endswith(": so it is")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"X-Retry-After": "21"}, 21),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Mon, 02 Nov 2026 10:00:00 GMT"}, None),
        ({"X-Retry-After": "-1"}, None),
    ],
)
def test_a_throttled_answer_says_when_to_come_back(headers, expected):
    error = failure_of("stat/bandwidth", 429, None, "", headers)
    assert isinstance(error, errors.FeedThrottled)
    assert error.retry_after == expected


@pytest.mark.parametrize(
    ("error", "pauses"),
    [
        (errors.FeedUnreachable("c", "x"), [1, 4, None]),
        (errors.FeedThrottled("c", "x", 21), [21, 21, None]),
        (errors.FeedThrottled("c", "x", 0), [1, 1, None]),
        (errors.FeedThrottled("c", "x"), [5, 5, None]),
        (errors.FeedThrottled("c", "x", 4000), [None]),  # an hour is no pause
        (errors.FeedGarbled("c", "x"), [1, None]),
        (errors.FeedUnauthorised("c", "x", 401001), [None]),
        (errors.FeedBadRequest("c", "x", 400209), [None]),
        (errors.FeedRefused("c", "x", 404), [None]),
    ],
)
def test_only_what_may_pass_is_tried_again(error, pauses):
    assert [pause_after(error, failures) for failures in range(1, len(pauses) + 1)] == pauses
    assert len(pauses) <= ATTEMPTS
