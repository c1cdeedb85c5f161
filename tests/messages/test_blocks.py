"""Whatever the text, Slack takes the message."""

import re

import pytest
from fakes.wire.blockkit import refuse_message
from hypothesis import example, given
from hypothesis import strategies as st

from alertbot.messages.blocks import (
    Message,
    actions,
    button,
    code,
    confirmation,
    context_block,
    cut,
    escape,
    section,
    select,
)
from alertbot.messages.slack import plain

NASTY = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="&<>*_~`\n\t ab.", max_size=400),
    st.sampled_from(["", " ", "\n", "a" * 253, "<>&" * 2000, "🚨" * 4000, "`" * 3001, "&" * 3000]),
)
IDS = st.lists(st.text(alphabet="abc_", min_size=1, max_size=255), min_size=1, max_size=25, unique=True)
BUTTON = st.builds(button, NASTY, st.just("why"), st.text(max_size=2000).filter(str.strip))
CONFIRM = st.builds(lambda *texts: confirmation(*texts[:2], yes=texts[2], no=texts[3]), NASTY, NASTY, NASTY, NASTY)
SELECT = st.builds(
    lambda text, labels, confirm: select(
        text, "silence", [(each, f"{n} h") for n, each in enumerate(labels)], confirm=confirm
    ),
    NASTY,
    st.lists(NASTY, min_size=1, max_size=20),
    st.none() | CONFIRM,
)
BLOCK = st.one_of(
    NASTY.map(escape).map(section),
    NASTY.map(code).map(section),
    NASTY.map(escape).map(context_block),
    st.builds(section, NASTY.map(escape), BUTTON | SELECT),
    st.builds(actions, BUTTON, SELECT),
    st.builds(lambda text, ids: actions(*(button(text, one) for one in ids)), NASTY, IDS),
)
MESSAGE = st.builds(
    Message,
    st.one_of(NASTY.map(escape), NASTY.map(code)),
    st.lists(BLOCK, max_size=70).map(tuple),
    st.sampled_from([None, "#d00000"]),
)


def texts(part):
    """Every text of a payload, with whether it is mrkdwn."""
    if isinstance(part, list):
        for item in part:
            yield from texts(item)
    elif isinstance(part, dict):
        if isinstance(part.get("text"), str):
            yield part["text"], part.get("type") != "plain_text"
        for item in part.values():
            yield from texts(item)


@given(MESSAGE)
@example(Message("", tuple(section("x" * 4000) for _ in range(60)), "#00aa00"))
@example(Message("", (section(""), context_block(" "), actions(button("\n", "a")))))
def test_slack_takes_whatever_is_said(message):
    refuse_message(message.payload())
    refuse_message(message.content(), edit=True)


@given(MESSAGE)
def test_a_message_stays_under_nine_thousand_characters(message):
    assert sum(len(text) for text, _ in texts(message.payload())) < 9000


@given(MESSAGE)
def test_no_special_character_of_a_text_is_left_unescaped(message):
    for text, is_mrkdwn in texts(message.payload()):
        if is_mrkdwn:
            assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)


@given(NASTY)
def test_a_code_span_has_its_two_backticks_and_one_line(text):
    assert code(text).count("`") == 2
    assert "\n" not in code(text)


@given(NASTY.map(escape), st.integers(2, 400))
def test_a_cut_text_keeps_to_its_limit_and_says_that_it_was_cut(text, limit):
    short = cut(text, limit)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else short.endswith("…")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcd…"),
        ("ab&amp;cdefgh", 8, "ab…"),  # never half an entity
        ("ab&amp;cdefgh", 9, "ab&amp;…"),
        ("see <https://example.com|here> now", 20, "see …"),  # nor half a link
        ("<!here> " + "x" * 30, 12, "<!here> xx…"),
        ("is `video.example.com` dark", 12, "is `video.`…"),  # a code span is closed
    ],
)
def test_a_text_is_cut_beside_its_entities(text, limit, expected):
    assert cut(text, limit) == expected


def test_special_characters_are_escaped_once():
    assert escape("a & b < c > d &amp;") == "a &amp; b &lt; c &gt; d &amp;amp;"


def test_a_name_stands_in_a_code_span_that_its_own_characters_cannot_end():
    assert code("a`*b*_<c>\n d") == "`a'*b*_&lt;c&gt; d`"
    assert code("") == "`-`"


def test_a_coloured_message_holds_its_blocks_in_one_attachment():
    message = Message("dark", (section("since 12:05"),), "#d00000")
    assert message.payload() == {
        "text": "dark",
        "attachments": [{"color": "#d00000", "blocks": [section("since 12:05")]}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_a_message_of_too_many_blocks_keeps_the_first_ones_and_the_buttons():
    row = actions(button("Why", "why", "412"))
    blocks = Message("many", (*(section(f"line {number}") for number in range(100)), row)).payload()["blocks"]
    assert len(blocks) == 50
    assert blocks[0] == section("line 0")
    assert blocks[-2] == context_block("… and 52 more")
    assert blocks[-1] == row


def test_short_texts_stay_whole_where_long_ones_give_way():
    blocks = Message("dark", (section("short"), *(section("x" * 3000) for _ in range(5)))).payload()["blocks"]
    assert blocks[0]["text"]["text"] == "short"
    assert {len(block["text"]["text"]) for block in blocks[1:]} == {1797}  # a fifth of what is left, less a backtick


def test_a_button_says_only_what_it_was_given():
    assert button("Why", "why") == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Why", "emoji": True},
        "action_id": "why",
    }
    full = button("Runbook", "runbook", "412", url="https://example.com/r", style="danger")
    assert (full["value"], full["url"], full["style"]) == ("412", "https://example.com/r", "danger")


def test_a_select_says_only_what_it_was_given():
    once_more = confirmation("Silence #412?", "Nothing is told of it until then.", yes="Silence", no="Cancel")
    menu = select("Silence", "silence", [("1 hour", "412 1h")], confirm=once_more)
    assert menu == {
        "type": "static_select",
        "placeholder": {"type": "plain_text", "text": "Silence", "emoji": True},
        "action_id": "silence",
        "options": [{"text": {"type": "plain_text", "text": "1 hour", "emoji": True}, "value": "412 1h"}],
        "confirm": once_more,
    }
    assert {key: part["text"] for key, part in once_more.items()} == {
        "title": "Silence #412?",
        "text": "Nothing is told of it until then.",
        "confirm": "Silence",
        "deny": "Cancel",
    }
    assert "confirm" not in select("Silence", "silence", [("1 hour", "412 1h")])


@pytest.mark.parametrize(
    "make",
    [
        lambda: button("Why", ""),
        lambda: button("Why", "a" * 256),
        lambda: button("Why", "why", "x" * 2001),
        lambda: button("Why", "why", url="https://example.com/" + "x" * 3000),
        lambda: select("Silence", "", [("1 hour", "1h")]),
        lambda: select("Silence", "a" * 256, [("1 hour", "1h")]),
        lambda: select("Silence", "silence", []),
        lambda: select("Silence", "silence", [("1 hour", " ")]),
        lambda: select("Silence", "silence", [("1 hour", "x" * 151)]),
        lambda: select("Silence", "silence", [("1 hour", "1h"), ("one", "1h")]),
        lambda: select("Silence", "silence", [(f"{n} hours", f"{n}h") for n in range(101)]),
        actions,
        lambda: actions(*(button("Why", f"why{number}") for number in range(26))),
        lambda: actions(button("Why", "why"), button("Chart", "why")),
    ],
)
def test_what_cutting_would_break_is_refused_instead(make):
    with pytest.raises(ValueError, match=r"^an? (button|row|select|option) takes "):
        make()


def test_text_for_a_terminal_has_no_control_characters():
    message = Message("`a\x1b[2Jb`\nis &lt;dark&gt;", color="#d00000")
    assert plain(message) == "a\\x1b[2Jb\nis <dark>"
