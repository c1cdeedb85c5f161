"""What is measured of the service, as Prometheus' metric families: https://prometheus.io/docs/practices/naming/.

Nothing here is global: what is counted lies in a ``Counts``, what merely stands is handed in as ``Gauges`` when
somebody asks. Nothing that is measured names a domain, a channel or a secret.
"""

from __future__ import annotations

import os
import platform
import resource
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE_LATEST", "Counts", "Gauges", "Histogram", "exposition"]

ALERTS = ("pending", "firing", "acked")
OUTBOX = ("queued", "sending", "unknown", "parked")
OUTCOMES = ("answered", "unreachable", "throttled", "garbled", "refused")
_EVALUATION = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELIVERY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc/self")


class Histogram:
    """How often a value was at most each of ``bounds``, ascending."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Each bound, and how many values were at most that."""
        names = [*map(str, self._bounds), "+Inf"]
        sums = (float(sum(self._counts[: index + 1])) for index in range(len(names)))
        return list(zip(names, sums, strict=True))


@dataclass
class Counts:
    """What was counted since the start: calls by outcome, slots judged, seconds of each judgement and each delivery."""

    calls: Counter[str] = field(default_factory=Counter)
    slots: int = 0
    evaluation: Histogram = field(default_factory=lambda: Histogram(_EVALUATION))
    delivery: Histogram = field(default_factory=lambda: Histogram(_DELIVERY))

    def judged(self, slots: int, seconds: float) -> None:
        """So many slots of series were judged, within so many seconds."""
        self.slots += slots
        if slots:
            self.evaluation.observe(seconds)


@dataclass(frozen=True)
class Gauges:
    """How things stand: ``None`` is what is not known.

    ``data_to``: epoch seconds up to which the data reaches. ``healthy``: whether the last cycle was. ``database``: how
    many bytes it has.
    """

    healthy: bool
    feed_up: bool
    data_to: int | None
    calls_left: int
    domains: int
    series: int
    waiting: int
    misconfigured: bool
    alerts: Mapping[str, int] | None
    incidents: int | None
    outbox: Mapping[str, int] | None
    database: int | None
    started: float


def exposition(counts: Counts, gauges: Gauges) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families((*_counted(counts), *_standing(gauges), *_process(gauges.started))))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _counted(counts: Counts) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "alertbot_api_calls", "Calls of the CDN's API, by what came of them.", labels=["outcome"]
    )
    for outcome in OUTCOMES:
        calls.add_metric([outcome], counts.calls[outcome])
    yield calls
    yield CounterMetricFamily("alertbot_slots_judged", "Slots of series that were judged.", value=counts.slots)
    yield HistogramMetricFamily(
        "alertbot_evaluation_duration_seconds",
        "Time that judging a batch of series took.",
        buckets=counts.evaluation.buckets(),
        sum_value=counts.evaluation.sum,
    )
    yield HistogramMetricFamily(
        "alertbot_delivery_latency_seconds",
        "Time from the commit of a message until Slack took it.",
        buckets=counts.delivery.buckets(),
        sum_value=counts.delivery.sum,
    )


def _standing(gauges: Gauges) -> Iterator[Metric]:
    yield _gauge("alertbot_build_info", "The version at work.", 1, version=version("alertbot"), python=_python())
    yield _gauge("alertbot_healthy", "Whether the last cycle was healthy, as /healthz says.", gauges.healthy)
    yield _gauge("alertbot_feed_up", "Whether the CDN's API answered the last probe.", gauges.feed_up)
    if gauges.data_to is not None:
        yield _gauge("alertbot_feed_data_timestamp_seconds", "The time up to which the data reaches.", gauges.data_to)
    yield _gauge("alertbot_api_calls_left", "Calls of the CDN's API that this minute has left.", gauges.calls_left)
    yield _gauge("alertbot_watched_domains", "Domains that are watched.", gauges.domains)
    yield _gauge("alertbot_watched_series", "Series that are judged.", gauges.series)
    yield _gauge("alertbot_waiting_series", "Series that wait for data of the newest slot.", gauges.waiting)
    yield _gauge(
        "alertbot_config_last_reload_successful",
        "Whether the last configuration is at work.",
        not gauges.misconfigured,
    )
    if gauges.alerts is not None:
        yield _by_state("alertbot_alerts", "Alerts under way, by state.", ALERTS, gauges.alerts)
    if gauges.incidents is not None:
        yield _gauge("alertbot_open_incidents", "Incidents that are open.", gauges.incidents)
    if gauges.outbox is not None:
        yield _by_state("alertbot_outbox_messages", "Messages owed to Slack, by state.", OUTBOX, gauges.outbox)
    if gauges.database is not None:
        yield _gauge("alertbot_database_size_bytes", "Size of the database and its journal.", gauges.database)


def _process(started: float) -> Iterator[Metric]:
    """The usual metrics of a process, of what a sandbox leaves to be read."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield CounterMetricFamily(
        "process_cpu_seconds", "CPU time spent by the process.", value=used.ru_utime + used.ru_stime
    )
    yield _gauge("process_start_time_seconds", "When the process began its work, since the epoch.", started)
    yield _gauge("process_max_fds", "Limit of open file descriptors.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        size, resident = (int(pages) * _PAGE for pages in (_PROC / "statm").read_text().split()[:2])
        open_files = len(list((_PROC / "fd").iterdir())) - 1  # one is this look itself
    except OSError:
        return
    yield _gauge("process_virtual_memory_bytes", "Virtual memory of the process.", size)
    yield _gauge("process_resident_memory_bytes", "Resident memory of the process.", resident)
    yield _gauge("process_open_fds", "Open file descriptors.", open_files)


def _gauge(name: str, what: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(name, what, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _by_state(name: str, what: str, states: Sequence[str], counts: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=["state"])
    for state in states:
        family.add_metric([state], counts.get(state, 0))
    return family


def _python() -> str:
    return platform.python_version()
