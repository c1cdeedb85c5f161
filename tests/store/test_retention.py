"""What is old goes in small steps; what is open, owed or still referred to stays, however old it is."""

from __future__ import annotations

import json

import pytest
from fakes.worlds.stored import store as write_stored

from alertbot.store import outbox, retention, samples, schema
from alertbot.store.outbox import NewMessage
from alertbot.store.parked import unpark
from alertbot.store.store import Store
from alertbot.units import DAY, DAY_SLOTS, SLOT

TODAY = 20_000
NOW = TODAY * DAY + 40_000.0
KEEP = 10 * DAY
OLD, YOUNG = NOW - 40 * DAY, NOW - 2 * DAY


@pytest.fixture
def store(tmp_path):
    path = write_stored(tmp_path / "alertbot.db", TODAY * DAY, {"a": [1.0]})
    opened = Store(path)
    yield opened
    opened.close()


def forget_all(store, keep=KEEP, now=NOW):
    """Every step until nothing is left; how many rows each deleted."""
    steps = []
    while rows := store.do(retention.forget, keep, now):
        steps.append(rows)
    return steps


def insert(store, table, **row):
    names = ", ".join(row)
    with store._db.atomic():
        query = f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})"
        return store._db.conn.execute(query, tuple(row.values())).lastrowid


def column(store, query):
    return [value for (value,) in store._db.conn.execute(query)]


def incident(store, *, opened=OLD, closed=OLD, **progress):
    return insert(store, "incidents", kind="alert", channel="#cdn", since=int(opened), opened=opened, closed=closed,
                  standing=json.dumps(progress))  # fmt: skip


def alert(store, number, *, phase="resolved", slot=OLD, rule="r", series="a"):
    ended = {"resolved": int(slot), "reason": "cleared"} if phase == "resolved" else {}
    return insert(store, "alerts", rule=rule, series=series, phase=phase, severity="warning", direction="fall",
                  since=int(slot), slot=int(slot), fired=int(slot), value=0.0, worst=0.0, window="0x3", clear_run=0,
                  bars=1, incident=number, **ended)  # fmt: skip


def message(store, subject, state="sent", *, created=OLD, twin=None, action="post"):
    number = len(column(store, "SELECT number FROM outbox")) + 1
    return insert(store, "outbox", id=f"id-{number}", subject=subject, action=action, channel="#cdn", body="{}",
                  state=state, created=created, twin=twin)  # fmt: skip


# Samples and series


def test_old_days_are_deleted_and_the_young_stay(tmp_path):
    path = write_stored(
        tmp_path / "alertbot.db", (TODAY - 20) * DAY, {name: [1.0] * 21 * DAY_SLOTS for name in ("a", "b")}
    )
    store = Store(path)

    assert forget_all(store) == [2 * 10]
    assert store.do(samples.days) == tuple(range(TODAY - 10, TODAY + 1))
    store.close()


def test_no_step_deletes_more_than_a_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 7)
    path = write_stored(tmp_path / "alertbot.db", (TODAY - 20) * DAY, {"a": [1.0] * 21 * DAY_SLOTS})
    store = Store(path)
    for _ in range(20):
        alert(store, None)
        message(store, "silence:1")
    steps = forget_all(store)

    assert sum(steps) == 10 + 20 + 20
    assert max(steps) == 7
    store.close()


def test_a_clock_years_ahead_deletes_nothing_for_it(store):
    number = incident(store, opened=YOUNG, closed=YOUNG)
    message(store, f"incident:{number}", created=YOUNG)

    assert forget_all(store, now=NOW + 5000 * DAY) == []


def test_a_series_without_samples_goes_unless_it_is_new_or_an_alert_of_it_is_open(store):
    for name, cursor in (("gone", OLD), ("fires", OLD), ("young", YOUNG), ("new", None)):
        insert(store, "series", name=name, cursor=cursor and int(cursor))
    alert(store, None, phase="firing", series="fires")
    forget_all(store)

    assert column(store, "SELECT name FROM series ORDER BY name") == ["a", "fires", "new", "young"]


# Incidents, alerts, messages


def test_an_old_incident_goes_with_its_alerts_and_all_that_was_said_of_it(store):
    number = incident(store)
    alert(store, number)
    alert(store, number, series="b")
    for action in ("post", "update", "reply"):
        message(store, f"incident:{number}", action=action)
    message(store, f"incident:{number} #ops")
    message(store, f"incident:{number}", "dropped", action="update")
    insert(store, "charts", subject=f"incident:{number}", tried=OLD)

    assert forget_all(store) == [2, 1, 5, 1]
    for table in ("incidents", "alerts", "outbox", "charts"):
        assert column(store, f"SELECT count(*) FROM {table}") == [0]


@pytest.mark.parametrize(
    "spare",
    [
        lambda store, n: store._db.conn.execute("UPDATE incidents SET closed = NULL WHERE id = ?", (n,)),
        lambda store, n: store._db.conn.execute("UPDATE incidents SET closed = ? WHERE id = ?", (YOUNG, n)),
        lambda store, n: alert(store, n, phase="firing", series="b"),
        lambda store, n: alert(store, n, slot=YOUNG, series="b"),
        lambda store, n: message(store, f"incident:{n}", "queued", action="reply"),
        lambda store, n: message(store, f"incident:{n}", "sending", action="reply"),
        lambda store, n: message(store, f"incident:{n}", "unknown", action="reply"),
        lambda store, n: message(store, f"incident:{n}", "parked"),
        lambda store, n: incident(store, closed=None, parent=n),
    ],
    ids=["open", "young", "fires", "ended lately", "queued", "sending", "unknown", "parked", "parent of an open one"],
)
def test_an_incident_that_is_not_over_in_every_way_stays_whole(store, spare):
    number = incident(store)
    alert(store, number)
    message(store, f"incident:{number}")
    with store._db.atomic():
        spare(store, number)
    before = [column(store, f"SELECT count(*) FROM {table}") for table in ("incidents", "alerts", "outbox")]

    assert forget_all(store) == []
    assert [column(store, f"SELECT count(*) FROM {table}") for table in ("incidents", "alerts", "outbox")] == before


def test_an_alert_that_was_told_in_no_incident_goes_by_its_own_age(store):
    alert(store, None)
    young, fires = alert(store, None, slot=YOUNG), alert(store, None, phase="firing", series="b")
    pending = alert(store, None, phase="pending", series="c")
    forget_all(store)

    assert column(store, "SELECT id FROM alerts ORDER BY id") == [young, fires, pending]


def test_with_a_short_keep_alerts_and_messages_stay_for_four_weeks(store):
    number = incident(store, opened=NOW - 28 * DAY, closed=NOW - 28 * DAY)
    alert(store, number, slot=NOW - 28 * DAY)
    message(store, f"incident:{number}", created=NOW - 28 * DAY)

    assert forget_all(store, keep=2 * DAY) == []
    assert sum(forget_all(store, keep=2 * DAY, now=NOW + 1.5 * DAY)) == 3


def test_a_refused_message_and_its_copy_elsewhere_stay_together(store):
    parked = message(store, "digest:1", "parked")
    message(store, "digest:2", twin=parked)
    assert forget_all(store) == []

    # The next start finds that it was said elsewhere. The copy goes first, which refers to the other.
    store.do(unpark)
    assert column(store, "SELECT state FROM outbox ORDER BY number") == ["dropped", "sent"]
    assert forget_all(store) == [1, 1]


def test_other_messages_go_by_their_age_once_nothing_about_their_subject_is_owed(store):
    message(store, "digest:2026-01-01")
    young = message(store, "digest:2026-01-02", created=YOUNG)
    first, second = message(store, "silence:4"), message(store, "silence:4", "queued", action="reply")
    forget_all(store)

    assert column(store, "SELECT number FROM outbox ORDER BY number") == [young, first, second]


@pytest.mark.parametrize(("ended", "kept"), [(89, 1), (91, 0)])
def test_a_silence_stays_for_ninety_days_after_its_end(store, ended, kept):
    insert(store, "silences", target="a", begins=0.0, ends=NOW - ended * DAY, author="Ada", reason="", channel="#cdn",
           created=0.0)  # fmt: skip
    forget_all(store)

    assert column(store, "SELECT count(*) FROM silences") == [kept]


def test_requests_go_after_a_day_whether_they_were_done_or_not(store):
    for created in (NOW - 2 * DAY, NOW - 100):
        insert(store, "requests", author="Ada", words="[]", created=created)
    forget_all(store)

    assert column(store, "SELECT created FROM requests") == [NOW - 100]


def test_numbers_of_incidents_are_never_used_again(store):
    number = incident(store)
    forget_all(store)

    assert incident(store) > number


# Its size


@pytest.mark.slow
def test_the_file_stays_as_large_as_it_was_once_the_first_days_went(tmp_path):
    """Three times the days that are kept, with incidents and messages in each, as one process would go through them."""
    names = [f"d{number}.example.com" for number in range(40)]
    path, days, keep = tmp_path / "alertbot.db", 90, 10
    kept, sizes = 29, []  # days of samples, and of messages
    for day in range(days):
        write_stored(path, (TODAY + day) * DAY, {name: [1e9] * DAY_SLOTS for name in names})
        store, now = Store(path), (TODAY + day + 1) * DAY
        for _ in range(10):
            number = incident(store, opened=now, closed=now)
            alert(store, number, slot=now - SLOT)
            drafts = [NewMessage(f"{number}-{n}", f"incident:{number}", "post", "#cdn", "x" * 3000) for n in range(3)]
            store.do(outbox.enqueue, drafts, now)
            store.do(lambda db: db.conn.execute("UPDATE outbox SET state = 'sent'"))
        forget_all(store, keep * DAY, now)
        store.close()
        sizes.append(path.stat().st_size)

    assert max(sizes[2 * kept :]) <= sizes[kept + 2] * 1.02
    with schema.reading(path) as db:
        assert db.conn.execute("SELECT count(*) FROM samples").fetchone()[0] <= (keep + 1) * len(names)
        assert db.conn.execute("SELECT count(*) FROM outbox").fetchone()[0] <= (kept + 1) * 30


def test_votes_go_with_their_incident(store):
    for closed in (OLD, YOUNG):
        number = incident(store, closed=closed)
        alert(store, number, slot=closed)
        insert(store, "votes", incident=number, voter="U0ADA", name="Ada", useful=1, at=closed)
    forget_all(store)
    assert column(store, "SELECT incident FROM votes") == [2]
