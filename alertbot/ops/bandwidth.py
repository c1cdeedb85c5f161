"""The bandwidth of series as Prometheus reads it: a gauge of which every sample has the time of its own slot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

Sample = tuple[Mapping[str, str], int, float]
"""The labels, the slot (epoch seconds) and bit/s."""

END = "# EOF\n"


def bandwidth_text(samples: Iterable[Sample]) -> bytes:
    """What Prometheus scrapes of samples; those of one series follow each other, the oldest first."""
    return generate_latest(_Families(_bandwidth(samples)))


def incidents_text(open_incidents: Iterable[Mapping[str, str]]) -> bytes:
    """What Prometheus scrapes of open incidents, of which the labels are given."""
    incidents = Metric("alertbot_incident_open", "1 while an incident is open.", "gauge")
    for labels in open_incidents:
        incidents.add_sample(incidents.name, dict(labels), 1)
    return generate_latest(_Families(incidents))


def openmetrics_text(series: Iterable[Iterable[Sample]]) -> Iterator[str]:
    """OpenMetrics text of one series after the other, as ``promtool`` backfills it, whatever its size."""
    head = _openmetrics(())
    yield head
    for samples in series:
        yield _openmetrics(samples).removeprefix(head)
    yield END


def _openmetrics(samples: Iterable[Sample]) -> str:
    text: bytes = openmetrics.generate_latest(_Families(_bandwidth(samples)))  # type: ignore[no-untyped-call]
    return text.decode().removesuffix(END)


def _bandwidth(samples: Iterable[Sample]) -> Metric:
    what = "What was carried in the five minutes that begin at the time of the sample."
    family = Metric("alertbot_bandwidth_bits_per_second", what, "gauge")
    for labels, slot, value in samples:
        family.add_sample(family.name, dict(labels), value, slot)
    return family


class _Families(Collector):
    """Families as a registry hands them out."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families
