"""A rule on trial is judged and listed, and nobody reads of it in a message."""

from __future__ import annotations

from dataclasses import replace

from fakes.rigs.house import House, database
from fakes.rigs.night import ceiling, config_for, dark

USUAL = {"a.example.com": 1.84e9, "b.example.com": 3e8, "c.example.com": 1e8}


async def test_what_it_fires_for_is_posted_nowhere_and_counted_in_no_message(tmp_path):
    everything = replace(ceiling(1e6), trial=True)
    house = House(config_for(database(tmp_path), tuple(USUAL), [dark(), everything]), tuple(USUAL))
    await house.begin({**USUAL, "total": sum(USUAL.values())})
    dark_one = {**USUAL, "a.example.com": 0.0}
    for _ in range(4):
        await house.judge({**dark_one, "total": sum(dark_one.values())})

    assert len(house.rows("SELECT * FROM alerts WHERE phase = 'firing'")) == 3
    texts = [row.shown for row in house.outbox()]
    assert "no alert on the other 2 domains - rule went-dark" in texts[-1]
    assert not any("in alert too" in text or "ceiling" in text for text in texts)
    await house.end()
