"""How the service is: whether each of its loops makes progress, what ails it, and the line for ``systemctl status``.

systemd's watchdog is fed from here. What fails but is tried again is ailing; only what hangs is stuck.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from alertbot.clock import Clock
from alertbot.ops.liveness import Liveness
from alertbot.ops.systemd import Notifier
from alertbot.ops.trouble import Cause, Trouble
from alertbot.query.live import Live
from alertbot.service.loops import Loops
from alertbot.service.store_outage import StoreOutage
from alertbot.slack.delivery import Delivery
from alertbot.slack.workspace import Workspace
from alertbot.units import SLOT, format_clock, format_duration
from alertbot.words import counted

log = logging.getLogger(__name__)

_SENDING = "messages do not go out any more"
_ENDED = {
    "delivery": _SENDING,
    "clock": _SENDING,
    "reload": _SENDING,
    "relay": "alerts are not sent to Alertmanagers any more",
}
"""What is wrong once a loop has ended."""

LONGEST_OWED = 300.0
"""Seconds for which a message may wait for Slack before the service is not healthy."""


@dataclass
class Health:
    """Asks those who know. ``polls``: whether the looks at the feed go on; ``turns``: how many of them ended."""

    polls: Liveness
    live: Callable[[], Live]
    feed_trouble: Callable[[], Trouble | None]
    zone: Callable[[], tzinfo]
    store_outage: StoreOutage
    delivery: Delivery
    workspace: Workspace | None
    loops: Loops
    turns: int = 0

    def turned(self, probe: float) -> None:
        """A turn is over; the next begins within ``probe`` seconds."""
        self.turns += 1
        self.polls.beat(within=probe)

    def stuck(self) -> str | None:
        """Which loop makes no progress, in words; an API or a Slack that is merely down stops none of them."""
        trouble = self._hanging()
        return None if trouble is None else trouble.words

    def _hanging(self) -> Trouble | None:
        if self.polls.stalled:
            return Trouble(Cause.LOOKS_HANG, "the feed is not looked at any more")
        if self.delivery.stuck:
            return Trouble(Cause.SENDING_HANGS, _SENDING)
        if self.workspace is not None and self.workspace.stuck:
            return Trouble(Cause.SENDING_HANGS, "the connection for Slack's commands is not kept any more")
        ended = (wrong for name, wrong in _ENDED.items() if self.loops.has_ended(name))
        return next((Trouble(Cause.SENDING_HANGS, wrong) for wrong in ended), None)

    def why_unhealthy(self) -> str | None:
        """What is wrong, in words; ``None`` while all is well."""
        trouble = self.trouble()
        return None if trouble is None else trouble.words

    def report(self) -> str | None:
        """What `/healthz` and the heartbeat say is wrong, and its entry in the run-book; ``None`` while all is well."""
        trouble = self.trouble()
        return None if trouble is None else trouble.report

    def trouble(self) -> Trouble | None:
        """What is wrong; ``None`` while all is well."""
        return next(self.troubles(), None)

    def troubles(self) -> Iterator[Trouble]:
        """All that is wrong, the worst first."""
        if (hanging := self._hanging()) is not None:
            yield hanging
        if not self.turns:
            yield Trouble(Cause.STARTING, "starting: the feed was not looked at yet")
        if self.store_outage.cause is not None:
            yield Trouble(Cause.STORE, f"nothing can be stored: {self.store_outage.cause}")
        if (feed_trouble := self.feed_trouble()) is not None:
            yield feed_trouble
        if (waits := self.delivery.owed_for) > LONGEST_OWED:
            yield Trouble(Cause.WAITING, f"Slack: a message has been waiting for {format_duration(waits)}")
        if self.delivery.trouble is not None:
            yield Trouble(Cause.REFUSED, f"Slack: {self.delivery.trouble}")
        if self.workspace is not None and self.workspace.trouble is not None:
            yield Trouble(Cause.UNKNOWN_TO_SLACK, f"Slack: {self.workspace.trouble}")

    def line(self) -> str:
        """What the service is doing, on one line."""
        if (wrong := self.stuck() or self._without_data()) is not None:
            return wrong
        if (feed_trouble := self.feed_trouble()) is not None:
            return feed_trouble.words
        live = self.live()
        if live.frontier is None:
            return "waiting for the first data"
        data = format_clock(live.frontier + SLOT, self.zone(), live.now)
        waiting = f"; {live.behind:,} waiting for data" if live.behind else ""
        line = f"data until {data}; {counted(live.domains, 'domain')}{waiting}"
        return f"{line}; the changed configuration is refused" if live.misconfigured else line

    async def feed(self, notifier: Notifier, clock: Clock, pause: float) -> None:
        """Tell systemd that all is well, unless a loop makes no progress: then it is to start us again."""
        logged = False
        while True:
            stuck = self.stuck()
            if stuck is None:
                notifier.alive()
            elif not logged:
                log.critical("%s: no more watchdog pings, systemd will restart alertbot", stuck)
                notifier.status(self.line())
            logged = stuck is not None
            await clock.sleep(pause)

    def _without_data(self) -> str | None:
        if self.store_outage.cause is not None:
            return f"nothing can be stored: {self.store_outage.cause}"
        trouble = self.live().trouble
        return None if trouble is None else f"no data: {trouble}"
