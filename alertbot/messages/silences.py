"""Silences in words: the list of them, what is asked before a wide one begins, and what the channel reads of it."""

from __future__ import annotations

import json
from datetime import tzinfo

from alertbot.incidents.orders import Preview
from alertbot.incidents.silences import GROUP_MARK, INCIDENT_MARK, RULE_MARK, StoredSilence
from alertbot.messages.blocks import Message, actions, button, code, context_block, escape, section
from alertbot.messages.incident_parts import Context
from alertbot.query.status import SilenceLine, Silences, Stage
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.units import format_clock, format_duration
from alertbot.words import counted

PREVIEWED = 300
"""Seconds for which a preview may be confirmed."""


def target_words(target: str, domains: int) -> str:
    """What is silenced: ``video.*`` (10 domains), the rule ``went-dark`` (300 domains)."""
    if target == TOTAL:
        return "the account's total"
    if target.startswith(SUM_PREFIX):
        return f"the sum of {code(target.removeprefix(SUM_PREFIX))}"
    covers = f" ({counted(domains, 'domain')})" if domains else ""  # of a rule on the total alone: none
    if target.startswith(RULE_MARK):
        return f"the rule {code(target.removeprefix(RULE_MARK))}{covers}"
    if target.startswith(INCIDENT_MARK):
        return f"{target}{covers}"
    alone = domains == 1 and not target.startswith(GROUP_MARK) and not set(target) & set("*?[")
    return code(target) if alone else f"{code(target)}{covers}"


def preview_message(preview: Preview, zone: tzinfo, now: float) -> Message:
    """The question before a wide silence: nothing is silenced yet."""
    silence = preview.silence
    what = target_words(silence.target, preview.domains)
    begins = "" if silence.begins <= now else f"from {format_clock(silence.begins, zone, now)} "
    until = f"{begins}until {format_clock(silence.ends, zone, now)}"
    of = f"{preview.domains:,} of {counted(preview.watched, 'watched domain')}"
    question = f"Silence {what} {until}? That is {of}. Nothing is silenced yet."
    value = json.dumps([now, silence.target, silence.begins, silence.ends, silence.reason], ensure_ascii=False)
    lasting = format_duration(silence.ends - silence.begins)
    buttons = actions(
        button(f"Silence {counted(preview.domains, 'domain')} for {lasting}", "confirm", value, style="danger"),
        button("Cancel", "dismiss", "0"),
    )
    return Message(question, (section(question), buttons))


def silence_declared(silence: StoredSilence, domains: int, context: Context) -> Message:
    """What everybody in the channel is to know of a wide silence, as it stands."""
    what, who = target_words(silence.target, domains), escape(silence.author)
    if silence.cancelled_by is not None:
        ended = f"{escape(silence.cancelled_by)} ended it at {context.clock(silence.ends)}"
        return Message(f"No longer silenced: {what}, silenced by {who}. {ended}.")
    begins = "" if silence.begins <= context.now else f"from {context.clock(silence.begins)} "
    because = f": {escape(silence.reason)}" if silence.reason else "."
    text = f"{who} silenced {what} {begins}until {context.clock(silence.ends)} (s{silence.number}){because}"
    return Message(text, (section(text), actions(button("Undo", "unsilence", f"s{silence.number}"))))


def silence_ends(silence: StoredSilence, context: Context, command: str) -> Message:
    """That a long silence is about to end."""
    reason = f" ({escape(silence.reason)})" if silence.reason else ""
    return Message(
        f"The silence of {code(silence.target)} by {escape(silence.author)}{reason} ends at"
        f" {context.clock(silence.ends)}. To end it now: {code(f'{command} unsilence s{silence.number}')}"
    )


def silences_message(silences: Silences, zone: tzinfo, now: float) -> Message:
    """What is silenced and what will be, then what was."""
    in_force = silences.of(Stage.IN_FORCE)
    headline = f"{counted(len(in_force), 'silence')} in force." if in_force else "Nothing is silenced."
    progress = silences.of(Stage.IN_FORCE, Stage.UPCOMING)
    blocks = [section("\n".join([headline, *(_silence_line(line, zone, now) for line in progress)]))]
    if ended := silences.of(Stage.CANCELLED, Stage.OVER):
        lines = [_silence_line(line, zone, now) for line in ended]
        blocks.append(context_block("\n".join(["Ended within a day:", *lines])))
    if silences.more:
        blocks.append(context_block(f"and {silences.more:,} more"))
    return Message(headline, tuple(blocks))


def _silence_line(line: SilenceLine, zone: tzinfo, now: float) -> str:
    silence = line.silence
    why = f": {escape(silence.reason)}" if silence.reason else ""
    return (
        f"s{silence.number} {code(silence.target)} {_when(line, zone, now)}, silenced by {escape(silence.author)}{why}"
    )


def _when(line: SilenceLine, zone: tzinfo, now: float) -> str:
    silence = line.silence
    ends = format_clock(silence.ends, zone, now)
    if line.stage is Stage.IN_FORCE:
        return f"until {ends}"
    if line.stage is Stage.UPCOMING:
        return f"from {format_clock(silence.begins, zone, now)} until {ends}"
    if silence.cancelled is None:
        return f"ended {ends}"
    who = escape(silence.cancelled_by or "somebody")
    return f"ended {format_clock(silence.cancelled, zone, now)} by {who}"
