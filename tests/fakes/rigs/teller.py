"""Tellers for tests of what is stored: they group nothing, hold nothing and word nothing of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from alertbot.incidents.decision import Minutes, Step
from alertbot.incidents.incident import Incident, IncidentKind
from alertbot.incidents.silences import HeldSilence
from alertbot.store.outbox import Draft
from alertbot.store.store import Docket


def nothing(_step: Step) -> Iterable[Draft]:
    return ()


@dataclass
class Apart:
    """A teller to whom every alert that fires is an incident of its own, and who words it with ``compose``.

    ``every``: it has something to say of every incident at work.
    """

    compose: Callable[[Step], Iterable[Draft]] = nothing
    every: bool = False
    seen: list[Docket] = field(default_factory=list)

    def decide(self, docket: Docket) -> Minutes:
        self.seen.append(docket)
        opened = [
            Incident(-index, IncidentKind.ALERT, "#cdn", told.alert.since, 1.5, told.resolved and 1.5, (told,))
            for index, told in enumerate(docket.untold, 1)
        ]
        over = [one for one in docket.incidents if one.closed is None and not one.burning]
        others = [one for one in docket.incidents if self.every and one not in over]
        steps = [
            *(Step(one, (one.alerts[0].number,), (), {}, closed=False, opened=True) for one in opened),
            *(Step(replace(one, closed=1.5), (), (), {}, closed=True) for one in over),
            *(Step(one, (), (), {}, closed=False) for one in others),
        ]
        return Minutes(tuple(steps), (), (), ())

    def announce(self, _silence: HeldSilence) -> Iterable[Draft]:
        return ()


class Silent(Apart):
    """A teller who keeps everything to itself."""

    def decide(self, _docket: Docket) -> Minutes:
        return Minutes((), (), (), ())
