"""The loop that tests run in: its time passes at once, but never while something real is under way."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest
from fakes.rigs.scheduler import scheduled_by
from fakes.rigs.until import until
from fakes.worlds.virtual import VirtualClock, passes

from alertbot.clock import SystemClock


def now():
    return asyncio.get_running_loop().time()


async def test_a_day_passes_in_order():
    woken = []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        woken.append((seconds, now() - began))

    began = now()
    async with asyncio.TaskGroup() as group:
        for seconds in (86_400, 1, 3600):
            group.create_task(sleeper(seconds))
    assert woken == [(1, 1), (3600, 3600), (86_400, 86_400)]


async def test_a_time_out_ends_what_nothing_happens_to():
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await asyncio.get_running_loop().create_future()


async def test_time_stands_still_while_a_thread_works():
    released, began = threading.Event(), now()
    waiting = asyncio.create_task(asyncio.to_thread(released.wait))
    ticking = asyncio.create_task(passes(3600))
    await asyncio.sleep(0)
    threading.Timer(0.05, released.set).start()
    await waiting
    assert now() == began
    assert not ticking.done()
    await ticking
    assert now() == began + 3600


async def test_time_stands_still_while_a_process_runs():
    began = now()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "print('done')", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(0.001):
        printed, _ = await process.communicate()
    assert (printed, now()) == (b"done\n", began)
    await passes(1)


async def test_beside_a_thread_that_never_ends_time_can_go_on():
    released = threading.Event()
    waiting = asyncio.create_task(asyncio.to_thread(released.wait))
    with asyncio.get_running_loop().waiting_for_no_thread():
        await passes(3600)
    released.set()
    await waiting


async def test_bytes_arrive_before_time_passes():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    began = now()
    async with server, asyncio.timeout(0.001):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"at once\n")
        assert await reader.read() == b"at once\n"
        writer.close()
        await writer.wait_closed()
    assert now() == began


async def test_what_is_waited_for_is_seen_at_the_moment_it_comes_about():
    seen = []

    async def tick():
        for number in range(10):
            await passes(60)
            seen.append(number)

    ticking = asyncio.create_task(tick())
    await until(lambda: len(seen) == 3)
    assert seen == [0, 1, 2]
    await ticking


async def test_an_instant_amid_what_goes_on_is_reached_and_at_its_end_at_the_latest():
    done = []

    async def work():
        for number in range(5):
            await asyncio.to_thread(lambda: None)
            done.append(number)

    loop, working = asyncio.get_running_loop(), asyncio.create_task(work())
    await loop.after_news(1)
    assert len(done) < 5
    await loop.after_news(1000)
    assert len(done) == 5
    await working


async def test_what_never_comes_about_ends_the_wait():
    ticking = asyncio.create_task(passes(1e9))
    with pytest.raises(TimeoutError):
        await until(lambda: False)
    ticking.cancel()


async def test_a_mistake_in_what_is_waited_for_is_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        await until(lambda: 1 / 0)


async def test_a_clock_follows_the_loop_and_its_wall_may_step():
    clock = VirtualClock(5000)
    await clock.sleep(10)
    clock.step(-100)
    assert (clock.time(), clock.monotonic() - now()) == (4910, 0)


@pytest.mark.real_time
async def test_on_the_machines_time_nobody_waits_by_mistake():
    with pytest.raises(AssertionError, match="wait for an event"):
        await passes(0.5)


def test_the_scheduler_is_patched_wherever_it_reads_the_clock():
    with scheduled_by(SystemClock()):
        pass
