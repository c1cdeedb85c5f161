"""The machine's clock steps, the machine sleeps, the operator's clocks change: slots are judged as if nothing was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from fakes.rigs.night import Night, ceiling, config_for, dark, fell, night_folder
from fakes.worlds.clock import FakeClock
from fakes.worlds.world import World, WorldApi

from alertbot.service import watcher

DOMAINS = {"video.example.com": 1e9, "img.example.com": 2e8}
HOUR = 3600.0


def night_in(folder, *, slots=120, start=1_793_613_600, dated=True, zone="UTC", domains=DOMAINS, **settings) -> Night:
    world = World(domains, FakeClock(start), slots=slots, lag=400.0)
    rules = [dark(domains=("*", "total")), fell(), ceiling(3e9)]
    config = config_for(folder / "night.db", tuple(domains), rules, zone=zone, **settings)
    return Night(config, world, WorldApi(world, dated=dated))


@pytest.fixture
def folder():
    with night_folder() as path:
        yield path


def judged_all(night: Night, slots: int) -> None:
    """Every series was judged up to two slots before now, in order and once: the witness saw to the order."""
    for name, cursor in night.cursors().items():
        assert cursor >= night.world.start + (slots - 4) * 300, name
    assert night.witness.judged_zero_wrongly == []


@pytest.mark.slow
@pytest.mark.parametrize("dated", [True, False], ids=["the API tells its time", "it tells none"])
@pytest.mark.parametrize("seconds", [-HOUR, HOUR, -90.0, 25 * HOUR])
async def test_a_step_of_the_wall_clock_changes_nothing_that_is_judged_or_told(folder, seconds, dated):
    night = night_in(folder, dated=dated)
    night.world.traffic("video.example.com", 26, 12, 0.0)
    await night.begin()
    await night.run_to(30)
    night.clock.step_wall(seconds)
    before = night.clock.monotonic()
    await night.run(600)
    assert night.watcher.live().frontier >= night.world.start + 28 * 300, "polling goes on within the next slots"
    assert night.clock.monotonic() - before < 700
    await night.run_to(34)
    assert [(alert["rule"], alert["phase"]) for alert in night.alerts()] == [
        ("fell", "firing"),
        ("went-dark", "firing"),
    ]
    await night.run_to(60)
    judged_all(night, 60)
    assert {alert["reason"] for alert in night.alerts()} == {"cleared"}
    assert len(night.alerts()) == 2
    assert night.posts() == len(night.replies(1)) == 1, "one incident of one domain, whose end stands in its thread"
    await night.end()


@pytest.mark.slow
async def test_a_clock_that_steps_there_and_back_makes_no_zeros_and_no_alert(folder):
    night = night_in(folder)
    await night.begin()
    for step in (HOUR, -HOUR, -HOUR, HOUR) * 3:
        await night.run(1500)
        night.clock.step_wall(step)
    await night.run_to(90)
    judged_all(night, 90)
    assert night.incidents() == []
    await night.end()


async def test_a_step_while_nothing_new_is_published_makes_nothing_overdue_before_its_time(folder):
    night = night_in(folder)
    for domain in DOMAINS:
        night.world.delay(domain, 20, [1500.0 - 60.0 * late for late in range(20)])
    await night.begin()
    await night.run_to(22)
    night.clock.step_wall(HOUR)
    await night.run_to(60)
    judged_all(night, 60)
    assert night.alerts() == []
    await night.end()


@pytest.mark.parametrize("sleep", ["both clocks went on", "only the wall clock went on"])
async def test_a_machine_that_slept_three_hours_catches_up_without_a_false_word(folder, sleep):
    night = night_in(folder)
    night.world.traffic("img.example.com", 36, 6, 0.0)
    await night.begin()
    await night.run_to(24)
    if sleep == "both clocks went on":
        night.clock.advance(3 * HOUR)
    else:
        night.world.suspend(3 * HOUR)
    await night.run(300)
    assert night.watcher.live().frontier >= night.world.start + 57 * 300
    await night.run_to(80)
    judged_all(night, 80)
    assert [row["kind"] for row in night.incidents()] == ["passed"], "what came and went while nobody looked"
    assert {alert["series"] for alert in night.alerts()} == {"img.example.com"}
    assert night.posts() == 1
    await night.end()


@pytest.mark.slow
async def test_a_machine_that_slept_counts_no_silence_meanwhile(folder):
    night = night_in(folder)
    for domain in DOMAINS:
        night.world.delay(domain, 24, [300.0 * (34 - slot) for slot in range(34)])
    await night.begin()
    await night.run_to(24)
    night.world.suspend(2.5 * HOUR)
    await night.run(1200)
    assert night.watcher.live().frontier < night.world.start + 24 * 300, "nothing proves that these are zero"
    await night.run_to(80)
    judged_all(night, 80)
    assert night.alerts() == []
    assert [(row["kind"], row["closed"] is None) for row in night.incidents()] == [("dark", False)]
    await night.end()


@pytest.mark.parametrize(
    ("wrong", "mended"),
    [
        pytest.param(400 * 24 * HOUR, True, id="400 days ahead, set right later"),
        pytest.param(400 * 24 * HOUR, False, id="400 days ahead, never set right", marks=pytest.mark.slow),
        pytest.param(-1_793_613_600.0, True, id="1970, set right later", marks=pytest.mark.slow),
        pytest.param(-1_793_613_600.0, False, id="1970, never set right", marks=pytest.mark.slow),
    ],
)
async def test_a_clock_that_is_far_off_at_the_start_keeps_nothing_from_being_judged(folder, wrong, mended):
    night = night_in(folder)
    night.world.traffic("img.example.com", 26, 6, 0.0)
    night.clock.step_wall(wrong)
    await night.begin()
    await night.run_to(12)
    judged_all(night, 12)
    assert night.watcher.live().skew == pytest.approx(wrong, abs=60)
    if mended:
        night.clock.step_wall(-wrong)
    await night.run_to(60)
    judged_all(night, 60)
    assert {alert["series"] for alert in night.alerts()} == {"img.example.com"}
    assert night.posts() == 1
    await night.end()


@pytest.mark.parametrize("wrong", [400 * 24 * HOUR, -1_793_613_600.0], ids=["400 days ahead", "1970"])
async def test_a_restart_with_a_clock_that_is_far_off_goes_on_from_what_is_stored(folder, wrong, monkeypatch):
    night = night_in(folder)
    await night.begin()
    await night.run_to(20)
    night.clock.step_wall(wrong)
    await night.restart(after=60)
    days = []
    monkeypatch.setattr(watcher, "restored_ledger", _noting(watcher.restored_ledger, days))
    await night.run_to(40)
    judged_all(night, 40)
    assert max(days) < 60, "whatever the clock says, the history held is bounded"
    assert night.incidents() == []
    await night.end()


def _noting(restored, days):
    async def noting(*of):
        made = await restored(*of)
        days.append(len(made.grid.days))
        return made

    return noting


async def test_a_clock_that_is_far_off_is_set_right_later_where_the_api_tells_no_time(folder):
    night = night_in(folder, dated=False)
    night.clock.step_wall(400 * 24 * HOUR)
    await night.begin()
    await night.run(1800)
    (incident,) = night.incidents()
    assert (incident["kind"], incident["facts"]) == ("dark", {"unseen": True}), (
        "asked for next year, the API shows nothing"
    )
    night.clock.step_wall(-400 * 24 * HOUR)
    await night.run_to(40)
    judged_all(night, 40)
    assert night.incidents()[0]["closed"] is not None
    await night.end()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "dark_at", "over_at"),
    [
        (datetime(2026, 10, 24, 22, tzinfo=UTC), "02:40", "02:20"),
        (datetime(2026, 3, 28, 22, tzinfo=UTC), "01:40", "03:20"),
    ],
    ids=["back", "forward"],
)
async def test_the_operators_clocks_may_change_during_an_incident(folder, start, dark_at, over_at):
    night = night_in(folder, start=int(start.timestamp()), zone="Europe/Berlin")
    night.world.traffic("video.example.com", 32, 8, 0.0)
    await night.begin()
    await night.run_to(60)
    judged_all(night, 60)
    assert night.posts() == 1
    first, *_, last = night.texts(1)
    assert first.startswith(f"`video.example.com` went dark at {dark_at}: 0 bps, was ")
    assert f"back to normal at {over_at}" in last
    assert "after 40m" in last
    await night.end()
