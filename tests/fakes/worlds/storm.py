"""A storm: an account goes dark in waves and comes back in waves, told by a real delivery to a paced Slack."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from alertbot.config import Config, GroupSettings
from alertbot.rules.base import Rule, Severity
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.selection import TOTAL
from alertbot.service.fan_out import BATCH
from alertbot.slack.client import SlackClient
from alertbot.slack.delivery import Delivery
from alertbot.slack.workspace import Workspace
from alertbot.units import SLOT
from fakes.rigs.house import House, database
from fakes.rigs.night import CHANNEL, _rule, config_for
from fakes.wire.slack import BOT_TOKEN, FakeSlack, Message

LEVEL = 2e8
"""Bit/s of each domain."""

GROUP, GROUP_CHANNEL = "downloads", "#downloads"

BATCH_SECONDS = 8.0
"""What forty calls take at 300 a minute."""

RULES = (
    _rule(
        "went-dark",
        "drop",
        Drop(to=0.0, from_=5e6),
        severity=Severity.CRITICAL,
        domains=("*", TOTAL, f"sum:{GROUP}"),
        repeat=1800,
    ),
    _rule("sharp-fall", "drop", Drop(by=0.8, from_=2e7), for_slots=3, repeat=4 * 3600),
    _rule("far-below-yesterday", "day_over_day", DayOverDay(0.4, days=1), repeat=4 * 3600),
)


def names(count: int, length: int = 0) -> list[str]:
    """So many domains; of ``length`` characters each, where that is given."""
    stems = [f"d{number:04}.example.com" for number in range(count)]
    return [_padded(stem, length) for stem in stems] if length else stems


def _padded(stem: str, length: int) -> str:
    padding = length - len(stem)
    labels = "".join("x" * 63 + "." for _ in range(padding // 64)) + "y" * (padding % 64 - 1) + "."
    return labels.lstrip(".") + stem


@dataclass
class Storm:
    """A house with a Slack; ``commits`` are the seconds each commit and each look took."""

    house: House
    slack: FakeSlack
    delivery: Delivery
    group: Sequence[str]
    commits: list[float] = field(default_factory=list)

    async def slot(self, dark: Sequence[str]) -> None:
        """The next slot, in which these domains carry nothing, read batch by batch while Slack is being told."""
        house = self.house
        gone = set(dark)
        values = {name: 0.0 if name in gone else LEVEL for name in house.domains}
        if self.group:
            values[f"sum:{GROUP}"] = sum(values[name] for name in self.group)
        values[TOTAL] = sum(values[name] for name in house.domains)
        house.slot += SLOT
        house.now = max(house.now, house.slot + 900.0)
        series = list(values)
        for start in range(0, len(series), BATCH):
            for name in series[start : start + BATCH]:
                house.ledger.take(name, house.slot, np.array([values[name]]))
            began = time.perf_counter()
            await house.dispatcher.commit(house.ledger.judge(house.slot), house.slot)
            self.commits.append(time.perf_counter() - began)
            await self.deliver(BATCH_SECONDS)
        began = time.perf_counter()
        await house.dispatcher.post_due()
        self.commits.append(time.perf_counter() - began)
        await self.deliver(house.slot + 900.0 + SLOT - house.now)

    async def slots(self, count: int, dark: Sequence[str]) -> None:
        for _ in range(count):
            await self.slot(dark)

    async def deliver(self, seconds: float) -> None:
        """Let so much time pass, in which Slack is told what is owed."""
        until = self.house.now + seconds
        while True:
            pause = await self.delivery.begin()
            if self.delivery.under_way:
                await asyncio.wait(self.delivery.under_way)
            elif pause is None or self.house.now + pause >= until:
                break
            else:
                self.house.now += pause + 0.001
        self.house.now = max(self.house.now, until)

    async def drain(self) -> None:
        """Until nothing is owed any more."""
        while self.house.rows("SELECT 1 FROM outbox WHERE state IN ('queued', 'sending', 'unknown')"):
            await self.deliver(60.0)

    def posts(self, channel: str) -> list[Message]:
        """The messages that stand in a channel, replies left out."""
        where = self.slack.workspace.channel(channel).id
        return [message for message in self.slack.posts if message.channel == where and not message.thread_ts]

    def replies(self, message: Message) -> list[Message]:
        return [each for each in self.slack.posts if each.thread_ts == message.ts]

    def refused(self) -> list[tuple[str, str]]:
        """The calls that Slack did not take."""
        return [(call.method, call.outcome) for call in self.slack.calls if call.outcome != "ok"]


@asynccontextmanager
async def storm(
    folder: Path, domains: Sequence[str], grouped: int = 0, rules: Sequence[Rule] = RULES
) -> AsyncIterator[Storm]:
    """A storm about to break; the first ``grouped`` domains are a group with a channel of its own."""
    group = GroupSettings(name=GROUP, domains=list(domains[:grouped]), sum=True, channel=GROUP_CHANNEL)
    config = config_for(database(folder), domains, rules, groups=[group] if grouped else ())
    house = House(_mentioning(config), domains)
    fake = FakeSlack(now=lambda: house.now, paced=True)
    await fake.start()
    usual = dict.fromkeys(domains, LEVEL) | {TOTAL: LEVEL * len(domains)}
    if grouped:
        usual[f"sum:{GROUP}"] = LEVEL * grouped
    await house.begin(usual)
    workspace = Workspace(BOT_TOKEN, None, fake.base_url, None, house, channels=(CHANNEL, GROUP_CHANNEL))  # type: ignore[arg-type]
    workspace._client = SlackClient(BOT_TOKEN, fake.base_url, timeout=5)
    try:
        yield Storm(house, fake, Delivery(house._keeper, workspace, house), domains[:grouped])
    finally:
        await house.end()
        await fake.stop()


def _mentioning(config: Config) -> Config:
    return replace(config, slack=config.slack.model_copy(update={"mention": {"critical": "@here"}}))


WAVES = 3


async def rage(storm: Storm, domains: Sequence[str]) -> None:
    """Three waves over 20 minutes, an hour of darkness, and back in three."""
    third = -(-len(domains) // WAVES)
    await storm.slots(2, ())
    for wave in range(1, WAVES + 1):
        await storm.slots(2, domains[: wave * third])
    await storm.slots(8, domains)
    for wave in range(1, WAVES + 1):
        await storm.slots(2, domains[wave * third :])
    await storm.slots(8, ())
    await storm.drain()
