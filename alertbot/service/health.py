"""How the service is: whether each of its loops makes progress, what ails it, and the line for ``systemctl status``.

systemd's watchdog is fed from here. What fails but is tried again is ailing; only what hangs is stuck.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from alertbot.clock import Clock
from alertbot.ops.liveness import Liveness
from alertbot.ops.systemd import Notifier
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
    "relay": "Alertmanagers are not told any more",
}
"""What is wrong once a loop has ended."""

LONGEST_OWED = 300.0
"""Seconds for which a message may wait for Slack before the service is not healthy."""


@dataclass
class Health:
    """Asks those who know. ``polls``: whether the looks at the feed go on; ``turns``: how many of them ended."""

    polls: Liveness
    live: Callable[[], Live]
    feed_trouble: Callable[[], str | None]
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
        if self.polls.stalled:
            return "the feed is not looked at any more"
        if self.delivery.stuck:
            return _SENDING
        if self.workspace is not None and self.workspace.stuck:
            return "the connection for Slack's commands is not kept any more"
        return next((wrong for name, wrong in _ENDED.items() if self.loops.has_ended(name)), None)

    def why_unhealthy(self) -> str | None:
        """What `/healthz` and the heartbeat say is wrong, in words; ``None`` while all is well."""
        if (stuck := self.stuck()) is not None:
            return stuck
        if not self.turns:
            return "starting: the feed was not looked at yet"
        if self.store_outage.cause is not None:
            return f"nothing can be stored: {self.store_outage.cause}"
        if (trouble := self.feed_trouble()) is not None:
            return trouble
        slack = (
            self._undelivered() or self.delivery.trouble or (None if self.workspace is None else self.workspace.trouble)
        )
        return None if slack is None else f"Slack: {slack}"

    def _undelivered(self) -> str | None:
        """That messages wait for longer than they may."""
        waits = self.delivery.owed_for
        return f"a message has been waiting for {format_duration(waits)}" if waits > LONGEST_OWED else None

    def line(self) -> str:
        """What the service is doing, on one line."""
        if (wrong := self.stuck() or self._without_data() or self.feed_trouble()) is not None:
            return wrong
        live = self.live()
        if live.frontier is None:
            return "waiting for the first data"
        data = format_clock(live.frontier + SLOT, self.zone(), live.now)
        waiting = counted(live.behind, "series", "series")
        line = f"data to {data}; {counted(live.domains, 'domain')}; {waiting} waiting"
        return f"{line}; the changed configuration is refused" if live.misconfigured else line

    async def feed(self, notifier: Notifier, clock: Clock, pause: float) -> None:
        """Tell systemd that all is well, unless a loop makes no progress: then it is to start us again."""
        logged = False
        while True:
            stuck = self.stuck()
            if stuck is None:
                notifier.alive()
            elif not logged:
                log.critical("%s: systemd is left to start alertbot again", stuck)
                notifier.status(self.line())
            logged = stuck is not None
            await clock.sleep(pause)

    def _without_data(self) -> str | None:
        if self.store_outage.cause is not None:
            return f"nothing can be stored: {self.store_outage.cause}"
        trouble = self.live().trouble
        return None if trouble is None else f"no data: {trouble}"
