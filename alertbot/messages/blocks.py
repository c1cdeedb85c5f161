"""Messages that Slack takes, whatever the names and numbers in them: Block Kit's limits hold by construction.

Texts are mrkdwn: what comes from outside goes through ``escape`` or ``code`` once, and a text that is too long is cut
with an ellipsis. Limits: https://docs.slack.dev/reference/block-kit/blocks and /messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Block: TypeAlias = dict[str, Any]
"""One layout block, or a part of one, as Slack's JSON has it."""

ELLIPSIS = "…"
NOTHING = "-"
"""Stands where a text is empty: Slack refuses empty text objects."""

_SECTION, _BUTTON = 3_000, 75
_VALUE, _URL, _ACTION_ID, _ACTIONS = 2_000, 3_000, 255, 25
_OPTION, _OPTION_VALUE, _OPTIONS, _PLACEHOLDER = 75, 150, 100, 150
_CONFIRM_TITLE, _CONFIRM_TEXT, _CONFIRM_BUTTON = 100, 300, 30
_BLOCKS = 50
_FALLBACK = 1_000
_NAME = 90
# Slack refuses a message of about 13,200 characters (msg_blocks_too_long) and documents no limit: stay well below it.
_MESSAGE = 9_000

# What must be kept or dropped as a whole: an escaped character, or <!here>, <@U1>, <https://...|label>.
_ENTITY = re.compile(r"&(?:amp|lt|gt);|<[^<>]*>")


@dataclass(frozen=True)
class Message:
    """What is said: ``text`` (one mrkdwn line, enough for a lock screen) and the blocks that stand under it.

    With a ``color`` (``#rrggbb``) Slack shows the text above a coloured bar that holds the blocks; without one the
    blocks replace the text, which is then only the notification. ``chart``: Slack's own, for an answer alone, since
    not every workspace takes it.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    color: str | None = None
    chart: Block | None = None

    def with_chart(self) -> Message:
        """The same message with its chart among the blocks."""
        if self.chart is None:
            return self
        blocks = self.blocks or (section(self.text),)
        return replace(self, blocks=(*blocks, self.chart), chart=None)

    def content(self) -> dict[str, Any]:
        """The part an edit replaces: ``text`` and ``blocks``, or ``attachments``; under 9,000 characters of text."""
        # chat.update takes 4,000 bytes of text: a thousand characters of at most four bytes.
        text = cut(_filled(self.text), _FALLBACK)
        blocks = _fitted(self.blocks, _MESSAGE - 1 - len(text))
        if not blocks:
            return {"text": text}
        if self.color is None:
            return {"text": text, "blocks": blocks}
        return {"text": text, "attachments": [{"color": self.color, "blocks": blocks}]}

    def payload(self) -> dict[str, Any]:
        """The arguments of ``chat.postMessage`` that say what is posted; nothing in it is unfurled."""
        return {**self.content(), "unfurl_links": False, "unfurl_media": False}


def escape(text: str) -> str:
    """Text from outside as mrkdwn: Slack wants ``&``, ``<`` and ``>`` escaped, once, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """A name in a code span, unescaped text in: so Slack neither links a domain nor reads ``*_~`` in it."""
    return f"`{escape(_filled(' '.join(text.split())).replace('`', chr(39)))}`"


def short(name: str) -> str:
    """A name in a code span for a list: of a very long one its ends, so that the list has room for all."""
    if len(name) > _NAME:
        name = f"{name[: _NAME * 2 // 3]}{ELLIPSIS}{name[-(_NAME // 3) :]}"
    return code(name)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of mrkdwn (at least 2): an entity stays whole, a code span is closed."""
    if len(text) <= limit:
        return text
    end = limit - 2  # room for the ellipsis and for the backtick that closes a code span
    for entity in _ENTITY.finditer(text):
        if entity.start() < end < entity.end():
            end = entity.start()
    head = text[:end]
    return head + ("`" if head.count("`") % 2 else "") + ELLIPSIS


def section(text: str, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn; ``accessory`` is a button beside it."""
    block: Block = {"type": "section", "text": _mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def paragraphs(lines: Iterable[str]) -> tuple[Block, ...]:
    """Lines of mrkdwn in as few paragraphs as hold them; a line that is too long for one is cut."""
    return tuple(map(section, packed(lines, _SECTION)))


def packed(lines: Iterable[str], size: int) -> list[str]:
    """The lines in as few texts of at most so many characters as hold them; a longer line is one by itself."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + 1 + len(line) <= size:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return texts


def context_block(text: str) -> Block:
    """A line of small grey mrkdwn."""
    return {"type": "context", "elements": [context_line(text)]}


def context_line(text: str) -> Block:
    """One text of such a line, which takes up to ten."""
    return _mrkdwn(text)


def actions(*elements: Block) -> Block:
    """A row of 1-25 buttons and selects whose action ids differ; ``ValueError`` otherwise."""
    ids = {element["action_id"] for element in elements}
    if not 1 <= len(elements) <= _ACTIONS or len(ids) != len(elements):
        raise ValueError(f"a row takes 1-{_ACTIONS} buttons with an action id each of its own")
    return {"type": "actions", "elements": list(elements)}


def button(
    text: str,
    action_id: str,
    value: str = "",
    *,
    url: str | None = None,
    style: Literal["primary", "danger"] | None = None,
) -> Block:
    """A button with a plain-text label; ``ValueError`` where cutting ``action_id``, ``value`` or ``url`` would be due.

    Those are read by machines: half of one would mean something else.
    """
    if not 1 <= len(action_id) <= _ACTION_ID or len(value) > _VALUE or len(url or "") > _URL:
        raise ValueError(
            f"a button takes an action id of {_ACTION_ID}, a value of {_VALUE} and a url of {_URL} at most"
        )
    optional = {"value": value or None, "url": url, "style": style}
    return {
        "type": "button",
        "text": _plain(text, _BUTTON),
        "action_id": action_id,
        **{key: given for key, given in optional.items() if given is not None},
    }


def select(
    placeholder: str, action_id: str, options: Sequence[tuple[str, str]], *, confirm: Block | None = None
) -> Block:
    """A menu of 1-100 (label, value), opened by a button that says ``placeholder``; ``confirm`` asks once more.

    ``ValueError`` where cutting ``action_id`` or a value would be due, or a value stands there twice.
    """
    values = {value for _, value in options}
    if not 1 <= len(action_id) <= _ACTION_ID or not 1 <= len(options) <= _OPTIONS or len(values) != len(options):
        raise ValueError(f"a select takes an action id of {_ACTION_ID} at most and 1-{_OPTIONS} different options")
    if not all(value.strip() and len(value) <= _OPTION_VALUE for value in values):
        raise ValueError(f"an option takes a value of 1-{_OPTION_VALUE} characters")
    menu: Block = {
        "type": "static_select",
        "placeholder": _plain(placeholder, _PLACEHOLDER),
        "action_id": action_id,
        "options": [{"text": _plain(label, _OPTION), "value": value} for label, value in options],
    }
    return menu if confirm is None else {**menu, "confirm": confirm}


def confirmation(title: str, text: str, *, yes: str, no: str) -> Block:
    """What is asked before a click counts; all of it plain text."""
    return {
        "title": _plain(title, _CONFIRM_TITLE),
        "text": _plain(text, _CONFIRM_TEXT),
        "confirm": _plain(yes, _CONFIRM_BUTTON),
        "deny": _plain(no, _CONFIRM_BUTTON),
    }


def _mrkdwn(text: str) -> Block:
    # verbatim: Slack then links nothing that is not marked up as a link.
    return {"type": "mrkdwn", "text": cut(_filled(text), _SECTION), "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clipped(_filled(text), limit), "emoji": True}


def clipped(text: str, limit: int) -> str:
    """At most so many characters of plain text."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def _filled(text: str) -> str:
    return text if text.strip() else NOTHING


def _fitted(blocks: Sequence[Block], budget: int) -> list[Block]:
    """At most 50 blocks with at most ``budget`` characters of text: the longest texts give way first."""
    kept = blocks
    if len(blocks) > _BLOCKS:
        # The last block stays: it holds the buttons.
        left_out = context_block(f"{ELLIPSIS} and {len(blocks) - _BLOCKS + 1} more")
        kept = (*blocks[: _BLOCKS - 2], left_out, blocks[-1])
    longest = _longest_that_fits([len(text["text"]) for block in kept for text in _texts(block)], budget)
    return [_shortened(block, longest) for block in kept]


def _longest_that_fits(sizes: Sequence[int], budget: int) -> int:
    """The length at which to cut every longer text, so that all together keep to the budget."""
    ordered = sorted(sizes)
    for index, size in enumerate(ordered):
        share = budget // (len(ordered) - index)
        if size > share:
            return share
        budget -= size
    return max(ordered, default=0)


def _texts(part: Any) -> Iterator[Block]:
    if isinstance(part, list):
        for item in part:
            yield from _texts(item)
    elif isinstance(part, dict):
        if part.get("type") in {"mrkdwn", "plain_text"}:
            yield part
        for item in part.values():
            yield from _texts(item)


def _shortened(part: Any, longest: int) -> Any:
    if isinstance(part, list):
        return [_shortened(item, longest) for item in part]
    if not isinstance(part, dict):
        return part
    shorter = {key: _shortened(item, longest) for key, item in part.items()}
    if part.get("type") == "mrkdwn":
        shorter["text"] = cut(part["text"], longest)
    elif part.get("type") == "plain_text":
        shorter["text"] = clipped(part["text"], longest)
    return shorter
