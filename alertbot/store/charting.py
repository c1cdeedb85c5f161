"""Which incidents are owed a chart: each gets one attempt, remembered before it is made."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.alerts.incidents import IncidentKind
from alertbot.rules.base import Severity

_KINDS = (IncidentKind.ALERT.value, IncidentKind.DARK.value)
_LOUD = (Severity.WARNING.value, Severity.CRITICAL.value)


@dataclass(frozen=True)
class Owed:
    """An incident without a chart, and where its message stands."""

    incident: int
    channel_id: str
    ts: str


def owed(db: Database, since: float) -> list[Owed]:
    """The loud incidents whose message stands in Slack and that nobody tried to chart, the newest first.

    Only those that were told, or told louder, after ``since`` (epoch seconds): a chart of what is old helps nobody.
    """
    rows = db.conn.execute(
        """
        SELECT incidents.id, post.channel_id, post.ts FROM incidents JOIN outbox AS post ON post.number = (
            SELECT max(number) FROM outbox
            WHERE subject = 'incident:' || incidents.id AND action = 'post' AND state = 'sent')
        WHERE (incidents.closed IS NULL OR incidents.closed > ?1) AND incidents.kind IN (?2, ?3)
        AND (incidents.kind = ?3 OR json_extract(standing, '$.paged_severity') IN (?4, ?5))
        AND max(post.sent, coalesce(json_extract(standing, '$.paged_at'), 0)) > ?1
        AND NOT EXISTS (SELECT 1 FROM charts WHERE charts.incident = incidents.id)
        ORDER BY incidents.id DESC
        """,
        (since, *_KINDS, *_LOUD),
    )
    return [Owed(*row) for row in rows]


def mark_tried(db: Database, incident: int, now: float) -> bool:
    """The one attempt is about to be made; false where it was made before."""
    with db.atomic():
        cursor = db.conn.execute(
            "INSERT INTO charts (incident, tried) VALUES (?, ?) ON CONFLICT DO NOTHING", (incident, now)
        )
        return cursor.rowcount > 0
