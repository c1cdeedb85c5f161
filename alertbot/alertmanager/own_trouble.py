"""alertbot's own trouble as alerts: that it does not judge, does not deliver, or can store nothing.

They are kept in memory, since the database may be what fails. After a restart, one that is over by then is not sent any
more, so that it ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from alertbot.alertmanager.alerts import RESOLVED_FOR, AlertLayout, labelled
from alertbot.clock import Clock
from alertbot.incidents.relayed import AlertmanagerAlert, RelayPlan
from alertbot.ops.trouble import Cause, Trouble
from alertbot.rules.base import Severity
from alertbot.units import format_iso

LASTS = 60.0
"""Seconds that trouble must last before it is sent: a single answer of Slack's that was lost is none."""


class OwnAlert(StrEnum):
    """The names of the alerts about alertbot itself."""

    NOT_JUDGING = "AlertbotNotJudging"
    NOT_DELIVERING = "AlertbotNotDelivering"
    STORE_FAILING = "AlertbotStoreFailing"


_SUMMARY = {
    OwnAlert.NOT_JUDGING: "alertbot does not judge what it should",
    OwnAlert.NOT_DELIVERING: "alertbot's messages do not reach Slack as they should",
    OwnAlert.STORE_FAILING: "alertbot can store nothing, so nothing is judged",
}

ALERT_OF: Mapping[Cause, OwnAlert | None] = {
    Cause.STARTING: None,
    Cause.LOOKS_HANG: OwnAlert.NOT_JUDGING,
    Cause.SENDING_HANGS: OwnAlert.NOT_DELIVERING,
    Cause.STORE: OwnAlert.STORE_FAILING,
    Cause.LOOKS: OwnAlert.NOT_JUDGING,
    Cause.CALLS: None,  # an alert of its own, as of every incident about the feed
    Cause.UNREADABLE: None,
    Cause.NOTHING_NEWER: None,
    Cause.CLOCK: OwnAlert.NOT_JUDGING,
    Cause.UNJUDGED: OwnAlert.NOT_JUDGING,
    Cause.WAITING: OwnAlert.NOT_DELIVERING,
    Cause.REFUSED: OwnAlert.NOT_DELIVERING,
    Cause.UNKNOWN_TO_SLACK: OwnAlert.NOT_DELIVERING,
}
"""Which alert each cause is."""


class OwnTrouble:
    """Looks at the service's ``troubles``, and keeps which alerts these are."""

    def __init__(self, troubles: Callable[[], Iterable[Trouble]], layout: AlertLayout, clock: Clock) -> None:
        self._troubles = troubles
        self._layout = layout
        self._clock = clock
        self._since: dict[OwnAlert, float] = {}  # monotonic
        self._firing: dict[OwnAlert, AlertmanagerAlert] = {}
        self._resolved: dict[OwnAlert, AlertmanagerAlert] = {}

    def look(self) -> bool:
        """See what is wrong now; whether an alert began or ended."""
        before = self._firing.keys() | set()
        now, monotonic = self._clock.time(), self._clock.monotonic()
        found: dict[OwnAlert, list[Trouble]] = {}
        for trouble in self._troubles():
            if (name := ALERT_OF[trouble.cause]) is not None:
                found.setdefault(name, []).append(trouble)
        self._since = {name: self._since.get(name, monotonic) for name in found}
        for name in self._firing.keys() - found.keys():
            self._resolved[name] = replace(self._firing.pop(name), ends=now)
        for name, troubles in found.items():
            if monotonic - self._since[name] >= LASTS:
                self._resolved.pop(name, None)
                starts = self._firing[name].starts if name in self._firing else now
                self._firing[name] = self._alert(name, troubles, starts)
        self._resolved = {
            name: each for name, each in self._resolved.items() if now - (each.ends or now) < RESOLVED_FOR
        }
        return before != self._firing.keys()

    def beside(self, plan: RelayPlan) -> RelayPlan:
        """A plan with what was seen last."""
        firing, resolved = (*plan.firing, *self._firing.values()), (*plan.resolved, *self._resolved.values())
        return replace(plan, firing=firing, resolved=resolved)

    def _alert(self, name: OwnAlert, troubles: Sequence[Trouble], starts: float) -> AlertmanagerAlert:
        summary = f"{_SUMMARY[name]}: {'; '.join(each.words for each in troubles)}"
        annotations = {
            "summary": summary,
            "description": f"{summary}. What to do: {troubles[0].entry}.",
            "since": format_iso(int(starts)),
        }
        labels = labelled({"alertname": name.value, "severity": Severity.CRITICAL.value}, self._layout)
        return AlertmanagerAlert(labels, annotations, None, starts)
