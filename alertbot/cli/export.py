"""``alertbot export``: the stored history as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from sqlite_utils import Database

from alertbot.alerts.replay import Span
from alertbot.cli.csv_history import write_csv
from alertbot.cli.span import span_of
from alertbot.config import load
from alertbot.config.domains import usable
from alertbot.query.names import resolve
from alertbot.rules.base import Array
from alertbot.store import samples, schema
from alertbot.units import DAY, SLOT


def export_history(
    config_path: Path, file: TextIO, *, first: str | None, last: str | None, domains: Sequence[str]
) -> None:
    """Write every stored domain, or those named, between two times, as ``domain,time,bps``."""
    config = load(config_path)
    database = schema.open_for_reading(config.store.path)
    try:
        known = usable(samples.domain_names(database))
        chosen = [resolve(domain, known) for domain in domains] or known
        newest = int(samples.known_spans(database, chosen)[1].max(initial=-1))
        span = span_of(first, last, config.slack.zone, newest)
        write_csv(file, _series(database, chosen, span))
    finally:
        database.close()


def _series(database: Database, names: Sequence[str], span: Span) -> Iterator[tuple[str, int, Array]]:
    days = samples.days(database)
    if not days:
        return
    first = max(span.first, days[0] * DAY)
    last = min(span.last, (days[-1] + 1) * DAY - SLOT)
    for name in names:
        yield name, first, samples.series_between(database, name, first, last)
