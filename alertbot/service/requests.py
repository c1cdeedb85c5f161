"""Carries out the orders that the shell's commands left in the database."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import tzinfo

from alertbot.errors import StoreError, UsageError
from alertbot.feed.clock import ApiTime
from alertbot.incidents.order_parser import parse_order
from alertbot.incidents.orders import Executor, Order, Person, Requester, Silence
from alertbot.store import requests
from alertbot.store.keeper import Storekeeper
from alertbot.store.requests import Request, RequestOutcome

log = logging.getLogger(__name__)


async def apply_requests(keeper: Storekeeper, executor: Executor, time: ApiTime, zone: tzinfo) -> None:
    """Carry out what waits, each once: a request that makes no sense is answered with the reason.

    ``StoreError`` leaves the rest for the next turn; an order that was carried out, but not noted, is given twice.
    """
    machine = time.time() + time.skew
    for request in await keeper.do(requests.waiting, machine):
        outcome = await _outcome(request, executor, time, zone)
        await keeper.do(requests.finish, request.number, outcome, machine)


async def _outcome(request: Request, executor: Executor, time: ApiTime, zone: tzinfo) -> RequestOutcome:
    asked = " ".join(" ".join(request.words).split())[:200]
    try:
        requester = Requester(Person(None, request.author), words=asked)
        answer = await executor.carry_out(_order(request, time, zone), requester)
    except UsageError as error:
        log.info('"%s" of %s is refused: %s', asked, request.author, error)
        return RequestOutcome(str(error), refused=True)
    except StoreError:
        raise
    except Exception:
        log.exception('"%s" of %s failed', asked, request.author)
        return RequestOutcome("it failed: the service's log says why", refused=True)
    return RequestOutcome(str(answer))


def _order(request: Request, time: ApiTime, zone: tzinfo) -> Order:
    """The order as it was meant when it was given: a time may have come and gone before the service ran."""
    order = parse_order(request.words, request.created - time.skew, zone)
    if isinstance(order, Silence) and order.ends <= time.time():
        raise UsageError("that time was over before the service could begin it")
    return replace(order, confirmed=True) if isinstance(order, Silence) else order  # the shell asked
