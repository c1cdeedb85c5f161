"""How often to probe: closely about the moment at which a slot is likely to be published, seldom in between."""

from __future__ import annotations

from alertbot.units import SLOT

CLOSELY = 3.0
"""Seconds between two probes about that moment ..."""

EARLY, LATE = 10.0, 60.0
"""... from so many seconds before it until the slot shows, or so many after it."""

SELDOM = 120.0
"""Seconds between two probes before that."""


class ProbePace:
    """Spaces the probes out, so that they are never more in the long run than one every ``probe`` seconds."""

    def __init__(self, probe: float) -> None:
        self._probe = probe
        self._asked_at: float | None = None
        self._saved = 0.0  # probes that were not made and may be made closely; those of one slot at most

    def asked(self, now: float) -> None:
        """Note that a probe goes out at ``now``, monotonic seconds."""
        if self._asked_at is not None:
            saved = self._saved + (now - self._asked_at) / self._probe - 1
            self._saved = min(saved, SLOT / self._probe)
        self._asked_at = now

    def due_in(self, now: float, expected: float | None) -> float:
        """Seconds from ``now`` until the next probe.

        ``expected``: seconds until a slot is likely to be published, below 0 where it is overdue; ``None`` where that
        is not known.
        """
        if self._asked_at is None:
            return 0.0
        asked = self._asked_at - now
        if expected is None or expected <= -LATE:
            return asked + self._probe
        earliest = asked + (1 - self._saved) * self._probe
        if expected > EARLY:
            return max(earliest, min(asked + max(SELDOM, self._probe), expected - EARLY))
        return max(earliest, asked + CLOSELY)
