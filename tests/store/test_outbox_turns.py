"""Whose turn it is: what wakes people goes before what only stands in threads, and nothing stale is said."""

from __future__ import annotations

import pytest

from alertbot.store import outbox
from alertbot.store.outbox import NewMessage
from alertbot.store.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "alertbot.db")
    yield opened
    opened.close()


def enqueue(store, *drafts):
    store.do(outbox.enqueue, drafts, 1.5)


def draft(name, subject, action, *, broadcast=False, channel="#cdn"):
    return NewMessage(name, subject, action, channel, f'{{"is": "{name}"}}', broadcast)


def sent(store, envelope, ts):
    store.do(outbox.mark_sending, envelope.number, 2.0)
    store.do(outbox.mark_sent, envelope, "C1", ts, 2.0)


def turns(store):
    """The order in which everything goes out, if each is sent at once."""
    order = []
    while waiting := store.do(outbox.waiting):
        order.append(waiting[0].id)
        sent(store, waiting[0], f"{len(order)}.0")
    return order


def states(store):
    return dict(store._db.conn.execute("SELECT id, state FROM outbox"))


def test_a_new_message_and_what_wakes_people_do_not_wait_for_replies_that_only_stand_in_threads(store):
    enqueue(store, draft("first", "incident:1", "post"))
    assert turns(store) == ["first"]
    enqueue(
        store,
        *(draft(f"list {number}", "incident:1", "reply") for number in range(3)),
        draft("reminder", "incident:1", "reply", broadcast=True),
        draft("second", "incident:2", "post"),
        draft("note", "incident:2", "reply"),
    )
    assert turns(store) == ["reminder", "second", "list 0", "list 1", "list 2", "note"]


def test_replies_that_wake_people_keep_their_order_among_each_other(store):
    enqueue(store, draft("first", "incident:1", "post"))
    turns(store)
    enqueue(store, *(draft(f"page {number}", "incident:1", "reply", broadcast=True) for number in range(3)))
    assert turns(store) == ["page 0", "page 1", "page 2"]


def test_a_message_that_was_held_up_says_how_it_is_now_and_nothing_of_what_was_before(store):
    enqueue(
        store,
        draft("fired", "incident:1", "post"),
        draft("still so", "incident:1", "reply", broadcast=True),
        draft("resolved", "incident:1", "reply"),
        draft("green", "incident:1", "update"),
        draft("all of them", "incident:1", "reply"),
    )
    (post,) = store.do(outbox.waiting)
    assert (post.id, post.body) == ("fired", '{"is": "green"}')
    assert turns(store) == ["fired", "all of them"]
    assert states(store)["still so"] == states(store)["resolved"] == states(store)["green"] == "dropped"


def test_channels_do_not_wait_for_each_other(store):
    enqueue(
        store,
        draft("here", "incident:1", "post"),
        draft("there", "incident:2", "post", channel="#ops"),
        draft("here too", "incident:3", "post"),
    )
    assert [each.id for each in store.do(outbox.waiting)] == ["here", "there"]
