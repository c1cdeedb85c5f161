"""``alertbot dashboard``: a dashboard for Grafana, over the metrics of a service with ``[metrics] series``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_OF = 'instance=~"$instance|"'  # what was backfilled has no instance
_WIDTH = 24

Query = tuple[str, str]
"""A legend and an expression."""


def dashboard_json() -> str:
    """The dashboard as JSON, which asks where it is opened for the data source, the instance and the domain."""
    return json.dumps(_dashboard(), indent=2)


def _dashboard() -> dict[str, Any]:
    return {
        "title": "alertbot",
        "uid": "alertbot-series",
        "tags": ["alertbot"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": [_incidents()]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_laid_out(_panels()), 1)],
    }


def _variables() -> list[dict[str, Any]]:
    asked = {"type": "query", "datasource": _SOURCE, "refresh": 2, "sort": 1}
    return [
        {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"},
        {**asked, "name": "instance", "query": "label_values(alertbot_build_info, instance)"},
        {**asked, "name": "domain", "query": f"label_values(alertbot_bandwidth_bits_per_second{{{_OF}}}, domain)"},
    ]


def _incidents() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": f"alertbot_incident_open{{{_OF}}}",
        "titleFormat": "#{{incident}} {{rule}} {{domain}}{{series}}",
        "tagKeys": "severity,kind",
    }


def _panels() -> Iterator[dict[str, Any]]:
    age = _of("age", "time() - alertbot_feed_data_timestamp_seconds")
    for title, unit, query in (
        ("Age of the data", "s", age),
        ("Healthy (1) or not (0)", "none", _of("", "alertbot_healthy")),
        ("Open incidents", "none", _of("", "alertbot_open_incidents")),
        ("Domains watched", "none", _of("", "alertbot_watched_domains")),
    ):
        yield _panel("stat", title, (6, 4), unit, query)
    largest = _carried("domain", 'domain!=""')
    yield _bandwidth("Whole account", 24, *_compared('series="total"'))
    yield _bandwidth("$domain", 24, *_compared('domain="$domain"'))
    yield _bandwidth("Largest domains", 12, ("{{domain}}", f"topk(10, {largest})"))
    yield _bandwidth("Sums of groups", 12, ("{{series}}", _carried("series", 'series=~"sum:.*"')))
    yield _panel("timeseries", "Age of the data", (12, 8), "s", age)
    yield _panel("timeseries", "From proof to Slack, alerts of a day", (12, 8), "s", _latency(0.5), _latency(0.95))
    calls = "{{outcome}}", f"60 * rate(alertbot_api_calls_total{{{_OF}}}[5m])"
    yield _panel(
        "timeseries", "Calls of the API a minute", (8, 8), "none", calls, _of("left", "alertbot_api_calls_left")
    )
    owed, oldest = _of("{{state}}", "alertbot_outbox_messages"), _of("age", "alertbot_outbox_oldest_seconds")
    yield _panel("timeseries", "Messages owed to Slack", (8, 8), "none", owed)
    yield _panel("timeseries", "Oldest message owed to Slack", (8, 8), "s", oldest)


def _of(legend: str, expression: str) -> Query:
    return legend, f"{expression}{{{_OF}}}"


def _carried(by: str, which: str, offset: str = "") -> str:
    """Bandwidth by a label, scraped or backfilled."""
    return f"max by ({by}) (alertbot_bandwidth_bits_per_second{{{which},{_OF}}}{offset})"


def _compared(which: str) -> Iterator[Query]:
    label = which.partition("=")[0]
    for legend, offset in (("now", ""), ("yesterday", " offset 1d"), ("a week earlier", " offset 1w")):
        yield legend, _carried(label, which, offset)


def _latency(share: float) -> Query:
    buckets = f"rate(alertbot_alert_latency_seconds_bucket{{{_OF}}}[1d])"
    return f"{share:.0%} within", f"histogram_quantile({share}, sum by (le) ({buckets}))"


def _bandwidth(title: str, width: int, *queries: Query) -> dict[str, Any]:
    """A panel that asks for no more than there is: a slot each five minutes, and a gap where nothing is known."""
    return {**_panel("timeseries", title, (width, 8), "bps", *queries), "interval": "5m"}


def _panel(kind: str, title: str, size: tuple[int, int], unit: str, *queries: Query) -> dict[str, Any]:
    drawn = {"min": 0, "custom": {"spanNulls": False}} if kind == "timeseries" else {}
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": dict(zip("wh", size, strict=True)),
        "fieldConfig": {"defaults": {"unit": unit, **drawn}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for place, (legend, expression) in enumerate(queries)
        ],
    }


def _laid_out(panels: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each where there is room for it: from left to right, then below."""
    x = y = 0
    for panel in panels:
        size = panel["gridPos"]
        yield {**panel, "gridPos": {"x": x, "y": y, **size}}
        x += size["w"]
        if x >= _WIDTH:
            x, y = 0, y + size["h"]
