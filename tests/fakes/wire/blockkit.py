"""What Slack refuses in a message, strictly: limits, missing keys, and every key it does not know.

``refuse_message`` raises ``Refused`` with Slack's own error code and its messages, a JSON pointer in each:
``[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]``. Only what a bot like ours may use is
known here; whatever else comes is refused too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_TEXT = 40_000
MOST_UPDATE_BYTES = 4_000
MOST_ALTOGETHER = 13_200
MOST_METADATA_BYTES = 16_384
CHARTS = "data_visualization"

Check = Callable[[Any, str], Iterator[str]]


class Refused(Exception):
    """Slack's answer ``ok: false``: its error code and, for blocks, what is wrong where."""

    def __init__(self, code: str, *messages: str, **extra: Any) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = messages
        self.extra = extra


def refuse_message(message: Mapping[str, Any], *, edit: bool = False) -> None:
    """Raise ``Refused`` for a message (or an edit) whose text, blocks, attachments or metadata Slack does not take."""
    text, blocks, attachments = (message.get(key) for key in ("text", "blocks", "attachments"))
    _refuse_text(text, is_empty=not blocks and not attachments, edit=edit)
    _refuse("invalid_blocks", _blocks(blocks or [], "/blocks"))
    _refuse("invalid_attachments", _attachments(attachments or [], "/attachments"))
    if len(text or "") + sum(_lengths([blocks, attachments])) > MOST_ALTOGETHER:
        raise Refused("msg_blocks_too_long")
    if "metadata" in message:
        _refuse_metadata(message["metadata"])


def _refuse(code: str, problems: Iterator[str]) -> None:
    found = list(problems)
    if found:
        raise Refused(code, *found)


def _refuse_text(text: Any, *, is_empty: bool, edit: bool) -> None:
    if text is not None and not isinstance(text, str):
        raise Refused("invalid_arguments", "[ERROR] must be a string [json-pointer:/text]")
    if is_empty and not (text or "").strip():
        raise Refused("no_text")
    if len(text or "") > MOST_TEXT or (edit and len((text or "").encode()) > MOST_UPDATE_BYTES):
        raise Refused("msg_too_long")


def _refuse_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        raise Refused("invalid_metadata_format")
    name, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(name, str) or not re.fullmatch(r"\w{1,255}", name, re.ASCII) or not isinstance(payload, dict):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(payload).encode()) > MOST_METADATA_BYTES:
        raise Refused("metadata_too_large")


def _lengths(part: Any) -> Iterator[int]:
    """The length of every text that is shown."""
    if isinstance(part, list):
        for item in part:
            yield from _lengths(item)
    elif isinstance(part, dict):
        for key, item in part.items():
            if key == "text" and isinstance(item, str):
                yield len(item)
            else:
                yield from _lengths(item)


# Checks: each takes a value and its JSON pointer and yields what is wrong.


def _error(what: str, pointer: str) -> Iterator[str]:
    yield f"[ERROR] {what} [json-pointer:{pointer}]"


def string(most: int, least: int = 1) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield from _error("must be a string", pointer)
        elif len(value) > most:
            yield from _error(f"must be less than {most + 1} characters", pointer)
        elif len(value.strip()) < least:
            yield from _error(f"must be more than {least - 1} characters", pointer)

    return check


def one_of(*allowed: Any) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        if value not in allowed:
            yield from _error(f"must be one of {', '.join(map(str, allowed))}", pointer)

    return check


def boolean(value: Any, pointer: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield from _error("must be a boolean", pointer)


def number(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield from _error("must be a number", pointer)


def url(schemes: str, most: int = 3000) -> Check:
    def check(value: Any, pointer: str) -> Iterator[str]:
        yield from string(most)(value, pointer)
        if isinstance(value, str) and not re.match(rf"({schemes})://[^\s]+$", value):
            yield from _error("must be a valid url", pointer)

    return check


def items(check: Check, most: int, least: int = 1) -> Check:
    def check_all(value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield from _error("must be an array", pointer)
            return
        if len(value) > most:
            yield from _error(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            yield from _error(f"no fewer than {least} items allowed", pointer)
        for index, item in enumerate(value):
            yield from check(item, f"{pointer}/{index}")

    return check_all


@dataclass(frozen=True)
class Shape:
    """An object's keys, but ``type``: those it needs and those it may have."""

    needed: Mapping[str, Check] = field(default_factory=dict)
    allowed: Mapping[str, Check] = field(default_factory=dict)

    def __call__(self, value: Any, pointer: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield from _error("must be an object", pointer)
            return
        for key in self.needed.keys() - value.keys():
            yield from _error(f"missing required field: {key}", pointer)
        for key, item in value.items():
            check = self.needed.get(key) or self.allowed.get(key)
            if check is None:
                yield from _error(f"additional property not allowed: {key}", f"{pointer}/{key}")
            else:
                yield from check(item, f"{pointer}/{key}")


def typed(**shapes: Shape) -> Check:
    """An object whose ``type`` says which of these it is."""

    def check(value: Any, pointer: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind not in shapes:
            yield from _error(f"unsupported type: {kind}", pointer)
            return
        rest = {key: item for key, item in value.items() if key != "type"}
        yield from shapes[kind](rest, pointer)

    return check


def plain(most: int) -> Check:
    return typed(plain_text=Shape({"text": string(most)}, {"emoji": boolean}))


def text(most: int) -> Check:
    mrkdwn = Shape({"text": string(most)}, {"verbatim": boolean})
    return typed(mrkdwn=mrkdwn, plain_text=Shape({"text": string(most)}, {"emoji": boolean}))


ID = string(255)
CONFIRM = Shape(
    {"title": plain(100), "text": plain(300), "confirm": plain(30), "deny": plain(30)},
    {"style": one_of("primary", "danger")},
)
OPTION = Shape({"text": plain(75), "value": string(150)}, {"description": plain(75)})
SLACK_FILE = Shape({}, {"id": ID, "url": url("https")})

BUTTON = Shape(
    {"text": plain(75)},
    {
        "action_id": ID,
        "value": string(2000),
        "url": url("https?"),
        "style": one_of("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
OVERFLOW = Shape({"options": items(OPTION, 5)}, {"action_id": ID, "confirm": CONFIRM})
SELECT = Shape(
    {"options": items(OPTION, 100)},
    {
        "action_id": ID,
        "placeholder": plain(150),
        "initial_option": OPTION,
        "confirm": CONFIRM,
        "focus_on_load": boolean,
    },
)
IMAGE = Shape({"alt_text": string(2000)}, {"image_url": url("https"), "slack_file": SLACK_FILE})
IMAGE_BLOCK = Shape(IMAGE.needed, {**IMAGE.allowed, "title": plain(2000), "block_id": ID})
INTERACTIVE = {"button": BUTTON, "overflow": OVERFLOW, "static_select": SELECT}

NUMBER_LABEL = string(20)
POINT = Shape({"label": NUMBER_LABEL, "value": number})
SERIES = Shape({"name": string(20), "data": items(POINT, 20)})
AXES = Shape({"categories": items(NUMBER_LABEL, 20)}, {"x_label": string(50), "y_label": string(50)})
DRAWN = Shape({"series": items(SERIES, 6), "axis_config": AXES})
CHART = typed(line=DRAWN, bar=DRAWN, area=DRAWN)

BLOCK = typed(
    data_visualization=Shape({"title": string(50), "chart": CHART}, {"block_id": ID}),
    section=Shape(
        {},
        {
            "text": text(3000),
            "fields": items(text(2000), 10),
            "accessory": typed(image=IMAGE, **INTERACTIVE),
            "expand": boolean,
            "block_id": ID,
        },
    ),
    context=Shape(
        {
            "elements": items(
                typed(
                    image=IMAGE,
                    mrkdwn=Shape({"text": string(3000)}, {"verbatim": boolean}),
                    plain_text=Shape({"text": string(3000)}, {"emoji": boolean}),
                ),
                10,
            )
        },
        {"block_id": ID},
    ),
    header=Shape({"text": plain(150)}, {"block_id": ID}),
    actions=Shape({"elements": items(typed(**INTERACTIVE), 25)}, {"block_id": ID}),
    divider=Shape({}, {"block_id": ID}),
    image=IMAGE_BLOCK,
)


def _blocks(value: Any, pointer: str) -> Iterator[str]:
    yield from items(BLOCK, 50, least=0)(value, pointer)
    blocks = _objects(value)
    yield from _repeated("block_id", blocks, pointer)
    if sum(block.get("type") == CHARTS for block in blocks) > 2:
        yield from _error("no more than 2 charts allowed", pointer)
    for index, block in enumerate(blocks):
        yield from _across_keys(block, f"{pointer}/{index}")


ATTACHMENT = Shape({}, {"color": string(64), "blocks": _blocks, "fallback": string(3000)})


def _attachments(value: Any, pointer: str) -> Iterator[str]:
    yield from items(ATTACHMENT, 20, least=0)(value, pointer)
    for index, attachment in enumerate(_objects(value)):
        if not attachment.get("blocks") and not attachment.get("fallback"):
            yield from _error("an attachment says nothing", f"{pointer}/{index}")


def _across_keys(block: Mapping[str, Any], pointer: str) -> Iterator[str]:
    if block.get("type") == "section" and not block.get("text") and not block.get("fields"):
        yield from _error("missing required field: text or fields", pointer)
    if block.get("type") == CHARTS:
        yield from _chart(block.get("chart"), f"{pointer}/chart")
    elements = _objects(block.get("elements"))
    yield from _repeated("action_id", elements, pointer)
    for image in [block, *_objects([block.get("accessory")]), *elements]:
        if image.get("type") == "image" and ("image_url" in image) == ("slack_file" in image):
            yield from _error("an image takes exactly one of image_url and slack_file", pointer)


def _chart(chart: Any, pointer: str) -> Iterator[str]:
    """Each line has one point for every category, in any order, and no other; no two have the same name."""
    drawn = chart if isinstance(chart, dict) else {}
    lines, axes = _objects(drawn.get("series")), _objects([drawn.get("axis_config")])
    yield from _repeated("name", lines, f"{pointer}/series")
    categories = [each for axis in axes for each in axis.get("categories") or ()]
    if len(set(map(str, categories))) != len(categories):
        yield from _error("a category stands there twice", f"{pointer}/axis_config/categories")
    for place, line in enumerate(lines):
        labels = [str(point.get("label")) for point in _objects(line.get("data"))]
        if sorted(labels) != sorted(map(str, categories)):
            yield from _error("labels must match the categories", f"{pointer}/series/{place}/data")


def _repeated(key: str, parts: list[dict[str, Any]], pointer: str) -> Iterator[str]:
    given = [part[key] for part in parts if isinstance(part.get(key), str)]
    if len(set(given)) != len(given):
        yield from _error(f"`{key}` is used twice", pointer)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
