"""A CDN whose domains go over the limit and back all the time, as a process of its own: prints its base URL first."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime

from alertbot.clock import SystemClock
from alertbot.feed.simulator.scenario import Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.units import SLOT

TOKEN = "tok-crash"
START = int(datetime(2026, 11, 2, 10, 0, tzinfo=UTC).timestamp())
DOMAINS = tuple(f"d{number:02}.example.com" for number in range(36))
PERIOD, HIGH = 18, 2  # slots: seldom enough not to be called flapping
LOW, OVER = 1e8, 2e9
_NUMBER = {domain: number for number, domain in enumerate(DOMAINS)}
SINCE = START - 6 * 3600  # before that there was nothing: a long history takes the simulator long


def is_high(domain: str, slot: int) -> bool:
    """Whether the domain is over the limit of 1 Gbps in that slot; every slot some begin and some end."""
    return (slot // SLOT - _NUMBER[domain]) % PERIOD < HIGH


def traffic(domain: str, slot: int) -> float:
    """bit/s."""
    if slot < SINCE:
        return 0.0
    return OVER if is_high(domain, slot) else LOW


async def _serve() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    scenario = Scenario(
        token=TOKEN, domains=dict.fromkeys(DOMAINS, Shape()), lag={"default": 30.0}, limit=100_000, traffic=traffic
    )
    simulator = Simulator(scenario, SystemClock())
    sys.stdout.write(await simulator.start() + "\n")
    sys.stdout.flush()
    await stop.wait()
    await simulator.stop()


if __name__ == "__main__":
    asyncio.run(_serve())
