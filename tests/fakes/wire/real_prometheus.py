"""A real Prometheus, as Debian has it, that scrapes one target on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from alertbot.cli.dashboard import dashboard_json
from fakes.rigs.stage import Actor
from fakes.rigs.waiting import wait_for

BINARY = shutil.which("prometheus")

_CONFIG = """
global:
  scrape_interval: {interval}
  scrape_timeout: {interval}
scrape_configs:
  - job_name: alertbot
    static_configs: [{{targets: ["{target}"]}}]
storage:
  tsdb:
    out_of_order_time_window: {window}
"""


class Prometheus:
    """Scrapes ``target`` while it is entered. ``folder / "data"`` may hold blocks of what was before.

    ``window``: how much older than its newest sample it takes others. ``more``: of its environment.
    """

    def __init__(
        self,
        folder: Path,
        target: str,
        *,
        interval: str = "1s",
        window: str = "0s",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._environment = {**os.environ, **(more or {})}
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(_CONFIG.format(interval=interval, target=target, window=window))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self._client = httpx.Client(base_url=f"http://{self._address}", trust_env=False, verify=False, timeout=60)

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._actor.drop()
        self._client.close()

    def restart(self, number: signal.Signals) -> None:
        """End it by a signal and start it again."""
        self._actor.end(number)
        self._start()

    def _start(self) -> None:
        command = [
            str(BINARY),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            "--storage.tsdb.retention.time=10y",
            f"--web.listen-address={self._address}",
        ]
        self._actor = Actor(command, self._folder / "log", self._environment)
        wait_for(self._ready, "Prometheus")

    @property
    def log(self) -> str:
        """All that it printed, restarts included."""
        return self._actor.output.read_text()

    def query(self, expression: str, time: float | None = None) -> list[dict[str, Any]]:
        """What an expression comes to, at a time or now."""
        data = {"query": expression} | ({} if time is None else {"time": str(time)})
        return self._ask("query", data)

    def query_range(self, expression: str, start: float, end: float, step: int) -> list[dict[str, Any]]:
        """What an expression comes to at each step of a span."""
        data = {"query": expression, "start": str(start), "end": str(end), "step": str(step)}
        return self._ask("query_range", data)

    def _ask(self, what: str, data: dict[str, str]) -> list[dict[str, Any]]:
        answer = self._client.post(f"/api/v1/{what}", data=data).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def _ready(self) -> bool:
        assert self._actor.code is None, self.log
        try:
            return self._client.get("/-/ready").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


def raw(prometheus: Prometheus, metric: str, span: str, until: float) -> dict[str, dict[int, float]]:
    """Every sample of a metric within a span, by domain or series and time."""
    found: dict[str, dict[int, float]] = {}
    for each in prometheus.query(f"{metric}[{span}]", until):
        name = each["metric"].get("domain") or each["metric"]["series"]
        found.setdefault(name, {}).update((int(at), float(value)) for at, value in each["values"])
    return found


def asked_by_dashboard(instance: str, domain: str) -> dict[str, str]:
    """Every query of the dashboard by what asks it, with a choice for each variable."""
    dashboard = json.loads(dashboard_json())
    queries = {f"{p['id']} {p['title']} {t['refId']}": t["expr"] for p in dashboard["panels"] for t in p["targets"]}
    queries |= {each["name"]: each["expr"] for each in dashboard["annotations"]["list"]}
    for variable in dashboard["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
        assert asked is not None, variable
        queries[variable["name"]] = f"count by ({asked[2]}) ({asked[1]})"
    chosen = {"$instance": instance, "$domain": domain}
    for name, value in chosen.items():
        queries = {title: query.replace(name, value) for title, query in queries.items()}
    return queries
