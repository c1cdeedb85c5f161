"""Carries out orders: somebody acknowledges an incident, silences something, ends a silence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from alertbot.config.domains import pattern
from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.orders import Ack, Order, Person, Requester, Silence, Unsilence
from alertbot.incidents.silences import GROUP_MARK, INCIDENT_MARK, RULE_MARK, StoredSilence, means
from alertbot.messages.blocks import code, escape
from alertbot.service.dispatcher import Dispatcher
from alertbot.store import changes, incidents, orders, silences
from alertbot.store.changes import ChangeKind, ordered_by
from alertbot.store.keeper import Storekeeper
from alertbot.units import format_clock
from alertbot.words import counted, did_you_mean

log = logging.getLogger(__name__)

SAME = 60.0
"""Seconds by which the end of a silence that is asked for twice may differ: two clicks are one."""


class OrderExecutor:
    """Carries out orders by the dispatcher of the moment; ``None`` is that before anything is watched."""

    def __init__(self, dispatcher: Callable[[], Dispatcher | None], keeper: Storekeeper) -> None:
        self._dispatcher = dispatcher
        self._keeper = keeper

    async def carry_out(self, order: Order, requester: Requester) -> str:
        """What was done, as mrkdwn; ``UsageError`` where it makes no sense, or is not for this person to say."""
        dispatcher = self._dispatcher()
        if dispatcher is None:
            raise UsageError("alertbot is only just starting: try again in a minute")
        try:
            answer = await _Execution(dispatcher, self._keeper, requester).run(order)
        except UsageError as error:
            refused = ordered_by(requester, dispatcher.now(), ChangeKind.REFUSED, before=None, after=str(error))
            await self._keeper.do(changes.record, refused)
            raise
        log.info("%s: %s", requester.person.name, type(order).__name__.lower())
        return answer


@dataclass(frozen=True)
class _Execution:
    """Carries out one order."""

    dispatcher: Dispatcher
    keeper: Storekeeper
    requester: Requester

    @property
    def _who(self) -> Person:
        return self.requester.person

    async def run(self, order: Order) -> str:
        """Do what the order says: what was done, as mrkdwn."""
        if isinstance(order, Ack):
            return await self._acknowledge(order)
        self._must_be_admin()
        return await (self._silence(order) if isinstance(order, Silence) else self._unsilence(order))

    def _must_be_admin(self) -> None:
        admins = self.dispatcher.slack.admins
        if admins and self._who.id is not None and self._who.id not in admins:
            raise UsageError(
                "only those listed as admins may silence here; anyone may acknowledge, which stops reminders"
            )

    async def _acknowledge(self, order: Ack) -> str:
        who, number = self._who, order.number if order.number is not None else await self._only_open()
        turn = self.dispatcher.turn(changed={number: (Note(NoteKind.ACKED, by=who.name),)})
        incident = await self.keeper.do(orders.acknowledge, number, self.requester, turn, turn.now)
        if incident is None:
            raise UsageError(f"there is no incident #{number}")
        if incident.closed is not None:
            ended = format_clock(incident.closed, self.dispatcher.slack.zone, turn.now)
            raise UsageError(f"#{number} is over since {ended}: there is nothing left to acknowledge")
        if incident.progress.acked_at is not None:
            return f"#{number} is acknowledged already, by {escape(incident.progress.acked_by or '')}."
        self.dispatcher.wake()
        return f"#{number} is acknowledged: no reminders until it is over, unless it grows."

    async def _only_open(self) -> int:
        """The number of the only incident that waits for somebody, in the requester's channel if there is one."""
        channels = self.requester.channels
        opened = await self.keeper.do(incidents.open_incidents)
        here = [one for one in opened if not channels or one.channel in channels]
        waiting = [one for one in here if one.progress.acked_at is None]
        if len(waiting) == 1:
            return waiting[0].number
        where = "in this channel" if channels else "anywhere"
        if not waiting:
            raise UsageError(f"{'every open incident is acknowledged' if here else 'no incident is open'} {where}")
        listed = ", ".join(f"#{one.number}" for one in waiting[:10])
        raise UsageError(f"{len(waiting)} incidents are open {where}: say which of {listed}")

    async def _silence(self, order: Silence) -> str:
        order, pairs = await self._resolved(order)
        now = self.dispatcher.now()
        stored = await self.keeper.do(silences.not_ended, now)
        twin = next((each for each in stored if _is_same(each, order)), None)
        number = twin.number if twin is not None else await self._add(order, pairs)
        begins = "" if order.begins <= now else f"from {format_clock(order.begins, self.dispatcher.slack.zone, now)} "
        until = f"{begins}until {format_clock(order.ends, self.dispatcher.slack.zone, now)}"
        ends_it = code(f"{self.dispatcher.slack.command} unsilence {number}")
        return f"Nothing is told of {self._described(order, pairs)} {until} (silence {number}). {ends_it} ends that."

    async def _add(self, order: Silence, pairs: list[tuple[str, str]] | None) -> int:
        turn = self.dispatcher.turn()
        channel = self.requester.channel or self.dispatcher.slack.channel
        number = await self.keeper.do(orders.silence, order, self.requester, channel, pairs, turn, turn.now)
        self.dispatcher.wake()
        return number

    def _described(self, order: Silence, pairs: list[tuple[str, str]] | None) -> str:
        if pairs is not None:
            return f"the {counted(len(pairs), 'alert')} of {escape(order.target)}"
        if order.target.startswith(RULE_MARK):
            return f"the rule {code(order.target.removeprefix(RULE_MARK))}"
        meant = sum(
            means(order.target, series, self.dispatcher.watch.groups) for series in self.dispatcher.watch.series
        )
        return f"{code(order.target)} ({counted(meant, 'series', 'series')})"

    async def _resolved(self, order: Silence) -> tuple[Silence, list[tuple[str, str]] | None]:
        """The order as it is stored, and the alerts of the incident where it names one; the target must exist."""
        target, watch = order.target, self.dispatcher.watch
        if target.startswith(INCIDENT_MARK):
            return order, await self._pairs(int(target.removeprefix(INCIDENT_MARK)))
        if target.startswith(RULE_MARK):
            _must_be_one(target.removeprefix(RULE_MARK), tuple(watch.rules), "rule")
        elif target.startswith(GROUP_MARK):
            _must_be_one(target.removeprefix(GROUP_MARK), [group.name for group in watch.groups], "group")
        else:
            target = _ascii(target)
            _must_match(target, watch)
        return replace(order, target=target), None

    async def _pairs(self, number: int) -> list[tuple[str, str]]:
        incident = await self.keeper.do(incidents.load, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}")
        if incident.closed is not None:
            raise UsageError(f"#{number} is over: silence a domain or a rule instead")
        if not (pairs := sorted({each.key for each in incident.firing})):
            raise UsageError(f"#{number} has no alerts that could be silenced: acknowledge it instead")
        return pairs

    async def _unsilence(self, order: Unsilence) -> str:
        now = self.dispatcher.now()
        stored = await self.keeper.do(silences.not_ended, now)
        silence = next((each for each in stored if each.number == order.number and each.ends > now), None)
        if silence is None:
            numbers = ", ".join(str(each.number) for each in stored if each.ends > now)
            raise UsageError(
                f"there is no silence {order.number} to end" + (f": there are {numbers}" if numbers else "")
            )
        turn = self.dispatcher.turn()
        await self.keeper.do(orders.unsilence, silence, self.requester, turn, turn.now)
        self.dispatcher.wake()
        return f"The silence of {code(silence.target)} by {escape(silence.author)} is ended."


def _is_same(stored: StoredSilence, order: Silence) -> bool:
    alike = stored.target == order.target and stored.cancelled_by is None
    return alike and stored.begins <= order.begins + SAME and abs(stored.ends - order.ends) < SAME


def _must_be_one(name: str, names: list[str] | tuple[str, ...], noun: str) -> None:
    if name not in names:
        raise UsageError(f'there is no {noun} "{name[:80]}"{did_you_mean(name, names)}')


def _ascii(target: str) -> str:
    try:
        return target if target.isascii() else pattern(target)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _must_match(target: str, watch: Watch) -> None:
    if not any(means(target, series, watch.groups) for series in watch.series):
        raise UsageError(f'"{target[:80]}" matches no watched series{did_you_mean(target, watch.series)}')
