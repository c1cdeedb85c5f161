"""The client over real HTTP on loopback: against the simulator, and against servers that misbehave byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import traceback
from zoneinfo import ZoneInfo

import pytest
from fakes.worlds.clock import FakeClock
from fakes.worlds.virtual import passes

from alertbot import errors
from alertbot.feed.api import ALL, CdnApi, DataType, Grain, Parameter
from alertbot.feed.budget import Budget
from alertbot.feed.quotas import Priority
from alertbot.feed.simulator.scenario import Fault, FaultMode, LimitWindow, Scenario, Shape
from alertbot.feed.simulator.server import Simulator

TOKEN = "s3cret+t/0ken=&x"
ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_793_613_600  # 2026-11-02 10:00 UTC, 18:00 where the API reads times
NOW = T0 + 6 * 3600
VIDEO, IMG = "video.example.com", "img.example.com"


def scenario(**changes):
    domains = {VIDEO: Shape(1.84e9, swing=0.5, noise=0.03), IMG: Shape(3e8, noise=0.1), "old.example.com": Shape(0)}
    return Scenario(**({"token": TOKEN, "domains": domains} | changes))


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture
async def connect(clock):
    """Makes clients of a base URL, and closes them."""
    async with contextlib.AsyncExitStack() as stack:

        def make(base_url, *, token=TOKEN, zone=ZONE, timeout=15.0, calls_per_minute=300):
            budget = Budget(calls_per_minute, clock)
            client = CdnApi(base_url, token, zone, budget=budget, clock=clock, timeout=timeout)
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def simulate(clock):
    """Starts simulators, and stops them."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**changes):
            simulator = Simulator(scenario(**changes), clock)
            base_url = await simulator.start()
            stack.push_async_callback(simulator.stop)
            return simulator, base_url

        yield start


class Wire:
    """A server that says exactly these bytes, one answer a connection, the last one for ever."""

    def __init__(self, *answers, pace=None):
        self.answers, self.pace, self.requests, self.tasks = answers, pace, [], []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v2/"

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.tasks.append(asyncio.current_task())
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
            step = len(answer) if self.pace is None else 1
            for at in range(0, len(answer), step or 1):
                writer.write(answer[at : at + step])
                await writer.drain()
                await passes(self.pace or 0)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def http(body, status="200 OK", *headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def data(content):
    return http({"code": 0, "data": content})


async def test_a_domain_is_read_as_it_truly_was(simulate, connect):
    simulator, base_url = await simulate()
    answer = await connect(base_url).bandwidth([VIDEO], T0, T0 + 3600)
    slots = range(T0, T0 + 3601, 300)
    assert answer.values == {slot: simulator.truth(VIDEO, slot) for slot in slots}
    assert (answer.start, answer.end) == (T0, T0 + 3600)
    assert answer.server_time == NOW


async def test_several_domains_and_the_account_are_read_as_their_sum(simulate, connect):
    simulator, base_url = await simulate()
    client = connect(base_url)
    total = simulator.truth(VIDEO, T0) + simulator.truth(IMG, T0)
    for domains in ([VIDEO, IMG], ALL):
        answer = await client.bandwidth(domains, T0, T0 + 300)
        assert answer.values[T0] == pytest.approx(total)


@pytest.mark.parametrize("start", [T0, T0 + 1, T0 + 299])
async def test_a_single_slot_can_be_asked_for(simulate, connect, start):
    simulator, base_url = await simulate()
    answer = await connect(base_url).bandwidth([VIDEO], start, start)
    assert dict(answer.values) == {T0: simulator.truth(VIDEO, T0)}
    assert (answer.start, answer.end) == (T0, T0)


async def test_a_silent_domain_is_an_answer_without_values(simulate, connect):
    _, base_url = await simulate()
    assert not (await connect(base_url).bandwidth(["old.example.com"], T0, T0 + 3600)).values


async def test_ten_days_of_slots_come_in_one_call(simulate, connect):
    simulator, base_url = await simulate()
    answer = await connect(base_url).bandwidth([IMG], T0 - 10 * 86_400, T0, priority=Priority.HISTORY)
    assert len(answer.values) == 2881
    assert len(simulator.calls) == 1


@pytest.mark.parametrize(("grain", "seconds"), [(Grain.HOUR, 3600), (Grain.DAY, 86_400)])
async def test_hours_and_days_and_volumes_can_be_asked_for(simulate, connect, grain, seconds):
    _, base_url = await simulate(domains={VIDEO: Shape(8e6)})
    client = connect(base_url)
    start = T0 - 3 * 86_400
    rates = await client.bandwidth([VIDEO], start, start + 86_400, grain=grain)
    volumes = await client.bandwidth([VIDEO], start, start, grain=grain, data_type=DataType.TRAFFIC)
    assert set(rates.values.values()) == {8e6}
    assert len(rates.values) == 86_400 // seconds + 1
    assert list(volumes.values.values()) == [1e6 * seconds]


async def test_the_start_of_an_answered_request_is_told_apart_from_the_wait_before_it(simulate, connect, clock):
    _, base_url = await simulate()
    client = connect(base_url, calls_per_minute=1)
    first = await client.bandwidth([VIDEO], T0, T0, priority=Priority.COMMAND)
    second = await client.bandwidth([VIDEO], T0, T0, priority=Priority.COMMAND)
    assert first.began == 0
    assert second.began == clock.monotonic() == pytest.approx(60.25)


async def test_each_domain_gives_every_series_of_one_call(simulate, connect):
    simulator, base_url = await simulate()
    answers = await connect(base_url).each_domain([VIDEO, IMG, "old.example.com"], T0, T0)
    values = {domain: dict(answer.values) for domain, answer in answers.items()}
    truths = {domain: {T0: simulator.truth(domain, T0)} for domain in (VIDEO, IMG)}
    assert values == truths | {"old.example.com": {}}
    assert len(simulator.calls) == 1


async def test_the_parts_of_traffic_add_up_to_all_of_it(simulate, connect):
    domains = {VIDEO: Shape(1e9, ipv6=0.25, abroad=0.4), IMG: Shape(2e8, ipv6=0.5)}
    simulator, base_url = await simulate(domains=domains)
    client = connect(base_url)
    asked = (Parameter.PROTOCOL, "ipv6"), (Parameter.REGION, "cn"), (Parameter.REGION, "abroad")
    shown = [await client.part((VIDEO, IMG), T0, T0 + 600, *each) for each in asked]
    assert [set(each.values()) for each in shown] == [{3.5e8}, {8e8}, {4e8}]
    assert [call.parts for call in simulator.calls] == [("ipv6", "all"), ("all", "cn"), ("all", "abroad")]


async def test_a_part_that_leaves_a_domain_out_is_unknown_and_asked_for_once(connect):
    answer = {"code": 0, "data": {VIDEO: {"domain": VIDEO, "data": [[T0, 1.0]]}}}
    wire = Wire(http(answer))
    async with wire as base_url:
        with pytest.raises(errors.FeedGarbled, match=r"query_area=cn: the answer leaves out img\.example\.com"):
            await connect(base_url).part((VIDEO, IMG), T0, T0 + 600, Parameter.REGION, "cn")
    assert len(wire.requests) == 1


async def test_each_domain_without_permission_is_refused_at_once(simulate, connect):
    simulator, base_url = await simulate(each_domain=False)
    with pytest.raises(errors.FeedUnauthorised, match="HTTP 401, code 401006: no permission") as caught:
        await connect(base_url).each_domain([VIDEO], T0, T0)
    assert caught.value.code == 401006
    assert len(simulator.calls) == 1


async def test_a_domain_that_each_domain_left_out_is_unknown_not_silent(connect):
    async with Wire(data({"k": {"domain": VIDEO, "data": []}})) as base_url:
        answers = await connect(base_url).each_domain([VIDEO, IMG], T0, T0)
    assert set(answers) == {VIDEO}


@pytest.mark.parametrize("count", [0, 1, 500, 501, 1203])
async def test_the_domain_list_is_read_page_by_page(simulate, connect, count):
    domains = {f"d{number}.example.com": Shape() for number in range(count)}
    gone = {"gone.example.com": Shape(status="deleted"), "held.example.com": Shape(status="suspended")}
    simulator, base_url = await simulate(domains=gone | domains)
    assert await connect(base_url).domains() == tuple(domains)
    assert len(simulator.calls) == max(1, -(-count // 500))


async def test_a_domain_list_that_repeats_itself_ends(connect):
    async with Wire(data({"list": [{"domain": VIDEO}], "total_number": 7})) as base_url:
        assert await connect(base_url).domains() == (VIDEO,)


async def test_a_domain_list_that_is_an_empty_array_is_empty(connect):
    async with Wire(data([])) as base_url:
        assert await connect(base_url).domains() == ()


@pytest.mark.parametrize("content", [[[T0, 7], [T0 - 300, 1]], [T0 - 300, 1, T0, 3, T0, 7.0]])
async def test_pairs_nested_or_flat_are_read_over_the_wire(connect, content):
    async with Wire(data(content)) as base_url:
        assert dict((await connect(base_url).bandwidth([VIDEO], T0, T0)).values) == {T0: 7.0}


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (http(b"<html>hello</html>"), "the answer is not JSON"),
        (http(b""), "the answer is not JSON"),
        (http(b'{"code": 0, "data": [[1793613600, NaN]]}'), "the answer is not JSON"),
        (http([]), "the answer is not a JSON object"),
        (http({"data": []}), "HTTP 200"),
        (data({"a": 1}), "an object stands where a list of pairs belongs"),
        (data([[T0, -1]]), "-1 cannot be a rate or a volume"),
        (data([[T0 + 7, 1]]), "2026-11-02T10:00:07Z is not the start of a minute5 bucket"),
        (http(b"no gzip", "200 OK", "Content-Encoding: gzip"), "the answer is cut short, or not encoded as it says"),
        (http(b"{}")[:-1], "the answer is cut short, or not encoded as it says"),
    ],
)
async def test_a_garbled_answer_is_tried_once_more_and_then_named(connect, answer, cause):
    wire = Wire(answer)
    async with wire as base_url:
        with pytest.raises(errors.FeedGarbled) as caught:
            await connect(base_url).bandwidth([VIDEO], T0, T0 + 7200)
    assert str(caught.value) == f"stat/bandwidth domains={VIDEO} 2026-11-02 18:00..20:00: {cause}"
    assert len(wire.requests) == 2


async def test_a_call_over_midnight_names_both_dates(connect):
    async with Wire(http({}, "404 Not Found")) as base_url:
        with pytest.raises(errors.FeedRefused, match=r"domains=all 2026-11-02 18:00..2026-11-03 18:00: HTTP 404"):
            await connect(base_url).bandwidth(ALL, T0, T0 + 86_400)


async def test_a_compressed_answer_is_read(connect):
    body = gzip.compress(json.dumps({"code": 0, "data": [[T0, 5]]}).encode())
    async with Wire(http(body, "200 OK", "Content-Encoding: gzip")) as base_url:
        assert dict((await connect(base_url).bandwidth([VIDEO], T0, T0)).values) == {T0: 5.0}


async def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(connect):
    async with Wire(http(gzip.compress(b" " * 2**22), "200 OK", "Content-Encoding: gzip")) as base_url:
        with pytest.raises(errors.FeedGarbled, match="the answer is larger than 1 MiB"):
            await connect(base_url).bandwidth([VIDEO], T0, T0)


async def test_a_dripping_server_is_given_up_on_in_time(connect):
    """Each byte comes well within any single read's time-out."""
    async with Wire(data([[T0, 1]]), pace=0.02) as base_url:
        with pytest.raises(errors.FeedUnreachable, match=r"no answer within 0.2 s$"):
            await connect(base_url, timeout=0.2).bandwidth([VIDEO], T0, T0)


@pytest.mark.parametrize(
    ("mode", "expected", "calls"),
    [
        (FaultMode.SERVER_ERROR, errors.FeedUnreachable, 3),
        (FaultMode.HANG, errors.FeedUnreachable, 3),
        (FaultMode.DRIP, errors.FeedUnreachable, 3),
        (FaultMode.RESET, errors.FeedUnreachable, 3),
        (FaultMode.THROTTLED, errors.FeedThrottled, 3),
        (FaultMode.GARBAGE, errors.FeedGarbled, 2),
        (FaultMode.TRUNCATED, errors.FeedGarbled, 2),
        (FaultMode.UNAUTHORISED, errors.FeedUnauthorised, 1),
    ],
)
async def test_every_fault_is_told_by_its_own_error_after_as_many_attempts_as_make_sense(
    simulate, connect, mode, expected, calls
):
    simulator, base_url = await simulate(faults=(Fault(0, 2e9, mode),))
    with pytest.raises(expected) as caught:
        await connect(base_url, timeout=0.2).bandwidth([VIDEO], T0, T0)
    assert type(caught.value) is expected
    assert len(simulator.calls) == calls


async def test_a_huge_body_is_cut_off(simulate, connect):
    _, base_url = await simulate(faults=(Fault(0, 2e9, FaultMode.HUGE),))
    with pytest.raises(errors.FeedGarbled, match="the answer is larger than 1 MiB"):
        await connect(base_url).bandwidth([VIDEO], T0, T0)


async def test_a_full_answer_fits_however_it_is_laid_out(connect):
    """Ten domains with ten days each, a line for each number."""
    names = [f"d{number}.example.com" for number in range(10)]
    pairs = [[T0 - 300 * slot, 123_456_789_012.34] for slot in range(2881)]
    content = {"code": 0, "data": {name: {"domain": name, "data": pairs} for name in names}}
    async with Wire(http(json.dumps(content, indent=4).encode())) as base_url:
        answers = await connect(base_url).each_domain(names, T0 - 10 * 86_400, T0)
    assert [len(answer.values) for answer in answers.values()] == [2881] * 10


@pytest.mark.parametrize("mode", ["500", "429", "reset", "truncated"])
async def test_a_fault_that_passes_is_survived(simulate, connect, clock, mode):
    _, base_url = await simulate(faults=(Fault(NOW, NOW + 0.5, FaultMode(mode)),))
    answer = await connect(base_url).bandwidth([VIDEO], T0, T0)
    assert answer.values
    assert answer.began >= 1
    assert clock.monotonic() >= 1


async def test_a_throttled_call_comes_back_when_the_api_said(connect, clock):
    refusal = http({"code": 429001}, "429 Too Many Requests", "X-Retry-After: 37")
    async with Wire(refusal, data([[T0, 1]])) as base_url:
        answer = await connect(base_url).bandwidth([VIDEO], T0, T0)
    assert answer.began == clock.monotonic() == 37


async def test_a_long_throttling_is_an_error_at_once(connect, clock):
    wire = Wire(http({}, "429 Too Many Requests", "Retry-After: 3000"))
    async with wire as base_url:
        with pytest.raises(errors.FeedThrottled) as caught:
            await connect(base_url).bandwidth([VIDEO], T0, T0)
    assert caught.value.retry_after == 300, "after five minutes it is asked whether that still holds"
    assert len(wire.requests) == 1


async def test_a_used_up_hour_is_told_by_the_name_of_the_call_that_cannot_go_out(connect):
    hour = ("X-Ratelimit-Grad: hour", "X-Ratelimit-Limit: 300", "X-Ratelimit-Remaining: 0", "X-Retry-After: 1799")
    async with Wire(http({"code": 0, "data": []}, "200 OK", *hour)) as base_url:
        client = connect(base_url)
        await client.bandwidth([VIDEO], T0, T0)
        with pytest.raises(errors.FeedThrottled, match=f"^stat/bandwidth domains={VIDEO} .*no poll call for 30m$"):
            await client.bandwidth([VIDEO], T0, T0)


async def test_the_budget_keeps_a_fan_out_within_the_servers_limit(simulate, connect):
    simulator, base_url = await simulate(limit=40)
    client = connect(base_url)
    await client.bandwidth(ALL, T0, T0)
    for _ in range(90):  # one by one: virtual time would run ahead of calls under way
        await client.bandwidth([VIDEO], T0, T0)
    assert {call.status for call in simulator.calls} == {200}
    assert len(simulator.calls) == 91


async def test_a_domain_list_of_few_calls_an_hour_leaves_the_statistics_alone(simulate, connect):
    simulator, base_url = await simulate(limits={"domain/list": (LimitWindow("hour", 3),)})
    client = connect(base_url)
    for _ in range(3):
        with contextlib.suppress(errors.FeedThrottled):
            await client.domains()
    for _ in range(50):
        await client.bandwidth([VIDEO], T0, T0)
    assert {call.status for call in simulator.calls} == {200}


async def test_one_lying_header_of_a_used_up_day_costs_five_minutes_at_most(simulate, connect, clock):
    _, base_url = await simulate(faults=(Fault(NOW, NOW + 1, FaultMode.LYING_LIMIT),))
    client = connect(base_url)
    await client.bandwidth([VIDEO], T0, T0)
    clock.advance(1)
    answered = []
    for _ in range(60):
        with contextlib.suppress(errors.FeedThrottled):
            await client.bandwidth([VIDEO], T0, T0)
            answered.append(clock.monotonic())
        clock.advance(20)
    assert answered[0] <= 320
    assert len(answered) >= 44


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("400 Bad Request", {"code": 400209, "message": "bad"}, errors.FeedBadRequest),
        ("400 Bad Request", {"code": 400699, "message": "who"}, errors.FeedUnknownDomain),
        ("401 Unauthorized", {"code": 401001}, errors.FeedUnauthorised),
        ("404 Not Found", b"<html>", errors.FeedRefused),
        ("302 Found", b"", errors.FeedRefused),
        ("200 OK", {"code": 401006, "message": "no"}, errors.FeedUnauthorised),
    ],
)
async def test_a_refusal_is_never_tried_again(connect, status, body, expected):
    wire = Wire(http(body, status, "Location: http://127.0.0.1:1/"))
    async with wire as base_url:
        with pytest.raises(expected):
            await connect(base_url).bandwidth([VIDEO], T0, T0)
    assert len(wire.requests) == 1


async def test_a_wrong_token_and_an_unknown_domain_are_told_apart(simulate, connect):
    _, base_url = await simulate()
    with pytest.raises(errors.FeedUnauthorised, match="HTTP 401, code 401001: token is missing or invalid"):
        await connect(base_url, token="wrong").bandwidth([VIDEO], T0, T0)
    with pytest.raises(errors.FeedUnknownDomain, match=r"code 400699: unknown domain vidoe.example.com"):
        await connect(base_url).bandwidth(["vidoe.example.com"], T0, T0)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [("401 Unauthorized", "401001", errors.FeedUnauthorised), ("200 OK", "429001", errors.FeedThrottled)],
)
async def test_a_code_written_as_text_means_the_same(connect, status, code, expected):
    async with Wire(http({"code": code, "message": "no"}, status)) as base_url:
        with pytest.raises(expected, match=f"code {code}"):
            await connect(base_url).bandwidth([VIDEO], T0, T0)


async def test_a_redirect_says_to_which_host(connect):
    async with Wire(http(b"", "302 Found", f"Location: https://login.example.com/?token={TOKEN}")) as base_url:
        with pytest.raises(errors.FeedRefused, match=r": HTTP 302: it redirects to login\.example\.com$"):
            await connect(base_url).bandwidth([VIDEO], T0, T0)


async def test_a_wrong_time_zone_is_an_error_and_never_zeros(simulate, connect):
    _, base_url = await simulate()
    with pytest.raises(errors.FeedGarbled, match="lies outside what was asked for"):
        await connect(base_url, zone=ZoneInfo("UTC")).bandwidth([VIDEO], T0, T0 + 3600)


async def test_a_server_that_is_not_there_is_unreachable(connect):
    async with Wire(b"") as base_url:
        pass
    with pytest.raises(errors.FeedUnreachable, match="cannot connect: "):
        await connect(base_url).bandwidth([VIDEO], T0, T0)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (([], T0, T0), "1 to 10 different domains"),
        (([f"{number}.example" for number in range(11)], T0, T0), "1 to 10 different domains"),
        (([VIDEO, VIDEO], T0, T0), "1 to 10 different domains"),
        (([VIDEO, "all"], T0, T0), "'all' is not a domain"),
        ((["a,b"], T0, T0), "'a,b' is not a domain"),
        (([""], T0, T0), "'' is not a domain"),
        (([VIDEO], T0 + 1, T0), "ends before it starts"),
        (([VIDEO], T0 - 10 * 86_400 - 300, T0), "at most 10 days of minute5"),
        (([VIDEO], T0 - 31 * 86_400 - 300, T0, Grain.HOUR), "at most 31 days of hour"),
    ],
)
async def test_what_the_api_would_refuse_is_not_even_asked(connect, arguments, cause):
    domains, start, end, *grain = arguments
    with pytest.raises(ValueError, match=cause):
        await connect("http://127.0.0.1:1/").bandwidth(domains, start, end, grain=grain[0] if grain else Grain.MINUTE5)


async def test_each_domain_does_not_take_the_total(connect):
    with pytest.raises(ValueError, match="'all' is not a domain"):
        await connect("http://127.0.0.1:1/").each_domain(ALL, T0, T0)


async def test_an_empty_token_is_refused_before_any_call(clock):
    with pytest.raises(errors.CredentialsError, match="the CDN's API token is empty"):
        CdnApi("http://127.0.0.1:1/", "", ZONE, budget=Budget(300, clock), clock=clock)


ECHO = b"token=s3cret%2Bt%2F0ken%3D%26x and s3cret+t/0ken=&x"


@pytest.mark.parametrize(
    "answer",
    [
        data([[T0, 1]]),
        http({"code": 401001, "message": ECHO.decode()}, "401 Unauthorized"),
        http({"code": 500001, "message": "x" * 190 + ECHO.decode()}, "500 Oh No"),
        http({"code": 0, "data": [[T0, TOKEN]]}),
        http({"code": 0, "data": ECHO.decode()}),
        http(b"", "302 Found", "Location: /v2/?" + ECHO.decode().replace(" ", "&")),
        http(b"", "302 Found", "Location: http://[" + ECHO.decode()),
        ECHO + b"\r\n\r\n",
        http(b"", "200 OK", ECHO.decode()),
        http(ECHO)[:-4],
        b"",
    ],
)
async def test_the_token_stands_in_no_log_line_exception_or_repr(connect, caplog, answer):
    """Whatever is logged at DEBUG, and whatever the server echoes."""
    caplog.set_level(logging.DEBUG)
    shown = []
    async with Wire(answer) as base_url:
        client = connect(base_url)
        try:
            shown.append(repr(await client.bandwidth([VIDEO], T0, T0)))
        except errors.FeedError as error:
            shown += [repr(error), str(error), *map(repr, error.args), *traceback.format_exception(error)]
    shown += [repr(client), caplog.text, *(repr(vars(record)) for record in caplog.records)]
    assert shown
    assert not [text for text in shown if "s3cret" in text]


async def test_the_call_is_logged_without_its_token_while_the_server_receives_it(connect, caplog):
    caplog.set_level(logging.DEBUG)
    wire = Wire(data([]))
    async with wire as base_url:
        await connect(base_url).bandwidth([VIDEO], T0, T0)
    assert "GET " + base_url + "stat/bandwidth?" in caplog.text
    assert "token=s3cret%2Bt%2F0ken%3D%26x" in wire.requests[0]


async def test_what_the_server_says_is_one_line_of_at_most_200_characters(connect):
    async with Wire(http({"code": 401001, "message": "a\n\x1b[31mb " + "c" * 500}, "401 Unauthorized")) as base_url:
        with pytest.raises(errors.FeedUnauthorised) as caught:
            await connect(base_url).bandwidth([VIDEO], T0, T0)
    message = str(caught.value).split("401001: ")[1]
    assert message.startswith("a [31mb ccc")
    assert len(message) == 200


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Mon, 02 Nov 2026 10:00:00 GMT", T0),
        ("Mon, 02 Nov 2026 10:00:00 -0000", T0),
        ("yesterday", None),
        ("", None),
    ],
)
async def test_the_servers_time_is_that_of_its_date_header(connect, date, expected):
    async with Wire(http({"code": 0, "data": []}, "200 OK", f"Date: {date}")) as base_url:
        assert (await connect(base_url).bandwidth([VIDEO], T0, T0)).server_time == expected


async def test_a_cancelled_call_ends_at_once_and_leaves_the_client_usable(simulate, connect):
    _, base_url = await simulate(faults=(Fault(0, 2e9, FaultMode.HANG, domain=IMG),))
    client = connect(base_url)
    hanging = asyncio.create_task(client.bandwidth([IMG], T0, T0))
    await asyncio.sleep(0.05)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert (await client.bandwidth([VIDEO], T0, T0)).values
