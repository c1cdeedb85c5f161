"""How long slash commands are away after each thing that befalls a WebSocket: seconds, at the product's own intervals.

    python tests/bench/sockets.py [--times N]

The real listener against the loopback Slack over real WebSockets, in real time. The instants are random ones, since it
counts how long ago the last ping was. Prints a table; nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.waiting import for_a_while
from fakes.wire.slack import APP_TOKEN, FakeSlack

from alertbot.slack.socket_mode import PING_INTERVAL, SlashCommand, SocketListener

PATIENCE = 150.0

Fault = Callable[[FakeSlack], Awaitable[None]]


async def killed(slack: FakeSlack) -> None:
    slack.socket.cut()
    await slack.socket.connected(0)


async def half_open(slack: FakeSlack) -> None:
    slack.socket.freeze()


async def refused(slack: FakeSlack) -> None:
    slack.fault("socket", "500")
    await killed(slack)


async def refused_thrice(slack: FakeSlack) -> None:
    slack.fault("socket", "500", 3)
    await killed(slack)


async def expired(slack: FakeSlack) -> None:
    """The ticket that is issued next is dead when it is used."""
    slack.socket.spoil_tickets(1)
    await killed(slack)


async def hanging(slack: FakeSlack) -> None:
    slack.fault("socket", "hang")
    await killed(slack)


async def no_tickets(slack: FakeSlack) -> None:
    slack.fault("apps.connections.open", "500", 2)
    await killed(slack)


async def crowded(slack: FakeSlack) -> None:
    slack.socket.turn_away("too_many_websockets", 2)
    await slack.socket.dismiss("too_many_websockets")


async def renewed(slack: FakeSlack) -> None:
    await slack.socket.refresh()


FAULTS: dict[str, Fault] = {
    "killed TCP": killed,
    "half-open socket": half_open,
    "refused handshake": refused,
    "three refused handshakes": refused_thrice,
    "expired ticket": expired,
    "handshake that hangs": hanging,
    "two refused tickets": no_tickets,
    "too_many_websockets, twice": crowded,
    "refresh_requested": renewed,
}


@asynccontextmanager
async def listening(slack: FakeSlack) -> AsyncIterator[None]:
    async def take(_: SlashCommand) -> None:
        return

    listener = SocketListener(APP_TOKEN, take, take, base_url=slack.base_url)
    await listener.start()
    try:
        await slack.socket.connected()
        yield
    finally:
        await listener.stop()


async def away(fault: Fault, instant: float) -> float:
    """Seconds from a fault, ``instant`` seconds after the connection was made, until a command is acknowledged."""
    slack = FakeSlack()
    await slack.start()
    try:
        async with listening(slack):
            await asyncio.to_thread(for_a_while, instant)
            await fault(slack)
            began = time.monotonic()
            # A command typed while nobody is connected waits here, where Slack would tell its user to try again.
            await slack.command(answers=0, patience=PATIENCE)
            return time.monotonic() - began
    finally:
        await slack.stop()


async def measure(times: int, dice: random.Random) -> None:
    """Print how long commands were away after each fault."""
    sys.stdout.write(f"pings every {PING_INTERVAL:g} s, {times} times each; seconds until a command is taken\n")
    for name, fault in FAULTS.items():
        # A connection that stood for some pings already, and one that did not: those that break soon wait longer.
        instants = [dice.uniform(0, 8 * PING_INTERVAL) for _ in range(times)]
        lasted = sorted(await asyncio.gather(*(away(fault, instant) for instant in instants)))
        sys.stdout.write(f"{name:28} middle {lasted[len(lasted) // 2]:6.2f}   longest {lasted[-1]:6.2f}\n")
        sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    logging.disable()
    asyncio.run(measure(options.times, random.Random(1)))


if __name__ == "__main__":
    main()
