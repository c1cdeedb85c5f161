"""What a restart goes on from: the grid as it was judged, and what was learned of the feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.rules.grid import Grid, Room
from alertbot.store import alerts, feed, learned_silences, rules, samples
from alertbot.store.feed import LateSlot


@dataclass(frozen=True)
class Memory:
    """What was learned of the feed: when series and rules were first judged, late slots, publication times by slot.

    ``rules_meant_since``: the last slot that was judged by what a rule meant before an upgrade.
    """

    series_begun: Mapping[str, int]
    rules_begun: Mapping[str, int]
    rules_meant_since: Mapping[str, int]
    late: Sequence[LateSlot]
    published: Mapping[int, float]


def memory(db: Database, since: int) -> Memory:
    """Read what was learned of the feed; of single slots, from the slot ``since`` on."""
    return Memory(
        samples.begun(db),
        rules.rules_begun(db),
        rules.rules_meant_since(db),
        feed.late_slots(db, since),
        feed.publications(db, since),
    )


def grid(db: Database, series: Sequence[str], first: int, last: int, room: Room | None = None) -> Grid:
    """A grid of these series with what is stored from the slot ``first`` to ``last``, and what alerts set aside."""
    filled = Grid(series, room)
    samples.load(db, filled, first, last)
    for name in learned_silences.kept_posted(db).keys() & filled.column.keys():
        filled.aside.teach(name, silence=False)
    for episode in alerts.episodes(db, first):
        if episode.series in filled.column:
            filled.aside.record(episode)
    return filled
