"""Deletes what is older than ``[store] keep``, a few rows at a time, so that nothing else waits for it.

Kept whatever its age: what is open, pending, waiting for Slack, parked or of unknown fate, and whatever that refers to.
Of an incident all goes or nothing: its alerts, then the incident, then its messages. Freed pages are used again, so
that the file stays as large as it once was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlite_utils import Database

from alertbot.store import changes, requests, samples, silences
from alertbot.units import DAY

BATCH = 500
"""Rows a step at most: some milliseconds."""

RECORDS = 29 * DAY
"""Seconds for which alerts, incidents and messages are kept at least: digests and people look back that far."""

SILENCES = 90 * DAY
"""Seconds for which silences are kept after their end: who silenced what, and why."""


def forget(db: Database, keep: int, now: float) -> int:
    """Delete one batch of what is older than ``keep`` seconds; how many rows that was, 0 once there is none.

    A clock that runs days ahead of what is stored deletes nothing for it.
    """
    now = min(now, _latest_credible(db))
    before, records = int(now - keep), int(now - max(keep, RECORDS))
    steps: Sequence[Callable[[], int]] = (
        lambda: samples.forget(db, before // DAY, BATCH),
        lambda: _alerts(db, records),
        lambda: _incidents(db, records),
        lambda: _messages(db, records),
        lambda: _rows(db, "DELETE FROM charts WHERE tried < ?", records),
        lambda: silences.forget(db, now - SILENCES),
        lambda: requests.forget(db, now),
        lambda: changes.forget(db, now - changes.KEPT),
        lambda: _series(db, before),
    )
    return next(filter(None, (step() for step in steps)), 0)


def _latest_credible(db: Database) -> float:
    """The latest time it can be, going by the newest samples; any time at all where there are none."""
    newest = samples.newest_day(db)
    return float("inf") if newest is None else float((newest + 2) * DAY)


def _rows(db: Database, statement: str, *values: float) -> int:
    return int(db.conn.execute(statement, values).rowcount)


_DELETABLE = """
    SELECT id FROM incidents WHERE closed < :before
    AND id NOT IN (
        SELECT json_extract(standing, '$.parent') FROM incidents
        WHERE closed IS NULL AND json_extract(standing, '$.parent') IS NOT NULL)
    AND NOT EXISTS (
        SELECT 1 FROM alerts WHERE incident = incidents.id AND (phase <> 'resolved' OR slot >= :before))
    AND NOT EXISTS (
        SELECT 1 FROM outbox WHERE subject = 'incident:' || incidents.id AND state NOT IN ('sent', 'dropped'))
    ORDER BY closed, id LIMIT 50
"""
"""Incidents that may go: closed for so long, with all their alerts, and no message about them still waits."""


def _alerts(db: Database, before: int) -> int:
    return db.conn.execute(
        f"""
        DELETE FROM alerts WHERE id IN (
            SELECT id FROM alerts WHERE phase = 'resolved' AND slot < :before
            AND (incident IS NULL OR incident IN ({_DELETABLE})) ORDER BY id LIMIT :most)
        """,
        {"before": before, "most": BATCH},
    ).rowcount


def _incidents(db: Database, before: int) -> int:
    return db.conn.execute(
        f"DELETE FROM incidents WHERE id IN ({_DELETABLE})",
        {"before": before},
    ).rowcount


def _messages(db: Database, before: int) -> int:
    """Delete messages that Slack took or nobody needs, once their incident is gone.

    A refused message and its copies for the fallback channel go together.
    """
    return db.conn.execute(
        """
        DELETE FROM outbox WHERE number IN (
            SELECT number FROM outbox AS o WHERE created < :before AND state IN ('sent', 'dropped')
            AND NOT EXISTS (SELECT 1 FROM outbox AS copy WHERE copy.twin = o.number)
            AND (twin IS NULL OR twin IN (SELECT number FROM outbox WHERE state IN ('sent', 'dropped')))
            -- "incident:12", and "incident:12 #ops" of a copy that was escalated
            AND (subject NOT GLOB 'incident:*'
                OR CAST(substr(subject, 10) AS INTEGER) NOT IN (SELECT id FROM incidents))
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS other
                WHERE other.subject = o.subject AND other.state NOT IN ('sent', 'dropped'))
            ORDER BY number LIMIT :most)
        """,
        {"before": before, "most": BATCH},
    ).rowcount


def _series(db: Database, before: int) -> int:
    """Delete series of which nothing is stored any more: domains long gone."""
    return _rows(
        db,
        "DELETE FROM series WHERE coalesce(cursor, begun) < ? AND id NOT IN (SELECT series FROM samples)"
        " AND name NOT IN (SELECT series FROM alerts WHERE phase <> 'resolved')",
        before,
    )
