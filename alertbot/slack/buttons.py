"""Clicks on the buttons under a message: what each one orders or asks.

A button's value holds the order's words (``412``, ``412 4h``), so that the message itself says what a click means.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace

from alertbot.errors import AlertbotError, UsageError
from alertbot.incidents.incident import NOISE, USEFUL
from alertbot.incidents.orders import Preview, Requester, Silence
from alertbot.messages.blocks import Message, escape
from alertbot.messages.status import order_message
from alertbot.slack.charts import ChartReplies
from alertbot.slack.client import Posted
from alertbot.slack.commands import FAILED, Commands, sentence
from alertbot.units import format_iso

log = logging.getLogger(__name__)

ACK, SILENCE, WHY, CHART, RUNBOOK = "ack", "silence", "why", "chart", "runbook"
UNACK, UNSILENCE, CONFIRM, DISMISS = "unack", "unsilence", "confirm", "dismiss"
"""Action ids. A runbook is a link, which the reader's browser opens; Slack tells of the click all the same."""

KEEP_POSTING = "keep_posting"

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_VALUES = {
    ACK: _NUMBER,
    UNACK: _NUMBER,
    WHY: _NUMBER,
    CHART: _NUMBER,
    SILENCE: re.compile(r"\d+ \w+", re.ASCII),
    UNSILENCE: re.compile(r"s\d{1,18}", re.ASCII),
    CONFIRM: re.compile(r"\[.*\]", re.DOTALL),
    DISMISS: _NUMBER,
    USEFUL: _NUMBER,
    NOISE: _NUMBER,
    KEEP_POSTING: re.compile(r"[\w.:-]{1,253}"),
}
SEEN = frozenset({ACK, UNACK, USEFUL, NOISE})
"""The buttons whose effect is seen in the message they stand under."""

REPLACING = frozenset({CONFIRM, DISMISS})
"""The buttons whose answer takes the place of the question they stand under."""

_OUTDATED = "This button is from another version of alertbot and does nothing any more."


class Buttons:
    """Turns clicks into orders and questions for ``commands``, and into charts."""

    def __init__(self, commands: Commands, charts: ChartReplies) -> None:
        self._commands = commands
        self._charts = charts

    async def press(self, action_id: str, value: str, requester: Requester, under: Posted) -> Message | None:
        """The answer to who clicked ``under`` a message, if any is due: what an ack changed is seen in the message."""
        if action_id == RUNBOOK:
            return None
        expected = _VALUES.get(action_id)
        if expected is None or not expected.fullmatch(value):
            return Message(_OUTDATED)
        if action_id == CHART:
            return await self._charts.of_incident(int(value), under)
        if action_id == WHY:
            return (await self._commands.answer(f"{WHY} #{value}", requester)).message
        if action_id == DISMISS:
            return Message("Cancelled: nothing is silenced.")
        return await self._order(action_id, value, requester)

    async def _order(self, action_id: str, value: str, requester: Requester) -> Message | None:
        try:
            if action_id in {CONFIRM, SILENCE}:  # a menu asks by itself
                return await self._silence(action_id, value, requester)
            answer = await self._commands.carry_out([action_id.replace("_", "-"), *value.split()], requester)
        except UsageError as error:
            return Message(escape(sentence(str(error))))
        except AlertbotError as error:
            log.exception("the click on %s %r could not be carried out", action_id, value)
            return Message(f"That cannot be done now: {escape(str(error))}")
        except Exception:  # the boundary, as for commands
            log.exception("the click on %s %r failed", action_id, value)
            return FAILED
        return None if action_id in SEEN or isinstance(answer, Preview) else order_message(answer)

    async def _silence(self, action_id: str, value: str, requester: Requester) -> Message:
        """Begin what a menu or the button under a preview names; ``UsageError`` where it is no longer understood."""
        if action_id == SILENCE:
            number, lasting = value.split()
            return await self._commands.silence(["silence", f"#{number}", lasting], requester)
        try:
            asked, target, begins, ends, reason = json.loads(value)
        except ValueError:
            raise UsageError(_OUTDATED) from None
        words = f"silence {target} until {format_iso(ends)}{f' {reason}' if reason else ''}"
        silence = Silence(str(target), float(begins), float(ends), str(reason))
        return await self._commands.confirm(silence, float(asked), replace(requester, words=words))
