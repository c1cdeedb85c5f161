"""``alertbot export``: the stored history as CSV, or as OpenMetrics for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from sqlite_utils import Database

from alertbot.alerts.replay import Span
from alertbot.cli.csv_history import write_csv
from alertbot.cli.span import span_of
from alertbot.config import load
from alertbot.config.domains import usable
from alertbot.ops.bandwidth import Sample, openmetrics_text
from alertbot.query.names import labels_of, resolve
from alertbot.rules.base import Array
from alertbot.rules.selection import is_domain
from alertbot.store import samples, schema
from alertbot.units import DAY, SLOT


def export_history(
    config_path: Path, file: TextIO, *, first: str | None, last: str | None, domains: Sequence[str], openmetrics: bool
) -> None:
    """Write every stored domain, or those named, between two times, as ``domain,time,bps``.

    As ``openmetrics`` sums and the total are among them.
    """
    config = load(config_path)
    with schema.reading(config.store.path) as database:
        known = usable(samples.domain_names(database))
        if openmetrics:
            known += tuple(name for name in samples.series_names(database) if not is_domain(name))
        chosen = [resolve(domain, known) for domain in domains] or known
        newest = int(samples.known_spans(database, chosen)[1].max(initial=-1))
        series = _series(database, chosen, span_of(first, last, config.slack.zone, newest))
        if openmetrics:
            file.writelines(openmetrics_text(_known(*each) for each in series))
        else:
            write_csv(file, series)


def _series(database: Database, names: Sequence[str], span: Span) -> Iterator[tuple[str, int, Array]]:
    days = samples.days(database)
    if not days:
        return
    first = max(span.first, days[0] * DAY)
    last = min(span.last, (days[-1] + 1) * DAY - SLOT)
    if first > last:  # nothing is stored of that time
        return
    for name in names:
        yield name, first, samples.series_between(database, name, first, last)


def _known(name: str, first: int, values: Array) -> Iterator[Sample]:
    labels = labels_of(name)
    for row in np.flatnonzero(~np.isnan(values)).tolist():
        yield labels, first + SLOT * row, float(values[row])
