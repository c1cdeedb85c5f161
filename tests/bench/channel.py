"""A night of 300 domains as its channel shows it: the real process, the simulated CDN, a loopback Slack, a fast clock.

    python tests/bench/channel.py [--until 06:30] [--speed 40] [--to FILE]

What happens: one domain goes dark, 200 do, one falls in part, one climbs slowly, the API fails,
data comes late, alertbot is started again in the middle of an outage, and that outage comes back. Somebody is awake,
acknowledges, silences and asks. Every message is printed as posted and as it stood at last, with its thread, 40 columns
wide as on a phone, with how many characters and lines that is; then what truly happened, to hold it against.
"""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.stage import Actor, Stage, StageClock
from fakes.worlds.stored import store

from alertbot.feed.simulator.scenario import Scenario
from alertbot.messages.blocks import Message
from alertbot.messages.slack import plain
from alertbot.rules.selection import TOTAL
from alertbot.units import DAY, SLOT

ZONE = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 3, 2, 21, 40, tzinfo=ZONE)
PHONE = 40
HISTORY_DAYS = 29
SPEED = 40.0
LAG = 420

RULES = """
[watch]
domains = ["*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "2 Mbps"
for = "10m"
severity = "critical"
runbook = "https://wiki.example.com/cdn"

[[rule]]
name = "sharp-fall"
kind = "drop"
by = "80%"
from = "20 Mbps"
for = "15m"

[[rule]]
name = "far-off"
kind = "baseline"
factor = 1.9
zeros = false
floor = "20 Mbps"
for = "5m"

[[rule]]
name = "doubled"
kind = "day_over_day"
ratio = 2.0
floor = "50 Mbps"

[[rule]]
name = "account-fell"
kind = "drop"
domains = ["total"]
by = "60%"
severity = "critical"

[[rule]]
name = "total-ceiling"
kind = "threshold"
domains = ["total"]
above = "30 Gbps"
"""

FEED = """each_domain = true
calls_per_minute = 60
"""  # spread over seconds, since an answer takes as long as ever while time-outs shrink with the speed
SLACK = 'timezone = "Europe/Berlin"\nmention = { critical = "@here" }'


@dataclass(frozen=True)
class Deed:
    """What somebody does at a time: types a command, clicks a button, or starts alertbot again."""

    time: str
    command: str = ""
    click: tuple[str, str] = ("", "")
    restart: bool = False


DEEDS = (
    Deed("22:32", click=("video", "ack")),
    Deed("23:31", command="alerts"),
    Deed("23:33", command="why shop-001"),
    Deed("23:35", command="ack rack 4 has no power"),
    Deed("00:10", command="silence app-017 2h moving it to the new origin"),
    Deed("01:55", command="status"),
    Deed("03:12", command="show video"),
    Deed("04:15", restart=True),
    Deed("06:20", command="incidents 12h"),
)


def at(clock: str) -> int:
    """An hour of the night, epoch seconds."""
    hour, minute = map(int, clock.split(":"))
    midnight = int(EVENING.replace(hour=0, minute=0).timestamp())
    return midnight + (DAY if hour < 12 else 0) + hour * 3600 + minute * 60


def domains() -> dict[str, dict[str, float]]:
    """300 of them: six that are large, 200 shops, of which many are small, and 94 others."""
    large = {"video": 1.84e9, "img": 620e6, "dl1": 410e6, "dl2": 380e6, "www": 150e6, "api": 95e6}
    shops = {f"shop-{number:03}": 240e6 / number**0.7 for number in range(1, 201)}
    others = {f"app-{number:03}": 90e6 / number**0.7 for number in range(1, 95)}
    return {
        f"{name}.example.com": {"level": level, "swing": 0.3, "noise": 0.03}
        for name, level in (large | shops | others).items()
    }


def _event(name: str, start: str, end: str, factor: float) -> dict[str, Any]:
    return {"domain": f"{name}.example.com", "start": at(start), "end": at(end), "factor": factor}


def _climb(name: str, start: str, end: str, most: float) -> Iterator[dict[str, Any]]:
    """Traffic that rises a little with each slot, to so many times the usual."""
    slots = range(at(start), at(end), SLOT)
    for index, slot in enumerate(slots):
        factor = 1 + (most - 1) * min(1.0, 1.3 * index / len(slots))
        yield {"domain": f"{name}.example.com", "start": slot, "end": slot + SLOT, "factor": factor}


def scenario() -> dict[str, Any]:
    """What the CDN carries that night, and what goes wrong with its API."""
    late = range(at("02:40"), at("03:05"), SLOT)
    return {
        "domains": domains(),
        "since": int(EVENING.timestamp()) - HISTORY_DAYS * DAY,
        "lag": {"default": LAG},
        "events": [
            _event("video", "22:05", "22:50", 0.0),
            _event("shop-*", "23:10", "23:55", 0.0),
            _event("app-017", "00:15", "00:40", 0.0),
            _event("img", "00:20", "01:10", 0.15),
            *_climb("dl1", "00:30", "04:30", 3.0),
            _event("api", "04:00", "05:00", 0.0),
            _event("api", "05:25", "05:50", 0.0),
        ],
        # Published together, in order: the oldest waits longest.
        "delays": [{"domain": "*", "start": slot, "end": slot + SLOT, "by": 1500 + late.start - slot} for slot in late],
        "faults": [{"start": at("01:30"), "end": at("02:10"), "mode": "500"}],
    }


def remember(path: Path, told: Mapping[str, Any], until: int) -> None:
    """Store what alertbot would know had it run for a week."""
    world = Scenario(**{"token": "", **_shaped(told)})
    first = until - HISTORY_DAYS * DAY
    slots = range(first, until, SLOT)
    values = {name: [world.truth(name, slot) for slot in slots] for name in world.domains}
    values[TOTAL] = [sum(carried) for carried in zip(*values.values(), strict=True)]
    store(path, first, values)


def _shaped(told: Mapping[str, Any]) -> dict[str, Any]:
    parsed = Scenario.from_json(json.dumps({"token": "", **told}))
    return {"domains": parsed.domains, "events": parsed.events, "since": parsed.since}


class Night:
    """The stage, and what is done on it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._bot: Actor = stage.bot()
        self.answers: list[tuple[float, str, str]] = []

    def live(self, until: int) -> None:
        """Let it become ``until``, with all that is done before."""
        for deed in DEEDS:
            if at(deed.time) < until:
                self._wait(at(deed.time))
                self._do(deed)
        self._wait(until)

    def _wait(self, until: int) -> None:
        while self._stage.clock.now() < until:
            time.sleep(0.1)

    def _do(self, deed: Deed) -> None:
        now = self._stage.clock.now()
        if deed.restart:
            self._bot.end()
            self._bot = self._stage.bot()
            self.answers.append((now, "(alertbot is stopped and started again)", ""))
        elif deed.command:
            answer = self._stage.command(deed.command)
            self.answers.append((now, f"Ada types: /bandwidth {deed.command}", readable(answer)))
        else:
            while not any(deed.click[0] in json.dumps(each) for each in self._stage.messages()):
                time.sleep(0.1)  # on a busy machine it is posted later
            told = self._stage.click(*deed.click)
            self.answers.append((now, f"Ada clicks: {deed.click[1]}", "\n".join(map(readable, told))))


def readable(content: Mapping[str, Any]) -> str:
    """A message or an answer as lines of text, without its buttons."""
    held = next(iter(content.get("attachments") or ()), None)
    blocks = tuple(held["blocks"] if held else content.get("blocks") or ())
    text = plain(Message(content.get("text", ""), blocks, held["color"] if held else None))
    return text.replace("`", "")


def on_a_phone(text: str) -> list[str]:
    """The lines of a text on a narrow screen."""
    return [line for part in text.split("\n") for line in textwrap.wrap(part, PHONE, break_on_hyphens=False) or [""]]


def clock_of(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, ZONE).strftime("%H:%M:%S")


@dataclass(frozen=True)
class Said:
    """Something that stands in the channel, or that one person saw there."""

    time: float
    head: str
    text: str

    def lines(self) -> Iterator[str]:
        wrapped = on_a_phone(self.text) if self.text else []
        yield f"{clock_of(self.time)} {self.head}  [{len(self.text)} characters, {len(wrapped)} lines]"
        for line in wrapped:
            yield f"    {line}"


def channel(stage: Stage, answers: Sequence[tuple[float, str, str]]) -> Iterator[str]:
    """All that was said, in order: what was posted, with its thread and its last state beneath, and the answers."""
    messages = stage.messages()
    threads: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        if message["thread_ts"]:
            threads.setdefault(message["thread_ts"], []).append(message)
    items = [
        (float(each["ts"]), list(_told(each, threads.get(each["ts"], []))))
        for each in messages
        if not each["thread_ts"]
    ]
    items += [(when, list(Said(when, head, text).lines())) for when, head, text in answers]
    for _, lines in sorted(items, key=lambda item: item[0]):
        yield from lines
        yield ""


def _told(message: Mapping[str, Any], thread: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    states = [readable(edit) for edit in message["edits"]] + [readable(message)]
    when = float(message["ts"])
    yield from Said(when, "POSTED", states[0]).lines()
    for reply in thread:
        head = "  reply, shown in the channel" if reply["broadcast"] else "  reply"
        yield from (f"  {line}" for line in Said(float(reply["ts"]), head, readable(reply)).lines())
    distinct = list(dict.fromkeys(states))
    for number, state in enumerate(distinct[1:], 1):
        yield from (f"  {line}" for line in Said(when, f"  edit {number} of {len(distinct) - 1}", state).lines())


@click.command()
@click.option("--until", default="06:30", help="When the night ends.")
@click.option("--speed", default=SPEED, help="How fast the clock runs: slower where the machine is busy.")
@click.option("--to", type=click.Path(path_type=Path), help="A file to write it to as well.")
def main(until: str, speed: float, to: Path | None) -> None:
    """Live through the night, and print its channel."""
    told = scenario()
    with tempfile.TemporaryDirectory(prefix="alertbot-night-") as folder:
        start = int(EVENING.timestamp())
        remember(Path(folder) / "remembered.db", told, start - 2 * SLOT)
        clock = StageClock(start, speed)
        with Stage(Path(folder) / "stage", clock, told, RULES, feed=FEED, slack=SLACK) as stage:
            (Path(folder) / "remembered.db").rename(stage.configuration.with_name("alertbot.db"))
            night = Night(stage)
            night.live(at(until))
            lines = [*channel(stage, night.answers), "", "The log", *stage.log.splitlines()]
    for line in lines:
        click.echo(line)
    if to is not None:
        to.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
