"""Alerts as Slack messages, and messages as the outbox keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import tzinfo

from alertbot.alerts import wording
from alertbot.alerts.wording import Notice
from alertbot.rules.base import Severity
from alertbot.slack.blocks import Message, code, context, escape

_COLORS = {Severity.CRITICAL: "#d40e0d", Severity.WARNING: "#eb9d00", Severity.INFO: "#6c7a89"}
_GREEN = "#2eb67d"
_MENTION = re.compile(r"<[!@](?:subteam\^)?(\w+)>")


def alert_message(notice: Notice, zone: tzinfo, mention: Mapping[str, str]) -> Message:
    """The message of an alert that fired, or what it is edited to once it resolved."""
    rule = notice.rule
    headline = wording.headline(notice, zone, code)
    details = escape(wording.details(notice, zone))
    if rule is not None and rule.runbook is not None:
        details += f"; <{escape(rule.runbook)}|runbook>"
    if rule is None or not notice.change.fired:
        return Message(f"Resolved: {headline}", (context(details),), _GREEN)
    called = mention.get(rule.severity.value)
    text = f"{mention_markup(called)} {headline}" if called else headline
    return Message(text, (context(f"{rule.severity.value}; {details}"),), _COLORS[rule.severity])


def mention_markup(mention: str) -> str:
    """``@here``, ``@channel``, a user's or a user group's id, as Slack's markup that notifies them."""
    if mention.startswith("@"):
        return f"<!{escape(mention[1:])}>"
    return f"<!subteam^{escape(mention)}>" if mention.startswith("S") else f"<@{escape(mention)}>"


def to_json(message: Message) -> str:
    """A message as text for the outbox."""
    return json.dumps({"text": message.text, "blocks": message.blocks, "color": message.color}, ensure_ascii=False)


def from_json(body: str) -> Message:
    """The message that ``to_json`` wrote."""
    held = json.loads(body)
    return Message(held["text"], tuple(held["blocks"]), held["color"])


def plain(message: Message) -> str:
    """A message as lines of plain text: for the log and the demo."""
    # Beside a coloured bar the text stands above the blocks; without one they take its place.
    lines = [message.text] if message.color or not message.blocks else []
    for block in message.blocks:
        texts = [block["text"], *block.get("fields", ())] if "text" in block else block.get("elements", ())
        lines += [part["text"] for part in texts if isinstance(part.get("text"), str)]
    return "\n".join(_unmarked(line) for line in lines)


def _unmarked(text: str) -> str:
    text = _MENTION.sub(r"@\1", text)
    return text.replace("`", "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
