"""What a rule fires over a history as it stands, and as it is edited."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

from alertbot.alerts.replay import History, Span, replay
from alertbot.config.watch import Watch
from alertbot.incidents.firings import Firing, FiringRecord, is_muted
from alertbot.query.backtest import engine_of
from alertbot.query.edits import Edit
from alertbot.rules.base import Rule
from alertbot.units import DAY


@dataclass(frozen=True)
class EditFirings:
    """What a replay fires that no mute of the file keeps from being posted.

    ``own``: by the rule itself; ``others``: by those that may be relied on and were judged with it.
    """

    own: Sequence[Firing]
    others: Sequence[Firing] = ()


class EditReplay:
    """Replays a rule over a history as it stands (``before``), and as it is edited."""

    def __init__(self, watch: Watch, rule: Rule, history: History, first: int, others: Collection[str]) -> None:
        self.watch = watch
        self.rule = rule
        self._history = history
        self._span = Span(first)
        self._others = {name for name in others if not watch.rules[name].trial}
        self.days = sum((day + 1) * DAY > first for day in history.days())
        self.before = self._fired(watch, rule)

    def alone(self, edit: Edit) -> EditFirings:
        """What would have fired under an edit if no other rule's alerts counted: nearly that, at a part of the cost."""
        if not edit.judges_otherwise:
            return self.under(edit)
        alone = self._fired(self.watch.of_rule(self.rule.name), edit.rule)
        return replace(alone, others=self.before.others)

    def under(self, edit: Edit) -> EditFirings:
        """What would have fired, and been posted, under an edit."""
        if edit.judges_otherwise:
            return self._fired(self.watch, edit.rule)
        return replace(self.before, own=[each for each in self.before.own if not edit.spares(each)])

    def _fired(self, watch: Watch, rule: Rule) -> EditFirings:
        watch = replace(watch, rules={**watch.rules, rule.name: rule})
        record = FiringRecord(watch.rules)
        engine = engine_of(watch, rule, self._history.series)
        for change in replay(engine, self._history, self._span, watch.mutes):
            record.add(change)
        record.close(self._history.last_of)
        firings = [each for each in record.firings if not is_muted(each, watch.mutes)]
        return EditFirings(
            [each for each in firings if each.rule == rule.name],
            [each for each in firings if each.rule in self._others],
        )


class RememberedHistory:
    """A history that is read once, however often it is replayed."""

    def __init__(self, history: History) -> None:
        self.series = history.series
        self.last_of = history.last_of
        self.days = cache(history.days)
        self.day = cache(history.day)
