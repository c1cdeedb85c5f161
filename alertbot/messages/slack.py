"""Alerts as Slack messages, and messages as the outbox keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from alertbot.incidents.incident import Incident, IncidentKind, Vote, series_of
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.routing import is_channel
from alertbot.messages.alert import Markup, several
from alertbot.messages.blocks import (
    Block,
    Message,
    actions,
    button,
    code,
    confirmation,
    context_block,
    escape,
    packed,
    section,
    select,
)
from alertbot.messages.incident import ending, tell
from alertbot.messages.incident_parts import Context, IncidentText, Tone
from alertbot.messages.thread import say
from alertbot.messages.votes import vote_buttons, with_votes
from alertbot.rules.base import Severity
from alertbot.words import printable

MARKUP = Markup(code, escape)

_COLORS = {
    Tone.CRITICAL: "#d40e0d",
    Tone.WARNING: "#eb9d00",
    Tone.INFO: "#6c7a89",
    Tone.TAKEN: "#2a78d6",
    Tone.QUIET: "#9aa5b1",
    Tone.OVER: "#2eb67d",
    Tone.ACCEPTED: "#9aa5b1",
    Tone.SILENT: "#9aa5b1",
}


def color_of(severity: Severity) -> str:
    """The colour of what fires with this severity."""
    return _COLORS[Tone(severity.value)]


_MENTION = re.compile(r"<[!@](?:subteam\^)?(\w+)>")
_CALL = re.compile(r"<(?:!here|!channel|!everyone|!subteam\^\w+|@\w+)>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])")
_CALLS_FIRST = re.compile(rf"(?:{_CALL.pattern}\s*)+")
_SECTION = 2_900
"""Characters of lines that go into one paragraph: Slack takes 3,000."""

_REPLY = 7_500
"""Characters of lines that go into one reply: well below what Slack takes in a message."""

_SILENCE_FOR = ("1h", "4h", "24h")


def incident_message(
    incident: Incident, context: Context, mention: Mapping[str, str], *, charts: bool = False
) -> Message:
    """The message of an incident: what is posted, and what it is edited to as the incident changes.

    ``charts``: whether there are any to ask for.
    """
    telling = tell(incident, context, MARKUP)
    details = escape(telling.details)
    blocks = [section(text) for text in packed(telling.lines, _SECTION)]
    if telling.tone in {Tone.OVER, Tone.ACCEPTED, Tone.SILENT}:
        text = ending(incident, context, telling.headline)
        row = actions(*_looks(incident, charts=charts), *(vote_buttons(incident.number) if incident.alerts else ()))
        message = Message(text, (*blocks, context_block(details), row), _COLORS[telling.tone])
        return with_votes(message, incident.votes)
    expected = incident.kind is IncidentKind.UPGRADE or incident.usually_silent
    wakes = telling.tone.wakes and not expected
    called = mention.get(telling.tone.value) if wakes else None
    text = f"{mention_markup(called)} {telling.headline}" if called else telling.headline
    blocks.append(context_block(details))
    return Message(text, (*blocks, _buttons(incident, telling, charts=charts)), _COLORS[telling.tone])


def _buttons(incident: Incident, telling: IncidentText, *, charts: bool) -> Block:
    """What still makes sense to be clicked."""
    number = str(incident.number)
    row = []
    if incident.progress.acked_at is None:
        row.append(button("Acknowledge", "ack", number, style="primary"))
    if incident.alerts:
        asked = confirmation(
            f"Silence {several(series_of(incident.alerts))}?",
            f"Nothing is posted about what #{number} lists until then. It is judged all the same.",
            yes="Silence",
            no="Cancel",
        )
        options = [(f"for {lasting}", f"{number} {lasting}") for lasting in _SILENCE_FOR]
        row.append(select("Silence", "silence", options, confirm=asked))
    row += _looks(incident, charts=charts)
    if telling.runbook is not None:
        row.append(button("Runbook", "runbook", url=telling.runbook))
    return actions(*row)


def _looks(incident: Incident, *, charts: bool) -> Iterator[Block]:
    """What may be asked of an incident at any time."""
    number = str(incident.number)
    yield button("Why", "why", number)
    if charts and (incident.alerts or incident.kind is IncidentKind.DARK):
        yield button("Chart", "chart", number)


def note_messages(
    note: Note, incident: Incident, context: Context, mention: Mapping[str, str]
) -> Iterator[tuple[Message, bool]]:
    """A note as replies in the thread, as many as it takes; the first may be shown in the channel."""
    said = say(note, incident, context, MARKUP)
    called = _called(note, incident, context, mention) if note.page else list(note.mentions)
    text = " ".join([*map(mention_markup, called), said.headline])
    parts = packed(said.lines, _REPLY)
    if not parts:
        number = str(incident.number)
        answers = (button("Still on it", "ack", number, style="primary"), button("Hand back", "unack", number))
        blocks = (section(text), actions(*answers)) if note.kind is NoteKind.ASKED else ()
        yield Message(text, blocks), note.page
    for index, part in enumerate(parts):
        count = f" ({index + 1} of {len(parts)})" if len(parts) > 1 else ""
        head = f"{text if index == 0 else said.headline}{count}"
        paragraphs = (section(each) for each in packed(part.split("\n"), _SECTION))
        yield Message(head, (section(head), *paragraphs)), note.page and index == 0


def _called(note: Note, incident: Incident, context: Context, mention: Mapping[str, str]) -> list[str]:
    """Whom a note wakes: those of the severity, and those it is escalated to."""
    tone = tell(incident, context, MARKUP).tone
    by_severity = mention.get(tone.value) if tone.wakes else None
    others = (who for who in note.mentions if not is_channel(who))
    return list(dict.fromkeys(who for who in (by_severity, *others) if who is not None))


def mention_markup(mention: str) -> str:
    """``@here``, ``@channel``, a user's or a user group's id, as Slack's markup that notifies them."""
    if mention.startswith("@"):
        return f"<!{escape(mention[1:])}>"
    return f"<!subteam^{escape(mention)}>" if mention.startswith("S") else f"<@{escape(mention)}>"


def mentions_in(text: str) -> frozenset[str]:
    """Whom a text calls, as Slack's markup."""
    return frozenset(_CALL.findall(text))


def calling(body: str) -> tuple[str, ...]:
    """Whom a message in the outbox mentions, as Slack's markup."""
    return tuple(sorted(mentions_in(from_json(body).text)))


def without_mentions(body: str, calls: Iterable[str] | None = None) -> str:
    """The body of a message in the outbox, calling nobody at its start, or none of these."""
    message = from_json(body)
    first = _CALLS_FIRST.match(message.text)
    if first is None:
        return body
    kept = [] if calls is None else [call for call in _CALL.findall(first[0]) if call not in calls]
    text = " ".join([*kept, message.text[first.end() :]])
    # A reply of several paragraphs begins with its text once more.
    blocks = (section(text) if block == section(message.text) else block for block in message.blocks)
    return to_json(replace(message, text=text, blocks=tuple(blocks)))


def mentions_pause(call: str, until: str, command: str) -> Message:
    """That these people were called so often that they are called no more until a time."""
    return Message(
        f"{call} You were mentioned here 10 times within an hour: no more mentions until {until}."
        f" Everything is still posted; {code(f'{command} alerts')} lists what is firing."
    )


def to_json(message: Message) -> str:
    """A message as text for the outbox."""
    return json.dumps({"text": message.text, "blocks": message.blocks, "color": message.color}, ensure_ascii=False)


def with_votes_shown(body: str, votes: Sequence[Vote]) -> str:
    """The body of a message in the outbox, with who voted what."""
    return to_json(with_votes(from_json(body), votes))


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
    return "\n".join(printable(line) for text in lines for line in _unmarked(text).split("\n"))


def _unmarked(text: str) -> str:
    text = _MENTION.sub(r"@\1", text)
    # Only outside of `code`, where an asterisk is part of a glob.
    text = "".join(_BOLD.sub(r"\1", part) if index % 2 == 0 else part for index, part in enumerate(text.split("`")))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
