"""Reading many series: one call each, ten a call, and what a refused call means for the others in it."""

import logging
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fakes.worlds.clock import FakeClock

from alertbot.errors import FeedBadRequest, FeedError, FeedUnauthorised, FeedUnknownDomain
from alertbot.feed.api import ALL, CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.reader import Reading, ReadRequest, SeriesReader
from alertbot.feed.simulator.scenario import Scenario, Shape
from alertbot.feed.simulator.server import Simulator

NOW = 1_793_616_000
LAST = NOW - 1200
FIRST = LAST - 11 * 300
NAMES = tuple(f"d{number}.example.com" for number in range(12))
SUM = "sum:some"


@pytest.fixture
async def account():
    """Makes a simulator with the twelve domains and a reader of it; closes both."""
    opened = []

    async def make(*, each_domain, recent=24, known=None, plan=None, **scenario):
        clock = FakeClock(NOW)
        domains = scenario.pop("domains", {name: Shape(level=1e8) for name in NAMES})
        simulator = Simulator(Scenario(token="t", domains=domains, **scenario), clock)
        url = await simulator.start()
        api = CdnApi(url, "t", ZoneInfo("Asia/Shanghai"), budget=Budget(300, clock), clock=clock)
        opened.append((api, simulator))
        plan = plan or {name: ((name,),) for name in NAMES} | {SUM: (NAMES[:10], NAMES[10:]), "total": (ALL,)}
        known = known or (lambda _series, _first, count: np.full(count, np.nan))
        return SeriesReader(api, plan, each_domain=each_domain, recent=recent, known=known), simulator

    yield make
    for api, simulator in opened:
        await api.aclose()
        await simulator.stop()


def wants(*names, first=FIRST):
    return [ReadRequest(name, first) for name in names]


def calls(simulator, endpoint):
    return [call for call in simulator.calls if call.endpoint == endpoint]


async def test_ten_domains_take_one_call_where_the_account_may(account):
    reader, simulator = await account(each_domain=True)
    found = await reader.read(wants(*NAMES, "total"), LAST)
    assert len(calls(simulator, "stat/bandwidth/eachDomain")) == 2
    assert len(calls(simulator, "stat/bandwidth")) == 1
    assert all((found[name].values == 1e8).all() for name in NAMES)
    assert (found["total"].values == 12e8).all()


async def test_without_the_permission_each_domain_takes_a_call_and_that_is_said_once(account, caplog):
    reader, simulator = await account(each_domain=True, domains={n: Shape(level=1e8) for n in NAMES})
    simulator._scenario = Scenario(token="t", domains={n: Shape(level=1e8) for n in NAMES}, each_domain=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = await reader.read(wants(*NAMES), LAST)
            assert all((found[name].values == 1e8).all() for name in NAMES)
    assert [record.message.startswith("each_domain is not permitted") for record in caplog.records] == [True]


async def test_a_refused_call_of_ten_domains_is_split_until_the_one_at_fault_is_found(account):
    served = {name: Shape(level=1e8) for name in NAMES if name != NAMES[6]}
    reader, _ = await account(each_domain=True, domains=served)
    found = await reader.read(wants(*NAMES[:10]), LAST)
    assert isinstance(found[NAMES[6]], FeedUnknownDomain)
    assert all((found[name].values == 1e8).all() for name in NAMES[:10] if name != NAMES[6])


async def test_a_sum_with_a_member_that_is_refused_is_unknown(account):
    served = {name: Shape(level=1e8) for name in NAMES if name != NAMES[2]}
    reader, _ = await account(each_domain=False, domains=served)
    found = await reader.read(wants(SUM), LAST)
    assert isinstance(found[SUM], FeedUnknownDomain)


async def test_a_sum_is_without_a_member_from_when_it_left_and_its_older_slots_are_not_read(account):
    served = {name: Shape(level=1e8) for name in NAMES if name not in {NAMES[2], NAMES[11]}}
    reader, _ = await account(each_domain=False, domains=served)
    reader.departed = {SUM: {NAMES[2]: FIRST + 600, NAMES[11]: FIRST + 1200}}
    found = await reader.read(wants(SUM), LAST)
    assert (found[SUM].first, found[SUM].cut) == (FIRST + 1200, True)
    assert (found[SUM].values == 10e8).all()


async def test_a_member_that_left_but_is_still_answered_counts_as_long_as_it_was_there(account):
    reader, _ = await account(each_domain=False)
    reader.departed = {SUM: {NAMES[2]: FIRST + 600, NAMES[11]: FIRST + 1200}}
    found = await reader.read(wants(SUM), LAST)
    assert found[SUM].first == FIRST
    assert list(found[SUM].values) == [12e8] * 2 + [11e8] * 2 + [10e8] * 8


async def test_a_member_that_left_before_costs_no_call_of_its_own(account):
    reader, simulator = await account(each_domain=False)
    reader.departed = {SUM: {NAMES[10]: FIRST, NAMES[11]: FIRST - 600}}
    found = await reader.read(wants(SUM), LAST)
    assert (found[SUM].values == 10e8).all()
    assert len(simulator.calls) == 1


async def test_a_group_of_twelve_takes_two_calls_that_are_added_up(account):
    reader, simulator = await account(each_domain=False)
    found = await reader.read(wants(SUM), LAST)
    assert len(simulator.calls) == 2
    assert (found[SUM].values == 12e8).all()


async def test_a_refused_token_is_an_error_beside_every_series_never_a_zero(account):
    reader, simulator = await account(each_domain=True)
    simulator._scenario = Scenario(token="other", domains={n: Shape(level=1e8) for n in NAMES})
    found = await reader.read(wants(*NAMES, "total"), LAST)
    assert len(found) == 13
    assert all(isinstance(outcome, FeedUnauthorised) for outcome in found.values())


async def test_an_answer_that_shows_none_of_the_traffic_seen_before_is_a_failure(account):
    silent = {name: Shape(level=0) for name in NAMES}
    reader, _ = await account(each_domain=False, domains=silent, known=lambda _s, _f, count: np.full(count, 5e8))
    found = await reader.read(wants(NAMES[0]), LAST)
    assert isinstance(found[NAMES[0]], FeedError)
    assert "none of the 12 slots" in found[NAMES[0]].cause


async def test_where_older_history_is_refused_the_recent_part_is_read_and_said_to_be_cut(account):
    reader, simulator = await account(each_domain=False, recent=6)
    too_far = LAST - 11 * 86_400
    reader._api.bandwidth = _refusing(reader._api.bandwidth, before=LAST - 3600)
    found = await reader.read([ReadRequest(NAMES[0], too_far)], LAST)
    assert isinstance(found[NAMES[0]], Reading)
    assert (found[NAMES[0]].first, found[NAMES[0]].cut) == (LAST - 5 * 300, True)
    assert len(simulator.calls) == 1


def _refusing(call, before):
    """As the API that keeps no history before a time."""

    async def bandwidth(domains, start, end, **options):
        if start < before:
            raise FeedBadRequest("stat/bandwidth", "no data that old", 400209)
        return await call(domains, start, end, **options)

    return bandwidth
