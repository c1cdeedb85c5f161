"""Why alerts fire or do not, as facts: what a rule saw of a slot, and from where its reference came."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert
from alertbot.query.suppressed import SuppressedBy
from alertbot.query.trend import Trend
from alertbot.rules.base import Rule
from alertbot.rules.terms import Term


class Missing(StrEnum):
    """Why a slot says nothing under a rule."""

    VALUE = "value"
    INACTIVE = "inactive"
    REFERENCE = "reference"


@dataclass(frozen=True)
class SlotWhy:
    """One slot under one rule, in bit/s. ``missing`` says why nothing follows from it."""

    slot: int
    value: float | None
    reference: float | None
    breach: bool
    cleared: bool
    missing: Missing | None = None


@dataclass(frozen=True)
class Basis:
    """What an unknown reference would have been made of: slots, of which some are known and some may not serve.

    ``begins``: the first slot that a ``baseline`` can judge, by what is stored.
    """

    slots: int
    known: int
    barred: int
    begins: int | None = None


@dataclass(frozen=True)
class ExpectedRange:
    """What a ``baseline`` expected of the last slot, and from where to where it is usual (bit/s)."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class RuleWhy:
    """What a rule made of the last slots of a series, the oldest first; ``terms`` are the last slot's comparisons.

    ``alert``: the one under way. ``told``: the one that fired last, which may be the same. ``suppressed_by``: what
    keeps it from being posted or from paging, or would.
    """

    rule: Rule
    series: str
    judged: tuple[SlotWhy, ...]
    terms: tuple[Term, ...]
    basis: Basis | None
    alert: Alert | None
    told: FiredAlert | None
    suppressed_by: SuppressedBy | None
    usual: ExpectedRange | None = None

    @property
    def weight(self) -> tuple[int, int]:
        """What fires first, then what is about to, then the rest; of each the most severe first."""
        stage = 2 if self.alert is None else 1 if self.alert.phase is Phase.PENDING else 0
        return stage, -SEVERITY_RANK[self.rule.severity]


@dataclass(frozen=True)
class SetAside:
    """Slots that are no measure of what is usual, ``first`` to ``last``, for an alert of ``rule`` in ``incident``.

    ``accepted``: the first of those that count again, since what the alert was about is the new normal.
    """

    rule: str
    first: int
    last: int
    incident: int | None
    accepted: int | None


@dataclass(frozen=True)
class Why:
    """One series: how far it was judged, what delays that, and what each rule makes of it.

    ``cursor``: the last slot judged; ``frontier``: the last that is known of the account; ``held``: seconds for
    which the series is held back for being late. ``waiting``: slots that should be known and are not. ``unreadable``:
    why it cannot be read. ``others`` are rules that do not watch it, ``disabled`` those that are switched off.
    ``set_aside``: what is no measure of what is usual, of the last days, the newest first. ``at``: the slot that was
    asked about, ``None`` where it is the last one judged; ``value`` is of that, and the alerts are those of then.
    ``learned_at``: when it will be known how late a new series is, epoch seconds; ``None`` where that is known.
    """

    series: str
    cursor: int | None
    value: float | None
    frontier: int | None
    held: float
    waiting: int
    unreadable: str | None
    trouble: str | None
    gone: bool
    rules: tuple[RuleWhy, ...]
    others: tuple[str, ...]
    disabled: tuple[str, ...]
    set_aside: tuple[SetAside, ...] = ()
    at: int | None = None
    learned_at: float | None = None
    trend: Trend | None = field(default=None, metadata={"json": False})
