"""How far the truth reaches: which slots can be told apart as zero, late or failed.

The API leaves a bucket out both when it carried nothing and when it is not published yet. What tells them apart is
the account's total: once it shows a slot, the slots before it are published. So with T the newest slot in which any
answer showed traffic, the frontier is the slot before T; T itself may still be filling up. So may every slot that
came together with T after the CDN held back: they wait until they have stood there for a slot's time.

An account that carries nothing at all shows no new T. A slot then joins as *overdue* once ``max_lag`` of unbroken
successful probing has passed since it closed: a machine that slept, or an API that failed in between, proves nothing.

Pure: probes come in with their times, a new frontier goes out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from alertbot.units import SLOT, slot_at

UNBROKEN_GAP = 300.0
"""Probes at most this many seconds apart count as unbroken."""


@dataclass(frozen=True)
class Probe:
    """A successful call for the account's total.

    ``newest``: the newest slot that it showed with traffic, if any. ``time``: epoch seconds by the API's own clock
    where it tells it. ``monotonic``: seconds on a clock that never steps. ``together``: the first of several slots
    with traffic that no answer had shown before, though the account usually shows one at a time.
    """

    newest: int | None
    time: float
    monotonic: float
    together: int | None = None


@dataclass(frozen=True)
class Frontier:
    """``newest`` is T; ``slot`` the last slot that can be known; both ``None`` before the first proof.

    ``probed``: when the last probe succeeded, ``None`` after one that failed. ``closings``: slots with the time at
    which the present run of unbroken probing first found them closed (both times monotonic). ``young``: the first of
    the slots that were shown together, and when that was, until they are a slot's time old.
    """

    newest: int | None = None
    slot: int | None = None
    probed: float | None = None
    closings: tuple[tuple[int, float], ...] = ()
    young: tuple[int, float] | None = None

    @property
    def proof(self) -> str:
        """What it rests on, in words."""
        if self.slot is None or self.newest is None:
            return "none yet"
        if self.slot >= self.newest:
            return "overdue: nothing newer came for so long that it counts as nothing"
        return "a later slot of the account's total"


def advance(frontier: Frontier, probe: Probe, max_lag: float) -> Frontier:
    """The frontier after one more successful probe; it never moves back."""
    newest = _latest(frontier.newest, probe.newest)
    unbroken = frontier.probed is not None and probe.monotonic - frontier.probed < UNBROKEN_GAP
    closings = _with_closing(frontier.closings if unbroken else (), probe)
    overdue = [closed for closed, since in closings if probe.monotonic - since >= max_lag]
    young = _young(frontier, probe, unbroken=unbroken)
    proven = newest if young is None else young[0]
    slot = _latest(frontier.slot, None if proven is None else proven - SLOT)
    if slot is not None and overdue:  # an account that never showed traffic proves nothing by silence
        slot = max(slot, overdue[-1])
    kept = tuple(closing for closing in closings[max(len(overdue) - 1, 0) :])
    return Frontier(newest, slot, probe.monotonic, kept, young)


def interrupted(frontier: Frontier) -> Frontier:
    """The frontier after a probe that failed: the waiting for overdue slots begins anew."""
    return replace(frontier, probed=None, closings=())


def _young(frontier: Frontier, probe: Probe, *, unbroken: bool) -> tuple[int, float] | None:
    """What was shown together, while it may still be filling up; after a pause of the probing nobody knows when."""
    young = frontier.young
    if young is not None and probe.monotonic - young[1] >= SLOT:
        young = None
    if probe.together is None or not unbroken:
        return young
    return probe.together if young is None else young[0], probe.monotonic


def _with_closing(closings: tuple[tuple[int, float], ...], probe: Probe) -> tuple[tuple[int, float], ...]:
    closed = slot_at(probe.time) - SLOT
    if closings and closings[-1][0] >= closed:
        return closings
    return (*closings, (closed, probe.monotonic))


def _latest(one: int | None, other: int | None) -> int | None:
    known = [slot for slot in (one, other) if slot is not None]
    return max(known, default=None)
