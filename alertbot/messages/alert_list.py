"""Many alerts in few lines: what they have in common is said once, then each with its figure, the largest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alertbot.incidents.incident import FiredAlert
from alertbot.incidents.thread_notes import MOST_LISTED
from alertbot.messages.alert import Markup, in_a_list, short_names, within
from alertbot.messages.incident_parts import NO_OUTAGES, Context, sentence
from alertbot.rules.wording import Listed
from alertbot.units import format_rate

_LONG = 1_500
"""Characters after which a line goes on in the next, so that those of very many fit into paragraphs."""


def alert_lines(
    alerts: Sequence[FiredAlert], context: Context, markup: Markup, outages: Mapping[int, Sequence[int]] = NO_OUTAGES
) -> Iterator[str]:
    """Up to 20 alerts; the rest are counted."""
    yield from all_alert_lines(alerts[:MOST_LISTED], context, markup, outages)
    if len(alerts) > MOST_LISTED:
        yield f"and {len(alerts) - MOST_LISTED:,} more; the thread lists them all"


def all_alert_lines(
    alerts: Sequence[FiredAlert], context: Context, markup: Markup, outages: Mapping[int, Sequence[int]] = NO_OUTAGES
) -> Iterator[str]:
    """All of them: a sentence for what is alone in its kind. ``outages`` are those of their incident."""
    alike: dict[str, list[tuple[FiredAlert, Listed | None]]] = {}
    for told in alerts:
        rule, begun = context.rules.get(told.alert.rule), outages.get(told.number, ())
        listed = in_a_list(rule, told.alert, told.reason, context.zone, context.now, begun)
        alike.setdefault(f"#{told.number}" if listed is None else listed.what, []).append((told, listed))
    for what, found in alike.items():
        figures = [(told, listed.rates) for told, listed in found if listed is not None]
        if len(figures) > 1:
            yield from _lines(what, figures, markup)
        else:
            yield from (sentence(told, context, markup, outages) for told, _ in found)


def _lines(what: str, figures: Sequence[tuple[FiredAlert, Sequence[float]]], markup: Markup) -> Iterator[str]:
    """``Dark since 03:20, before: dl1 473 Mbps, img 296``: a unit that stays the same is not repeated."""
    ordered = sorted(figures, key=lambda each: (-max(each[1]), each[0].alert.series))
    short, parent = short_names([told.alert.series for told, _ in ordered])
    line, unit = f"{what} (all in {markup.name(parent)}): " if parent else f"{what}: ", ""
    for index, ((told, rates), name) in enumerate(zip(ordered, short, strict=True)):
        if len(line) > _LONG:
            yield f"{line},"
            line, unit = "", ""
        figure = " of ".join(map(format_rate, rates))
        value, own = figure.split()[0], figure.split()[1] if len(rates) == 1 else ""
        comma = ", " if index and line else ""
        who = markup.name(name) if parent else within(told.alert.series, markup)
        line += f"{comma}{who} {value if own and own == unit else figure}"
        unit = own
    yield line
