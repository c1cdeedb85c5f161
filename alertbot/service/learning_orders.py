"""Carries out what people order of learned silence: to post it all the same, or to learn it again."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from alertbot.incidents.orders import KeepPosting, LearnSilence, Requester
from alertbot.messages.blocks import code
from alertbot.messages.learned_silence import KEEP_POSTING, LEARN_SILENCE, keeps_posting
from alertbot.messages.slack import to_json
from alertbot.query.names import resolve
from alertbot.rules.selection import is_domain
from alertbot.service.dispatcher import Dispatcher
from alertbot.store import learned_silences, orders
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage


@dataclass(frozen=True)
class LearningOrders:
    """Carries out one order for ``requester``."""

    dispatcher: Dispatcher
    keeper: Storekeeper
    requester: Requester

    async def keep_posting(self, order: KeepPosting) -> str:
        """What was done, as mrkdwn; ``UsageError`` where there is no such series."""
        series = self._series(order.series)
        edit = await self._edit(series)
        if not await self.keeper.do(orders.keep_posting, series, self.requester, edit, self.dispatcher.now()):
            return f"The silence of {code(series)} is always posted already."
        self.dispatcher.teach(series, silence=False)
        return f"From now on it is posted whenever {code(series)} is silent. Undo: {self._undo(LEARN_SILENCE, series)}"

    async def learn_silence(self, order: LearnSilence) -> str:
        """Likewise."""
        series = self._series(order.series)
        if not await self.keeper.do(orders.learn_silence, series, self.requester, self.dispatcher.now()):
            return f"The silence of {code(series)} is learned already."
        self.dispatcher.teach(series, silence=True)
        undo = self._undo(KEEP_POSTING, series)
        return f"When {code(series)} is silent as usual, that is not posted any more. Undo: {undo}"

    async def _edit(self, series: str) -> NewMessage | None:
        """The edit of the message that announced it, if one did: its button is done with."""
        subject = await self.keeper.do(learned_silences.announcement, series)
        if subject is None:
            return None
        slack = self.dispatcher.slack
        body = to_json(keeps_posting(series, self.requester.person.name, slack.command))
        return NewMessage(uuid.uuid4().hex, subject, "update", slack.channel, body)

    def _undo(self, order: str, series: str) -> str:
        return code(f"{self.requester.command(self.dispatcher.slack.command)} {order} {series}")

    def _series(self, name: str) -> str:
        """The series that is meant, by its name or an unambiguous part of a domain's."""
        series = self.dispatcher.watch.series
        return name if name in series else resolve(name, [each for each in series if is_domain(each)])
