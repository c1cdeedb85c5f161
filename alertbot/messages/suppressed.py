"""What keeps an alert or an incident from being posted or from paging, in words."""

from __future__ import annotations

from collections.abc import Callable

from alertbot.incidents.suppression import Suppressed
from alertbot.messages.blocks import escape
from alertbot.query.suppressed import SuppressedBy


def suppressed_words(found: SuppressedBy, active: object, clock: Callable[[float], str]) -> str:
    """By whom, until when and why; ``active``: the hours of the alert's rule, ``clock``: an instant in words."""
    until = "" if found.until is None else f" until {clock(found.until)}"
    because = f": {escape(found.reason)}" if found.reason else ""
    return {
        Suppressed.TRIAL: "its rule is on trial: judged, never posted",
        Suppressed.SILENCED: f"silenced by {escape(found.by)}{until} (s{found.number}){because}",
        Suppressed.MUTED: f"muted by the configuration{until}{because}",
        Suppressed.INACTIVE: f"outside its hours, {escape(str(active))}",
        Suppressed.CLEARING: "about to resolve",
        Suppressed.FLAPPING: "flapping; posted once it stays for 20m",
        Suppressed.DARKNESS: "it fell with the whole account, and may resolve with it",
        Suppressed.PART_OF: f"part of #{found.number}: see there",
        Suppressed.ACKNOWLEDGED: f"no reminders: #{found.number} is acknowledged by {escape(found.by)}",
    }[found.why]
