"""What can be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from alertbot.alerts.mutes import Mute
from alertbot.rules.base import Rule
from alertbot.rules.selection import SUM_PREFIX, TOTAL, Group


@dataclass(frozen=True)
class Subject:
    """The watched series, the rules over them, and how to name things; ``disabled``: rules that are switched off."""

    command: str
    path: Path
    zone: tzinfo
    series: Sequence[str]
    rules: Mapping[str, Rule]
    selection: Mapping[str, Sequence[str]]
    groups: Sequence[Group] = ()
    mutes: Sequence[Mute] = ()
    disabled: Sequence[Rule] = ()

    @property
    def domains(self) -> tuple[str, ...]:
        """The series that are neither a sum nor the total."""
        return tuple(name for name in self.series if name != TOTAL and not name.startswith(SUM_PREFIX))
