"""The simulator is as strict as the API it stands for, and tells the same story every time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from email.utils import parsedate_to_datetime

import httpx
import pytest
from fakes.worlds.clock import FakeClock

from alertbot.errors import UsageError
from alertbot.feed.simulator.scenario import Delay, Event, Fault, FaultMode, LimitWindow, Revision, Scenario, Shape
from alertbot.feed.simulator.server import Simulator

T0 = 1_793_613_600  # 2026-11-02 10:00 UTC, 18:00 in +08:00
A, B, C = "a.example.com", "b.example.com", "c.example.com"
SPAN = {"start_time": "2026-11-02 18:00", "end_time": "2026-11-02 18:10"}  # three slots from T0


class Account:
    """A running simulator and a plain HTTP client of it."""

    def __init__(self, simulator, client, clock):
        self.simulator, self.client, self.clock = simulator, client, clock

    async def get(self, endpoint="stat/bandwidth", **query):
        return await self.client.get(endpoint, params={"token": "secret"} | query)

    async def data(self, endpoint="stat/bandwidth", **query):
        answer = await self.get(endpoint, **query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["code"] == 0
        return answer.json()["data"]

    async def values(self, domains, **query):
        return dict(await self.data(domains=domains, **(SPAN | query)))


@pytest.fixture
async def account():
    async with contextlib.AsyncExitStack() as stack:

        async def start(now=T0 + 86_400, **changes):
            clock = FakeClock(now)
            shapes = {A: Shape(8e6), B: Shape(16e6), C: Shape(0)}
            simulator = Simulator(Scenario(**({"token": "secret", "domains": shapes} | changes)), clock)
            base_url = await simulator.start()
            stack.push_async_callback(simulator.stop)
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=base_url, timeout=10))
            return Account(simulator, client, clock)

        yield start


async def test_both_ends_are_included_and_zeros_left_out(account):
    cdn = await account(events=(Event(A, T0 + 300, T0 + 600, 0),))
    assert await cdn.values(A) == {T0: 8e6, T0 + 600: 8e6}
    assert await cdn.values(C) == {}


async def test_times_are_floored_to_the_bucket(account):
    cdn = await account()
    assert set(await cdn.values(A, start_time="2026-11-02 18:04", end_time="2026-11-02 18:09")) == {T0, T0 + 300}


async def test_bare_dates_mean_whole_days(account):
    cdn = await account()
    values = await cdn.values(A, start_time="2026-11-01", end_time="2026-11-02")
    midnight = T0 - 18 * 3600
    assert (min(values), max(values), len(values)) == (midnight - 86_400, midnight + 86_400 - 300, 576)


async def test_domains_are_summed_and_all_is_what_serves(account):
    shapes = {
        A: Shape(8e6),
        B: Shape(16e6),
        C: Shape(1e9, status="suspended"),
        "d.example.com": Shape(status="deleted"),
    }
    cdn = await account(domains=shapes)
    assert (await cdn.values(f"{A},{B}"))[T0] == (await cdn.values("all"))[T0] == 24e6
    listed = await cdn.data("domain/list")
    assert listed == {"list": [{"domain": domain} for domain in shapes], "total_number": 4}
    serving = await cdn.data("domain/list", domain_status="serving", page_size="1", page_number="2")
    assert serving == {"list": [{"domain": B}], "total_number": 2}


async def test_pairs_come_shuffled_but_the_same_in_every_run(account):
    query = {"domains": A, "start_time": "2026-11-02", "end_time": "2026-11-02"}
    first, again = await (await account()).data(**query), await (await account()).data(**query)
    assert first == again
    assert first != sorted(first)
    assert first != sorted(first, reverse=True)


async def test_each_domain_answers_by_name(account):
    cdn = await account()
    answer = await cdn.data("stat/bandwidth/eachDomain", domains=f"{A},{C}", **SPAN)
    assert answer[C] == {"domain": C, "data": []}
    assert dict(answer[A]["data"]) == {T0: 8e6, T0 + 300: 8e6, T0 + 600: 8e6}
    by_end = await cdn.data("stat/bandwidth/eachDomain", domains=A, stat_is_forward="1", **SPAN)
    assert dict(by_end[A]["data"]) == {T0 + 300: 8e6, T0 + 600: 8e6, T0 + 900: 8e6}


@pytest.mark.parametrize(
    ("grad", "data_type", "expected"),
    [
        ("minute5", "traffic", {T0: 3e8, T0 + 300: 3e8, T0 + 600: 3e8}),
        ("hour", "bandwidth", {T0: 8e6}),
        ("hour", "traffic", {T0: 3.6e9}),
        ("day", "bandwidth", {T0 - 18 * 3600: 8e6}),
        ("day", "traffic", {T0 - 18 * 3600: 86.4e9}),
    ],
)
async def test_hours_days_and_volumes_are_those_of_the_slots(account, grad, data_type, expected):
    assert await (await account()).values(A, grad=grad, data_type=data_type) == expected


ELEVEN = ",".join(f"d{number}.example.com" for number in range(11))


@pytest.mark.parametrize(
    ("endpoint", "query", "code"),
    [
        ("stat/bandwidth", {"token": "wrong"}, 401001),
        ("stat/bandwidth", {"token": ""}, 401001),
        ("stat/bandwidth", {"domains": "who.example.com"}, 400699),
        ("stat/bandwidth", {"domains": f"{A},all"}, 400699),
        ("stat/bandwidth", {"domains": ""}, 400209),
        ("stat/bandwidth", {"domains": ELEVEN}, 400209),
        ("stat/bandwidth", {"start_time": ""}, 400209),
        ("stat/bandwidth", {"start_time": "2026-11-02T18:00"}, 400209),
        ("stat/bandwidth", {"start_time": "2026-11-02 18:00:00"}, 400209),
        ("stat/bandwidth", {"start_time": "2026-02-30 18:00"}, 400209),
        ("stat/bandwidth", {"start_time": str(T0)}, 400209),
        ("stat/bandwidth", {"end_time": "2026-11-02 18:00"}, 400209),  # not later than the start
        ("stat/bandwidth", {"start_time": "2026-10-23 18:09"}, 400209),  # over 10 days
        ("stat/bandwidth", {"start_time": "2026-10-02 18:09", "grad": "hour"}, 400209),  # over 31
        ("stat/bandwidth", {"grad": "minute"}, 400209),
        ("stat/bandwidth", {"data_type": "hits"}, 400209),
        ("stat/bandwidth", {"ip_protocol": "ipv5"}, 400209),
        ("stat/bandwidth", {"stat_is_forward": "1"}, 400209),  # not this endpoint's
        ("stat/bandwidth/eachDomain", {"domains": "all"}, 400699),
        ("stat/bandwidth/eachDomain", {"stat_is_forward": "2"}, 400209),
        ("domain/list", {"domains": A}, 400209),
        ("stat/request", {}, 404001),
    ],
)
async def test_what_the_api_refuses_is_refused_with_its_code(account, endpoint, query, code):
    cdn = await account()
    answer = await cdn.get(endpoint, **({"domains": A} | SPAN | query))
    assert (answer.status_code, answer.json()["code"]) == (code // 1000, code)
    assert cdn.simulator.calls[-1].status == code // 1000


@pytest.mark.parametrize("query", [{"page_size": "501"}, {"page_size": "0"}, {"page_number": "x"}])
async def test_pages_outside_the_bounds_are_refused(account, query):
    assert (await (await account()).get("domain/list", **query)).status_code == 400


@pytest.mark.parametrize(
    "query", [{"start_time": "2026-10-23 18:10"}, {"start_time": "2026-10-02 18:10", "grad": "day"}]
)
async def test_ten_days_of_slots_and_31_days_of_others_are_just_answered(account, query):
    assert await (await account()).values(A, **query)


async def test_an_address_outside_the_version_or_a_post_is_not_found(account):
    cdn = await account()
    assert (await cdn.client.get("/v1/stat/bandwidth")).json()["code"] == 404001
    assert (await cdn.client.post("stat/bandwidth")).json()["code"] == 404001


async def test_permissions_are_off_where_the_scenario_says_so(account):
    without_one, without_any = await account(each_domain=False), await account(deny_all=True)
    for cdn, endpoint, status in [
        (without_one, "stat/bandwidth/eachDomain", 401),
        (without_one, "stat/bandwidth", 200),
        (without_any, "stat/bandwidth", 401),
        (without_any, "domain/list", 401),
    ]:
        answer = await cdn.get(endpoint, **({} if endpoint == "domain/list" else {"domains": A} | SPAN))
        assert answer.status_code == status
        assert answer.json()["code"] == (0 if status == 200 else 401006)


@pytest.mark.parametrize(
    ("age", "expected"),
    [(299, None), (300 + 419, None), (300 + 420, 0.6), (300 + 719, 0.6), (300 + 720, 1)],
)
async def test_a_bucket_is_published_late_and_first_in_part(account, age, expected):
    cdn = await account(now=T0 + age, partial=0.6)
    assert (await cdn.values(A)).get(T0) == (expected and 8e6 * expected)


async def test_the_total_is_what_is_shown_of_each_domain(account):
    cdn = await account(now=T0 + 300 + 500, lag={"default": 420, B: 900})
    assert (await cdn.values("all")).get(T0) == 8e6
    cdn.clock.advance(400)
    assert (await cdn.values("all")).get(T0) == 24e6


async def test_delays_hold_buckets_back_and_revisions_change_them_later(account):
    now = T0 + 2000
    cdn = await account(
        now=now,
        delays=(Delay("b.*", T0, T0 + 300, 1500),),
        revisions=(Revision(A, T0, T0 + 300, now + 100, 0.5),),
    )
    assert (await cdn.values(A))[T0] == 4e6
    assert T0 not in await cdn.values(B)
    cdn.clock.advance(300)
    assert (await cdn.values(A))[T0] == 8e6
    assert (await cdn.values(B))[T0] == 16e6


async def test_the_same_scenario_gives_the_same_traffic_within_its_noise(account):
    shape = Shape(1e9, swing=0.5, noise=0.03)
    first, second = (Scenario("t", {A: shape, B: shape}) for _ in range(2))
    slots = range(T0, T0 + 86_400, 300)
    values = [first.truth(A, slot) for slot in slots]
    assert values == [second.truth(A, slot) for slot in slots]
    assert values != [first.truth(B, slot) for slot in slots]
    assert max(values) <= 1.5e9 * 1.03
    assert min(values) >= 0.5e9 * 0.97
    assert max(slots, key=lambda slot: first.truth(A, slot)) == pytest.approx(T0 + 2 * 3600, abs=3600 * 1.5)
    # Two hours before the peak, less 2.3 % of noise: pinned, since every process must agree.
    assert first.truth(A, T0) == 1400131305.61


async def test_events_multiply_by_glob_and_traffic_may_be_a_function(account):
    scenario = Scenario(
        "t",
        {A: Shape(), B: Shape()},
        events=(Event("*", T0, T0 + 300, 2), Event(A, T0, T0 + 300, 3)),
        traffic=lambda *_: 5,
    )
    assert [scenario.truth(A, T0), scenario.truth(B, T0), scenario.truth(A, T0 + 300)] == [30, 10, 5]


async def test_every_answer_carries_the_rate_limit_and_the_simulators_own_date(account):
    cdn = await account(now=T0)
    cdn.clock.advance(7)
    for number, query in enumerate([{"domains": A} | SPAN, {}, {"token": "wrong"}], start=1):
        answer = await cdn.get(**query)
        assert answer.headers["X-Ratelimit-Grad"] == "minute"
        assert answer.headers["X-Ratelimit-Limit"] == "300"
        assert answer.headers["X-Ratelimit-Remaining"] == str(300 - number)
        assert answer.headers["X-Retry-After"] == "53"
        assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == T0 + 7
    cdn.clock.step_wall(-3600)
    assert parsedate_to_datetime((await cdn.get()).headers["Date"]).timestamp() == T0 + 7 - 3600


async def test_a_25th_call_in_two_seconds_is_throttled(account):
    cdn = await account()
    statuses = [(await cdn.get("domain/list")).status_code for _ in range(25)]
    assert statuses == [200] * 24 + [429]
    cdn.clock.advance(2.1)
    assert (await cdn.get("domain/list")).status_code == 200


async def test_calls_past_the_minutes_limit_are_throttled_until_it_is_over(account):
    cdn = await account(limit=5)
    answers = [await cdn.get("domain/list") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["code"] == 429001
    assert answers[-1].headers["X-Ratelimit-Remaining"] == "0"
    cdn.clock.advance(int(answers[-1].headers["X-Retry-After"]))
    assert (await cdn.get("domain/list")).status_code == 200


async def test_each_endpoint_has_windows_of_its_own_and_tells_the_one_that_ends_first(account):
    cdn = await account(limits={"domain/list": (LimitWindow("hour", 100), LimitWindow("minute", 2))})
    answers = [await cdn.get("domain/list") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["X-Ratelimit-Grad"] == "minute"
    other = await cdn.get(domains=A, **SPAN)
    assert (other.status_code, other.headers["X-Ratelimit-Remaining"]) == (200, "299")


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault(T0, T0 + 60, FaultMode.SERVER_ERROR), [True, True, True]),
        (Fault(T0 + 1, T0 + 60, FaultMode.SERVER_ERROR), [False, False, False]),
        (Fault(T0 - 60, T0, FaultMode.SERVER_ERROR), [False, False, False]),
        (Fault(T0, T0 + 60, FaultMode.SERVER_ERROR, endpoint="stat/bandwidth"), [True, True, False]),
        (Fault(T0, T0 + 60, FaultMode.SERVER_ERROR, domain="b.*"), [False, True, False]),
        (Fault(T0, T0 + 60, FaultMode.SERVER_ERROR, share=0.0), [False, False, False]),
    ],
)
async def test_a_fault_strikes_where_and_when_it_is_meant_to(account, fault, struck):
    cdn = await account(now=T0, faults=(fault,))
    answers = [
        await cdn.get(domains=A, **SPAN),
        await cdn.get(domains=f"{A},{B}", **SPAN),
        await cdn.get("domain/list"),
    ]
    assert [answer.status_code == 500 for answer in answers] == struck


async def test_a_share_of_the_calls_goes_wrong_the_same_way_every_time():
    fault = Fault(0, 1, FaultMode.SERVER_ERROR, share=0.3)
    struck = [fault.strikes(0, "stat/bandwidth", (A,), call) for call in range(1000)]
    assert 0.25 < sum(struck) / len(struck) < 0.35
    assert struck == [fault.strikes(0, "stat/bandwidth", (A,), call) for call in range(1000)]


@pytest.mark.parametrize(("mode", "status"), [("401", 401), ("429", 429), ("500", 500), ("garbage", 200)])
async def test_a_fault_with_an_answer_keeps_the_headers(account, mode, status):
    cdn = await account(faults=(Fault(0, 2e9, FaultMode(mode)),))
    answer = await cdn.get(domains=A, **SPAN)
    assert answer.status_code == status
    assert answer.headers["X-Ratelimit-Limit"] == "300"
    assert answer.text.startswith("<html>" if mode == "garbage" else "{")


@pytest.mark.parametrize("mode", ["hang", "reset", "truncated", "drip"])
async def test_a_fault_without_an_answer_breaks_the_call(account, mode):
    cdn = await account(faults=(Fault(0, 2e9, FaultMode(mode)),))
    with pytest.raises((httpx.TransportError, TimeoutError)):
        async with asyncio.timeout(0.1):
            await cdn.get(domains=A, **SPAN)
    assert cdn.simulator.calls[0].status == (0 if mode in {"hang", "reset"} else 200)


async def test_a_huge_answer_goes_on_for_longer_than_anybody_would_read(account):
    cdn = await account(faults=(Fault(0, 2e9, FaultMode.HUGE),))
    async with cdn.client.stream("GET", "stat/bandwidth", params={"token": "secret", "domains": A} | SPAN) as answer:
        assert int(answer.headers["Content-Length"]) == 256 * 2**20
        assert set(await anext(answer.aiter_bytes())) == set(b" ")
    assert cdn.simulator.calls[0].status == 200


async def test_every_request_is_recorded_as_it_was_read(account):
    cdn = await account(now=T0)
    await cdn.get(domains=f"{A},{B}", **SPAN)
    await cdn.get(domains="all", start_time="2026-11-02", end_time="2026-11-02")
    await cdn.get("nothing")
    calls = cdn.simulator.calls
    assert [call.endpoint for call in calls] == ["stat/bandwidth", "stat/bandwidth", "nothing"]
    assert [call.domains for call in calls] == [(A, B), ("all",), ()]
    midnight = T0 - 18 * 3600
    assert [(call.start, call.end) for call in calls] == [
        (T0, T0 + 600),
        (midnight, midnight + 86_400 - 60),
        (None, None),
    ]
    assert [(call.time, call.status) for call in calls] == [(T0, 200), (T0, 200), (T0, 404)]


def example(**changes):
    return {
        "token": "t",
        "domains": {A: {"level": 1.84e9, "swing": 0.5, "noise": 0.03}},
        "events": [{"domain": A, "start": T0, "end": T0 + 3600, "factor": 0}],
        "lag": {"default": 420, "slow.example.com": 900},
        "partial": 0.6,
        "partial_for": 300,
        "faults": [{"start": 1, "end": 2, "mode": "drip", "share": 1.0, "endpoint": "stat/bandwidth", "domain": A}],
        "limit": 300,
        "each_domain": True,
        "deny_total": False,
        "deny_all": False,
        "timezone": "Asia/Shanghai",
    } | changes


def test_a_scenario_is_read_from_json():
    scenario = Scenario.from_json(json.dumps(example()))
    assert scenario.domains == {A: Shape(1.84e9, 0.5, 0.03)}
    assert scenario.events == (Event(A, T0, T0 + 3600, 0),)
    assert scenario.faults == (Fault(1, 2, FaultMode.DRIP, 1.0, "stat/bandwidth", A),)
    assert Scenario.from_json('{"token": "t", "domains": {}}') == Scenario("t", {})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "scenario: Invalid JSON"),
        ("[]", "scenario: "),
        ("{}", "token: Field required\ndomains: Field required"),
        (example(colour="red"), "colour: Unexpected keyword argument"),
        (example(limit="300"), "limit: Input should be a valid integer"),
        (example(limit=0), "limit: Input should be greater than 0"),
        (example(partial=True), "partial: Input should be a valid number"),
        (example(timezone="Asia/Shangai"), "timezone: Value error, no such time zone"),
        (example(events=[{"domain": A, "start": 1, "end": 2}]), "events.0.factor: Field required"),
        (example(faults=[{"start": 1, "end": 2, "mode": "sleepy"}]), "faults.0.mode: Input should be '500'"),
        (example(domains={A: {"levle": 1}}), f"domains.{A}.levle: Unexpected keyword argument"),
    ],
)
def test_a_wrong_scenario_is_refused_with_every_wrong_key(text, problem):
    with pytest.raises(UsageError) as caught:
        Scenario.from_json(text if isinstance(text, str) else json.dumps(text))
    assert str(caught.value).startswith(problem)


@contextlib.asynccontextmanager
async def running(*arguments):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alertbot.feed.simulator", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_as_a_process_of_its_own_until_it_is_told_to_stop(tmp_path, stop):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(example(faults=[])))
    async with running("--scenario", str(path)) as process:
        base_url = (await process.stdout.readline()).decode().strip()
        async with httpx.AsyncClient(base_url=base_url) as client:
            answer = await client.get("domain/list", params={"token": "t"})
        assert answer.json()["data"]["list"] == [{"domain": A}]
        process.send_signal(stop)
        assert await process.wait() == 0


async def test_a_wrong_scenario_file_ends_the_process_with_its_problems(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text("{}")
    async with running("--scenario", str(path)) as process:
        _, complaint = await process.communicate()
    assert process.returncode == 2
    assert "token: Field required" in complaint.decode()
