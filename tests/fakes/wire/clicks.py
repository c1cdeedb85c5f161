"""What Slack sends when somebody clicks: a ``block_actions`` payload about an element that the message does have."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from fakes.wire.workspace import TEAM, Channel, Message


def element(message: Message, action_id: str) -> tuple[str, Mapping[str, Any]]:
    """The block's id and the element of this action id; ``LookupError`` where the message has none."""
    for block in _blocks(message):
        for part in [block.get("accessory"), *block.get("elements", ())]:
            if part and part.get("action_id") == action_id:
                return block.get("block_id", "b1cK"), part
    raise LookupError(f"the message {message.text!r} has no element {action_id!r}")


def block_actions(
    message: Message,
    channel: Channel,
    action_id: str,
    value: str | None,
    *,
    shown: Mapping[str, Any],
    user: str,
    team: str,
    response_url: str,
) -> dict[str, Any]:
    """The payload; ``value`` picks a select's option, and of a button may only be its own."""
    block_id, clicked = element(message, action_id)
    where = {"message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": False}
    kind = {"type": "message_attachment", "attachment_id": 1} if message.attachments else {"type": "message"}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": team},
        "api_app_id": "A0LOOP",
        "token": "verification",
        "container": {**kind, **where},
        "trigger_id": secrets.token_hex(8),
        "team": {"id": TEAM, "domain": "loopback"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": "privategroup" if channel.private else channel.name},
        "message": dict(shown),
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [{**_acted(clicked, value), "block_id": block_id, "action_ts": "1772452800.000100"}],
    }


def _acted(clicked: Mapping[str, Any], value: str | None) -> dict[str, Any]:
    kind, action_id = clicked["type"], clicked["action_id"]
    if kind == "static_select":
        options = [option for option in clicked["options"] if option["value"] == value]
        if not options:
            raise LookupError(f"the select {action_id!r} has no option {value!r}")
        return {"type": kind, "action_id": action_id, "selected_option": options[0]}
    if value not in {None, clicked.get("value")}:
        raise LookupError(f"the button {action_id!r} has not the value {value!r}")
    own = {key: clicked[key] for key in ("value", "url", "text") if key in clicked}
    return {"type": kind, "action_id": action_id, **own}


def _blocks(message: Message) -> Iterator[Mapping[str, Any]]:
    yield from message.blocks
    for attachment in message.attachments:
        yield from attachment.get("blocks", ())
