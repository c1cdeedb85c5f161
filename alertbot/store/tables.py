"""The tables, as one version after the other made them: a version's step is never changed once it is released."""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from alertbot.store.first_tables import FIRST_TABLES

migrations = Migrations("alertbot")


@migrations()
def the_first_tables(db: Database) -> None:
    """Series with their cursors, samples, alerts, outbox."""
    for statement in FIRST_TABLES:
        db.conn.execute(statement)


@migrations()
def what_people_do_about_incidents(db: Database) -> None:
    """Where an incident stands with its readers; silences; alerts that flap; what the shell asks of the service."""
    for statement in _PEOPLE:
        db.conn.execute(statement)


_PEOPLE = (
    # standing: JSON, what its readers know of the incident (Progress), and who acknowledged it.
    "ALTER TABLE incidents ADD COLUMN standing TEXT NOT NULL DEFAULT '{}'",
    # noted: 1 once its firing stands in the incident's message or thread, 2 once its end does.
    "ALTER TABLE alerts ADD COLUMN noted INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX alerts_untold ON alerts (id) WHERE incident IS NULL AND phase = 'firing'",
    "CREATE INDEX alerts_history ON alerts (rule, series, fired)",
    # target: as it was typed; pairs: JSON, the rule and series of each alert where the target was an incident.
    # begins, ends, created, cancelled: epoch seconds. reminded: whether its end was announced.
    """
    CREATE TABLE silences (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        target TEXT NOT NULL,
        pairs TEXT,
        begins REAL NOT NULL,
        ends REAL NOT NULL,
        author_id TEXT,
        author TEXT NOT NULL,
        reason TEXT NOT NULL,
        channel TEXT NOT NULL,
        created REAL NOT NULL,
        cancelled REAL,
        cancelled_by TEXT,
        reminded INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX silences_ends ON silences (ends)",
    # since: the slot of the first of the firings that made it flap.
    """
    CREATE TABLE flapping (
        rule TEXT NOT NULL, series TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (rule, series)
    ) STRICT
    """,
    # What the shell's commands ask of the running service. words: JSON, the command's words. done: epoch seconds.
    """
    CREATE TABLE requests (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        author TEXT NOT NULL,
        words TEXT NOT NULL,
        created REAL NOT NULL,
        done REAL,
        refused INTEGER,
        answer TEXT
    ) STRICT
    """,
    "CREATE INDEX requests_waiting ON requests (id) WHERE done IS NULL",
)


@migrations()
def which_messages_were_charted(db: Database) -> None:
    """The one attempt at a chart that each incident and each digest gets."""
    for statement in _CHARTS:
        db.conn.execute(statement)


_CHARTS = (
    # subject: that of the message in the outbox. tried: when, epoch seconds; the row is there before the chart is.
    "CREATE TABLE charts (subject TEXT PRIMARY KEY, tried REAL NOT NULL) STRICT",
    "CREATE INDEX incidents_closed ON incidents (closed)",
)


@migrations()
def what_alertmanagers_were_told(db: Database) -> None:
    """The alerts that Alertmanagers take to be firing because we said so, and those whose end they are still sent."""
    db.conn.execute(_RELAYED)


# labels, annotations: JSON. starts, ends: epoch seconds. rule and series, or incident: what it is made of.
_RELAYED = """
    CREATE TABLE relayed (
        labels TEXT PRIMARY KEY,
        annotations TEXT NOT NULL,
        link TEXT,
        starts REAL NOT NULL,
        ends REAL,
        rule TEXT,
        series TEXT,
        incident INTEGER
    ) STRICT
"""


@migrations()
def what_lets_old_messages_go(db: Database) -> None:
    """Finding the copies of a refused message, without which neither may be deleted."""
    db.conn.execute("CREATE INDEX outbox_twin ON outbox (twin) WHERE twin IS NOT NULL")


@migrations()
def what_a_percentile_comes_to(db: Database) -> None:
    """The figures of an alert on a month's percentile: JSON, as they stood with its last slot."""
    db.conn.execute("ALTER TABLE alerts ADD COLUMN outlook TEXT")


@migrations()
def who_changed_what(db: Database) -> None:
    """What people changed, from where and in which words, and what was refused to them."""
    for statement in _CHANGES:
        db.conn.execute(statement)


_CHANGES = (
    # at: epoch seconds. who_id: a Slack user's. words: as typed. before, after: what stood there, in words.
    """
    CREATE TABLE changes (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at REAL NOT NULL,
        who TEXT NOT NULL,
        who_id TEXT,
        place TEXT NOT NULL,
        kind TEXT NOT NULL,
        words TEXT NOT NULL,
        "before" TEXT,
        "after" TEXT
    ) STRICT
    """,
    "CREATE INDEX changes_at ON changes (at)",
)


@migrations()
def what_alerts_set_aside(db: Database) -> None:
    """What is no measure of what is usual: kind and reference of each alert, and what became of a new normal."""
    for statement in _MEMORY:
        db.conn.execute(statement)


_MEMORY = (
    # kind: that of the rule; fired_on: the reference it fired against, bit/s. levels: JSON, how long it has been at
    # one level. accepted: the first slot of a level taken as the new normal; restored: the last slot set aside again.
    "ALTER TABLE alerts ADD COLUMN kind TEXT",
    "ALTER TABLE alerts ADD COLUMN fired_on REAL",
    "ALTER TABLE alerts ADD COLUMN levels TEXT",
    "ALTER TABLE alerts ADD COLUMN accepted INTEGER",
    "ALTER TABLE alerts ADD COLUMN restored INTEGER",
    # What was taken as the new normal before anybody remembered where it began counts from its beginning.
    "UPDATE alerts SET accepted = since WHERE reason = 'new normal'",
)


@migrations()
def what_is_usual_beside_alerts(db: Database) -> None:
    """What an alert was compared with, and what was usual when it was over: its sentences say so."""
    for statement in _USUAL:
        db.conn.execute(statement)


_USUAL = (
    # by_usual: whether the reference is what is usual, not what was carried just before; usual: bit/s when it was over.
    "ALTER TABLE alerts ADD COLUMN by_usual INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE alerts ADD COLUMN usual REAL",
)


@migrations()
def who_took_care_of_an_alert(db: Database) -> None:
    """Whether somebody acknowledged an alert while it fired: so it stays when its incident is reopened."""
    db.conn.execute("ALTER TABLE alerts ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0")
    db.conn.execute(
        "UPDATE alerts SET acknowledged = 1 WHERE incident IN"
        " (SELECT id FROM incidents WHERE json_extract(standing, '$.acked_at') IS NOT NULL)"
    )


@migrations()
def what_silence_alerts_taught(db: Database) -> None:
    """Which series are silent as usual since alerts taught that, and which are to be posted all the same."""
    db.conn.execute(_LEARNED_SILENCES)


# announced: the slot in which it was posted that this is usual now; seen: in which it last was. kept_by, kept_at: who
# wants it posted all the same, and since when, epoch seconds.
_LEARNED_SILENCES = """
    CREATE TABLE learned_silences (
        series TEXT PRIMARY KEY,
        announced INTEGER,
        seen INTEGER,
        kept_by TEXT,
        kept_at REAL
    ) STRICT
"""


@migrations()
def since_when_rules_mean_what_they_do(db: Database) -> None:
    """The last slot that was judged by what a rule meant before an upgrade; NULL for rules that came later."""
    db.conn.execute("ALTER TABLE rules ADD COLUMN meant_since INTEGER")
    db.conn.execute("UPDATE rules SET meant_since = (SELECT max(cursor) FROM series)")


@migrations()
def when_late_slots_showed_less(db: Database) -> None:
    """How long after the frontier reached it a slot still showed less than all of it: ``seconds`` is at most that."""
    db.conn.execute("ALTER TABLE lateness ADD COLUMN less REAL NOT NULL DEFAULT 0")


@migrations()
def what_people_found_useful(db: Database) -> None:
    """Whose vote it is that an incident was useful to know of, or noise."""
    db.conn.execute(_VOTES)


# voter: a Slack user's id, the name of who voted elsewhere; of each the last vote counts. at: epoch seconds.
_VOTES = """
    CREATE TABLE votes (
        incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
        voter TEXT NOT NULL,
        name TEXT NOT NULL,
        useful INTEGER NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (incident, voter)
    ) STRICT
"""


@migrations()
def what_parts_of_traffic_were_asked_for(db: Database) -> None:
    """When an incident was looked into, and which parameters of such calls the API refuses."""
    # parts_asked: epoch seconds. cause: in the API's words.
    db.conn.execute("ALTER TABLE incidents ADD COLUMN parts_asked REAL")
    db.conn.execute("CREATE TABLE refused_parts (parameter TEXT PRIMARY KEY, cause TEXT NOT NULL) STRICT")
