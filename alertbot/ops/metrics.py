"""What is measured of the service, as Prometheus' metric families: https://prometheus.io/docs/practices/naming/.

Nothing here is global: ``Counts`` counts in a registry of its own, and ``Gauges``, how things stand, is handed in when
somebody asks. Nothing that is measured names a domain, a channel or a secret.
"""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["CONTENT_TYPE_LATEST", "Counts", "Gauges", "exposition"]

ALERTS = ("pending", "firing", "acked")
OUTBOX = ("queued", "sending", "unknown", "parked")
OUTCOMES = ("answered", "unreachable", "throttled", "garbled", "refused")
_EVALUATION = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ALERT = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_DELIVERY = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc/self")

# Each counter and histogram would bring a series that says when it began: the process' start says that of all of them.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Counts:
    """What was counted since the start: calls by outcome, slots judged, seconds of each judgement and each delivery."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "alertbot_api_calls", "Calls of the CDN's API, by what came of them.", ["outcome"], registry=self.registry
        )
        for outcome in OUTCOMES:
            self.calls.labels(outcome)  # shown as 0 before the first one
        self._slots = Counter("alertbot_slots_judged", "Slots of series that were judged.", registry=self.registry)
        self._evaluation = Histogram(
            "alertbot_evaluation_duration_seconds",
            "Time that judging a batch of series took.",
            buckets=_EVALUATION,
            registry=self.registry,
        )
        self.delivery = Histogram(
            "alertbot_delivery_latency_seconds",
            "Time from the commit of a message until Slack took it.",
            buckets=_DELIVERY,
            registry=self.registry,
        )
        self.alert_latency = Histogram(
            "alertbot_alert_latency_seconds",
            "Time from when the slot that decides could be known until Slack took the message of its alert.",
            buckets=_ALERT,
            registry=self.registry,
        )

    def judged(self, slots: int, seconds: float) -> None:
        """Count so many slots of series as judged within so many seconds; none is no judgement."""
        self._slots.inc(slots)
        if slots:
            self._evaluation.observe(seconds)


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
    outbox_oldest: float | None
    database: int | None
    started: float


def exposition(counts: Counts, gauges: Gauges) -> bytes:
    """The text that Prometheus scrapes."""
    registry = CollectorRegistry()
    _standing(gauges, registry)
    _process(gauges.started, registry)
    return generate_latest(counts.registry) + generate_latest(registry)


def _standing(gauges: Gauges, registry: CollectorRegistry) -> None:
    def gauge(name: str, what: str, value: float | None) -> None:
        if value is not None:
            Gauge(f"alertbot_{name}", what, registry=registry).set(value)

    def by_state(name: str, what: str, states: Sequence[str], counts: Mapping[str, int] | None) -> None:
        if counts is not None:
            family = Gauge(f"alertbot_{name}", what, ["state"], registry=registry)
            for state in states:
                family.labels(state).set(counts.get(state, 0))

    build = Gauge("alertbot_build_info", "The version at work.", ["version", "python"], registry=registry)
    build.labels(version("alertbot"), platform.python_version()).set(1)
    gauge("healthy", "Whether the last cycle was healthy, as /healthz says.", gauges.healthy)
    gauge("feed_up", "Whether the CDN's API answered the last probe.", gauges.feed_up)
    gauge("feed_data_timestamp_seconds", "The time up to which the data reaches.", gauges.data_to)
    gauge("api_calls_left", "Calls of the CDN's API that this minute has left.", gauges.calls_left)
    gauge("watched_domains", "Domains that are watched.", gauges.domains)
    gauge("watched_series", "Series that are judged.", gauges.series)
    gauge("waiting_series", "Series that wait for data of the newest slot.", gauges.waiting)
    gauge("config_last_reload_successful", "Whether the last configuration is at work.", not gauges.misconfigured)
    by_state("alerts", "Alerts under way, by state.", ALERTS, gauges.alerts)
    gauge("open_incidents", "Incidents that are open.", gauges.incidents)
    by_state("outbox_messages", "Messages owed to Slack, by state.", OUTBOX, gauges.outbox)
    gauge("outbox_oldest_seconds", "Age of the oldest message that waits for Slack.", gauges.outbox_oldest)
    gauge("database_size_bytes", "Size of the database and its journal.", gauges.database)


def _process(started: float, registry: CollectorRegistry) -> None:
    """Measure the process, of what a sandbox leaves to be read.

    prometheus-client's own ``ProcessCollector`` says nothing at all where /proc/stat is hidden, as our unit's
    ``ProcSubset=pid`` hides it.
    """

    def gauge(name: str, what: str, value: float) -> None:
        Gauge(f"process_{name}", what, registry=registry).set(value)

    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = Counter("process_cpu_seconds", "CPU time spent by the process.", registry=registry)
    cpu.inc(used.ru_utime + used.ru_stime)
    gauge("start_time_seconds", "When the process began its work, since the epoch.", started)
    gauge("max_fds", "Limit of open file descriptors.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        size, resident = (int(pages) * _PAGE for pages in (_PROC / "statm").read_text().split()[:2])
        open_files = len(list((_PROC / "fd").iterdir())) - 1  # one is this look itself
    except OSError:
        return
    gauge("virtual_memory_bytes", "Virtual memory of the process.", size)
    gauge("resident_memory_bytes", "Resident memory of the process.", resident)
    gauge("open_fds", "Open file descriptors.", open_files)
