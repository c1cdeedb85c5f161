"""Tellers for tests of what is stored: they group nothing, hold nothing and word nothing of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from alertbot.incidents.decision import Decision, IncidentChange
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.incidents.silences import StoredSilence
from alertbot.store.outbox import NewMessage
from alertbot.store.turns import Pending


def nothing(_step: IncidentChange) -> Iterable[NewMessage]:
    return ()


@dataclass
class Apart:
    """A teller to whom every alert that fires is an incident of its own, and who words it with ``compose``.

    ``every``: it has something to say of every incident at work.
    """

    compose: Callable[[IncidentChange], Iterable[NewMessage]] = nothing
    every: bool = False
    seen: list[Pending] = field(default_factory=list)

    def decide(self, pending: Pending) -> Decision:
        self.seen.append(pending)
        opened = [
            Incident(-index, IncidentKind.ALERT, "#cdn", told.alert.since, 1.5, told.resolved and 1.5, (told,))
            for index, told in enumerate(pending.unposted, 1)
        ]
        over = [one for one in pending.incidents if one.closed is None and not one.firing]
        others = [one for one in pending.incidents if self.every and one not in over]
        steps = [
            *(IncidentChange(one, (one.alerts[0].number,), (), {}, closed=False, opened=True) for one in opened),
            *(IncidentChange(replace(one, closed=1.5), (), (), {}, closed=True) for one in over),
            *(IncidentChange(one, (), (), {}, closed=False) for one in others),
        ]
        return Decision(tuple(steps), (), (), ())

    def announce(self, _silence: StoredSilence) -> Iterable[NewMessage]:
        return ()

    def declare(self, _silence: StoredSilence, *, declared: bool) -> Iterable[NewMessage]:
        return ()

    def announce_learned(self, _silences, _suppressors) -> Iterable[NewMessage]:
        return ()


class Silent(Apart):
    """A teller who keeps everything to itself."""

    def decide(self, _pending: Pending) -> Decision:
        return Decision((), (), (), ())
