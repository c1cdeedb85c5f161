"""Alerts as Slack messages, and messages as the outbox keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from alertbot.alerts.incidents import Incident, IncidentKind
from alertbot.alerts.telling import Setting, Tone, tell
from alertbot.alerts.wording import Markup
from alertbot.slack.blocks import Message, code, context, escape, section

_COLORS = {Tone.CRITICAL: "#d40e0d", Tone.WARNING: "#eb9d00", Tone.INFO: "#6c7a89", Tone.OVER: "#2eb67d"}
_MENTION = re.compile(r"<[!@](?:subteam\^)?(\w+)>")


def incident_message(incident: Incident, setting: Setting, mention: Mapping[str, str]) -> Message:
    """The message of an incident: what is posted, and what it is edited to as the incident changes."""
    telling = tell(incident, setting, Markup(code, escape))
    details = escape(telling.details)
    if telling.runbook is not None:
        details += f"; <{escape(telling.runbook)}|runbook>"
    blocks = [section("\n".join(telling.lines))] if telling.lines else []
    if telling.tone is Tone.OVER:
        text = telling.headline if incident.kind is IncidentKind.PASSED else f"Resolved: {telling.headline}"
        return Message(text, (*blocks, context(details)), _COLORS[Tone.OVER])
    called = mention.get(telling.tone.value)
    text = f"{mention_markup(called)} {telling.headline}" if called else telling.headline
    return Message(text, (*blocks, context(f"{telling.tone.value}; {details}")), _COLORS[telling.tone])


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
