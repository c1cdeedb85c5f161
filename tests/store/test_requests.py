"""Requests of the shell, beside the service that writes the database."""

import sqlite3
from contextlib import closing

import pytest

from alertbot.errors import StoreError
from alertbot.store import requests, schema
from alertbot.store.requests import KEPT, Request, RequestOutcome
from alertbot.store.store import Store

NOW = 1_793_613_600.0
WORDS = ("silence", "rule:my rule", "2h", "ü")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alertbot.db"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def waiting(store, now=NOW):
    return store.do(requests.waiting, now)


def finish(store, number, outcome, now=NOW):
    store.do(requests.finish, number, outcome, now)


def outcome(path, number):
    with closing(schema.open_for_reading(path)) as db:
        return requests.outcome(db, number)


def test_requests_wait_in_their_order_until_they_are_answered(path, store):
    first = requests.leave(path, "ada (shell)", WORDS, NOW)
    second = requests.leave(path, "bob (shell)", ("ack",), NOW + 1)
    assert waiting(store) == [
        Request(first, "ada (shell)", WORDS, NOW),
        Request(second, "bob (shell)", ("ack",), NOW + 1),
    ]
    assert outcome(path, first) is None
    finish(store, first, RequestOutcome("Silence 3 begins."))
    finish(store, second, RequestOutcome("nothing is open", refused=True))
    assert waiting(store) == []
    assert outcome(path, first) == RequestOutcome("Silence 3 begins.")
    assert outcome(path, second) == RequestOutcome("nothing is open", refused=True)


def test_a_request_of_more_than_a_day_ago_is_neither_done_nor_kept(path, store):
    old = requests.leave(path, "ada (shell)", WORDS, NOW)
    assert waiting(store, NOW + KEPT + 1) == []
    new = requests.leave(path, "ada (shell)", WORDS, NOW + KEPT)
    finish(store, new, RequestOutcome("done"), NOW + KEPT + 1)
    with closing(schema.open_for_reading(path)) as db:
        assert [row["id"] for row in db["requests"].rows] == [new]
    assert old != new


@pytest.mark.parametrize("words", ["ack", '{"a": 1}', "5", ""])
def test_words_that_somebody_else_wrote_are_no_words(path, store, words):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO requests (author, words, created) VALUES ('eve', ?, ?)", (words, NOW))
    assert [request.words for request in waiting(store)] == [()]


def test_without_a_database_there_is_nobody_to_ask(path):
    with pytest.raises(StoreError, match="there is no database yet"):
        requests.leave(path, "ada (shell)", WORDS, NOW)
    assert not path.exists()


def test_a_database_that_cannot_be_written_is_told_with_what_to_do(path, store, monkeypatch):
    monkeypatch.setattr(schema, "LOCK_WAIT_MS", 20)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"alertbot.db: database is locked: .* with sudo"):
            requests.leave(path, "ada (shell)", WORDS, NOW)
    assert waiting(store) == []
