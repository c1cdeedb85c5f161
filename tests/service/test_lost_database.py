"""A service whose database is taken away: noticed within a turn, told in Slack, and ended for a new start."""

from __future__ import annotations

import pytest
from fakes.rigs.until import until
from fakes.rigs.working import CEILING, MINUTE, START, WATCH, working

from alertbot.errors import ServiceBroken
from alertbot.feed.simulator.scenario import Event

OVER = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)


@pytest.mark.parametrize(
    ("take_away", "words"),
    [
        (lambda path: path.unlink(), "alertbot.db was deleted while alertbot ran"),
        (lambda path: path.write_bytes(b""), "alertbot.db was emptied while alertbot ran"),
        (lambda path: path.with_name("alertbot.db-wal").unlink(), "alertbot.db-wal was deleted while alertbot ran"),
    ],
)
async def test_a_database_taken_away_is_told_within_a_turn_and_ends_the_service(tmp_path, take_away, words, caplog):
    async with working(tmp_path, WATCH + CEILING, events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        await until(lambda: house.rows("SELECT 1 FROM outbox WHERE state = 'sent'"))
        take_away(tmp_path / "alertbot.db")
        taken = house.clock.time()
        with pytest.raises(ServiceBroken, match=words):
            await house.running
        assert house.clock.time() - taken <= 1 * MINUTE
        del house.running
        told = house.slack.posts[-1].text
        assert told.startswith("alertbot judges nothing, so no alert comes, and starts again: ")
        assert words in told
        assert caplog.text.count("nothing can be stored, so nothing is judged") == 1
        posts = len(house.slack.posts)

        await house.start()
        await until(lambda: house.rows("SELECT 1 FROM alerts WHERE phase = 'firing'"))
        # A database that is whole knows what was posted; a new one says once what fires when watching begins.
        lost_nothing = "wal" in words
        await until(lambda: lost_nothing or len(house.slack.posts) > posts)
        assert len(house.slack.posts) == posts + (not lost_nothing)
