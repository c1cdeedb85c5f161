"""Kills the real process with -9, again and again, and counts what that did to the messages in Slack.

``python tests/crash/run.py --kills 500`` prints the table. The instants are random ones, and whenever the loopback
Slack is at a chosen point of the conversation; nothing in the product knows of it.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

if not __package__ or __package__ != "crash":  # run as a script: the packages of tests/ are one folder up
    sys.path[0] = str(Path(__file__).parents[1])

from crash.cdn import DOMAINS, START, TOKEN, is_high
from fakes.rigs.stage import ALERTBOT, Actor, StageClock, _environment
from fakes.rigs.waiting import for_a_while, wait_for
from fakes.wire.blockkit import CHARTS
from fakes.wire.workspace import APP_TOKEN, BOT_TOKEN

SPEED = 50.0
POST, UPDATE, HISTORY = "chat.postMessage", "chat.update", "conversations.history"
ANSWER = "response_url"
SLOT = 300

POINTS = ("random", "received", "processed", "half answered", "answered", "in a burst", "history read")
"""When to kill: see ``Play.reach``."""

VARIANTS = ("plain", "faults", "unreadable", "charts", "charts refused")
"""With ``charts`` somebody asks for one of Slack's own meanwhile, and kills fall while it is answered as well."""

RULES = """
[watch]
domains = ["*"]

[slack]
base_url = "{slack}api/"
charts = false

[feed]
base_url = "{cdn}"

[[rule]]
name = "downloads"
kind = "threshold"
domains = ["d0*"]
above = "1.5 Gbps"
for = "5m"
clear_for = "5m"
channel = "#downloads"
"""

PAIR = """
[[rule]]
name = "{name}"
kind = "threshold"
domains = {domains}
above = "1 Gbps"
for = "5m"
clear_for = "5m"
"""

PAIRS = tuple(zip(DOMAINS[::2], DOMAINS[1::2], strict=True))
"""Domains of which the second goes up a slot after the first, so that the incident of their rule grows."""


@dataclass(frozen=True)
class Table:
    """What a run came to, of ``due`` messages and ``replies`` in their threads.

    ``asked``: questions for one of Slack's own charts, and how the attempts to answer them were ``answered``.
    ``stale``: messages that do not show their incident's last state; ``unended``: incidents that are over without that
    being said once in their thread, or in the message from the first; ``unposted``: alerts.
    """

    kills: int
    due: int
    replies: int
    delivered: int
    repeated: int
    lost: int
    edits: int
    stale: int
    unended: int
    alerts: int
    unposted: int
    asked: int
    answered: Counter[str]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.due} messages and {self.replies} replies due, {self.delivered} delivered,"
            f" {self.repeated} repeated, {self.lost} lost; {self.edits} messages edited later, {self.stale} with an"
            f" edit missing, {self.unended} with an end missing; {self.alerts} breaches in the traffic, {self.unposted}"
            f" not told exactly once; {self.asked} questions: {dict(self.answered)}"
        )


@dataclass(frozen=True)
class Threads:
    """What stands in threads; ``subjects``: of each message in a channel, by its ts."""

    subjects: dict[str, str]
    everything: list[dict[str, Any]]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [message for message in self.everything if message["thread_ts"]]

    def missing(self, due: dict[str, str]) -> int:
        """How many replies, of these subjects by id, do not stand in the thread they belong to."""
        standing = {(_id(reply), self.subjects.get(reply["thread_ts"])) for reply in self.replies}
        return len(due.items() - standing)

    def repeated(self) -> int:
        """How many replies say what their thread says already, whatever the bot takes them for.

        All of a reply counts: two that list domains may begin alike.
        """
        said = Counter((self.subjects.get(reply["thread_ts"]), _content(reply)) for reply in self.replies)
        return sum(said.values()) - len(said)

    def ends(self, subject: str) -> int:
        """How often it is said that something is over: in its thread, or by a message that came that late."""
        own = [one for one in self.everything if self.subjects.get(one["thread_ts"] or one["ts"]) == subject]
        texts = {one["edits"][0]["text"] if one["edits"] else one["text"] for one in own}
        return sum(text.startswith("Resolved: ") for text in texts)


class Play:
    """A CDN, a Slack, and a bot that is killed; everything lies in ``folder``."""

    def __init__(self, folder: Path, speed: float, variant: str, dice: random.Random) -> None:
        # On a busy machine what the killed bot had sent might else reach Slack after the next one's last look for it.
        self.clock = StageClock.fast(START, speed, busy=2.5)
        self.kills = 0
        self._folder = folder
        self._variant = variant
        self._dice = dice
        self._actors: list[Actor] = []
        self._control = httpx.Client(trust_env=False, timeout=30)
        self._read = 0
        self._points: Counter[str] = Counter()
        self._asked = 0
        self._methods = (ANSWER,) if variant.startswith("charts") else (POST, UPDATE)

    def __enter__(self) -> Self:
        here = Path(__file__)
        cdn = self._enter("cdn", [sys.executable, str(here.with_name("cdn.py"))]).first_line()
        log = ["--log", str(self._folder / "calls"), "--paced"]
        log += ["--no-charts"] * (self._variant == "charts refused")
        slack = [sys.executable, str(here.parents[1] / "fakes" / "wire" / "slack.py"), *log]
        self._slack = self._enter("slack", slack).first_line().removesuffix("api/")
        self._rules = self._folder / "rules.toml"
        pairs = (PAIR.format(name=f"pair-{number}", domains=json.dumps(pair)) for number, pair in enumerate(PAIRS))
        self._rules.write_text(RULES.format(slack=self._slack, cdn=cdn) + "".join(pairs))
        if self._variant == "unreadable":
            self.spoil(HISTORY, "missing_scope", 100_000)
        return self

    def __exit__(self, *_: object) -> None:
        for actor in reversed(self._actors):
            actor.drop()
        self._control.close()

    @property
    def log(self) -> str:
        """All that bots printed."""
        return (self._folder / "bot").read_text()

    def bot(self) -> Actor:
        """Start ``alertbot run``."""
        secrets = ("API_TOKEN", TOKEN), ("SLACK_BOT_TOKEN", BOT_TOKEN), ("SLACK_APP_TOKEN", APP_TOKEN)
        tokens = {f"ALERTBOT_{name}": value for name, value in secrets}
        return self._enter("bot", [str(ALERTBOT), "run", "-c", str(self._rules)], tokens)

    def kill(self, bot: Actor) -> None:
        """Without a word."""
        bot.end(signal.SIGKILL)
        self.kills += 1
        self._actors.remove(bot)

    def reach(self, point: str, bot: Actor) -> Actor:
        """Return when the bot, or one that followed it, is to be killed."""
        method = self._dice.choice(self._methods)
        if point == "random":
            for_a_while(self._dice.uniform(0.2, 6.0))
        elif point in {"received", "processed", "half answered"}:
            self._hold(method, {"received": "hang", "processed": "hang_after", "half answered": "half"}[point])
        elif point == "answered":
            self._next(method)
        elif point == "in a burst":
            self._next(method)
            for_a_while(self._dice.uniform(0.0, 0.4))
        else:
            self._hold(POST, "hang_after")
            self.kill(bot)
            bot = self.bot()
            self._hold(HISTORY, self._dice.choice(("hang", "half", "hang_after")))
        return bot

    def watches(self) -> None:
        """Return once the bot that was started last has looked at the feed: it can answer now."""
        began = self.clock.now()

        def looked() -> bool:
            try:
                return self._looked_at() > began
            except sqlite3.OperationalError:  # the database is only just made
                return False

        wait_for(looked, "a bot that looks at the feed")

    def mend(self) -> None:
        """What was to go wrong and did not will not any more."""
        if self._variant != "unreadable":
            self._control.post(f"{self._slack}_control/mend")

    def trouble(self) -> None:
        """Something that passes, now and then."""
        mode = self._dice.choice(("drop_before", "drop_after", "half", "500", "429:30", "hang", "internal_error"))
        self.spoil(self._dice.choice((POST, UPDATE, HISTORY)), mode, self._dice.choice((1, 1, 3)))

    def outage(self, seconds: float) -> None:
        """Slack is away for so many of the play's seconds: some calls are lost on the way, some on the way back."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            self.spoil("*", self._dice.choice(("drop_before", "drop_after", "500")), 20)
            for_a_while(min(until - self.clock.now(), 60) / self.clock.speed)
        self.mend()

    def spoil(self, method: str, mode: str, times: int = 1) -> None:
        """Let the next calls go wrong."""
        self._control.post(f"{self._slack}_control/fault", json={"method": method, "mode": mode, "times": times})

    def settle(self) -> None:
        """Return once nothing is owed, some while after the last kill."""
        while_later = self.clock.now() + 1200
        wait_for(lambda: self._looked_at() > while_later, "a bot that goes on for a while")
        wait_for(lambda: not self._owed(), "all that is owed")

    def table(self) -> Table:
        """Compare what stands in Slack with what the bot's database says, and that with the traffic."""
        assert self._query("PRAGMA integrity_check") == [("ok",)]
        everything = self._control.get(f"{self._slack}_control/messages").json()
        messages = [message for message in everything if not message["thread_ts"]]
        outbox = self._query("SELECT id, subject, body FROM outbox WHERE action <> 'reply' ORDER BY number")
        owed = {row[1] for row in self._query("SELECT id, subject FROM outbox WHERE state NOT IN ('sent', 'dropped')")}
        subjects = {row[0]: row[1] for row in outbox}
        newest = {subject: json.loads(body)["text"] for _, subject, body in outbox if subject not in owed}
        told = Counter(subjects.get(_id(message), "nobody's") for message in messages)
        shown = {subjects.get(_id(message)): message["text"] for message in messages}
        due, alerts = self._due(), self._alerts()
        threads = Threads({message["ts"]: subjects.get(_id(message), "nobody's") for message in messages}, everything)
        replies = dict(self._query("SELECT id, subject FROM outbox WHERE action = 'reply' AND state = 'sent'"))
        lost = sum(told[subject] == 0 for subject in due) + threads.missing(replies)
        return Table(
            kills=self.kills,
            due=len(due),
            replies=len(replies),
            delivered=len(due) + len(replies) - lost,
            repeated=sum(told.values()) - len(told) + threads.repeated(),
            lost=lost,
            edits=sum(1 for message in messages if message["edits"]),
            stale=sum(shown.get(subject) != text for subject, text in newest.items()),
            unended=sum(threads.ends(subject) != 1 for subject in self._over() - owed),
            alerts=len(alerts),
            unposted=sum(count != 1 for count in alerts.values()),
            asked=self._asked,
            answered=self._answered(),
        )

    def _due(self) -> set[str]:
        return {f"incident:{row[0]}" for row in self._query("SELECT id FROM incidents")}

    def _over(self) -> set[str]:
        """What was told while it burned, and is over."""
        query = "SELECT id FROM incidents WHERE closed IS NOT NULL AND kind <> 'passed'"
        return {f"incident:{row[0]}" for row in self._query(query)}

    def _alerts(self) -> dict[tuple[str, int], int]:
        """How many incidents tell of each breach that was over well before the end, by domain and first slot."""
        stored: Counter[tuple[str, int]] = Counter()
        query = (
            "SELECT series, since FROM alerts WHERE incident IS NOT NULL AND rule LIKE 'pair-%' AND phase = 'resolved'"
        )
        for series, since in self._query(query):
            stored[series, since] += 1
        if not stored:
            return {}  # so few kills take less time than a breach
        first = min(slot for _, slot in stored) + 6 * SLOT
        last = max(slot for _, slot in stored) - 2 * SLOT
        return {
            (domain, slot): stored[domain, slot]
            for domain in DOMAINS
            for slot in range(first - first % SLOT, last, SLOT)
            if is_high(domain, slot) and not is_high(domain, slot - SLOT)
        }

    def _owed(self) -> int:
        query = "SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'dropped')"
        return int(self._query(query)[0][0])

    def _query(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._folder / "alertbot.db", timeout=30)) as connection:
            return connection.execute(query).fetchall()

    def _looked_at(self) -> float:
        """When the bot last looked at the feed."""
        rows = self._query("SELECT facts FROM live")
        return float(json.loads(rows[0][0])["now"]) if rows else 0.0

    def _hold(self, method: str, mode: str) -> None:
        """Let the next call of a method get stuck, and return when it is."""
        self.spoil(method, mode)
        self._next(method)

    def _next(self, method: str, patience: float = 15.0) -> None:
        """Return when a method is called next, or after so many real seconds without."""
        path = self._folder / "calls"
        self._read = path.stat().st_size
        if method == ANSWER:
            threading.Thread(target=self._ask, daemon=True).start()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with path.open() as file:
                file.seek(self._read)
                if f'"method": "{method}"' in file.read():
                    return
            time.sleep(0.01)

    def _ask(self) -> None:
        """Ask for a chart, and wait for no answer: it may never come."""
        self._asked += 1
        question = {"text": "show d00.example.com", "answers": 0, "patience": 3600}
        httpx.post(f"{self._slack}_control/command", json=question, trust_env=False, timeout=120)

    def _answered(self) -> Counter[str]:
        """How Slack took the answers: with a chart, without one, or refused."""
        calls = map(json.loads, (self._folder / "calls").read_text().splitlines())
        return Counter(
            ("chart" if CHARTS in json.dumps(each["arguments"]) else "words") if each["outcome"] == "ok" else "refused"
            for each in calls
            if each["method"] == ANSWER and not each["outcome"].startswith("fault")
        )

    def _enter(self, part: str, command: list[str], more: dict[str, str] | None = None) -> Actor:
        environment = {**_environment(), **(more or {}), **self.clock.environment()}
        actor = Actor(command, self._folder / part, environment)
        self._actors.append(actor)
        return actor


def run(folder: Path, kills: int, *, variant: str = "plain", speed: float = SPEED, seed: int = 1) -> tuple[Table, str]:
    """Play it with so many kills; the table, and the bots' log."""
    dice = random.Random(seed)
    with Play(folder, speed, variant, dice) as play:
        number = 0
        while play.kills < kills:
            bot = play.bot()
            if variant == "faults":
                play.trouble()
                if number == kills // 4:
                    for_a_while(3)
                    play.outage(1200)
            if variant.startswith("charts"):
                play.watches()
            play.kill(play.reach(POINTS[number % len(POINTS)], bot))
            play.mend()
            number += 1
        last = play.bot()
        play.settle()
        last.end()
        return play.table(), play.log


def _content(message: dict[str, Any]) -> str:
    return json.dumps([message["text"], message["blocks"], message["attachments"]])


def _id(message: dict[str, Any]) -> str:
    return str(message["metadata"]["event_payload"]["id"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--variant", choices=VARIANTS, default="plain")
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="crash-"))
    folder.mkdir(exist_ok=True)
    began = time.monotonic()
    table, _ = run(folder, options.kills, variant=options.variant, speed=options.speed, seed=options.seed)
    sys.stdout.write(f"{options.variant}: {table}\n({time.monotonic() - began:.0f} s; {folder})\n")


if __name__ == "__main__":
    main()
