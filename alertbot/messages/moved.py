"""Where the traffic of an incident went, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alertbot.incidents.incident import Incident
from alertbot.incidents.moved import Moved
from alertbot.messages.alert import Markup
from alertbot.messages.incident_parts import Context
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.units import format_rate
from alertbot.words import at, listed

_MOST_NAMED = 3
_MOST_SUMMED = 8


def in_headline(incident: Incident) -> bool:
    """Whether the headline says that traffic moved: while what fell is down."""
    return bool(_told(incident)) and bool(incident.falling) and incident.progress.wide is None


def moved_sentence(incident: Incident, context: Context, markup: Markup) -> str:
    """Say who fell and who rose, by how much, when, and that the sum of all stayed."""
    moved = incident.progress.moved
    if moved is None:
        raise ValueError("nothing of this incident has moved")
    fell, rose = (_names([markup.name(series) for series, _ in each]) for each in (moved.fell, moved.rose))
    when = at(context.clock(moved.since))
    stayed = f"; {_sum(moved, markup)} did not change" if moved.told_by_sum else ""
    return f"{fell} fell and {rose} rose by about {format_rate(moved.amount)} {when}{stayed}."


def moved_lines(incident: Incident, context: Context, markup: Markup) -> Iterator[str]:
    """What the headline does not say of it."""
    moved = incident.progress.moved
    if _told(incident) and not in_headline(incident):
        yield moved_sentence(incident, context, markup)
    elif moved is not None and not moved.rose and not moved.over and _is_news(incident):
        yield "The total fell by the same amount: this traffic is on no other domain of the account."


def _is_news(incident: Incident) -> bool:
    """Whether it helps to know that the total fell, too: while it lasts, and where no other line says so."""
    return incident.closed is None and incident.progress.wide is None


def _names(names: Sequence[str]) -> str:
    """``a, b and c``, ``a, b and 7 more``."""
    return listed(names, _MOST_NAMED) if len(names) > _MOST_NAMED else " and ".join(", ".join(names).rsplit(", ", 1))


def _told(incident: Incident) -> bool:
    moved = incident.progress.moved
    return moved is not None and bool(moved.rose) and not moved.over


def _sum(moved: Moved, markup: Markup) -> str:
    return "the total" if moved.of == TOTAL else f"the sum of {markup.name(moved.of.removeprefix(SUM_PREFIX))}"


def moved_sums(moved: Moved, markup: Markup) -> str:
    """The sums by which it was decided: ``a -950 Mbps, b +930 Mbps; the total -20 Mbps, usual noise 130 Mbps``."""
    fell = [f"{markup.name(series)} -{format_rate(bps)}" for series, bps in moved.fell]
    rose = [f"{markup.name(series)} +{format_rate(bps)}" for series, bps in moved.rose]
    sign = "-" if moved.changed < 0 else "+"
    whole = f"{_sum(moved, markup)} {sign}{format_rate(abs(moved.changed))}, usual noise {format_rate(moved.noise)}"
    found = "rises not explained by the fall any more" if moved.over else "moved" if moved.rose else "left the account"
    return f"{found}: {listed([*fell, *rose], _MOST_SUMMED)}; {whole}"
