"""Draws the README's picture from real messages: an evening is judged, and what stands in the outbox is drawn.

    python .github/picture.py [FILE]

It needs what the tests need. FILE is .github/picture.png where it is not given.
"""

from __future__ import annotations

import asyncio
import html
import io
import math
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes.rigs.house import START, House

from alertbot.charts.painter import Pictures
from alertbot.config import load
from alertbot.messages import questions
from alertbot.messages.blocks import Message
from alertbot.query.live import Live
from alertbot.query.scope import scope_of
from alertbot.slack.client import Post, Posted
from alertbot.slack.delivery import Delivery
from alertbot.units import DAY, SLOT, format_clock

Font = ImageFont.FreeTypeFont

RULES = """
[watch]
domains = [{domains}]

[slack]
mention = {{ critical = "@here" }}

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"
runbook = "https://wiki.example.com/cdn"
"""
DOMAINS = {"video.example.com": 1.84e9, "img.example.com": 4.2e8, "dl.example.com": 9.1e8, "shop.example.com": 1.3e8}
DARK = "video.example.com"
NOON = START + DAY + 12 * 3600

SCALE, WIDTH, EDGE, INDENT, LINE = 2, 760, 20, 48, 22
INK, GREY, RULE, PAPER, LINK = "#1d1c1d", "#616061", "#dddddd", "#ffffff", "#1264a3"
_TOKENS = re.compile(r"`([^`]+)`|\*([^*]+)\*|<!(\w+)>|(\s+)|([^\s`*<]+|[`*<])")


def _font(name: str, size: int) -> Font:
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size * SCALE)


TEXT, BOLD, CODE = _font("DejaVuSans.ttf", 14), _font("DejaVuSans-Bold.ttf", 14), _font("DejaVuSansMono.ttf", 13)
SMALL = _font("DejaVuSans.ttf", 12)


class Page:
    """A page that grows downwards; lengths are in points, ``SCALE`` pixels each."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH * SCALE, 3000 * SCALE), PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.y = EDGE

    def _box(self, x: float, y: float, width: float, height: float, fill: str, outline: str | None = None) -> None:
        corners = [part * SCALE for part in (x, y, x + width, y + height)]
        self.draw.rounded_rectangle(corners, 4 * SCALE, fill=fill, outline=outline, width=SCALE)

    def write(self, markup: str, x: int, *, font: Font = TEXT, ink: str = INK) -> None:
        """Mrkdwn from ``x`` on, wrapped at the right edge."""
        for line in markup.split("\n"):
            at = float(x)
            for words, face, color, paper in _pieces(line, font, ink):
                width = self.draw.textlength(words, font=face) / SCALE
                if at > x and at + width > WIDTH - EDGE and words.strip():
                    at, self.y = float(x), self.y + LINE
                if paper:
                    self._box(at - 2, self.y, width + 4, LINE - 3, paper)
                self.draw.text((at * SCALE, (self.y + 1) * SCALE), words, font=face, fill=color)
                at += width
            self.y += LINE

    def buttons(self, labels: list[str], x: int) -> None:
        """A row of them; the first is the one to press."""
        at = float(x)
        for index, label in enumerate(labels):
            width = self.draw.textlength(label, font=BOLD) / SCALE + 24
            fill, ink = ("#007a5a", PAPER) if index == 0 and label == "Acknowledge" else (PAPER, INK)
            self._box(at, self.y + 4, width, 30, fill, "#bbbbbb")
            self.draw.text(((at + 12) * SCALE, (self.y + 10) * SCALE), label, font=BOLD, fill=ink)
            at += width + 8
        self.y += 40

    def head(self, who: str, when: str, *, only_you: bool = False) -> None:
        """Who says it, and when."""
        self._box(EDGE, self.y, 34, 34, "#1d3557")
        self.draw.text(((EDGE + 11) * SCALE, (self.y + 8) * SCALE), who[0], font=BOLD, fill=PAPER)
        if only_you:
            self.write("Only visible to you", INDENT + EDGE, font=SMALL, ink=GREY)
        self.draw.text(((INDENT + EDGE) * SCALE, self.y * SCALE), who, font=BOLD, fill=INK)
        at = INDENT + EDGE + self.draw.textlength(f"{who}  ", font=BOLD) / SCALE
        self.draw.text((at * SCALE, (self.y + 2) * SCALE), when, font=SMALL, fill=GREY)
        self.y += LINE

    def say(self, message: Message) -> None:
        """A message's text, its coloured bar and what stands beside it."""
        x = INDENT + EDGE
        if message.color is None:
            self._blocks(message, x)
            return
        self.write(message.text, x)
        top = self.y + 4
        self.y += 6
        self._blocks(message, x + 14)
        self._box(x, top, 4, self.y - top, message.color)

    def _blocks(self, message: Message, x: int) -> None:
        for block in message.blocks:
            if block["type"] == "section":
                self.write(block["text"]["text"], x)
            elif block["type"] == "context":
                for element in block["elements"]:
                    self.write(element["text"], x, font=SMALL, ink=GREY)
            elif block["type"] == "actions":
                self.buttons([_label(element) for element in block["elements"]], x)

    def picture(self, png: bytes, x: int) -> None:
        """A chart, as wide as there is room."""
        chart = Image.open(io.BytesIO(png)).convert("RGB")
        width = 520 * SCALE
        chart = chart.resize((width, round(chart.height * width / chart.width)), Image.Resampling.LANCZOS)
        self.image.paste(chart, (x * SCALE, (self.y + 4) * SCALE))
        self.y += chart.height // SCALE + 12

    def rule(self, text: str) -> None:
        """A line across the page with a few words on it."""
        self.y += 14
        self.draw.line([(EDGE * SCALE, self.y * SCALE), ((WIDTH - EDGE) * SCALE, self.y * SCALE)], RULE, SCALE)
        self.y += 8
        self.write(text, EDGE, font=SMALL, ink=GREY)
        self.y += 6

    def save(self, path: Path) -> None:
        """All that was drawn, in 256 colours."""
        self.image.crop((0, 0, WIDTH * SCALE, (self.y + EDGE) * SCALE)).quantize(
            method=Image.Quantize.MAXCOVERAGE
        ).save(path)


def _pieces(line: str, font: Font, ink: str) -> Iterator[tuple[str, Font, str, str]]:
    for code, bold, mention, space, words in _TOKENS.findall(line):
        if code:
            yield html.unescape(code), CODE, "#c01343", "#f5f0f2"
        elif bold:
            yield html.unescape(bold), BOLD, ink, ""
        elif mention:
            yield f"@{mention}", font, LINK, "#f2f6fa" if mention != "here" else "#fbf0cc"
        else:
            yield html.unescape(space or words), font, ink, ""


def _label(element: Mapping[str, Any]) -> str:
    return str(element["text"]["text"]) if "text" in element else f"{element['placeholder']['text']} v"


class Channel:
    """Holds the one message that it is given, as it is edited."""

    message = Message("")

    async def take(self, house: House) -> None:
        """What stands in the outbox."""
        delivery = Delivery(house._keeper, self, house)
        await delivery.begin()
        while delivery.under_way:
            await asyncio.wait(delivery.under_way)
            await delivery.begin()

    async def post(self, post: Post) -> Posted:
        if post.thread_ts is None:
            self.message = post.message
        return Posted(post.channel, "1")

    async def update(self, _channel_id: str, _ts: str, message: Message) -> None:
        self.message = message

    async def find(self, *_: object, **__: object) -> None:
        return None


def _carried(slot: int, dice: random.Random) -> dict[str, float]:
    """A daily wave with a little noise; one domain is dark from noon for 35 minutes."""
    wave = 1 - 0.25 * math.cos((slot % DAY) / DAY * 2 * math.pi)
    values = {name: level * wave * dice.gauss(1, 0.015) for name, level in DOMAINS.items()}
    if NOON <= slot < NOON + 7 * SLOT:
        values[DARK] = 0.0
    return {**values, "total": sum(values.values())}


async def story(folder: Path) -> Page:
    """Two days of four domains, and what was said of the second one's noon."""
    path = folder / "rules.toml"
    path.write_text(RULES.format(domains=", ".join(f'"{name}"' for name in DOMAINS)), encoding="utf-8")
    config = load(path)
    house, dice = House(config, tuple(DOMAINS)), random.Random(3)  # noqa: S311 - noise
    await house.begin(DOMAINS | {"total": sum(DOMAINS.values())})
    watch, page, channel, zone = house.watch, Page(), Channel(), config.slack.zone
    page.write("*# cdn-alerts*", EDGE)
    page.rule("")
    while not house.outbox():
        await house.judge(_carried(house.slot + SLOT, dice))
    await channel.take(house)
    told = house.now
    page.head("alertbot", format_clock(told, zone, house.now))
    page.say(channel.message)
    scope = scope_of(config, watch, Live(house.now), "/bandwidth")
    page.rule("in its thread, a moment later")
    page.picture((await Pictures(lambda: scope).of_incident(1)).png, INDENT + EDGE)
    while house.slot < NOON + 12 * SLOT:
        await house.judge(_carried(house.slot + SLOT, dice))
    page.rule("the same message, once traffic is back")
    await channel.take(house)
    page.head("alertbot", format_clock(told, zone, house.now))
    page.say(channel.message)
    page.rule("/bandwidth top 3")
    live = Live(house.now, house.slot, house.slot + SLOT, domains=len(DOMAINS), series=len(watch.series))
    answer = questions.ask(["top", "3"], scope_of(config, watch, live, "/bandwidth"))
    page.head("alertbot", format_clock(house.now, zone, house.now))
    page.say(answer.message)
    await house.end()
    return page


def main() -> None:
    """Draw it."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / ".github" / "picture.png"
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder))).save(target)


if __name__ == "__main__":
    main()
