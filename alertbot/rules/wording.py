"""How a rule kind speaks of itself: what it fires for, the comparisons that decided, the sentence of its alerts."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from alertbot.rules.terms import USUAL, References, Term
from alertbot.units import format_rate


@dataclass(frozen=True, slots=True)
class Outlook:
    """A month's percentile, in bit/s, and the slots that may still lie above what is committed.

    ``so_far`` of the slots that are known; ``forecast`` for the month's end, None where too little is known.
    ``settled``: whether so much of the month is known that what it came to so far counts beside a forecast.
    """

    so_far: float
    forecast: float | None
    burst: int
    settled: bool = True

    @property
    def figures(self) -> tuple[tuple[str, float], ...]:
        """What counts, by name: of a month that has just begun the forecast alone, where there is one."""
        ahead = () if self.forecast is None else (("forecast", self.forecast),)
        return (("so far", self.so_far), *ahead) if self.settled or not ahead else ahead


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """An alert as its sentence needs it: rates in bit/s, ``series`` and ``since`` in the reader's words and mark-up.

    ``value`` is that of the last slot, ``worst`` the one farthest off since the breach began; ``falls``: downwards.
    ``again``: it was over less than an hour before; ``back``: it is on its way back, and ``value`` is the worst one.
    ``turned``: ``value`` is no breach of this direction.
    """

    series: str
    since: str
    value: float
    worst: float
    references: References
    falls: bool
    outlook: Outlook | None = None
    again: bool = False
    back: bool = False
    turned: bool = False

    @property
    def carries(self) -> str:
        """The verb for what it carries, or did before it was on its way back."""
        return "carried" if self.back else "carries"


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert as one among others: ``what`` they may have in common, and the figures of this one, in bit/s."""

    what: str
    rates: tuple[float, ...]


class Worded(Protocol):
    """The words of a rule kind; those of a series, a time or a mark-up are handed in."""

    @abstractmethod
    def breach(self, value: NDArray[np.float64], reference: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """Where the value is in breach; never where anything is NaN."""

    @abstractmethod
    def describe(self) -> str:
        """What it fires for, such as ``above 8 Gbps``: the rule's duration is added to that."""

    @property
    def reference_name(self) -> str:
        """What kind of reference a value is compared with."""
        return USUAL

    def named(self, reference: float | None, *, by_usual: bool = False) -> References:
        """The reference (bit/s) under its name; ``by_usual``: it is what is usual, whatever the kind else compares."""
        return {} if reference is None else {USUAL if by_usual else self.reference_name: reference}

    def terms(self, value: float, references: References, outlook: Outlook | None = None) -> tuple[Term, ...]:
        """The comparisons that decided: a breach where all of them hold; none where something is not known."""
        if math.isnan(value) or any(map(math.isnan, references.values())):
            return ()
        return self.comparisons(value, references, outlook)

    def comparisons(self, value: float, references: References, outlook: Outlook | None) -> tuple[Term, ...]:
        """Likewise, where all is known: the bare numbers, unless the kind has words for what it compares."""
        against = "".join(f" against {format_rate(reference)}" for reference in references.values())
        return (Term(f"{format_rate(value)}{against}", self.in_breach(value, references)),)

    def in_breach(self, value: float, references: References) -> bool:
        """Whether a single value is in breach."""
        return bool(self.breach(np.asarray(value), np.asarray(references.get(self.reference_name) or math.nan)))

    def sentence(self, facts: AlertFacts) -> str:
        """What is said of an alert that fires: the value, or the worst one where the series is on its way back."""
        if self.in_breach(facts.value, facts.references) and not facts.turned:
            return f"{self.firing(facts)}."
        return f"{self.firing(replace(facts, value=facts.worst, back=True))}; now {format_rate(facts.value)}."

    @abstractmethod
    def firing(self, facts: AlertFacts) -> str:
        """Likewise of a value in breach, from the series to before the full stop."""

    def in_a_list(self, facts: AlertFacts) -> Listed | None:
        """What is said of an alert in breach that is one of many; ``None`` where only its sentence will do."""
        return None

    def resolution(self, facts: AlertFacts, *, ended: bool) -> str | None:
        """What is said once the alert is over, where that is not what is said of any alert.

        ``ended``: what it was about has ended, as a month does; else the value is as it should be again.
        """
        return None
