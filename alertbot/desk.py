"""The desk: turns what a judgement changed into messages, and commits both in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence

from alertbot.alerts.ledger import Entry, Ledger
from alertbot.alerts.lifecycle import Change, Phase
from alertbot.alerts.routing import channel_for
from alertbot.alerts.wording import Notice
from alertbot.clock import Clock
from alertbot.config import SlackSettings
from alertbot.slack.messages import alert_message, to_json
from alertbot.store.outbox import Draft
from alertbot.store.store import Batch
from alertbot.storekeeper import Storekeeper
from alertbot.watch import Watch


class Desk:
    """Writes for one watch and its ledger; ``wake`` is called once messages are owed."""

    def __init__(
        self,
        watch: Watch,
        ledger: Ledger,
        keeper: Storekeeper,
        slack: SlackSettings,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        self._watch = watch
        self._ledger = ledger
        self._keeper = keeper
        self._slack = slack
        self._clock = clock
        self._wake = wake

    async def commit(self, entry: Entry) -> None:
        """Store samples, cursors, alerts and messages: all of it, or ``StoreError`` and nothing."""
        now = self._clock.time()
        batch = Batch(
            grid=self._ledger.grid,
            touched=entry.touched,
            cursors=entry.cursors,
            alerts=entry.alerts,
            changes=entry.changes,
            traits=self._watch.traits,
            now=now,
        )
        await self._keeper.do(lambda store: store.commit(batch, lambda numbers: self._drafts(entry, numbers, now)))
        if entry.changes:
            self._wake()

    def _drafts(self, entry: Entry, numbers: Sequence[int], now: float) -> Iterator[Draft]:
        firing = {alert.series for alert in entry.alerts.values() if alert.phase is Phase.FIRING}
        for change, number in zip(entry.changes, numbers, strict=True):
            yield self._draft(change, number, now, firing.intersection(self._watch.domains))

    def _draft(self, change: Change, number: int, now: float, firing: frozenset[str] | set[str]) -> Draft:
        series = change.alert.series
        rule = self._watch.rules.get(change.alert.rule)
        notice = Notice(
            number=number,
            rule=rule,
            change=change,
            now=now,
            others=len(self._watch.domains) - (series in self._watch.domains),
            others_firing=len(firing - {series}),
        )
        default = self._slack.channel
        return Draft(
            id=uuid.uuid4().hex,
            subject=f"alert:{number}",
            action="post" if change.fired else "update",
            channel=default if rule is None else channel_for(rule, series, self._watch.groups, default),
            body=to_json(alert_message(notice, self._slack.zone, self._slack.mention)),
        )
