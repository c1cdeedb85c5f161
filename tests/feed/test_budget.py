"""No limit is ever exceeded, whoever asks, and the urgent never wait for the patient."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress

import pytest
from fakes.worlds.clock import FakeClock
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alertbot.errors import FeedThrottled
from alertbot.feed.budget import ASK_AFTER, LONGEST_WAIT, Budget, Endpoint
from alertbot.feed.quotas import Limit, Priority, Quota, allowance, seconds_to_wait


def headers(*, grain="minute", limit=300, left=299, reset=60):
    return {
        "X-Ratelimit-Grad": grain,
        "X-Ratelimit-Limit": str(limit),
        "X-Ratelimit-Remaining": str(left),
        "X-Retry-After": str(reset),
    }


def most_in(times, seconds):
    """The largest number of calls any window of that length holds."""
    return max((sum(start <= time < start + seconds for time in times) for start in times), default=0)


async def take(budget, clock, priority, count, times):
    for _ in range(count):
        await budget.acquire(priority)
        times.append(clock.monotonic())


@pytest.mark.parametrize(
    ("priority", "grants", "limits", "quotas", "expected"),
    [
        (Priority.POLL, [], [Limit(10, 60)], [], 0),  # nothing sent yet
        (Priority.COMMAND, [100.0], [Limit(1, 60)], [], 60.25),  # the only call of the minute is spent
        (Priority.COMMAND, [40.0, 90.0], [Limit(2, 60)], [], 0.25),  # the oldest leaves the window soon
        (Priority.COMMAND, [90.0], [Limit(2, 60)], [], 0),  # one more fits
        (Priority.POLL, [99.0] * 8, [Limit(10, 60)], [], 59.25),  # the last two are the commands'
        (Priority.COMMAND, [99.0] * 8, [Limit(10, 60)], [], 0),  # ... who may use them
        (Priority.HISTORY, [99.0] * 5, [Limit(10, 60)], [], 59.25),  # half is left to the polls
        (Priority.POLL, [99.0] * 5, [Limit(10, 60)], [], 0),  # ... who may use it
        (Priority.COMMAND, [], [], [Quota(300, 0, 121.0)], 21.0),  # others spent the server's window
        (Priority.COMMAND, [], [], [Quota(300, 1, 121.0)], 0),  # one call is left of it
        (Priority.POLL, [], [], [Quota(300, 6, 121.0)], 21.0),  # ... and kept for a command
        (Priority.POLL, [99.0] * 300, [Limit(300, 60), Limit(24, 2)], [], 59.25),  # the longest wait counts
    ],
)
def test_the_wait_is_the_longest_any_bound_asks_for(priority, grants, limits, quotas, expected):
    assert seconds_to_wait(100.0, priority, grants, limits, quotas, reserve=6) == pytest.approx(expected)


@given(calls=st.integers(1, 10_000), reserve=st.integers(0, 100))
def test_every_priority_may_call_and_the_urgent_no_less_than_the_patient(calls, reserve):
    shares = [allowance(priority, calls, reserve) for priority in (Priority.HISTORY, Priority.POLL, Priority.COMMAND)]
    assert shares[0] >= 1
    assert shares == sorted(shares)
    assert shares[-1] == calls


@settings(deadline=None, max_examples=40)
@given(
    limit=st.integers(1, 80),
    jobs=st.lists(
        st.tuples(st.sampled_from(list(Priority)), st.integers(1, 40), st.floats(0, 90)),
        min_size=1,
        max_size=6,
    ),
)
async def test_no_minute_and_no_two_seconds_hold_more_calls_than_allowed(limit, jobs):
    clock, times = FakeClock(), []
    budget = Budget(limit, clock)

    async def job(priority, count, delay):
        await clock.sleep(delay)
        await take(budget, clock, priority, count, times)

    await asyncio.gather(*(job(*each) for each in jobs))
    assert len(times) == sum(count for _, count, _ in jobs)
    assert most_in(times, 60) <= limit
    assert most_in(times, 2) <= max(1, 24 * limit // 300)


class Server:
    """A server that counts calls in fixed windows and refuses what is over its limit."""

    def __init__(self, clock, grain, seconds, limit, phase):
        self.clock, self.grain, self.seconds, self.limit, self.phase = clock, grain, seconds, limit, phase
        self.window, self.used, self.refused = -1, 0, 0

    def answer(self):
        window, into = divmod(self.clock.monotonic() + self.phase, self.seconds)
        if window != self.window:
            self.window, self.used = window, 0
        self.refused += self.used >= self.limit
        self.used = min(self.limit, self.used + 1)
        return headers(grain=self.grain, limit=self.limit, left=self.limit - self.used, reset=int(self.seconds - into))


@settings(deadline=None, max_examples=40)
@given(
    server=st.sampled_from([("minute", 60, 20), ("minute", 60, 290), ("hour", 3600, 50), ("day", 86_400, 70)]),
    phase=st.floats(0, 86_400),
    others=st.integers(0, 15),
    latencies=st.lists(st.floats(0, 5), min_size=1, max_size=20),
)
@example(server=("minute", 60, 20), phase=0.0, others=5, latencies=[0.0, 0.0, 0.0, 3.0, 0.0, 0.0])
async def test_a_server_with_a_lower_limit_is_never_driven_into_refusing(server, phase, others, latencies):
    """Even where another tool spends some of it beforehand, and answers come late and out of order."""
    clock = FakeClock()
    grain, seconds, limit = server
    cdn = Server(clock, grain, seconds, limit, phase)
    budget = Budget(300, clock)
    for _ in range(others):
        cdn.answer()
    delays = itertools.cycle(latencies)

    async def call():
        try:
            await budget.acquire(Priority.POLL)
        except FeedThrottled as error:
            await clock.sleep(error.retry_after)
            return
        began, said = clock.monotonic(), cdn.answer()
        await clock.sleep(next(delays))
        budget.learn(said, began)

    await call()  # the first answer is what teaches the limit
    for _ in range(15):
        await asyncio.gather(*(call() for _ in range(8)))
    assert cdn.refused == 0


async def test_a_command_goes_out_at_once_while_polls_and_history_wait():
    clock, times = FakeClock(), []
    budget = Budget(60, clock)
    background = [
        asyncio.create_task(take(budget, clock, priority, 200, [])) for priority in (Priority.POLL, Priority.HISTORY)
    ]
    await clock.sleep(30)
    asked = clock.monotonic()
    await take(budget, clock, Priority.COMMAND, 2, times)
    assert times == [asked, asked]
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)


async def test_a_poll_goes_out_at_once_while_history_is_filled_in():
    clock, times = FakeClock(), []
    budget = Budget(150, clock)
    history = asyncio.create_task(take(budget, clock, Priority.HISTORY, 500, []))
    await clock.sleep(150)
    asked = clock.monotonic()
    await take(budget, clock, Priority.POLL, 4, times)
    assert times == [asked] * 4
    history.cancel()
    await asyncio.gather(history, return_exceptions=True)


async def test_of_one_priority_whoever_waited_longest_goes_first():
    clock, order = FakeClock(), []
    budget = Budget(5, clock)

    async def call(number):
        await budget.acquire(Priority.POLL)
        order.append(number)

    await asyncio.gather(*(call(number) for number in range(30)))
    assert order == list(range(30))
    waiting = [asyncio.create_task(call(number)) for number in range(30, 35)]
    await asyncio.sleep(0)
    clock.advance(61)
    await call(35)  # comes when there is room again, before the others could look
    assert order == list(range(36))
    await asyncio.gather(*waiting)


async def test_a_cancelled_wait_spends_nothing_and_blocks_nobody():
    clock = FakeClock()
    budget = Budget(2, clock)
    await budget.acquire(Priority.COMMAND)
    await budget.acquire(Priority.COMMAND)
    waiting = asyncio.create_task(budget.acquire(Priority.COMMAND))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await budget.acquire(Priority.COMMAND)
    assert clock.monotonic() == pytest.approx(60.25)


@pytest.mark.parametrize("grain", ["hour", "day"])
async def test_a_used_up_hour_or_day_fails_with_its_end_instead_of_waiting_silently(grain):
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(grain=grain, limit=1000, left=0, reset=2400), clock.monotonic())
    with pytest.raises(
        FeedThrottled, match=r"^stat/bandwidth: the API's limit leaves no command call for 40m$"
    ) as caught:
        await budget.acquire(Priority.COMMAND, "stat/bandwidth")
    assert caught.value.retry_after == pytest.approx(2401)
    clock.advance(2401)
    await budget.acquire(Priority.COMMAND)


async def goes_out(budget, clock, priority=Priority.POLL):
    """Whether a call goes out at once."""
    before = clock.monotonic()
    try:
        await budget.acquire(priority)
    except FeedThrottled:
        return False
    return clock.monotonic() == before


def used_up_day():
    return headers(grain="day", limit=300, left=0, reset=86_399)


async def looks(budget, clock, seconds, answer):
    """Ask as the probe does, every 20 s for so long; when calls went out, each answered by ``answer(began)``."""
    out, until = [], clock.monotonic() + seconds
    while clock.monotonic() < until:
        with suppress(FeedThrottled):
            out.append(await budget.acquire(Priority.POLL))  # it may wait for a while before it goes out
            answer(out[-1])
        clock.advance(20)
    return out


async def test_a_day_that_is_truly_used_up_is_asked_for_once_in_five_minutes():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(used_up_day(), clock.monotonic())
    out = await looks(budget, clock, 3600, lambda began: budget.answered(began, throttled=True))
    assert len(out) == 11
    assert min(later - earlier for earlier, later in itertools.pairwise(out)) >= ASK_AFTER


@pytest.mark.parametrize("again", [False, True], ids=["one header", "every header"])
async def test_a_header_that_lies_of_a_used_up_day_blinds_for_no_longer_than_five_minutes(again):
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(used_up_day(), clock.monotonic())

    def answer(began):
        budget.learn(used_up_day() if again else headers(left=200), began)
        budget.answered(began)

    out = await looks(budget, clock, 3600, answer)
    assert out[0] <= ASK_AFTER + 20
    assert len(out) == (3600 - out[0]) // 20


async def test_what_was_doubted_is_believed_again_once_the_api_refuses_a_call_as_one_too_many():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(used_up_day(), clock.monotonic())
    await goes_out(budget, clock)
    clock.advance(ASK_AFTER)
    began = await budget.acquire(Priority.POLL)
    budget.answered(began)
    budget.learn(used_up_day(), began)
    assert await goes_out(budget, clock)
    budget.answered(clock.monotonic(), throttled=True)
    budget.learn(used_up_day(), clock.monotonic())
    assert not await goes_out(budget, clock)


async def test_a_day_half_used_up_stays_half_used_up_though_history_asks():
    """That a call of history is answered then says nothing: it was not the server that kept it back."""
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(grain="day", limit=300, left=150, reset=80_000), clock.monotonic())
    assert not await goes_out(budget, clock, Priority.HISTORY)
    clock.advance(ASK_AFTER)
    began = await budget.acquire(Priority.HISTORY)
    budget.answered(began)
    assert not await goes_out(budget, clock, Priority.HISTORY)
    assert await goes_out(budget, clock, Priority.POLL)


@given(
    grain=st.sampled_from(["hour", "day"]),
    limit=st.integers(1, 10**6),
    left=st.integers(0, 10**6),
    reset=st.integers(0, 10**6),
)
@example(grain="hour", limit=1, left=0, reset=300)
@example(grain="hour", limit=1, left=0, reset=301)
@example(grain="hour", limit=1, left=0, reset=385)
async def test_no_header_whatever_it_says_keeps_polls_from_being_asked_for_longer_than_five_minutes(
    grain, limit, left, reset
):
    clock = FakeClock()
    budget = Budget(300, clock)
    said = headers(grain=grain, limit=limit, left=left, reset=reset)
    budget.learn(said, clock.monotonic())

    def answer(began):
        budget.learn(said, began)
        budget.answered(began)

    out = [0.0, *await looks(budget, clock, 1800, answer), 1800.0]
    # The first look that is blocked begins the wait, and looks are 20 s apart.
    assert max(later - earlier for earlier, later in itertools.pairwise(out)) <= ASK_AFTER + 20


async def test_what_an_endpoint_says_of_its_limit_binds_that_endpoint_alone():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(grain="hour", limit=100, left=0, reset=3300), clock.monotonic(), Endpoint.DOMAINS)
    with pytest.raises(FeedThrottled):
        await budget.acquire(Priority.POLL, "domain/list", Endpoint.DOMAINS)
    assert budget.left() == 300
    await budget.acquire(Priority.POLL)
    assert clock.monotonic() == 0


async def test_the_calls_a_minute_count_by_endpoint_and_the_burst_for_all():
    clock = FakeClock()
    budget = Budget(150, clock)
    times = []
    for endpoint in itertools.islice(itertools.cycle(Endpoint), 300):
        await budget.acquire(Priority.COMMAND, endpoint=endpoint)
        times.append(clock.monotonic())
    assert most_in(times, 2) == 12
    assert times[-1] < 60  # one endpoint alone would take two minutes for them


async def test_two_bots_that_share_a_token_keep_its_burst_together():
    clock = FakeClock()
    budgets, times = [Budget(150, clock), Budget(150, clock)], []
    await asyncio.gather(*(take(budget, clock, Priority.COMMAND, 100, times) for budget in budgets))
    assert most_in(times, 2) <= 24


async def test_a_used_up_minute_is_waited_for():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(left=0, reset=41), clock.monotonic())
    await budget.acquire(Priority.POLL)
    assert clock.monotonic() == pytest.approx(42)
    assert clock.monotonic() < LONGEST_WAIT


@pytest.mark.parametrize(
    "said",
    [
        {},
        headers(grain="fortnight", left=0),
        headers(limit=0, left=0),
        headers(limit="many", left=0),
        headers(left="-1"),
        headers(left=0, reset="nan"),
        headers(left=0, reset="inf"),
        headers(left=0, reset=""),
    ],
)
async def test_headers_that_make_no_sense_change_nothing(said):
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(said, clock.monotonic())
    assert budget.left() == 300
    await budget.acquire(Priority.POLL)
    assert clock.monotonic() == 0


def test_header_names_are_read_in_any_case():
    budget = Budget(300, FakeClock())
    budget.learn({name.lower(): value for name, value in headers(left=7).items()}, began=0.0)
    assert budget.left() == 7


def test_a_late_answer_from_the_window_before_does_not_spoil_the_present_one():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(left=250, reset=50), clock.monotonic())
    budget.learn(headers(left=0, reset=1), clock.monotonic())
    assert budget.left() == 250


def test_answers_that_overtake_each_other_leave_the_lower_count():
    budget = Budget(300, FakeClock())
    budget.learn(headers(left=90, reset=30), began=0.0)
    budget.learn(headers(left=95, reset=30), began=0.0)
    assert budget.left() == 90


def test_a_new_window_of_the_server_gives_its_calls_back():
    clock = FakeClock()
    budget = Budget(300, clock)
    budget.learn(headers(left=2, reset=5), clock.monotonic())
    assert budget.left() == 2
    clock.advance(10)
    assert budget.left() == 300
    budget.learn(headers(left=299, reset=56), clock.monotonic())
    assert budget.left() == 299


async def test_left_counts_down_with_each_call_and_comes_back_with_the_minute():
    clock = FakeClock()
    budget = Budget(10, clock)
    await take(budget, clock, Priority.COMMAND, 4, [])
    assert budget.left() == 6
    clock.advance(61)
    assert budget.left() == 10


def test_fewer_than_one_call_a_minute_is_refused():
    with pytest.raises(ValueError, match="calls_per_minute must be 1 or more, not 0"):
        Budget(0, FakeClock())


@given(
    limit=st.integers(1, 60),
    before=st.lists(st.tuples(st.sampled_from(list(Priority)), st.floats(0, 40)), max_size=40),
    stated=st.none() | st.tuples(st.integers(1, 60), st.integers(0, 60), st.integers(1, 60)),
    priority=st.sampled_from(list(Priority)),
)
@example(
    50,
    [(Priority.COMMAND, 0.38072364390050245), (Priority.COMMAND, 0.0), (Priority.HISTORY, 0.38072364390050245)],
    None,
    Priority.COMMAND,
)
@settings(max_examples=60)
async def test_what_there_is_room_for_goes_out_without_waiting_and_one_more_does_not(limit, before, stated, priority):
    clock = FakeClock()
    budget = Budget(limit, clock)
    for each, pause in before:
        await budget.acquire(each)
        clock.advance(pause)
    if stated is not None:
        calls, left, reset = stated
        budget.learn(headers(limit=calls, left=min(left, calls), reset=reset), clock.monotonic())
    room, now = budget.room(priority), clock.monotonic()
    for _ in range(room):
        await budget.acquire(priority)
    assert clock.monotonic() == now
    await budget.acquire(priority)
    assert clock.monotonic() > now


def test_polls_leave_a_few_calls_a_minute_to_commands_and_know_of_a_lower_limit_of_the_server():
    clock = FakeClock()
    budget = Budget(300, clock)
    assert budget.polls_a_minute() == 294
    budget.learn(headers(limit=100, left=90), clock.monotonic(), Endpoint.EACH_DOMAIN)
    assert budget.polls_a_minute() == 94
    budget.learn(headers(limit=10, left=9), clock.monotonic(), Endpoint.DOMAINS)
    assert budget.polls_a_minute() == 94, "polls ask for nothing there"


async def test_what_nobody_waits_for_has_room_beside_half_of_the_minute_and_while_no_poll_waits():
    clock = FakeClock(0.0)
    budget = Budget(40, clock)
    for _ in range(19):
        await budget.acquire(Priority.POLL)
    clock.advance(5.0)
    assert budget.has_room(Endpoint.BANDWIDTH)
    await budget.acquire(Priority.POLL)
    clock.advance(5.0)
    assert not budget.has_room(Endpoint.BANDWIDTH), "half of the minute is gone"
    clock.advance(60.0)
    async with budget._calls[Endpoint.EACH_DOMAIN].turns[Priority.POLL]:
        assert not budget.has_room(Endpoint.BANDWIDTH), "a poll waits"
    assert budget.has_room(Endpoint.BANDWIDTH)
    budget.learn(headers(grain="day", limit=10_000, left=4_999, reset=3_600), began=clock.monotonic())
    assert not budget.has_room(Endpoint.BANDWIDTH), "half of the day is gone"
