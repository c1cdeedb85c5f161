"""Delivery at work in virtual time: a real store, a loopback Slack on the same clock, and no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alertbot.messages.blocks import Message, section
from alertbot.messages.slack import to_json
from alertbot.slack.delivery import Delivery
from alertbot.slack.workspace import Workspace
from alertbot.store import outbox
from alertbot.store.keeper import Storekeeper
from alertbot.store.outbox import NewMessage
from fakes.wire.slack import BOT_TOKEN, FakeSlack
from fakes.worlds.clock import FakeClock
from fakes.worlds.virtual import passes

START = FakeClock().time()


class Deliverer:
    """One outbox and one delivery; ``kill`` ends it as a crash would, and a new one takes over."""

    def __init__(self, slack: FakeSlack, clock: FakeClock, folder: Path, fallback: str | None) -> None:
        self.slack = slack
        self.clock = clock
        self.keeper = Storekeeper()
        self.path = folder / "alertbot.db"
        self.channels: tuple[str, ...] = ("#cdn-alerts", "#ops", "#downloads", "#private", "#hidden")
        self._fallback = fallback
        self._numbers = 0

    async def start(self) -> None:
        """Wire a delivery to the store, as the service does at its start."""
        workspace = Workspace(BOT_TOKEN, None, self.slack.base_url, None, self.clock, channels=self.channels, timeout=1)
        self.delivery = Delivery(self.keeper, workspace, self.clock, self._fallback)

    async def owe(self, *drafts: NewMessage) -> None:
        """Commit messages to the outbox."""
        await self.keeper.do(outbox.enqueue, drafts, self.clock.time())

    def post(self, subject: str, text: str, channel: str = "#cdn-alerts") -> NewMessage:
        return self._draft(subject, "post", text, channel)

    def edit(self, subject: str, text: str, channel: str = "#cdn-alerts", *, seen: bool = False) -> NewMessage:
        """An edit; ``seen``: where it has to be a reply, that is shown in the channel."""
        return self._draft(subject, "update", text, channel, broadcast=seen)

    def reply(self, subject: str, text: str, channel: str = "#cdn-alerts") -> NewMessage:
        """A reply that is shown in the channel as well."""
        return self._draft(subject, "reply", text, channel, broadcast=True)

    def note(self, subject: str, text: str, channel: str = "#cdn-alerts") -> NewMessage:
        """A reply that stands in the thread alone."""
        return self._draft(subject, "reply", text, channel)

    async def deliver(self, seconds: float = 3600.0) -> float:
        """Deliver until nothing is owed or so much time has passed; the seconds that took."""
        began = self.clock.monotonic()
        while (passed := self.clock.monotonic() - began) <= seconds:
            pause = await self.delivery.begin()
            if self.delivery.under_way:
                await asyncio.wait(self.delivery.under_way)
            elif pause is None:
                break
            else:
                self.clock.advance(min(pause, seconds - passed) + 0.001)
        return self.clock.monotonic() - began

    async def kill(self, after: int = 1_000) -> None:
        """End the delivery in the middle of what is due, and start another: after so many steps of its talk."""
        await self.delivery.begin()
        await asyncio.get_running_loop().after_news(after)
        under_way = self.delivery.under_way
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await passes(0.0)
        await self.start()

    async def dropped_replies(self, subject: str) -> int:
        """How many replies about a subject were dropped, since a post took up a later edit."""
        query = "SELECT count(*) FROM outbox WHERE subject = ? AND action = 'reply' AND state = 'dropped'"
        return await self.keeper.do(lambda db: db.conn.execute(query, (subject,)).fetchone()[0])

    async def states(self) -> list[tuple[str, str]]:
        """Action and state of every row, oldest first."""
        query = "SELECT action, state FROM outbox ORDER BY number"
        return await self.keeper.do(lambda db: db.conn.execute(query).fetchall())

    async def trouble(self) -> list[tuple[str, str]]:
        return await self.keeper.do(outbox.refusals)

    def texts(self, channel: str = "C0ALERTS") -> list[str]:
        """The messages that stand in a channel, replies left out."""
        return [message.text for message in self.slack.posts if message.channel == channel and not message.thread_ts]

    def replies(self, text: str) -> list[str]:
        """The replies in the thread of the message with that text."""
        (parent,) = [message for message in self.slack.posts if message.text == text]
        return [message.text for message in self.slack.posts if message.thread_ts == parent.ts]

    def calls(self, method: str) -> list[str]:
        """What each call of a method came to."""
        return [call.outcome for call in self.slack.calls if call.method == method]

    def _draft(self, subject: str, action: str, text: str, channel: str, *, broadcast: bool = False) -> NewMessage:
        self._numbers += 1
        body = to_json(Message(text, (section(text),), "#d40e0d"))
        return NewMessage(f"id{self._numbers}", subject, action, channel, body, broadcast)


@asynccontextmanager
async def deliverer(folder: Path, *, fallback: str | None = None, **slack: Any) -> AsyncIterator[Deliverer]:
    """A deliverer, started; ``slack`` is how the loopback Slack is to be."""
    clock = FakeClock()
    fake = FakeSlack(now=lambda: START + clock.monotonic(), **slack)
    await fake.start()
    one = Deliverer(fake, clock, folder, fallback)
    await one.keeper.open(one.path)
    try:
        await one.start()
        yield one
    finally:
        await one.keeper.close()
        await fake.stop()
