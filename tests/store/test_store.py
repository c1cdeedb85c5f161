"""The store: everything a judgement changes or nothing of it, and a restart that neither repeats nor forgets."""

from __future__ import annotations

import math
import sqlite3
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes.rigs.deciders import Apart, Silent, nothing
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.ledger import Ledger
from alertbot.alerts.lifecycle import Alert, Change, Level, Phase, Reason
from alertbot.errors import StoreError, StoreUnusable
from alertbot.incidents.incident import IncidentKind
from alertbot.incidents.orders import Person, Silence
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.drop import Drop
from alertbot.rules.grid import Grid
from alertbot.rules.threshold import Threshold
from alertbot.store import alerts, feed_reports, fired_alerts, outbox, parked, restart, samples, schema, turns
from alertbot.store.alerts import Traits
from alertbot.store.feed_reports import FeedReport
from alertbot.store.outbox import NewMessage
from alertbot.store.store import Store
from alertbot.store.turns import Batch
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
TODAY = START // DAY
ADA = Person("U0ADA", "Ada")
NAN = math.nan
TRAITS = {"ceiling": Traits("warning", "threshold"), "dark": Traits("critical", "drop")}
FIRING = Alert(
    "dark", "a", Phase.FIRING, START, START + SLOT, 0.0, 5e6, 0.0, Direction.FALL, fired=START + SLOT, window=3
)
PENDING = Alert("ceiling", "b", Phase.PENDING, START, START, 9e9, None, 9e9, Direction.RISE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alertbot.db"


@pytest.fixture
def store(path):
    opened = Store(path)
    yield opened
    opened.close()


def commit(store, given, compose=nothing):
    store.do(turns.commit, given, Apart(compose))


def batch(grid=None, *, touched=(), cursors=None, alerts=(), changes=(), traits=TRAITS, restored=()):
    return Batch(
        grid=grid or Grid(("a", "b")),
        touched=frozenset(touched),
        cursors=cursors or {},
        alerts={(alert.rule, alert.series): alert for alert in alerts},
        changes=changes,
        traits=traits,
        now=1.5,
        restored=restored,
    )


def fired(alert):
    return Change(alert, fired=True, reason=Reason.BREACH)


def resolved(alert, slot):
    return Change(replace(alert, slot=slot), fired=False, reason=Reason.CLEARED)


def later(alert, slots):
    """The alert as another one, so many slots later."""
    return replace(
        alert, since=alert.since + slots * SLOT, slot=alert.slot + slots * SLOT, fired=alert.fired + slots * SLOT
    )


def draft(number, subject, action, channel="#cdn"):
    return NewMessage(f"id-{number}", subject, action, channel, f'{{"n": {number}}}')


def enqueue(store, *drafts):
    store.do(outbox.enqueue, drafts, 1.5)


def rows(store, query):
    return store._db.conn.execute(query).fetchall()


# The file


def test_the_file_is_its_owners_alone_and_made_with_its_folder(tmp_path):
    path = tmp_path / "state" / "deep" / "alertbot.db"
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_journal_beside_the_file_is_its_owners_alone_too(store, path):
    enqueue(store, draft(1, "alert:1", "post"))
    beside = [file for file in path.parent.iterdir() if file.name.startswith("alertbot.db-")]
    assert beside
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in beside)


def test_pages_hold_several_days_and_commits_reach_the_disk(store):
    pragmas = [rows(store, f"PRAGMA {name}")[0][0] for name in ("page_size", "journal_mode", "synchronous")]
    assert pragmas == [schema.PAGE_SIZE, "wal", 2]


def test_every_table_of_ours_is_strict_and_has_row_ids(store):
    tables = {
        name: (wr, strict) for _, name, kind, _, wr, strict in rows(store, "PRAGMA table_list") if kind == "table"
    }
    for name in ("series", "samples", "alerts", "outbox"):
        assert tables[name] == (0, 1)


def test_a_table_that_is_gone_is_an_error_and_is_not_made_anew(store, path):
    store._db.conn.execute("DROP TABLE outbox")
    with pytest.raises(StoreError, match=rf"{path}: no such table: outbox"):
        store.do(outbox.waiting)
    with pytest.raises(StoreError, match="outbox"):
        enqueue(store, draft(1, "alert:1", "post"))
    assert not rows(store, "SELECT 1 FROM sqlite_schema WHERE name = 'outbox'")


def test_a_transaction_that_a_failure_left_open_swallows_nothing_that_comes_later(path):
    store = Store(path)
    store._db.conn.execute("BEGIN")  # as after an I/O error that came once it was done
    store.do(lambda db: db.conn.execute("INSERT INTO rules (name, begun) VALUES ('a', 1)"))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM rules").fetchall() == [("a",)]
    other.close()
    store.close()


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(path):
    Store(path).close()
    with sqlite3.connect(path) as plain:
        plain.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('alertbot', 'the_future', '')"
        )
    plain.close()
    before = path.read_bytes()
    for opening in (Store, schema.open_for_reading):
        with pytest.raises(StoreError, match=r"newer alertbot \(the_future\)"):
            opening(path)
    assert path.read_bytes() == before


def test_tables_of_another_owner_in_the_same_file_are_left_alone(path):
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE notes (text)")
        plain.execute("INSERT INTO notes VALUES ('mine')")
    plain.close()
    store = Store(path)
    assert rows(store, "SELECT text FROM notes") == [("mine",)]
    store.close()


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path):
    path.write_text("[slack]\nchannel = '#cdn'\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(path)
    assert path.read_text().startswith("[slack]")


def test_a_path_that_cannot_be_written_is_an_error_with_a_mend(tmp_path):
    with pytest.raises(StoreError, match="permissions"):
        Store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="permissions"):
        Store(tmp_path / "file" / "alertbot.db")


def test_a_question_before_the_first_start_says_so_and_makes_no_file(path):
    with pytest.raises(StoreError, match="there is no database yet"):
        schema.open_for_reading(path)
    assert not path.exists()


def test_a_question_to_a_file_without_tables_says_so(path):
    path.touch()
    with pytest.raises(StoreError, match="not up to date"):
        schema.open_for_reading(path)
    assert path.stat().st_size == 0


def test_a_question_is_answered_beside_the_writer_and_can_change_nothing(store, path):
    enqueue(store, draft(1, "alert:1", "post"))
    reading = schema.open_for_reading(path)
    assert outbox.counts(reading) == {"queued": 1}
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reading.conn.execute("DELETE FROM outbox")
    reading.close()


# The lock


HOLDER = """
import sys
from pathlib import Path
from alertbot.store.schema import Lock
lock = Lock(Path(sys.argv[1]))
lock.take()
print("held", flush=True)
sys.stdin.read()
"""


def test_only_one_process_has_the_lock_and_a_killed_one_lets_go_of_it(path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    lock = schema.Lock(path)
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another alertbot runs on this database"):
            lock.take()
        holder.kill()
    lock.take()
    lock.release()


def test_the_lock_can_be_let_go_of_and_taken_again(path):
    one, other = schema.Lock(path), schema.Lock(path)
    one.release()
    one.take()
    with pytest.raises(StoreError, match="another alertbot"):
        other.take()
    one.release()
    other.take()
    other.release()


def test_the_lock_keeps_no_reader_away(store, path):
    lock = schema.Lock(path)
    lock.take()
    schema.open_for_reading(path).close()
    lock.release()


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="must be able to write there"):
        schema.Lock(tmp_path / "file" / "alertbot.db").take()


# Samples and cursors


def test_samples_read_back_as_they_were_zero_and_unknown_apart(store, path):
    grid = Grid(("a", "b"))
    grid.put("a", START - 2 * SLOT, np.array([1.5, 0.0, 208_706_182.29]))
    grid.put("b", START + 7 * SLOT, np.array([0.0]))
    touched = [("a", TODAY - 1), ("a", TODAY), ("b", TODAY)]
    commit(store, batch(grid, touched=touched, cursors={"a": START, "b": START - SLOT}))
    store.close()

    again = Store(path)
    stored = again.do(restart.grid, ("b", "c", "a"), START - DAY, START + SLOT)
    for name in ("a", "b"):
        np.testing.assert_array_equal(
            stored.values(START - DAY, 2 * DAY_SLOTS)[:, stored.column[name]],
            grid.values(START - DAY, 2 * DAY_SLOTS)[:, grid.column[name]],
        )
    assert np.isnan(stored.values(START - DAY, 2 * DAY_SLOTS)[:, 1]).all()
    assert again.do(samples.cursors) == {"a": START, "b": START - SLOT}
    assert again.do(samples.series_names) == ("a", "b")
    again.close()


def test_only_the_days_that_differ_are_written(store):
    grid = Grid(("a", "b"))
    grid.put("a", START, np.array([1.0]))
    grid.put("b", START, np.array([2.0]))
    commit(store, batch(grid, touched=[("a", TODAY)]))
    assert rows(store, "SELECT day, length(slots) FROM samples") == [(TODAY, 2304)]


def test_a_revised_day_replaces_the_old_one(store):
    grid = Grid(("a", "b"))
    for value in (1.0, 2.0):
        grid.put("a", START, np.array([value]))
        commit(store, batch(grid, touched=[("a", TODAY)]))
    assert store.do(samples.series_between, "a", START, START).tolist() == [2.0]


def test_a_cursor_that_did_not_move_stays(store):
    commit(store, batch(cursors={"a": START}))
    commit(store, batch(cursors={"b": START + SLOT}))
    assert store.do(samples.cursors) == {"a": START, "b": START + SLOT}


@examples(12, 80)
@given(first=st.integers(-300, 300), count=st.integers(1, 700))
def test_one_series_reads_as_the_grid_holds_it(first, count):
    grid = Grid(("a", "b"))
    grid.put("a", START - 100 * SLOT, np.arange(200.0))
    grid.put("b", START, np.ones(1))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "alertbot.db")
        commit(store, batch(grid, touched=[("a", TODAY - 1), ("a", TODAY), ("b", TODAY)]))
        begin, end = START + first * SLOT, START + (first + count - 1) * SLOT
        np.testing.assert_array_equal(
            store.do(samples.series_between, "a", begin, end), grid.values(begin, count, np.array([0]))[:, 0]
        )
        store.close()


def test_the_first_and_last_known_slot_of_a_series_are_found(store):
    grid = Grid(("a", "b"))
    grid.put("a", START - 2 * DAY + 5 * SLOT, np.array([1.0]))
    grid.put("a", START + 3 * SLOT, np.array([0.0]))
    commit(store, batch(grid, touched=[("a", TODAY - 2), ("a", TODAY)]))
    first, last = store.do(samples.known_spans, ("b", "a"))
    assert (first[1], last[1]) == (START - 2 * DAY + 5 * SLOT, START + 3 * SLOT)
    assert first[0] > last[0], "nothing is known of b"


# Alerts


def test_alerts_under_way_read_back_as_they_were(store, path):
    commit(store, batch(alerts=[FIRING, PENDING], changes=[fired(FIRING)]))
    store.close()
    again = Store(path)
    assert again.do(alerts.open_alerts) == {("dark", "a"): FIRING, ("ceiling", "b"): PENDING}
    again.close()


def test_a_window_wider_than_an_integer_of_sqlite_reads_back(store):
    wide = replace(PENDING, window=(1 << 2015) | 1)
    commit(store, batch(alerts=[wide]))
    assert store.do(alerts.open_alerts) == {("ceiling", "b"): wide}


def test_a_pending_alert_that_drops_is_forgotten(store):
    commit(store, batch(alerts=[PENDING]))
    commit(store, batch())
    assert rows(store, "SELECT * FROM alerts") == []


def test_an_alert_keeps_its_number_from_pending_to_resolved(store):
    numbers = []

    def note(step):
        numbers.extend(told.number for told in step.incident.alerts)
        return ()

    pending = replace(FIRING, phase=Phase.PENDING, fired=None)
    commit(store, batch(alerts=[pending]))
    commit(store, batch(alerts=[FIRING], changes=[fired(FIRING)]), note)
    commit(store, batch(alerts=[replace(FIRING, slot=START + 2 * SLOT)]), note)
    commit(store, batch(changes=[resolved(FIRING, START + 5 * SLOT)]), note)
    assert numbers == [1, 1]
    assert store.do(alerts.open_alerts) == {}
    (told,) = store.do(fired_alerts.fired_since, START, 9)
    assert (told.number, told.severity, told.resolved, told.reason) == (1, "critical", START + 5 * SLOT, "cleared")
    assert told.alert.fired == FIRING.fired


def test_what_fires_resolves_and_fires_again_within_one_batch_is_two_alerts(store):
    numbers = []
    again = later(FIRING, 10)
    changes = [fired(FIRING), resolved(FIRING, START + 4 * SLOT), fired(again)]
    commit(
        store,
        batch(alerts=[again], changes=changes),
        lambda step: numbers.append((step.incident.number, step.opened)) or (),
    )
    assert numbers == [(1, True), (2, True)], "each incident is told once, as it stands"
    assert store.do(alerts.open_alerts) == {("dark", "a"): again}
    assert [(told.number, told.resolved) for told in store.do(fired_alerts.fired_since, START, 9)] == [
        (2, None),
        (1, START + 4 * SLOT),
    ]


def test_what_fired_resolves_and_begins_again_within_one_batch_leaves_one_closed_and_one_pending(store):
    commit(store, batch(alerts=[FIRING], changes=[fired(FIRING)]))
    pending = replace(later(FIRING, 10), phase=Phase.PENDING, fired=None)
    commit(store, batch(alerts=[pending], changes=[resolved(FIRING, START + 4 * SLOT)]))
    assert store.do(alerts.open_alerts) == {("dark", "a"): pending}
    assert rows(store, "SELECT id, phase FROM alerts ORDER BY id") == [(1, "resolved"), (2, "pending")]


def test_an_alert_of_a_rule_that_is_gone_closes_and_keeps_what_was_stored_of_its_rule(store):
    commit(store, batch(alerts=[FIRING], changes=[fired(FIRING)]))
    gone = Change(FIRING, fired=False, reason=Reason.RULE_CHANGED)
    commit(store, batch(changes=[gone], traits={}))
    (told,) = store.do(fired_alerts.fired_since, START, 9)
    assert (told.severity, told.reason) == ("critical", "rule changed")


def test_what_fires_is_listed_before_what_resolved_and_what_was_only_pending_never(store):
    old, new = later(replace(FIRING, series="old"), -500), later(replace(FIRING, series="new"), 3)
    changes = [fired(old), resolved(old, old.slot + SLOT), fired(FIRING), fired(new), resolved(new, START + 9 * SLOT)]
    commit(store, batch(alerts=[FIRING, PENDING], changes=changes))
    assert [told.alert.series for told in store.do(fired_alerts.fired_since, START, 9)] == ["a", "new"]
    assert [told.alert.series for told in store.do(fired_alerts.fired_since, START, 1)] == ["a"]
    assert store.do(fired_alerts.count_fired_since, START) == 2
    assert store.do(fired_alerts.count_fired_since, 0) == 3
    assert store.do(fired_alerts.count_firing) == 1


def test_the_slots_in_which_a_drop_fired_are_still_set_aside_after_a_restart(store, path):
    grid = Grid(("a", "b"))
    for name in ("a", "b"):
        grid.put(name, START, np.ones(10))
    over = replace(FIRING, series="b")
    up = replace(FIRING, rule="ceiling", slot=START + 3 * SLOT, direction=Direction.RISE)
    changes = [fired(FIRING), fired(over), resolved(over, START + 4 * SLOT), fired(up)]
    commit(store, batch(grid, touched=[("a", TODAY), ("b", TODAY)], alerts=[FIRING, up], changes=changes))
    store.close()
    again = Store(path)
    marks = again.do(restart.grid, ("a", "b"), START, START + SLOT).aside.marks(START, 10)
    assert (marks[:, 0] > 0).tolist() == [True] * 2 + [False] * 8, "up to the last slot judged"
    assert (marks[:, 1] > 0).tolist() == [True] * 4 + [False] * 6, "not the slot that resolved it"
    again.close()


def test_what_a_new_normal_left_and_what_its_end_set_aside_again_outlive_a_restart(store):
    level = Level(START + 2 * SLOT, 9, 1.0, 1.0)
    alert = replace(FIRING, slot=START + 9 * SLOT, levels=(level, None), fired_on=7.0)
    commit(store, batch(alerts=[alert], changes=[fired(alert)]))
    commit(store, batch(changes=[Change(alert, fired=False, reason=Reason.NEW_NORMAL)]))
    (episode,) = store.do(alerts.episodes, START)
    assert (episode.last, episode.accepted, episode.reference) == (START + 8 * SLOT, START + 2 * SLOT, 7.0)
    commit(store, batch(restored=[replace(episode, accepted=None, last=START + 20 * SLOT)]))
    (episode,) = store.do(alerts.episodes, START)
    assert (episode.last, episode.accepted) == (START + 20 * SLOT, None)


def test_what_an_alert_that_a_changed_rule_ended_set_aside_outlives_a_restart(store):
    alert = replace(FIRING, slot=START + 3 * SLOT)
    commit(store, batch(alerts=[alert], changes=[fired(alert)]))
    commit(store, batch(changes=[Change(alert, fired=False, reason=Reason.RULE_CHANGED)]))
    found = [(each.series, each.first, each.last) for each in store.do(alerts.episodes, START)]
    assert found == [("a", START, START + 3 * SLOT)]


def test_an_alert_from_before_kinds_were_stored_has_the_kind_that_its_rule_has(store):
    commit(store, batch(alerts=[FIRING], changes=[fired(FIRING)]))
    store.do(lambda db: db.conn.execute("UPDATE alerts SET kind = NULL"))
    assert store.do(alerts.episodes, START) == []
    store.do(alerts.name_kinds, {"dark": "drop"})
    assert [each.rule for each in store.do(alerts.episodes, START)] == ["dark"]


# One transaction


class MessageFailedError(Exception):
    pass


def failing(step):
    yield draft(1, f"incident:{step.incident.number}", "post")
    raise MessageFailedError


def test_an_exception_while_messages_are_made_leaves_nothing_of_the_batch(store):
    commit(store, batch(alerts=[PENDING], cursors={"a": START - SLOT}))
    grid = Grid(("a", "b", "new"))
    grid.put("a", START, np.array([1.0]))

    with pytest.raises(MessageFailedError):
        commit(
            store,
            batch(grid, touched=[("a", TODAY)], cursors={"a": START}, alerts=[FIRING], changes=[fired(FIRING)]),
            failing,
        )
    assert store.do(samples.cursors) == {"a": START - SLOT}
    assert store.do(alerts.open_alerts) == {("ceiling", "b"): PENDING}
    assert store.do(samples.days) == ()
    assert "new" not in store.do(samples.series_names)
    assert store.do(outbox.waiting) == []
    enqueue(store, draft(2, "alert:1", "post"))
    assert len(store.do(outbox.waiting)) == 1, "and the store goes on"


def test_a_message_that_cannot_be_written_leaves_nothing_of_the_batch(store):
    enqueue(store, draft(1, "alert:1", "post"))
    with pytest.raises(StoreError, match="UNIQUE"):
        commit(
            store,
            batch(cursors={"a": START}, alerts=[FIRING], changes=[fired(FIRING)]),
            lambda _step: [draft(2, "alert:2", "post"), draft(1, "x", "post")],
        )
    assert store.do(samples.cursors) == {}
    assert [envelope.id for envelope in store.do(outbox.waiting)] == ["id-1"]


@pytest.mark.parametrize(
    "order",
    [
        lambda store, turn: store.do(turns.acknowledge, 1, ADA, "", None, turn, 2.5),
        lambda store, turn: store.do(turns.silence, Silence("a", 2.5, 99.0), ADA, "#cdn", None, turn, 2.5),
        lambda store, turn: store.do(turns.unsilence, 1, ADA, turn, 2.5),
        lambda store, turn: store.do(
            feed_reports.report, [FeedReport(IncidentKind.DARK, "#cdn", START, {}, 1)], turn, 2.5
        ),
    ],
)
def test_an_exception_while_messages_are_made_leaves_nothing_of_an_order(store, order):
    commit(store, batch(alerts=[FIRING], changes=[fired(FIRING)]))
    store.do(turns.silence, Silence("b", 2.5, 99.0), ADA, "#cdn", None, Apart(), 2.0)
    before = list(store._db.conn.iterdump())
    with pytest.raises(MessageFailedError):
        order(store, Apart(failing, every=True))
    assert list(store._db.conn.iterdump()) == before


def test_messages_get_the_incident_of_each_change(store):
    other = replace(FIRING, series="b")
    commit(
        store,
        batch(alerts=[FIRING, other], changes=[fired(FIRING), fired(other)]),
        lambda step: [
            draft(step.incident.number, f"incident:{step.incident.number}", "post", f"#{step.incident.number}")
        ],
    )
    assert [(envelope.subject, envelope.created) for envelope in store.do(outbox.waiting)] == [
        ("incident:1", 1.5),
        ("incident:2", 1.5),
    ]


def test_what_came_and_went_within_a_batch_is_decided_on_once(store):
    turn = Apart()
    changes = [fired(FIRING), resolved(FIRING, START + 4 * SLOT)]
    store.do(turns.commit, batch(changes=changes), turn)
    store.do(turns.post_due, turn, 2.5)
    (pending,) = turn.seen
    assert [told.number for told in pending.unposted] == [1]
    assert pending.passed == {1}


def test_what_is_not_told_yet_is_decided_on_again_at_the_next_look(store):
    turn = Apart()
    store.do(turns.commit, batch(alerts=[FIRING], changes=[fired(FIRING)]), Silent())
    assert store.do(turns.post_due, turn, 2.5)
    (pending,) = turn.seen
    assert ([told.number for told in pending.unposted], pending.passed) == ([1], frozenset())
    store.do(turns.post_due, turn, 3.5)
    assert turn.seen[1].unposted == []
    assert [told.number for one in turn.seen[1].incidents for told in one.alerts] == [1]


def test_a_look_at_nothing_asks_nobody(store):
    turn = Apart()
    assert not store.do(turns.post_due, turn, 2.5)
    assert turn.seen == []


def test_nobody_else_sees_a_batch_half_done(store, path):
    seen = []

    def compose(_step):
        reading = schema.open_for_reading(path)
        seen.append((samples.cursors(reading), fired_alerts.count_firing(reading)))
        reading.close()
        return ()

    commit(store, batch(cursors={"a": START}, alerts=[FIRING], changes=[fired(FIRING)]), compose)
    assert seen == [({}, 0)]
    assert store.do(samples.cursors) == {"a": START}


# The outbox


def sent(store, envelope, ts="1.1"):
    assert store.do(outbox.mark_sending, envelope.number, 2.0)
    store.do(outbox.mark_sent, envelope, "C1", ts, 2.0)


def waiting(store):
    return [envelope.id for envelope in store.do(outbox.waiting)]


def test_messages_go_out_in_the_order_in_which_they_were_written_one_a_channel_at_a_time(store):
    enqueue(
        store, draft(1, "alert:1", "post", "#a"), draft(2, "alert:2", "post", "#b"), draft(3, "alert:3", "post", "#a")
    )
    assert waiting(store) == ["id-1", "id-2"]
    sent(store, store.do(outbox.waiting)[0])
    assert waiting(store) == ["id-2", "id-3"]


def test_a_post_takes_up_the_newest_edit_of_what_it_announces(store):
    enqueue(store, draft(1, "alert:1", "post"), draft(2, "alert:1", "update"), draft(3, "alert:1", "update"))
    (post,) = store.do(outbox.waiting)
    assert (post.id, post.body, post.channel_id, post.ts) == ("id-1", '{"n": 3}', None, None)
    sent(store, post)
    assert waiting(store) == []
    assert store.do(outbox.counts) == {"sent": 1, "dropped": 2}


def test_an_edit_knows_where_the_message_it_edits_stands(store):
    enqueue(store, draft(1, "alert:1", "post"))
    sent(store, store.do(outbox.waiting)[0], ts="17.42")
    enqueue(store, draft(2, "alert:1", "update"))
    (edit,) = store.do(outbox.waiting)
    assert (edit.id, edit.action, edit.channel_id, edit.ts) == ("id-2", "update", "C1", "17.42")
    sent(store, edit)
    assert waiting(store) == []
    assert store.do(outbox.counts) == {"sent": 2}


def test_an_edit_overtaken_while_it_was_on_its_way_is_followed_by_the_newer_one(store):
    enqueue(store, draft(1, "alert:1", "post"))
    sent(store, store.do(outbox.waiting)[0])
    enqueue(store, draft(2, "alert:1", "update"))
    (edit,) = store.do(outbox.waiting)
    enqueue(store, draft(3, "alert:1", "update"))
    sent(store, edit)
    assert waiting(store) == ["id-3"]


def test_an_edit_of_one_message_overtakes_no_edit_of_another(store):
    enqueue(store, draft(1, "alert:1", "post", "#a"), draft(2, "alert:2", "post", "#b"))
    for envelope in store.do(outbox.waiting):
        sent(store, envelope)
    enqueue(store, draft(3, "alert:1", "update", "#a"), draft(4, "alert:2", "update", "#b"))
    assert waiting(store) == ["id-3", "id-4"]


def test_what_failed_is_tried_again_and_says_why_until_it_is_sent(store):
    enqueue(store, draft(1, "alert:1", "post"))
    (post,) = store.do(outbox.waiting)
    store.do(outbox.mark_sending, post.number, 2.0)
    store.do(outbox.requeue, post.number, "timeout")
    assert store.do(outbox.refusals) == [("#cdn", "timeout")]
    (post,) = store.do(outbox.waiting)
    sent(store, post)
    assert store.do(outbox.refusals) == []


def test_what_is_parked_holds_up_neither_its_channel_nor_is_it_tried_until_a_restart(store):
    enqueue(store, draft(1, "alert:1", "post"), draft(2, "alert:2", "post"))
    (first,) = store.do(outbox.waiting)
    store.do(outbox.mark_sending, first.number, 2.0)
    store.do(parked.park, first, "channel_not_found", None, 2.0)
    assert waiting(store) == ["id-2"]
    assert store.do(outbox.counts) == {"parked": 1, "queued": 1}
    assert store.do(parked.unpark) == 1
    assert waiting(store) == ["id-1"]


def test_what_was_being_sent_when_the_service_died_may_have_arrived(store, path):
    enqueue(store, draft(1, "alert:1", "post", "#a"), draft(2, "alert:2", "post", "#b"))
    first, second = store.do(outbox.waiting)
    store.do(outbox.mark_sending, first.number, 2.0)
    store.close()
    again = Store(path)
    assert again.do(outbox.recover) == 1
    assert [envelope.id for envelope in again.do(outbox.waiting)] == [second.id]
    assert [(envelope.id, envelope.attempted) for envelope in again.do(outbox.uncertain)] == [(first.id, 2.0)]
    again.close()


def test_the_outbox_survives_a_restart(store, path):
    enqueue(store, draft(1, "alert:1", "post"))
    sent(store, store.do(outbox.waiting)[0], ts="17.42")
    enqueue(store, draft(2, "alert:1", "update"))
    store.close()
    again = Store(path)
    (edit,) = again.do(outbox.waiting)
    assert (edit.id, edit.ts, edit.body) == ("id-2", "17.42", '{"n": 2}')
    again.close()


# A restart in the middle of a story


SERIES = ("a", "b")
RULES = (
    Rule("ceiling", "threshold", Threshold(above=8, clear=5), Severity.WARNING),
    Rule("dark", "drop", Drop(to=0, from_=1, window=4), Severity.CRITICAL),
    Rule(
        "fallen", "drop", Drop(by=0.5, from_=1, window=6), Severity.WARNING, for_slots=2, within_slots=4, accept_slots=9
    ),
)
STORIES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 1.0, 4.0, 9.0, 9.0, NAN]), st.integers(1, 9)), min_size=4, max_size=20
)


def lived(values, stops):
    """The changes told when the service is restarted after each of ``stops`` slots."""
    engine = Engine(RULES, {rule.name: SERIES for rule in RULES}, SERIES)
    traits = {rule.name: Traits(rule.severity.value, rule.kind_name) for rule in RULES}
    changes, cursors = [], dict.fromkeys(SERIES, START - SLOT)
    with tempfile.TemporaryDirectory() as folder:
        for begin, end in zip([0, *stops], [*stops, len(values)], strict=True):
            store = Store(Path(folder) / "alertbot.db")
            grid = store.do(restart.grid, SERIES, START - DAY, START + len(values) * SLOT)
            ledger = Ledger(engine, grid, cursors | store.do(samples.cursors), store.do(alerts.open_alerts))
            last = START + (end - 1) * SLOT
            for name in SERIES:
                ledger.take(name, START + begin * SLOT, values[begin:end] if name == "a" else values[begin:end] * 2)
                ledger.give_up(name, last)
            entry = ledger.judge(last)
            changes += entry.changes
            commit(
                store,
                Batch(
                    grid,
                    entry.touched,
                    entry.cursors,
                    entry.alerts,
                    entry.changes,
                    traits,
                    float(end),
                    restored=entry.restored,
                ),
            )
            store.close()
    return changes


@pytest.mark.slow
@examples(8, 50)
@given(runs=STORIES, cuts=st.sets(st.floats(0.01, 0.99), min_size=1, max_size=4))
def test_however_often_it_is_restarted_the_service_tells_the_same(runs, cuts):
    values = np.concatenate([np.full(length, value) for value, length in runs])
    stops = sorted({max(1, int(cut * len(values))) for cut in cuts})
    assert lived(values, stops) == lived(values, [])


def test_tables_that_are_no_text_any_more_are_damage(tmp_path):
    path = tmp_path / "alertbot.db"
    schema.open_database(path).close()
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"CREATE TABLE", b"CRE\xf4\x90E TABLE"))
    for look in (schema.open_database, schema.open_for_reading):
        with pytest.raises(StoreUnusable, match=r"alertbot.db: it is damaged: put a backup in its place"):
            look(path)


def test_what_breaks_while_a_question_is_answered_says_how_to_mend_it(tmp_path):
    path = tmp_path / "alertbot.db"
    schema.open_database(path).close()
    for code, mend in (
        (sqlite3.SQLITE_CORRUPT, "put a backup in its place"),
        (sqlite3.SQLITE_READONLY, "run this as the service's user, or with sudo"),
        (sqlite3.SQLITE_FULL, "check the file, its folder's permissions and the space left"),
    ):
        error = sqlite3.DatabaseError("no use")
        error.sqlite_errorcode = code
        with pytest.raises(StoreError, match=rf"alertbot.db: no use: {mend}"), schema.reading(path):
            raise error
