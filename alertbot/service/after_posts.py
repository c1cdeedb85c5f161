"""Does what follows a post: a chart of it, and in which part of the traffic it lies; beside delivery, never within."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from alertbot.clock import Clock
from alertbot.errors import StoreError
from alertbot.slack.delivery import Delivery

log = logging.getLogger(__name__)

MOMENT = 5.0
"""Seconds after a message was sent at which is looked what is to follow: what else fell is often known by then."""


async def after_posts(delivery: Delivery, clock: Clock, look: Callable[[], Awaitable[bool]]) -> None:
    """Look after the start and after each message until cancelled; anew in a moment where ``look`` left something."""
    while True:
        await clock.sleep(MOMENT)
        attempted = delivery.attempted
        try:
            again = await look()
        except StoreError as error:
            log.debug("nothing follows a post while the database fails: %s", error)  # which others report
            again = True
        except Exception:  # what breaks something must not end this for others
            log.exception("what was to follow a post failed")
            again = True
        if not again:
            await attempted.wait()
