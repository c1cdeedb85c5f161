"""Which messages are due a chart in their thread: each gets one attempt, noted before it is made."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from alertbot.incidents.incident import IncidentKind
from alertbot.rules.base import Severity

_DRAWN = {
    "alert": IncidentKind.ALERT.value,
    "dark": IncidentKind.DARK.value,
    "warning": Severity.WARNING.value,
    "critical": Severity.CRITICAL.value,
}


@dataclass(frozen=True)
class DueChart:
    """A message without a chart, and where it stands; ``subject`` as in the outbox."""

    subject: str
    channel_id: str
    ts: str


def due(db: Database, since: float) -> list[DueChart]:
    """The incidents of warning or above, the newest first, and the digests that are in Slack and have no chart.

    Only those that were posted, or paged again, after ``since`` (epoch seconds): a chart of what is old helps nobody.
    """
    return [*_incidents(db, since), *_digests(db, since)]


def _incidents(db: Database, since: float) -> list[DueChart]:
    rows = db.conn.execute(
        """
        SELECT post.subject, post.channel_id, post.ts FROM incidents JOIN outbox AS post ON post.number = (
            SELECT max(number) FROM outbox
            WHERE subject = 'incident:' || incidents.id AND action = 'post' AND state = 'sent')
        WHERE (incidents.closed IS NULL OR incidents.closed > :since) AND incidents.kind IN (:alert, :dark)
        AND (incidents.kind = :dark OR json_extract(standing, '$.paged_severity') IN (:warning, :critical))
        AND max(post.sent, coalesce(json_extract(standing, '$.paged_at'), 0)) > :since
        AND NOT EXISTS (SELECT 1 FROM charts WHERE charts.subject = post.subject)
        ORDER BY incidents.id DESC
        """,
        {"since": since, **_DRAWN},
    )
    return [DueChart(*row) for row in rows]


def _digests(db: Database, since: float) -> list[DueChart]:
    rows = db.conn.execute(
        """
        SELECT subject, channel_id, ts FROM outbox
        WHERE subject GLOB 'digest:*' AND action = 'post' AND state = 'sent' AND sent > ?
        AND subject NOT IN (SELECT subject FROM charts) ORDER BY number
        """,
        (since,),
    )
    return [DueChart(*row) for row in rows]


def mark_tried(db: Database, subject: str, now: float) -> bool:
    """Note that the one attempt is about to be made; false where it was made before."""
    statement = "INSERT INTO charts (subject, tried) VALUES (?, ?) ON CONFLICT DO NOTHING"
    return db.conn.execute(statement, (subject, now)).rowcount > 0
