"""Relaying: tells every Alertmanager of a cluster what burns, again and again, and what is over.

An alert ends by itself in an Alertmanager that hears no more of it. So one that is told now, again before that, and
once it is over, is never lost: not by a restart of either side, nor by one that is down. What was said to burn is
stored, and so its end is told though we were not there when it came.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alertbot.alertmanager.alerts import JOB, LASTS, PATIENCE, QUIET, Terms, bulletin, is_kept
from alertbot.alertmanager.client import Alertmanager
from alertbot.clock import Clock
from alertbot.config import AlertmanagerSettings
from alertbot.config.watch import Watch
from alertbot.errors import RelayError, StoreError
from alertbot.incidents.relayed import Bulletin, Labels, Relayed
from alertbot.ops.outage import Outage
from alertbot.store import alertmanager
from alertbot.store.keeper import Storekeeper

log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two looks at what there is to tell, however often it changes."""

AT_ONCE = 500
"""Alerts told in one request: a few hundred kilobytes, which any proxy on the way lets through."""

LOOKS = 4
"""Times at which is seen whether something is due, from one re-sending to the next."""


@dataclass(frozen=True)
class RelaySource:
    """What is watched, and how far it was judged. ``now``: epoch seconds by the API's clock; ``frontier``: a slot.

    ``awaited``: the series that were not asked for yet since the frontier moved.
    """

    watch: Watch
    now: float
    frontier: int
    awaited: frozenset[str]


class Relay:
    """Tells them until cancelled; ``scene()`` is ``None`` before anything is watched. ``wake`` it after a commit."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        terms: Terms,
        secret: str | None,
        keeper: Storekeeper,
        clock: Clock,
        scene: Callable[[], RelaySource | None],
    ) -> None:
        self._resend = settings.resend
        self._terms = terms
        self._keeper = keeper
        self._clock = clock
        self._scene = scene
        self._links = [
            Peer(Alertmanager(url, secret=secret, user=settings.user), settings.resend, clock) for url in settings.urls
        ]
        self._woken = asyncio.Event()
        self._began: float | None = None
        self._latest = Bulletin()

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with which of them, in words."""
        return {f"Alertmanager {link.url}": link.problem for link in self._links if link.problem is not None}

    def wake(self) -> None:
        """There may be something to tell."""
        self._woken.set()

    async def run(self) -> None:
        """Look for what is to be told, again and again."""
        try:
            while True:
                if self._woken.is_set() or self._is_due():
                    self._woken.clear()
                    await self.look()
                await self._clock.sleep(PACE)
                await self._pause(self._resend / LOOKS - PACE)
        finally:
            for link in self._links:
                await link.aclose()

    async def look(self) -> None:
        """Begin to tell what is due; whoever is still being told is told the newest later.

        While that cannot be found out, what burned last goes on: it would else end by itself.
        """
        scene = self._scene()
        try:
            if scene is not None:
                self._latest = await self._bulletin(scene)
        except StoreError as error:
            log.debug("nothing new is relayed while the database fails: %s", error)  # of which others tell
        except Exception:
            log.exception("what fires cannot be relayed")
        for link in self._links:
            link.begin(self._latest, self._clock.time())

    def _is_due(self) -> bool:
        """Whether a look is worth it though nothing is new: in a storm each costs a second."""
        return self._is_starting() or bool(self._latest.over) or any(link.is_due() for link in self._links)

    async def _bulletin(self, scene: RelaySource) -> Bulletin:
        """What is to be told, once the database knows that it is."""
        facts, stored = await self._keeper.do(alertmanager.to_relay, scene.now)
        suppression = scene.watch.suppression(scene.now, scene.frontier, stored)
        awaited = scene.awaited if self._is_starting() else frozenset()
        # Not the API's time: whether an alert is over, Alertmanagers see by clocks that are kept as this machine's is.
        now = self._clock.time()
        told = await asyncio.to_thread(bulletin, facts, suppression, self._terms, awaited.__contains__, now)
        if told.written or told.forgotten:
            await self._keeper.do(alertmanager.write, told)
        return told

    def _is_starting(self) -> bool:
        """Whether what is stored may be out of date for no other reason than that we were not there."""
        now = self._clock.monotonic()
        self._began = now if self._began is None else self._began
        return now - self._began < PATIENCE * self._resend

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until something is new."""
        if seconds <= 0:
            return
        waits: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._woken.wait()),
            asyncio.create_task(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


class Peer:
    """One Alertmanager, and what it knows. What is kept in memory may be lost: all of it is then told again."""

    def __init__(self, alertmanager: Alertmanager, resend: float, clock: Clock) -> None:
        self.url = alertmanager.url
        self._alertmanager = alertmanager
        self._resend = resend
        self._clock = clock
        self._told: dict[tuple[Labels, float | None], float] = {}  # what was told when
        self._failures = Outage(clock.monotonic)
        self._heard: float | None = None
        self._again = 0.0
        self._missed = True  # something was not told though it was due
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why it last took no alerts; ``None`` where it did."""
        return self._failures.cause

    def is_due(self) -> bool:
        """Whether there is something to tell it again."""
        now = self._clock.monotonic()
        return (
            self._missed or self._is_old(min(self._told.values(), default=now), now) or self._is_old(self._heard, now)
        )

    def begin(self, told: Bulletin, now: float) -> None:
        """Tell what is due of this, unless it is still being told."""
        if (self._task is not None and not self._task.done()) or self._clock.monotonic() < self._again:
            self._missed = True
            return
        self._missed = False
        self._task = asyncio.create_task(self._tell(told, now))

    async def aclose(self) -> None:
        """Stop, and close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._alertmanager.aclose()

    async def _tell(self, told: Bulletin, now: float) -> None:
        began = self._clock.monotonic()
        try:
            await self._tell_what_burns(told.firing, now, began)
            await self._tell_what_is_over(told.over, now, began)
            if self._is_old(self._heard, began):  # whether it takes alerts is best known before there are any
                await self._tell_of([], None, began)
        except RelayError as error:
            self._fails(str(error), began)
        except Exception:
            self._fails("see the log", began)
            log.exception("%s cannot be told of alerts", self.url)
        else:
            current = {_heading(each) for each in (*told.firing, *told.over)}
            self._told = {key: when for key, when in self._told.items() if key in current}

    def _fails(self, problem: str, now: float) -> None:
        self._missed = True
        self._again = now + self._resend / LOOKS
        if self._failures.is_news(problem):
            log.error("Alertmanager %s takes no alerts: %s", self.url, problem)

    async def _tell_what_burns(self, firing: Iterable[Relayed], now: float, began: float) -> None:
        ends = now + LASTS * self._resend
        due = [each for each in firing if self._is_old(self._told.get(_heading(each)), began)]
        if due:
            await self._tell_of(due, ends, began)

    async def _tell_what_is_over(self, over: Iterable[Relayed], now: float, began: float) -> None:
        """But for what another bot says to burn: it has not judged as far, and would call it up again."""
        due = [
            each
            for each in over
            if each.ends is not None
            and now - each.ends >= QUIET * self._resend
            and self._is_old(self._told.get(_heading(each)), began)
        ]
        if not due:
            return
        burns = await self._alertmanager.firing(JOB)
        settled = [each for each in due if not is_kept(burns.get(each.labels, 0.0), each.ends or 0.0, self._resend)]
        if settled:
            await self._tell_of(settled, None, began)

    def _is_old(self, last: float | None, began: float) -> bool:
        # A look that comes a little early must not put it off to the next.
        return last is None or began - last >= (1 - 0.5 / LOOKS) * self._resend

    async def _tell_of(self, alerts: Sequence[Relayed], ends: float | None, began: float) -> None:
        for start in range(0, max(len(alerts), 1), AT_ONCE):
            batch = alerts[start : start + AT_ONCE]
            await self._alertmanager.tell([as_json(each, ends) for each in batch])
            self._told |= {_heading(each): began for each in batch}
        self._heard = began
        if times := self._failures.ended():
            log.info("Alertmanager %s takes alerts again, after %d attempts that failed", self.url, times)


def _heading(each: Relayed) -> tuple[Labels, float | None]:
    """What is told of an alert, apart from its words."""
    return each.labels, each.ends


def as_json(each: Relayed, ends: float | None) -> Mapping[str, Any]:
    """An alert as the API takes it; ``ends``: when it ends by itself, where it is not over."""
    ended = each.ends if each.ends is not None else ends
    told: dict[str, Any] = {
        "labels": dict(each.labels),
        "annotations": dict(each.annotations),
        "startsAt": _instant(each.starts),
    }
    if ended is not None:
        told["endsAt"] = _instant(max(ended, each.starts))
    if each.link is not None:
        told["generatorURL"] = each.link
    return told


def _instant(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
