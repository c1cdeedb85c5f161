"""Carries out orders about silences: begins one, or has it last longer, and ends those that somebody means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alertbot.alerts.lifecycle import AlertKey
from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.coverage import domains_covered, is_wide, keys_of
from alertbot.incidents.orders import Preview, Requester, Silence, Unsilence
from alertbot.incidents.silences import INCIDENT_MARK, StoredSilence
from alertbot.messages.blocks import code, escape
from alertbot.messages.silences import target_words
from alertbot.query.targets import target_meant
from alertbot.service.dispatcher import Dispatcher
from alertbot.store import incidents, orders, silences
from alertbot.store.keeper import Storekeeper
from alertbot.units import format_clock
from alertbot.words import listed

SAME = 60.0
"""Seconds by which the end of a silence that is asked for twice may differ: two clicks are one."""

_MOST_NAMED = 5


@dataclass(frozen=True)
class SilenceOrders:
    """Carries out what one person orders."""

    dispatcher: Dispatcher
    keeper: Storekeeper
    requester: Requester

    async def silence(self, order: Silence) -> str | Preview:
        """Begin a silence, or have the one over the same last longer; a wide one is asked about first."""
        order, pairs = await self._resolved(order)
        watch, now = self._watch, self.dispatcher.now()
        covered = domains_covered(order.target, pairs, watch.domains, watch.groups, watch.selection)
        if is_wide(order.target, covered, len(watch.domains)) and not order.confirmed:
            return Preview(order, len(covered), len(watch.domains))
        what = target_words(order.target, len(covered))
        stored = await self.keeper.do(silences.not_ended, now)
        twin = next((each for each in stored if _is_same(each, order, pairs)), None)
        if twin is None:
            return self._silenced(what, await self._add(order, pairs), order.begins, order.ends)
        if order.ends > twin.ends + SAME:
            await self._extend(twin, order)
            return self._silenced(what, twin.number, twin.begins, order.ends)
        if order.ends > twin.ends - SAME:  # the same once more
            return self._silenced(what, twin.number, twin.begins, twin.ends)
        sooner = f"to end it sooner: {self._command(f'unsilence s{twin.number}')}"
        return f"Silenced {what} until {self._clock(twin.ends)} already (s{twin.number}), which stays; {sooner}"

    async def unsilence(self, order: Unsilence) -> str:
        """End a silence by its number, or those over a target and nothing else."""
        now = self.dispatcher.now()
        stored = [each for each in await self.keeper.do(silences.not_ended, now) if each.ends > now]
        if order.number is not None:
            ending = [each for each in stored if each.number == order.number]
            if not ending:
                there = f": there are {self._listed(stored)}" if stored else ""
                raise UsageError(f"there is no silence s{order.number} to end{there}")
        else:
            ending = await self._over(order.target, stored)
        for each in ending:
            turn = self.dispatcher.turn()
            await self.keeper.do(orders.unsilence, each, self.requester, turn, turn.now)
        self.dispatcher.wake()
        ended = listed((f"{code(each.target)} by {escape(each.author)} (s{each.number})" for each in ending), 20)
        return f"Ended the silence of {ended}.{self._still(ending, stored)}"

    def _still(self, ended: Sequence[StoredSilence], stored: Sequence[StoredSilence]) -> str:
        """What silences the same, or some of it, all the same."""
        gone = frozenset[AlertKey]().union(*map(self._keys, ended))
        left = [each for each in stored if each not in ended and each.in_force(self.dispatcher.now())]
        over = [each for each in left if gone & self._keys(each)]
        return f" Still silenced by {escape(self._listed(over))}." if over else ""

    async def _over(self, target: str, stored: Sequence[StoredSilence]) -> list[StoredSilence]:
        """The silences over what is meant and nothing else; ``UsageError`` where there are none."""
        meant, target = await self._meant(target)
        ending = [each for each in stored if each.target == target or (self._keys(each) and self._keys(each) <= meant)]
        if ending:
            return ending
        if wider := [each for each in stored if meant & self._keys(each)]:
            covers = "covers more" if len(wider) == 1 else "cover more"
            raise UsageError(
                f'"{target}" is silenced by {self._listed(wider)}, which {covers}:'
                f' "unsilence s{wider[0].number}" ends {"it" if len(wider) == 1 else "the first"}'
            )
        what = f"silenced are {self._listed(stored)}" if stored else "nothing is"
        raise UsageError(f'"{target}" is not silenced: {what}')

    async def _meant(self, target: str) -> tuple[frozenset[AlertKey], str]:
        """Rule and series of all that a target means, and the target as it is stored."""
        if target.startswith(INCIDENT_MARK):
            number = int(target.removeprefix(INCIDENT_MARK))
            incident = await self.keeper.do(incidents.load, number)
            if incident is None:
                raise UsageError(f'there is no incident #{number}; a silence is written "s{number}"')
            return frozenset(each.key for each in incident.alerts), target
        target = target_meant(target, self._watch)
        return self._keys(StoredSilence(0, target, 0.0, 0.0, "", "", "")), target

    async def _add(self, order: Silence, pairs: list[AlertKey] | None) -> int:
        turn = self.dispatcher.turn()
        channel = self.requester.channel or self.dispatcher.slack.channel
        number = await self.keeper.do(orders.silence, order, self.requester, channel, pairs, turn, turn.now)
        self.dispatcher.wake()
        return number

    async def _extend(self, silence: StoredSilence, order: Silence) -> None:
        turn = self.dispatcher.turn()
        await self.keeper.do(orders.extend, silence, order.ends, order.reason, self.requester, turn, turn.now)
        self.dispatcher.wake()

    def _silenced(self, what: str, number: int, begins: float, ends: float) -> str:
        from_ = "" if begins <= self.dispatcher.now() else f"from {self._clock(begins)} "
        undo = self._command(f"unsilence s{number}")
        return f"Silenced {what} {from_}until {self._clock(ends)} (s{number}). Undo: {undo}"

    async def _resolved(self, order: Silence) -> tuple[Silence, list[AlertKey] | None]:
        """The order as it is stored, and the alerts of the incident where it names one; the target must exist."""
        if order.target.startswith(INCIDENT_MARK):
            return order, await self._pairs(int(order.target.removeprefix(INCIDENT_MARK)))
        return replace(order, target=target_meant(order.target, self._watch)), None

    async def _pairs(self, number: int) -> list[AlertKey]:
        incident = await self.keeper.do(incidents.load, number)
        if incident is None:
            raise UsageError(f"there is no incident #{number}")
        if incident.closed is not None:
            raise UsageError(f"#{number} is over: silence a domain or a rule instead")
        if not (pairs := sorted({each.key for each in incident.firing})):
            raise UsageError(f"#{number} has no alerts that could be silenced: acknowledge it instead")
        return pairs

    def _keys(self, silence: StoredSilence) -> frozenset[AlertKey]:
        return keys_of(silence, self._watch.groups, self._watch.selection)

    def _listed(self, found: Sequence[StoredSilence]) -> str:
        """Silences in plain text."""
        each = (f"s{one.number} ({one.target} until {self._clock(one.ends)} by {one.author})" for one in found)
        return listed(each, _MOST_NAMED)

    def _command(self, words: str) -> str:
        return code(f"{self.requester.command(self.dispatcher.slack.command)} {words}")

    def _clock(self, epoch: float) -> str:
        return format_clock(epoch, self.dispatcher.slack.zone, self.dispatcher.now())

    @property
    def _watch(self) -> Watch:
        return self.dispatcher.watch


def _is_same(stored: StoredSilence, order: Silence, pairs: list[AlertKey] | None) -> bool:
    """Whether a silence is over the same, and was not ended before this one begins."""
    alike = stored.target == order.target and stored.cancelled_by is None
    covers = pairs is None or stored.pairs is None or stored.pairs >= set(pairs)
    return alike and covers and stored.begins <= order.begins + SAME and stored.ends >= order.begins
