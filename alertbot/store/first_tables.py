"""The tables of the first version; what later ones made of them stands in ``tables.py``. Never changed."""

from __future__ import annotations

FIRST_TABLES = (
    # cursor: the last slot judged; NULL before the first. begun: the frontier when the series was first judged.
    "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cursor INTEGER, begun INTEGER) STRICT",
    # begun: the frontier when a rule of this name was first at work.
    "CREATE TABLE rules (name TEXT PRIMARY KEY, begun INTEGER NOT NULL) STRICT",
    # seconds: how long after the frontier reached it the slot of the series was complete.
    """
    CREATE TABLE lateness (
        series TEXT NOT NULL, slot INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (series, slot)
    ) STRICT
    """,
    # shown: when the total first showed traffic in the slot, epoch seconds by the API's clock.
    "CREATE TABLE publications (slot INTEGER PRIMARY KEY, shown REAL NOT NULL) STRICT",
    # What the running service knows, for the shell's commands: JSON.
    "CREATE TABLE live (one INTEGER PRIMARY KEY CHECK (one = 1), written REAL NOT NULL, facts TEXT NOT NULL) STRICT",
    # since: the slot the trouble began with; opened, closed: epoch seconds. facts: JSON, by kind.
    """
    CREATE TABLE incidents (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        channel TEXT NOT NULL,
        since INTEGER NOT NULL,
        opened REAL NOT NULL,
        closed REAL,
        facts TEXT NOT NULL DEFAULT '{}'
    ) STRICT
    """,
    "CREATE INDEX incidents_open ON incidents (id) WHERE closed IS NULL",
    # slots: 288 little-endian float64 of one UTC day (days since the epoch): bit/s, 0 a true zero, NaN unknown.
    """
    CREATE TABLE samples (
        day INTEGER NOT NULL,
        series INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
        slots BLOB NOT NULL CHECK (length(slots) = 2304),
        UNIQUE (day, series)
    ) STRICT
    """,
    # since, slot, fired, resolved: slots. bars: whether its slots may serve as a reference again.
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        series TEXT NOT NULL,
        phase TEXT NOT NULL CHECK (phase IN ('pending', 'firing', 'resolved')),
        severity TEXT NOT NULL,
        direction TEXT NOT NULL,
        since INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        fired INTEGER,
        resolved INTEGER,
        reason TEXT,
        value REAL NOT NULL,
        reference REAL,
        worst REAL NOT NULL,
        "window" TEXT NOT NULL,
        clear_run INTEGER NOT NULL,
        bars INTEGER NOT NULL,
        incident INTEGER REFERENCES incidents (id)
    ) STRICT
    """,
    "CREATE UNIQUE INDEX alerts_open ON alerts (rule, series) WHERE phase <> 'resolved'",
    "CREATE INDEX alerts_fired ON alerts (fired)",
    "CREATE INDEX alerts_incident ON alerts (incident) WHERE incident IS NOT NULL",
    # number: the order of writing. subject: what the message is about; its first post is what later edits change.
    # attempted: epoch seconds of the last try. plain: Slack refused the blocks, so only the text goes out.
    # twin: the row of which this is a copy for the fallback channel.
    """
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        subject TEXT NOT NULL,
        action TEXT NOT NULL CHECK (action IN ('post', 'update', 'reply')),
        channel TEXT NOT NULL,
        body TEXT NOT NULL,
        broadcast INTEGER NOT NULL DEFAULT 0,
        state TEXT NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'sending', 'sent', 'unknown', 'parked', 'dropped')),
        plain INTEGER NOT NULL DEFAULT 0,
        created REAL NOT NULL,
        attempted REAL,
        sent REAL,
        error TEXT,
        channel_id TEXT,
        ts TEXT,
        twin INTEGER REFERENCES outbox (number)
    ) STRICT
    """,
    "CREATE INDEX outbox_waiting ON outbox (state, number) WHERE state IN ('queued', 'sending', 'unknown', 'parked')",
    "CREATE INDEX outbox_subject ON outbox (subject, number)",
)
