"""What the service makes of requests: each is carried out once, as it was meant when it was made."""

import logging
from zoneinfo import ZoneInfo

import pytest
from fakes.rigs.obedience import Obedience
from fakes.worlds.clock import FakeClock

from alertbot.errors import StoreError, UsageError
from alertbot.feed.clock import ApiTime
from alertbot.incidents.orders import Ack, Person, Requester, Silence, Unsilence
from alertbot.service.requests import apply_requests
from alertbot.store import requests
from alertbot.store.keeper import Storekeeper
from alertbot.store.requests import RequestOutcome

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0
ADA = Requester(Person(None, "ada (shell)"))


class Service:
    """The part of it that carries out requests, on a clock of its own."""

    def __init__(self, path):
        self.path = path
        self.clock = FakeClock()  # 11:00 in Berlin
        self.time = ApiTime(self.clock)
        self.keeper = Storekeeper()
        self.obedience = Obedience()

    def asked(self, *words):
        return requests.leave(self.path, "ada (shell)", words, self.clock.time())

    async def turn(self):
        await apply_requests(self.keeper, self.obedience, self.time, BERLIN)

    async def outcome(self, number):
        return await self.keeper.do(requests.outcome, number)

    @property
    def orders(self):
        return [order for order, _ in self.obedience.obeyed]


@pytest.fixture
async def service(tmp_path):
    service = Service(tmp_path / "alertbot.db")
    await service.keeper.open(service.path)
    yield service
    await service.keeper.close()


async def test_requests_are_carried_out_in_their_order_and_once(service):
    first, second = service.asked("ack", "412"), service.asked("unsilence", "s3")
    service.obedience.answer = "#412 is acknowledged."
    await service.turn()
    await service.turn()
    assert service.obedience.obeyed == [(Ack(412), ADA), (Unsilence(3), ADA)]
    assert await service.outcome(first) == await service.outcome(second) == RequestOutcome("#412 is acknowledged.")


async def test_a_silence_lasts_from_when_it_was_asked_for(service):
    asked = service.clock.time()
    service.asked("silence", "video.*", "2h", "image", "work")
    service.clock.advance(20)
    await service.turn()
    assert service.orders == [Silence("video.*", asked, asked + 2 * HOUR, "image work")]


async def test_times_are_those_of_the_api_where_the_machines_clock_is_ahead(service):
    service.time.learn(service.clock.time() - HOUR, None)
    service.asked("silence", "video.*", "2h")
    await service.turn()
    (silence,) = service.orders
    assert (silence.begins, silence.ends) == pytest.approx((service.time.time(), service.time.time() + 2 * HOUR))


@pytest.mark.parametrize(
    ("words", "hours", "done"),
    [
        (("silence", "*", "2h"), 1.5, True),
        (("silence", "*", "2h"), 2.5, False),
        (("silence", "*", "until", "12:00"), 0.5, True),
        (("silence", "*", "until", "12:00"), 1.5, False),  # never until tomorrow's
        (("silence", "*", "from", "12:00", "for", "3h"), 2, True),
        (("ack", "412"), 20, True),
        (("ack", "412"), 25, None),
    ],
)
async def test_what_waited_for_the_service_to_start_is_done_where_it_is_not_over(service, words, hours, done):
    number = service.asked(*words)
    service.clock.advance(hours * HOUR)
    await service.turn()
    assert len(service.orders) == bool(done)
    found = await service.outcome(number)
    assert (None if found is None else not found.refused) == done
    if done is False:
        assert found.answer == "that time was over before the service could begin it"


async def test_a_silence_from_a_time_that_came_meanwhile_is_in_force_to_its_end(service):
    asked = service.clock.time()
    service.asked("silence", "*", "from", "12:00", "for", "3h")
    service.clock.advance(2 * HOUR)
    await service.turn()
    assert service.orders == [Silence("*", asked + HOUR, asked + 4 * HOUR)]


async def test_what_makes_no_sense_is_answered_logged_and_left(service, caplog):
    caplog.set_level(logging.INFO)
    garbled, refused = service.asked("silence", "*"), service.asked("ack", "412")
    service.obedience.refusal = UsageError("there is no incident #412")
    for _ in range(3):
        await service.turn()
    assert (await service.outcome(garbled)).answer.startswith("say until when")
    assert await service.outcome(refused) == RequestOutcome("there is no incident #412", refused=True)
    assert caplog.text.count("is refused") == 2


async def test_a_request_that_fails_is_answered_logged_and_not_tried_again(service, caplog):
    class Broken(Obedience):
        async def carry_out(self, order, requester):
            raise LookupError("no such thing")

    service.obedience = Broken()
    number = service.asked("ack", "412")
    for _ in range(3):
        await service.turn()
    assert await service.outcome(number) == RequestOutcome("it failed: the service's log says why", refused=True)
    assert caplog.text.count("Traceback") == 1


async def test_a_database_that_cannot_be_written_leaves_a_request_for_the_next_turn(service):
    number = service.asked("ack", "412")
    service.obedience.refusal = StoreError("the disk is full")
    with pytest.raises(StoreError):
        await service.turn()
    service.obedience.refusal = None
    await service.turn()
    assert await service.outcome(number) == RequestOutcome("done")
