"""Carries out orders: somebody acknowledges an incident, or takes that back; silences are ``silence_orders``'s."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from alertbot.errors import UsageError
from alertbot.incidents.acknowledgement import expires
from alertbot.incidents.incident import Incident, Vote, series_of
from alertbot.incidents.notes import Note, NoteKind
from alertbot.incidents.orders import (
    Ack,
    CastVote,
    KeepPosting,
    LearnSilence,
    Order,
    Preview,
    Requester,
    Silence,
    Unack,
    Unsilence,
)
from alertbot.messages.blocks import Message, code, escape
from alertbot.messages.slack import plain, with_votes_shown
from alertbot.query.names import resolve
from alertbot.service.dispatcher import Dispatcher
from alertbot.service.learning_orders import LearningOrders
from alertbot.service.silence_orders import SilenceOrders
from alertbot.store import changes, incidents, orders, outbox
from alertbot.store.changes import ChangeKind, ordered_by
from alertbot.store.keeper import Storekeeper
from alertbot.units import format_clock

log = logging.getLogger(__name__)


class OrderExecutor:
    """Carries out orders by the dispatcher of the moment; ``None`` is that before anything is watched."""

    def __init__(self, dispatcher: Callable[[], Dispatcher | None], keeper: Storekeeper) -> None:
        self._dispatcher = dispatcher
        self._keeper = keeper

    async def carry_out(self, order: Order, requester: Requester) -> str | Preview:
        """What was done, as mrkdwn; ``UsageError`` where it makes no sense, or is not for this person to say.

        A silence that covers much is not begun before it is confirmed.
        """
        dispatcher = self._dispatcher()
        if dispatcher is None:
            raise UsageError("alertbot is only just starting: try again in a minute")
        try:
            answer = await _Execution(dispatcher, self._keeper, requester).run(order)
        except UsageError as error:
            refused = ordered_by(requester, dispatcher.now(), ChangeKind.REFUSED, before=None, after=str(error))
            await self._keeper.do(changes.record, refused)
            raise
        done = "asked whether that is meant" if isinstance(answer, Preview) else plain(Message(answer))
        log.info('%s: "%s": %s', requester.person.name, requester.words, done)
        return answer


@dataclass(frozen=True)
class _Execution:
    """Carries out one order."""

    dispatcher: Dispatcher
    keeper: Storekeeper
    requester: Requester

    async def run(self, order: Order) -> str | Preview:
        """Do what the order says: what was done, as mrkdwn."""
        match order:
            case Ack():
                return await self._acknowledge(order)
            case Unack():
                return await self._unacknowledge(order)
            case CastVote():
                return await self._vote(order)
            case KeepPosting():
                return await LearningOrders(self.dispatcher, self.keeper, self.requester).keep_posting(order)
        return await self._run_as_admin(order)

    async def _run_as_admin(self, order: Silence | Unsilence | LearnSilence) -> str | Preview:
        self._must_be_admin()
        silences = SilenceOrders(self.dispatcher, self.keeper, self.requester)
        match order:
            case Silence():
                return await silences.silence(order)
            case Unsilence():
                return await silences.unsilence(order)
            case LearnSilence():
                return await LearningOrders(self.dispatcher, self.keeper, self.requester).learn_silence(order)

    def _must_be_admin(self) -> None:
        admins, who = self.dispatcher.slack.admins, self.requester.person
        if admins and who.id is not None and who.id not in admins:
            raise UsageError(
                "only those listed as admins may silence here; anyone may acknowledge, which stops reminders"
            )

    async def _acknowledge(self, order: Ack) -> str:
        who, number, note = self.requester.person, order.number, order.note
        if number is None:
            number, note = await self._waiting(note)
        known = await self.keeper.do(incidents.load, number)
        until = None if known is None else expires(known, self.dispatcher.watch.rules, self.dispatcher.now())
        said = Note(_kind_of_ack(known), by=who.name, reason=note, until=until)
        turn = self.dispatcher.turn(changed={number: (said,)})
        incident = await self.keeper.do(orders.acknowledge, number, self.requester, note, until, turn, turn.now)
        incident = self._open(incident, number, "acknowledge")
        await self.dispatcher.note_acknowledged()
        if said.kind is NoteKind.NOTED and not note:
            return f"#{number} is already acknowledged, by {escape(incident.progress.acked_by or '')}."
        self.dispatcher.wake()
        if said.kind is NoteKind.NOTED:
            return f"Noted in the thread of #{number}."
        undo = code(f"{self.requester.command(self.dispatcher.slack.command)} unack #{number}")
        ends = "until it resolves" if until is None else f"until {self._clock(until)}, or until it resolves"
        stopped = f" Reminders stopped {ends} or gets worse." if incident.reminds else ""
        return f"Acknowledged #{number}.{stopped} Undo: {undo}"

    async def _unacknowledge(self, order: Unack) -> str:
        number = order.number if order.number is not None else await self._acknowledged()
        turn = self.dispatcher.turn(changed={number: (Note(NoteKind.UNACKED, by=self.requester.person.name),)})
        incident = await self.keeper.do(orders.unacknowledge, number, self.requester, turn, turn.now)
        incident = self._open(incident, number, "hand back")
        if incident.progress.acked_at is None:
            raise UsageError(f"#{number} is not acknowledged")
        self.dispatcher.wake()
        return f"#{number} is open again{': reminders go on' if incident.reminds else ''}."

    async def _vote(self, order: CastVote) -> str:
        number, useful = order.number, order.useful
        incident = await self.keeper.do(incidents.load, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}")
        if incident.closed is None:
            raise UsageError(f"#{number} is still open: say whether it was useful once it is over")
        if not incident.alerts:
            raise UsageError(f"#{number} is about no rule: votes are about rules")
        now = self.dispatcher.now()
        await self.keeper.do(orders.vote, incident, self.requester, with_votes_shown, now, useful=useful)
        self.dispatcher.wake()
        return f"Noted: #{number} was {Vote('', useful).word}."

    def _open(self, incident: Incident | None, number: int, what: str) -> Incident:
        """The incident, which must be there and open."""
        if incident is None:
            raise UsageError(f"there is no incident #{number}")
        if incident.closed is not None:
            raise UsageError(f"#{number} is over since {self._clock(incident.closed)}: there is nothing left to {what}")
        return incident

    async def _waiting(self, note: str) -> tuple[int, str]:
        """The number of the only incident that waits for somebody here, or of that of a domain; and the note."""
        opened = await self._opened()
        word, _, rest = note.partition(" ")
        domain = self._domain(word)
        named = [one for one in opened if domain in series_of(one.firing)]
        if named:
            opened, note = named, rest
        elif domain is not None and not rest:
            raise UsageError(f"no open incident {self._here} is about {domain}")
        waiting = [one for one in opened if one.progress.acked_at is None]
        if not named:
            waiting = await self._read(waiting)
        if len(waiting) == 1:
            return waiting[0].number, note
        where = f"of {word}" if named else self._here
        if opened and not waiting:
            raise UsageError(f"every open incident {where} is acknowledged")
        if not waiting:
            raise UsageError(f"no incident is open {where}")
        raise UsageError(f"{len(waiting)} incidents are open {where}: say which of {_numbers(waiting)}")

    def _domain(self, word: str) -> str | None:
        """The domain that a note's first word names; ``None`` where it is a word of the note."""
        try:
            return resolve(word, self.dispatcher.watch.series)
        except UsageError:
            return None

    async def _acknowledged(self) -> int:
        """The number of the only acknowledged incident here."""
        acked = [one for one in await self._opened() if one.progress.acked_at is not None]
        if len(acked) == 1:
            return acked[0].number
        if not acked:
            raise UsageError(f"no incident is acknowledged {self._here}")
        raise UsageError(f"{len(acked)} incidents are acknowledged {self._here}: say which of {_numbers(acked)}")

    def _clock(self, epoch: float) -> str:
        return format_clock(epoch, self.dispatcher.slack.zone, self.dispatcher.now())

    @property
    def _here(self) -> str:
        return "in this channel" if self.requester.channels else "anywhere"

    async def _opened(self) -> list[Incident]:
        """The open incidents of the requester's channel, if there is one."""
        channels = self.requester.channels
        opened = await self.keeper.do(incidents.open_incidents)
        return [one for one in opened if not channels or one.channel in channels]

    async def _read(self, waiting: list[Incident]) -> list[Incident]:
        """Those that people in Slack can have read of; who acknowledges what is open means nothing that is to come."""
        unread = await self.keeper.do(outbox.unattempted) if self.requester.channels else set()
        read = [one for one in waiting if one.number not in unread]
        if waiting and not read:
            raise UsageError(f"{_numbers(waiting)} is being posted: read it first, then acknowledge it by its number")
        return read


def _kind_of_ack(incident: Incident | None) -> NoteKind:
    """What an acknowledgement is for an incident as it stands."""
    if incident is None or incident.progress.acked_at is None:
        return NoteKind.ACKED
    return NoteKind.NOTED if incident.progress.asked_at is None else NoteKind.STILL_ON_IT


def _numbers(found: list[Incident]) -> str:
    return ", ".join(f"#{one.number}" for one in found[:10])
