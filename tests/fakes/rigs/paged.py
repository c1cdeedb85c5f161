"""The story of two bots and two Alertmanagers, of which one each dies while a domain is dark.

Alertmanagers live by the machine's time, so all do. What makes it short: the feed shows a domain that has been dark
for long when the bots begin, and at one moment all that it carried since.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from alertbot.units import SLOT, slot_at
from fakes.rigs.stage import Actor, Stage, StageClock
from fakes.rigs.waiting import wait_for
from fakes.wire.real_alertmanagers import Cluster, Page, Pager

RULES = """
[alertmanager]
urls = {urls}
resend = "{resend}s"
labels = {{ team = "cdn" }}
generator_url = "https://grafana.example.com/d/cdn?var-series={{series}}"

[watch]
domains = ["*"]

[[group]]
name = "pictures"
domains = ["img.*"]

[[rule]]
name = "went-dark"
kind = "drop"
to = "0 bps"
from = "5 Mbps"
severity = "critical"
runbook = "https://wiki.example.com/cdn"
"""
FEED = 'probe = "1s"\nmax_lag = "5m"\nstale_after = "24h"\n'
SERIES = "img.example.com"
SERIES_WATCHED = 4

_GOSSIPED = "alertmanager_nflog_gossip_messages_propagated_total"
_ENDED = 'alertmanager_alerts_received_total{status="resolved"'


@dataclass(frozen=True)
class Plot:
    """How long things take, in seconds: ``resend``, and from the start until the feed shows that all is well."""

    resend: int = 1
    shown_after: int = 50
    again: bool = False


def scenario(now: float, shown: float) -> dict[str, object]:
    """A domain dark from 70 minutes ago until 35 minutes ago, of which nothing after 40 is known until ``shown``."""
    slot = slot_at(now)
    late = range(slot - 8 * SLOT, slot + SLOT, SLOT)  # the last may close before that time
    return {
        "since": slot - 3 * 86_400,
        "domains": {name: {"level": 1e9} for name in ("video.example.com", SERIES, "dl.example.com")},
        "events": [{"domain": SERIES, "start": slot - 14 * SLOT, "end": slot - 7 * SLOT, "factor": 0}],
        "lag": {"default": 0},
        "delays": [
            {"domain": "*", "start": each, "end": each + SLOT, "by": max(shown - each - SLOT, 0.0)} for each in late
        ],
    }


def two_bots_two_alertmanagers(folder: Path, plot: Plot, say: Callable[[str], None]) -> list[Page]:
    """All notifications of the story: who dies is the bot that began first, and the Alertmanager that notified."""
    began = time.time()
    shown = began + plot.shown_after

    def note(text: str) -> None:
        say(f"{time.time() - began:6.1f} s  {text}")

    with ExitStack() as stack:
        pager = stack.enter_context(Pager())
        cluster = Cluster(folder / "cluster", pager, 2)
        rules = RULES.format(urls=cluster.urls, resend=plot.resend)
        clock, world = StageClock.real(), scenario(began, shown)
        one, two = (
            stack.enter_context(Stage(folder / name, clock, world, rules, feed=FEED)) for name in ("one", "two")
        )
        _let_them_know_the_feed(one, two)
        stack.enter_context(cluster)
        note("two Alertmanagers stand, two bots begin")
        victim: Actor = one.bot(slack=False)
        two.bot(slack=False)
        wait_for(lambda: pager.pages, "the page")
        _note_pages(pager, note)
        for number in (0, 1):
            wait_for(lambda number=number: cluster.alerts(number), f"the alert in {number}")
        dead = cluster.number_of(pager.pages[0])
        wait_for(lambda: cluster.metric(1 - dead, _GOSSIPED) > 0, "the word from Alertmanager to Alertmanager")
        victim.end(signal.SIGKILL)
        cluster.kill(dead)
        note("killed: one bot, and the Alertmanager that notified")
        wait_for(lambda: cluster.urls[dead] in two.shell("status"), "the dead Alertmanager in the status")
        note(next(line for line in two.shell("status").splitlines() if cluster.urls[dead] in line))
        wait_for(lambda: pager.pages[-1].status == "resolved", "the resolution")
        note("a resolution")
        if plot.again:
            cluster.start(dead)
            one.bot(slack=False)
            note("both are started again")
        taken = cluster.metric(1 - dead, _ENDED)
        wait_for(lambda: cluster.metric(1 - dead, _ENDED) >= taken + 8, "the end said again, which notifies nobody")
        _note_pages(pager, note)
        assert two.log.count("messages are printed here, alerts go to Alertmanager") == 1
        assert "Traceback" not in one.log + two.log
        return list(pager.pages)


def _let_them_know_the_feed(one: Stage, two: Stage) -> None:
    """Have bots that watched for longer than the hour in which a second look comes a minute after the first."""
    bot = one.bot(slack=False)
    database = one.configuration.with_name("alertbot.db")
    wait_for(lambda: _judged(database) == SERIES_WATCHED, "the first judgement")
    bot.end()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE series SET begun = begun - 7200")
        connection.execute("DELETE FROM relayed")
    shutil.copy(database, two.configuration.with_name("alertbot.db"))


def _judged(database: Path) -> int:
    """How many series were judged and stored."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection, contextlib.suppress(sqlite3.OperationalError):
        (count,) = connection.execute("SELECT count(cursor) FROM series").fetchone()
        return int(count)
    return 0


def _note_pages(pager: Pager, note: Callable[[str], None]) -> None:
    for page in pager.pages:
        note(f"notified so far: {page.status}, {', '.join(page.names)}, by {page.sender}")
