"""Sends to every Alertmanager of a cluster what fires, again and again, and what is resolved.

An alert that an Alertmanager hears no more of ends by itself. So one that is sent now, again before that, and once more
when it is resolved, is never lost: not by a restart of either side, nor by one that is down. What was sent is stored,
so an alert that was resolved while we were not there is sent as resolved all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alertbot.alertmanager.alerts import (
    EXPIRES_AFTER,
    JOB,
    RESOLVE_AFTER,
    UNJUDGED_FOR,
    AlertLayout,
    fires_elsewhere,
    plan_relay,
)
from alertbot.alertmanager.client import Alertmanager
from alertbot.alertmanager.own_trouble import OwnTrouble
from alertbot.clock import Clock, wait
from alertbot.config import AlertmanagerSettings
from alertbot.config.watch import Watch
from alertbot.errors import RelayError, StoreError
from alertbot.incidents.relayed import AlertmanagerAlert, Labels, RelayPlan
from alertbot.ops.outage import Outage
from alertbot.store import alertmanager
from alertbot.store.keeper import Storekeeper

log = logging.getLogger(__name__)

PACE = 1.0
"""Seconds between two plans of what is to be sent, however often that changes."""

AT_ONCE = 500
"""Alerts sent in one request: a few hundred kilobytes, which any proxy on the way lets through."""

CHECKS = 4
"""How often, from one re-sending to the next, it is checked whether something is due."""


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
    """Sends until cancelled; ``source()`` is ``None`` before anything is watched. ``wake`` it after a commit.

    What is wrong with the service itself is sent beside that, whatever fails.
    """

    def __init__(
        self,
        settings: AlertmanagerSettings,
        layout: AlertLayout,
        secret: str | None,
        keeper: Storekeeper,
        clock: Clock,
        source: Callable[[], RelaySource | None],
        own_trouble: OwnTrouble,
    ) -> None:
        self._resend = settings.resend
        self._layout = layout
        self._keeper = keeper
        self._clock = clock
        self._source = source
        self._own_trouble = own_trouble
        self._peers = [
            Peer(Alertmanager(url, secret=secret, user=settings.user), settings.resend, clock) for url in settings.urls
        ]
        self._woken = asyncio.Event()
        self._began: float | None = None
        self._latest = RelayPlan()

    @property
    def problems(self) -> dict[str, str]:
        """Why which of them take no alerts, in words."""
        return {f"Alertmanager {peer.url}": peer.problem for peer in self._peers if peer.problem is not None}

    def wake(self) -> None:
        """There may be something new to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send what is due, again and again."""
        try:
            while True:
                if self._own_trouble.look() or self._woken.is_set() or self._is_due():
                    self._woken.clear()
                    await self.send_due()
                await self._clock.sleep(PACE)
                await wait(self._clock, self._woken, max(self._resend / CHECKS - PACE, 0.0))
        finally:
            for peer in self._peers:
                await peer.aclose()

    async def send_due(self) -> None:
        """Begin to send what is due; to an Alertmanager that is still being sent to, the newest goes out later.

        While that cannot be found out, what fired last is sent on: it would else end by itself.
        """
        source = self._source()
        try:
            if source is not None:
                self._latest = await self._plan(source)
        except StoreError as error:
            log.debug("nothing new is relayed while the database fails: %s", error)  # of which others tell
        except Exception:
            log.exception("what fires cannot be relayed")
        for peer in self._peers:
            peer.begin(self._own_trouble.beside(self._latest), self._clock.time())

    def _is_due(self) -> bool:
        """Whether a plan is worth it though nothing is new: in a storm each costs a second."""
        return self._is_starting() or bool(self._latest.resolved) or any(peer.is_due() for peer in self._peers)

    async def _plan(self, source: RelaySource) -> RelayPlan:
        """What is to be sent, stored before it is."""
        facts, stored = await self._keeper.do(alertmanager.to_relay, source.now)
        suppression = source.watch.suppression(source.now, source.frontier, stored)
        awaited = source.awaited if self._is_starting() else frozenset()
        # Not the API's time: when an alert ends, Alertmanagers see by clocks that are kept as this machine's is.
        now = self._clock.time()
        plan = await asyncio.to_thread(plan_relay, facts, suppression, self._layout, awaited.__contains__, now)
        if plan.to_store or plan.to_forget:
            await self._keeper.do(alertmanager.write, plan)
        return plan

    def _is_starting(self) -> bool:
        """Whether what is stored may be out of date for no other reason than that we were not there."""
        now = self._clock.monotonic()
        self._began = now if self._began is None else self._began
        return now - self._began < UNJUDGED_FOR * self._resend


class Peer:
    """One Alertmanager, and what it was sent. That is kept in memory: after a restart all is sent again."""

    def __init__(self, alertmanager: Alertmanager, resend: float, clock: Clock) -> None:
        self.url = alertmanager.url
        self._alertmanager = alertmanager
        self._resend = resend
        self._clock = clock
        self._sent: dict[tuple[Labels, float | None], float] = {}  # what was sent when (monotonic)
        self._failures = Outage(clock.monotonic)
        self._accepted: float | None = None  # when it last took a request
        self._retry_at = 0.0
        self._owed = True  # something was not sent though it was due
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str | None:
        """Why it last took no alerts; ``None`` where it did."""
        return self._failures.cause

    def is_due(self) -> bool:
        """Whether something is to be sent again."""
        now = self._clock.monotonic()
        oldest = min(self._sent.values(), default=now)
        return self._owed or self._is_old(oldest, now) or self._is_old(self._accepted, now)

    def begin(self, plan: RelayPlan, now: float) -> None:
        """Begin to send what is due of a plan, unless an earlier one is still being sent."""
        if (self._task is not None and not self._task.done()) or self._clock.monotonic() < self._retry_at:
            self._owed = True
            return
        self._owed = False
        self._task = asyncio.create_task(self._send(plan, now))

    async def aclose(self) -> None:
        """Stop, and close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._alertmanager.aclose()

    async def _send(self, plan: RelayPlan, now: float) -> None:
        began = self._clock.monotonic()
        try:
            await self._send_firing(plan.firing, now, began)
            await self._send_resolved(plan.resolved, now, began)
            if self._is_old(self._accepted, began):  # whether it takes alerts is best known before there are any
                await self._send_batches([], None, began)
        except RelayError as error:
            self._fails(str(error), began)
        except Exception:
            self._fails("see the log", began)
            log.exception("%s could not be sent alerts", self.url)
        else:
            current = {_state(each) for each in (*plan.firing, *plan.resolved)}
            self._sent = {state: when for state, when in self._sent.items() if state in current}

    def _fails(self, problem: str, now: float) -> None:
        self._owed = True
        self._retry_at = now + self._resend / CHECKS
        if self._failures.is_news(problem):
            log.error("Alertmanager %s takes no alerts: %s", self.url, problem)

    async def _send_firing(self, firing: Iterable[AlertmanagerAlert], now: float, began: float) -> None:
        due = [each for each in firing if self._is_old(self._sent.get(_state(each)), began)]
        if due:
            await self._send_batches(due, now + EXPIRES_AFTER * self._resend, began)

    async def _send_resolved(self, resolved: Iterable[AlertmanagerAlert], now: float, began: float) -> None:
        """Leave out what another bot sends as firing: it has not judged as far, and would let it fire anew."""
        due = [
            each
            for each in resolved
            if each.ends is not None
            and now - each.ends >= RESOLVE_AFTER * self._resend
            and self._is_old(self._sent.get(_state(each)), began)
        ]
        if not due:
            return
        ends = await self._alertmanager.firing(JOB)
        agreed = [each for each in due if not fires_elsewhere(ends.get(each.labels, 0), each.ends or 0, self._resend)]
        if agreed:
            await self._send_batches(agreed, None, began)

    def _is_old(self, last: float | None, began: float) -> bool:
        # A check that comes a little early must not put it off to the next.
        return last is None or began - last >= (1 - 0.5 / CHECKS) * self._resend

    async def _send_batches(self, alerts: Sequence[AlertmanagerAlert], ends: float | None, began: float) -> None:
        """Send alerts; ``ends``: when those that fire end by themselves. None at all: see whether it takes any."""
        for start in range(0, max(len(alerts), 1), AT_ONCE):
            batch = alerts[start : start + AT_ONCE]
            await self._alertmanager.send([as_json(each, ends) for each in batch])
            self._sent |= {_state(each): began for each in batch}
        self._accepted = began
        if times := self._failures.ended():
            log.info("Alertmanager %s takes alerts again, after %d attempts that failed", self.url, times)


def _state(each: AlertmanagerAlert) -> tuple[Labels, float | None]:
    """Which alert it is, and whether it fires or is resolved: its words alone are nothing new to send."""
    return each.labels, each.ends


def as_json(each: AlertmanagerAlert, ends: float | None) -> Mapping[str, Any]:
    """An alert as the API takes it; ``ends``: when it ends by itself, where it is not resolved."""
    ended = each.ends if each.ends is not None else ends
    body: dict[str, Any] = {
        "labels": dict(each.labels),
        "annotations": dict(each.annotations),
        "startsAt": _instant(each.starts),
    }
    if ended is not None:
        body["endsAt"] = _instant(max(ended, each.starts))
    if each.link is not None:
        body["generatorURL"] = each.link
    return body


def _instant(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")
