"""Orders as people type them: what they mean, and what a wrong one is told."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertbot.errors import UsageError
from alertbot.incidents.order_parser import ORDERS, parse_order
from alertbot.incidents.orders import Ack, CastVote, Silence, Unack, Unsilence
from alertbot.incidents.when import LONGEST, SHORTEST, Given, past_moment
from alertbot.units import DAY

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = "2026-03-02 14:30"  # in Berlin, an hour ahead of UTC


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def read(text, now=MONDAY, zone=BERLIN):
    return parse_order(text.split(), at(now, zone), zone)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("ack", Ack(None)),
        ("ack #12", Ack(12)),
        ("ACK 12", Ack(12)),
        ("ack #12 looking into it", Ack(12, "looking into it")),
        ("ack looking into it", Ack(None, "looking into it")),
        ("unack #12", Unack(12)),
        ("unack", Unack(None)),
        ("ack #12,", Ack(12)),
        ("ack 12.", Ack(12)),
        ("ack incident #12 on it", Ack(12, "on it")),
        ("ack all", Ack(None)),
        ("ack this!", Ack(None)),
        ("unack it", Unack(None)),
        ("unack alert 12", Unack(12)),
        ("useful #412", CastVote(412, useful=True)),
        ("noise 412", CastVote(412, useful=False)),
        ("unsilence 3", Unsilence(3)),
        ("unsilence s3", Unsilence(3)),
        ("unsilence S3", Unsilence(3)),
        ("unsilence silence 3", Unsilence(3)),
        ("unsilence #3", Unsilence(None, "#3")),
        ("unsilence video.*", Unsilence(None, "video.*")),
        ("unsilence rule:dark", Unsilence(None, "rule:dark")),
    ],
)
def test_an_incident_is_taken_on_and_a_silence_ended_by_its_number(text, order):
    assert read(text) == order


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("video.*", "video.*"),
        ("VIDEO.Example.com", "video.example.com"),
        ("http://video.example.com/", "video.example.com"),
        ("bücher.example", "bücher.example"),
        ("*", "*"),
        ("@downloads", "@downloads"),
        ("sum:downloads", "sum:downloads"),
        ("total", "total"),
        ("rule:went-dark", "rule:went-dark"),
        ("Rule:Went-Dark", "rule:Went-Dark"),
        ("#412", "#412"),
        ("412", "#412"),
        ("incident 412", "#412"),
        ("alert 412", "#412"),
        ("(video.example.com)", "video.example.com"),
        ("rule went-dark", "rule:went-dark"),
        ("group downloads", "@downloads"),
        ("group @downloads", "@downloads"),
        ("everything", "*"),
        ("all", "*"),
        ("video.example.com,", "video.example.com"),
    ],
)
def test_a_target_has_one_spelling(typed, target):
    assert read(f"silence {typed} 2h").target == target


@pytest.mark.parametrize("text", ["2h video.* image work", "for 2 hours video.* image work"])
def test_how_long_may_come_first(text):
    assert read(f"silence {text}") == Silence("video.*", at(MONDAY), at("2026-03-02 16:30"), "image work")


def test_a_reason_that_begins_with_a_number_is_no_part_of_the_duration():
    assert read("silence video.* 2h 3 disks replaced").reason == "3 disks replaced"
    assert read("silence video.* 2h 3h was too long").reason == "3h was too long"


def test_the_name_of_a_rule_may_hold_spaces():
    words = ["silence", "rule:my rule", "2h"]
    assert parse_order(words, 0.0, BERLIN).target == "rule:my rule"


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2h", MONDAY, "2026-03-02 16:30"),
        ("for 1h30m", MONDAY, "2026-03-02 16:00"),
        ("1M", MONDAY, "2026-03-02 14:31"),
        ("until 15:00", MONDAY, "2026-03-02 15:00"),
        ("until 06:00", MONDAY, "2026-03-03 06:00"),
        ("until 6:00", MONDAY, "2026-03-03 06:00"),
        ("2 hours", MONDAY, "2026-03-02 16:30"),
        ("for 2 hrs", MONDAY, "2026-03-02 16:30"),
        ("for the next 2 hours", MONDAY, "2026-03-02 16:30"),
        ("1h 30m", MONDAY, "2026-03-02 16:00"),
        ("1 hour and 30 minutes", MONDAY, "2026-03-02 16:00"),
        ("1.5h", MONDAY, "2026-03-02 16:00"),
        ("an hour", MONDAY, "2026-03-02 15:30"),
        ("half an hour", MONDAY, "2026-03-02 15:00"),
        ("1w", MONDAY, "2026-03-09 14:30"),
        ("until 6", MONDAY, "2026-03-03 06:00"),
        ("until 6am", MONDAY, "2026-03-03 06:00"),
        ("until 6 pm", MONDAY, "2026-03-02 18:00"),
        ("until 6:30pm", MONDAY, "2026-03-02 18:30"),
        ("until 18.30", MONDAY, "2026-03-02 18:30"),
        ("until 18h30", MONDAY, "2026-03-02 18:30"),
        ("until noon", MONDAY, "2026-03-03 12:00"),
        ("until 12am", MONDAY, "2026-03-03 00:00"),
        ("until tomorrow 6", MONDAY, "2026-03-03 06:00"),
        ("until tomorrow at 6am", MONDAY, "2026-03-03 06:00"),
        ("until 23:00 tomorrow", MONDAY, "2026-03-03 23:00"),
        ("until 14:30", MONDAY, "2026-03-03 14:30"),
        ("until today 23:00", MONDAY, "2026-03-02 23:00"),
        ("until tomorrow 23:00", MONDAY, "2026-03-03 23:00"),
        ("UNTIL Mon 06:00", MONDAY, "2026-03-09 06:00"),
        ("until monday 15:00", MONDAY, "2026-03-02 15:00"),
        ("until thurs 06:00", MONDAY, "2026-03-05 06:00"),
        ("until 2026-03-20 06:00", MONDAY, "2026-03-20 06:00"),
        ("until 2026-03-20T06:00", MONDAY, "2026-03-20 06:00"),
        ("from 22:00 for 3h", "2026-03-02 22:00", "2026-03-03 01:00"),
        ("from 22:00 3h", "2026-03-02 22:00", "2026-03-03 01:00"),
        ("from 22:00 until 02:00", "2026-03-02 22:00", "2026-03-03 02:00"),
        ("from 22:00 to 22:00", "2026-03-02 22:00", "2026-03-03 22:00"),
        ("from 09:00 until 10:00", "2026-03-03 09:00", "2026-03-03 10:00"),
        ("from 14:30 for 1h", MONDAY, "2026-03-02 15:30"),
        ("from fri 22:00 until mon 06:00", "2026-03-06 22:00", "2026-03-09 06:00"),
        ("from 2026-03-07 22:00 until 2026-03-08 02:00", "2026-03-07 22:00", "2026-03-08 02:00"),
    ],
)
def test_a_silence_lasts_as_long_as_is_said(text, begins, ends):
    silence = read(f"silence video.* {text} image work")
    assert silence == Silence("video.*", at(begins), at(ends), "image work")


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("until 18:00 UTC", "2026-03-02 19:00"),
        ("until tomorrow 06:00 gmt", "2026-03-03 07:00"),
        ("until 18:00 CET", "2026-03-02 18:00"),
        ("until 18:00 Europe/Berlin", "2026-03-02 18:00"),
        ("from now until 18:00", "2026-03-02 18:00"),
        ("the next 2h", "2026-03-02 16:30"),
    ],
)
def test_a_time_is_of_the_zone_that_it_names(text, ends):
    assert read(f"silence video {text} deploy") == Silence("video", at(MONDAY), at(ends), "deploy")


@pytest.mark.parametrize("zone", ["EST", "cest", "PST", "America/New_York", "Etc/GMT+5", "+05:30", "-0800"])
def test_a_time_of_another_zone_is_refused_and_never_taken_for_one_of_here(zone):
    with pytest.raises(UsageError, match=re.escape(f"read in CET or UTC, and not in {zone.upper()}")):
        read(f"silence video until 18:00 {zone}")


@pytest.mark.parametrize("text", ["until 18:00, deploy", "until 6pm; deploy", "until mon 18:00, deploy"])
def test_a_comma_after_a_time_is_none_of_it(text):
    assert read(f"silence video {text}").reason == "deploy"


def test_a_time_that_began_within_the_minute_is_this_one():
    silence = read("silence video.* from 22:00 for 3h", "2026-03-02 22:00:30")
    assert (silence.begins, silence.ends) == (at("2026-03-02 22:00:30"), at("2026-03-03 01:00:30"))


@pytest.mark.parametrize(
    ("now", "text", "hours"),
    [
        ("2026-03-28 22:00", "until 06:00", 7),  # the night in which Berlin loses an hour
        ("2026-10-24 22:00", "until 06:00", 9),  # ... and gets it back
        ("2026-03-28 22:00", "8h", 8),  # a duration is what has passed, whatever the clocks show
        ("2026-03-29 01:00", "until 02:30", 1.5),  # clocks skip it: as if they did not
        ("2026-03-28 22:00", "from 02:30 until 03:30", 24),  # 02:30 is 03:30 then, so the next one is meant
        ("2026-10-25 01:00", "until 02:30", 1.5),  # clocks show it twice: the first is meant ...
        ("2026-10-25 02:45", "until 02:30", 0.75),  # ... unless it is over
    ],
)
def test_a_time_of_day_is_what_the_clocks_show(now, text, hours):
    silence = read(f"silence video.* {text}", now)
    assert silence.ends - silence.begins == hours * 3600


def test_times_are_read_in_the_readers_zone():
    kolkata = ZoneInfo("Asia/Kolkata")
    assert read("silence video.* until 15:00", "2026-03-02 14:30", kolkata).ends == at("2026-03-02 15:00", kolkata)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no order"),
        ("sleep", "there are ack, unack, silence, unsilence"),
        ("ack #x", '"#x" is no number'),
        ("unack now", '"now" is no number'),
        ("ack #1 #2", 'one at a time: "ack #1", then "ack #2"'),
        ("ack 1, #2 and #3", 'one at a time: "ack #1", then "ack #2"'),
        ("ack as in #7", 'the number comes first: "ack #7 looking into it"'),
        ("silence img and video 2h", 'one at a time: "silence img 2h", then "silence video 2h"'),
        ("silence img deploy until 6", 'the reason last: "silence img until 6 deploy"'),
        ("silence #4", 'say until when: "silence #4 2h", "silence #4 until 06:00"'),
        ("silence s4", '"unsilence s4"'),
        ("silence this 2h", 'say what: "silence #412 2h"'),
        ("silence video.* 90", "lacks its unit: write 90m or 90h"),
        ("silence video.* until 18h", 'write "18h" without "until", or "until 18:00"'),
        ("silence video.* forever", "a silence lasts at most 90d"),
        ("unack 1 2", 'one word too many: write "unack 412"'),
        ("ack #1 " + "x" * 301, "the note is longer than 300 characters"),
        ("ack #0", '"#0" is no number'),
        ("ack 99999999999", "is no number"),
        ("unsilence", '"unsilence s3"'),
        ("unsilence s3 now", '"now" is one word too many'),
        ("silence", "say what to silence"),
        ("silence 2h", "say what to silence"),
        ("silence until 06:00", "say what to silence"),
        ("silence video.*", 'say until when: "silence video.* 2h"'),
        ("silence video.* for", "say until when"),
        ("silence video.* image work", '"image" does not say until when'),
        ("silence rule:my rule 2h", 'stands in quotes: rule:"my rule"'),
        ("silence rule: 2h", "cannot be silenced"),
        ("silence video.*,img.* 2h", 'one at a time: "silence video.* 2h", then "silence img.* 2h"'),
        ("silence video.* 2", "lacks its unit: write 2m or 2h, or until 2:00"),
        ("silence video.* tomorrow 06:00", 'write "until tomorrow 06:00"'),
        ("silence video.* until 2h", 'is a duration: write "2h" without "until"'),
        ("silence 2 hours", "say what to silence"),
        ("silence #x 2h", "cannot be silenced"),
        (f"silence {'x' * 254} 2h", "cannot be silenced"),
        ("silence video.* 2x", '"2x" is not a duration'),
        ("silence video.* 30s", "lasts 1m to 90d"),
        ("silence video.* 0m", "lasts 1m to 90d"),
        ("silence video.* 91d", "lasts 1m to 90d"),
        ("silence video.* 99999d", "longer than ten years"),
        ("silence video.* until", "a time is missing"),
        ("silence video.* until 24:00", '"24:00" is not a time'),
        ("silence video.* until mo 06:00", '"mo" is not a time'),
        ("silence video.* until tomorrow", '"tomorrow" lacks the time of day'),
        ("silence video.* until tomorrow work", '"work" is not a time of day'),
        ("silence video.* until 2026-02-30 06:00", '"2026-02-30" is no day'),
        ("silence video.* until 2026-03-01 06:00", '"2026-03-01 06:00" is over'),
        ("silence video.* until today 06:00", '"today 06:00" is over'),
        ("silence video.* until 2026-06-01 06:00", "lasts 1m to 90d"),
        ("silence video.* from", "a time is missing"),
        ("silence video.* from 22:00", "say until when"),
        ("silence video.* from 2026-03-01 22:00 for 3h", "is over"),
        ("silence video.* from 9999-12-31 22:00 until 02:00", "more than 90d from now"),
        ("silence video.* from 2026-03-07 22:00 until 2026-03-07 20:00", "is over by then"),
        ("silence video.* 2h " + "x" * 301, "longer than 300 characters"),
    ],
)
def test_what_is_wrong_is_said_with_an_example(text, says):
    with pytest.raises(UsageError) as caught:
        read(text)
    assert says in str(caught.value)


TYPED = """
    ack silence unsilence video.* @dl rule:x #3 3 2h 30s 90d for from until tomorrow today mon sunday 06:00 6:00 02:30
    22:00 2026-03-29 2026-10-25 0001-01-01 9999-12-31 2026-03-28T22:00 work
"""
WORDS = st.sampled_from(TYPED.split())
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Apia", "Etc/GMT+12"])
TIMES = st.floats(0, 4e9)


@given(
    st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=9),
    st.sampled_from([(), *((o,) for o in ORDERS)]),
    TIMES,
    ZONES,
)
def test_whatever_is_typed_is_an_order_or_a_usage_error(words, first, now, zone):
    try:
        order = parse_order([*first, *words], now, ZoneInfo(zone))
    except UsageError as error:
        str(error).encode()
        return
    if isinstance(order, Silence):
        assert now <= order.begins <= now + LONGEST
        assert SHORTEST <= order.ends - order.begins <= LONGEST
        assert order.reason.isprintable()
        order.target.encode()


@given(st.integers(0, 23), st.integers(0, 59), TIMES, ZONES)
def test_a_time_of_day_is_the_next_one(hour, minute, now, zone):
    clock, tzinfo = f"{hour:02}:{minute:02}", ZoneInfo(zone)
    silence = parse_order(["silence", "*", "from", clock, "for", "1h"], now, tzinfo)
    shown = datetime.fromtimestamp(silence.begins, tzinfo)
    # Where clocks skip that time, as Apia once skipped a whole day, no moment shows it.
    skipped = shown.utcoffset() != datetime.fromtimestamp(silence.begins - DAY, tzinfo).utcoffset()
    assert f"{shown:%H:%M}" == clock or skipped
    assert silence.begins - now <= 2 * DAY


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("06:00", "2026-03-02 06:00"),
        ("11am", "2026-03-01 11:00"),
        ("at 6 pm", "2026-03-01 18:00"),
        ("06:00 UTC", "2026-03-02 06:00"),
        ("yesterday 03:00", "2026-03-01 03:00"),
        ("03:00 yesterday", "2026-03-01 03:00"),
        ("sat 03:00", "2026-02-28 03:00"),
        ("mon 03:00", "2026-03-02 03:00"),
        ("mon 11:00", "2026-02-23 11:00"),
        ("2026-02-01T03:05", "2026-02-01 03:05"),
    ],
)
def test_a_time_that_is_past_is_the_last_one_of_that_name(text, means):
    monday = datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp()
    found = past_moment(text.split(), Given(monday, UTC))
    assert f"{datetime.fromtimestamp(found, UTC):%Y-%m-%d %H:%M}" == means


@pytest.mark.parametrize(
    "text", ["nonsense", "yesterday", "2027-01-01 03:00", "03:00 04:00", "today 11:00", "2026-02-30 03:00"]
)
def test_what_is_no_past_time_is_said_with_an_example(text):
    with pytest.raises(UsageError, match="write"):
        past_moment(text.split(), Given(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp(), UTC))
