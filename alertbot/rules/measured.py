"""Kinds that judge a figure made of many slots, such as a month's percentile."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from alertbot.rules.base import Kind, Mask, Past
from alertbot.rules.wording import Outlook


@dataclass(frozen=True, slots=True)
class Measurement:
    """What is judged of a slot instead of its own value: a figure made of many, and the level it is held against."""

    value: float
    reference: float
    outlook: Outlook


class Measured(Kind):
    """A ``Kind`` whose figure is made of so many slots that it is worked out only where it matters."""

    @abstractmethod
    def breaches(self, past: Past) -> Mask:
        """Where a slot is in breach, as ``breach`` would say of what is measured there; cheap for any number."""

    @abstractmethod
    def measure(self, past: Past) -> tuple[tuple[Measurement | None, ...], ...]:
        """What is judged, of each slot and series; None where too little is known."""

    @abstractmethod
    def cleared(self, value: float) -> bool:
        """Whether a figure of this size is far enough from every level."""

    @abstractmethod
    def is_over(self, since: int, slot: int) -> bool:
        """Whether what a breach from the slot ``since`` on was about has ended before this slot."""
