"""The table of learned silences: what was announced as silent as usual, and what people want posted all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlite_utils import Database

from alertbot.alerts.learned_silence import LearnedSilence
from alertbot.incidents.suppression import Suppressors
from alertbot.store.mentions import Speaker, enqueue_calling
from alertbot.store.outbox import NewMessage
from alertbot.units import DAY

FORGOTTEN = 14 * DAY
"""Seconds without any such silence after which the next one is announced anew."""


class Announcer(Speaker, Protocol):
    """Puts in words that a series is silent as usual now."""

    def announce_learned(self, silences: Sequence[LearnedSilence], suppressors: Suppressors) -> Iterable[NewMessage]:
        """Write the message, by the rules that see it; none where it may not be posted now."""


def announce(
    db: Database, silences: Sequence[LearnedSilence], announcer: Announcer, suppressors: Suppressors, now: float
) -> None:
    """Say once of each series that it is silent as usual, since its alerts taught that."""
    fresh: dict[str, list[LearnedSilence]] = {}
    for silence in silences:
        if is_news(db, silence):
            fresh.setdefault(silence.series, []).append(silence)
    for alike in fresh.values():
        drafts = list(announcer.announce_learned(alike, suppressors))
        if drafts:
            write_announced(db, alike[0])
            enqueue_calling(db, drafts, announcer, now)
    write_seen(db, silences)


def is_news(db: Database, silence: LearnedSilence) -> bool:
    """Whether nobody was told yet that this series is silent as usual."""
    row = db.conn.execute(
        "SELECT announced IS NOT NULL AND seen >= ? FROM learned_silences WHERE series = ?",
        (silence.since - FORGOTTEN, silence.series),
    ).fetchone()
    return row is None or not row[0]


def write_announced(db: Database, silence: LearnedSilence) -> None:
    """Note that it was announced."""
    db.conn.execute(
        "INSERT INTO learned_silences (series, announced, seen) VALUES (:series, :slot, :slot)"
        " ON CONFLICT (series) DO UPDATE SET announced = :slot, seen = :slot",
        {"series": silence.series, "slot": silence.since},
    )


def write_seen(db: Database, silences: Iterable[LearnedSilence]) -> None:
    """Note that series which were announced are silent as usual once more."""
    db.conn.executemany(
        "UPDATE learned_silences SET seen = max(seen, ?) WHERE series = ?",
        ((each.since, each.series) for each in silences),
    )


def kept_posted(db: Database) -> dict[str, str]:
    """The series whose silence is posted however usual it is, with who wants that."""
    return dict(db.conn.execute("SELECT series, kept_by FROM learned_silences WHERE kept_at IS NOT NULL"))


def announcement(db: Database, series: str) -> str | None:
    """The subject of the message that announced it; ``None`` where none did."""
    row = db.conn.execute("SELECT announced FROM learned_silences WHERE series = ?", (series,)).fetchone()
    return None if row is None or row[0] is None else subject_of(series, row[0])


def subject_of(series: str, slot: int) -> str:
    """The subject of the message that announces the silence which began in a slot."""
    return f"learned:{series}:{slot}"


def keep_posted(db: Database, series: str, who: str, now: float) -> None:
    """Post the silence of a series however usual it is, from now on."""
    db.conn.execute(
        "INSERT INTO learned_silences (series, kept_by, kept_at) VALUES (:series, :who, :now)"
        " ON CONFLICT (series) DO UPDATE SET kept_by = :who, kept_at = :now",
        {"series": series, "who": who, "now": now},
    )


def learn_again(db: Database, series: str) -> None:
    """Take what is usual of a series as usual again; it is announced once more."""
    db.conn.execute("DELETE FROM learned_silences WHERE series = ?", (series,))
