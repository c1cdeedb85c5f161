"""``alertbot demo``: a story at high speed: the real service watches a simulated CDN on loopback.

Only three things differ from ``alertbot run``: the clock runs fast, the statistics are the simulator's, and messages
are printed as they would stand in Slack instead of being posted there.
"""

from __future__ import annotations

import asyncio
import tempfile
import textwrap
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from alertbot.clock import Clock, FastClock
from alertbot.config import Config, load
from alertbot.config.credentials import Credentials
from alertbot.errors import AlertbotError
from alertbot.feed.simulator.scenario import Delay, Event, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.blocks import Message
from alertbot.messages.slack import plain
from alertbot.ops.logs import Secrets, set_up
from alertbot.ops.systemd import Notifier
from alertbot.query.names import Meant
from alertbot.service.service import Service
from alertbot.slack.client import Post, Posted
from alertbot.units import DAY, format_clock

SPEED = 500.0
TOKEN = "demo-token"  # noqa: S105 - opens the simulator, nothing else

_START = int(datetime(2026, 3, 3, 9, 50, tzinfo=UTC).timestamp())
_MINUTE = 60
_INDENT = " " * 7
_WIDTH = 80 - len(_INDENT) - 2

_CONFIG = """
[feed]
base_url = "{base_url}"
probe = "20s"

[watch]
domains = ["video.example.com", "img.example.com", "downloads.example.com", "shop.example.com"]

[slack]
channel = "#cdn-alerts"
mention = {{ critical = "@here" }}

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"

[[rule]]
name = "far-above-yesterday"
kind = "day_over_day"
ratio = 2.0

[[rule]]
name = "video-ceiling"
kind = "threshold"
domains = ["video.*"]
above = "3 Gbps"
clear = "2.8 Gbps"
"""


def _at(hour: int, minute: int) -> int:
    return _START - _START % DAY + hour * 3600 + minute * _MINUTE


_SCENARIO = Scenario(
    token=TOKEN,
    domains={
        "video.example.com": Shape(level=1.84e9, swing=0.3, noise=0.02),
        "img.example.com": Shape(level=320e6, swing=0.3, noise=0.02),
        "downloads.example.com": Shape(level=500e6, swing=0.2, noise=0.03),
        "shop.example.com": Shape(level=120e6, swing=0.4, noise=0.03),
    },
    events=(
        Event("downloads.example.com", _at(10, 50), _at(11, 20), 2.6),
        Event("video.example.com", _at(11, 35), _at(12, 0), 1.5),
        Event("shop.example.com", _at(12, 20), _at(12, 55), 0.0),
    ),
    # Published together, in order: the oldest waits longest.
    delays=tuple(Delay("*", _at(10, 10 + late), _at(10, 15 + late), 60.0 * (8 - late)) for late in (0, 5)),
)


@dataclass(frozen=True)
class _Line:
    """What happens at the CDN, or what somebody types, and when; ``about``: once so many messages are posted."""

    time: int
    text: str
    command: str = ""
    about: int = 0


_ADA = Requester(Person("U0ADA", "Ada"), "#cdn-alerts", frozenset({"#cdn-alerts"}))

_STORY = (
    _Line(_at(9, 52), "A normal day. alertbot has fetched a week of history and watches four domains."),
    _Line(_at(10, 17), "The CDN publishes its buckets eight minutes later than usual. Late is not zero: no alert."),
    _Line(_at(10, 50), "A new release: downloads.example.com carries more than twice what it did yesterday."),
    _Line(_at(11, 35), "A match begins: video.example.com passes its ceiling of 3 Gbps."),
    _Line(_at(12, 20), "A certificate expires: shop.example.com goes dark."),
    _Line(_at(12, 47), "Ada has seen it, and acknowledges it.", "ack", 3),
    _Line(_at(12, 55), "Somebody was woken in time: shop.example.com is served again."),
)
_END = _at(13, 25)
_CHARTED = 6 * 3600
_LATEST = 7 * _MINUTE


def run_demo() -> None:
    """Play the story in about half a minute."""
    set_up(Secrets([TOKEN]), journal=False, level="WARNING")
    asyncio.run(_demo())


async def _demo() -> None:
    began = time.monotonic()
    clock = FastClock(_START, SPEED)
    simulator = Simulator(_SCENARIO, clock)
    base_url = await simulator.start()
    try:
        with tempfile.TemporaryDirectory(prefix="alertbot-demo-") as folder:
            path = Path(folder) / "rules.toml"
            path.write_text(_CONFIG.format(base_url=base_url), encoding="utf-8")
            await _play(clock, load(path), simulator)
    finally:
        await simulator.stop()
    click.echo(f"That was {(_END - _START) / 3600:.1f} hours in {time.monotonic() - began:.0f} seconds.")
    click.echo("Next: `alertbot init` asks the API for your domains and writes a rules.toml.")


async def _play(clock: Clock, config: Config, simulator: Simulator) -> None:
    screen = _Screen(clock)
    service = Service(
        config,
        Credentials(api_token=TOKEN),
        clock,
        notifier=Notifier(None),
        progress=lambda _done, _total: None,
        poster=screen,
        speed=SPEED,
    )
    working = asyncio.create_task(service.run())
    for line in _STORY:
        await clock.sleep(line.time - clock.time())
        while screen.posted < line.about and clock.time() < line.time + _LATEST:  # on a machine that is busy
            await clock.sleep(15)
        told = textwrap.fill(line.text, 80, initial_indent=_INDENT, subsequent_indent=_INDENT).lstrip()
        click.echo(f"\n{click.style(format_clock(line.time, UTC, line.time), bold=True)}  {told}")
        if line.command:
            reply = await service.commands.answer(line.command, _ADA)
            screen.show(f"Ada: /bandwidth {line.command}", reply.message)
    await clock.sleep(_END - clock.time())
    reply = await service.commands.answer("status")
    screen.show("you: /bandwidth status", reply.message)
    chart = await _chart(service)
    service.stop()
    await working
    click.echo(
        f"\n{screen.posted} messages, edited {screen.edited} times as things changed, none for the late\n"
        f"buckets; {len(simulator.calls):,} calls to the simulated API."
    )
    click.echo(chart)


async def _chart(service: Service) -> str:
    """Draw a chart as incidents get one in their threads, into a file that stays; a sentence about it."""
    try:
        picture = await service.pictures.of_series(Meant("shop.example.com", ("shop.example.com",)), _CHARTED)
    except AlertbotError as error:
        return f"There is no chart: {error}."
    with tempfile.NamedTemporaryFile(prefix="alertbot-demo-", suffix=".png", delete=False) as file:
        file.write(picture.png)
    return f"A chart, as each incident gets one in its thread:\n{file.name}"


class _Screen:
    """Prints messages as they would stand in Slack."""

    def __init__(self, clock: Clock) -> None:
        self.posted = 0
        self.edited = 0
        self._said: dict[str, set[str]] = {}
        self._clock = clock

    async def post(self, post: Post) -> Posted:
        if post.thread_ts is None:
            self.posted += 1
            self.show(f"alertbot in {post.channel}, message {self.posted}", post.message)
            return Posted(post.channel, str(self.posted))
        shown = ", shown to all" * post.broadcast
        self.show(f"alertbot in the thread of message {post.thread_ts}{shown}", post.message)
        self._said[post.thread_ts] = set(plain(post.message).splitlines())
        return Posted(post.channel, f"{post.thread_ts}, in its thread")

    async def update(self, channel_id: str, ts: str, message: Message) -> None:
        self.edited += 1
        self.show(f"alertbot edits message {ts}", message, without=self._said.pop(ts, set()))

    async def find(self, post: Post, *, since: float) -> Posted | None:
        return None

    def show(self, title: str, message: Message, *, without: Collection[str] = ()) -> None:
        """Print a message: who posts it, and its lines beside a bar in its colour, but those ``without``."""
        now = format_clock(self._clock.time(), UTC, self._clock.time())
        click.secho(f"{_INDENT}{now}  {title}", dim=True)
        bar = "\N{BOX DRAWINGS HEAVY VERTICAL} "
        bar = click.style(bar, dim=True) if message.color is None else click.style(bar, fg=_of_256(message.color))
        for line in plain(message).splitlines():
            for part in textwrap.wrap(line, _WIDTH, break_on_hyphens=False) * (line not in without):
                click.echo(f"{_INDENT}{bar}{part}")


def _of_256(color: str) -> int:
    """The nearest colour to ``#rrggbb`` in the 6 x 6 x 6 cube that nearly every terminal knows."""
    red, green, blue = (round(int(color[at : at + 2], 16) / 51) for at in (1, 3, 5))
    return 16 + 36 * red + 6 * green + blue
