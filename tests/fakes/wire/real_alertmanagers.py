"""Real Alertmanagers, as Debian has them, in a cluster on loopback, and the receiver that they notify."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path
from typing import Any, Self

import httpx

from fakes.rigs.stage import Actor
from fakes.rigs.waiting import wait_for
from fakes.wire.alertmanager import Page
from fakes.wire.loopback import Notified
from fakes.wire.pagerduty import PagerDuty

BINARY = shutil.which("prometheus-alertmanager")

ROUTE = """
route:
  receiver: pager
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: pager
    webhook_configs:
      - url: {url}
"""


class Pager(Notified):
    """An HTTP server that takes notifications, as a pager's service would."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []

    def answer(self, told: Any) -> tuple[int, bytes]:
        """Take a notification."""
        self.pages.append(Page(time.time(), told["status"], tuple(told["alerts"]), told["externalURL"]))
        return 200, b""

    def of(self, name: str) -> list[Page]:
        """The notifications about alerts of this name."""
        return [page for page in self.pages if any(each["labels"]["alertname"] == name for each in page.alerts)]


class Cluster:
    """So many Alertmanagers that gossip, all running while it is entered; ``route``: their configuration."""

    def __init__(
        self,
        folder: Path,
        pager: Pager | PagerDuty,
        size: int,
        *,
        prefix: str = "",
        route: str = ROUTE,
        web: Path | None = None,
        auth: tuple[str, str] | None = None,
        scheme: str = "http",
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._scheme = scheme
        self._web = web
        self._auth = auth
        self._ports = [_free_port() for _ in range(size)]
        self._gossip = [_free_port() for _ in range(size)]
        self._actors: dict[int, Actor] = {}
        folder.mkdir(parents=True)
        (folder / "alertmanager.yml").write_text(route.format(url=pager.url))

    @property
    def urls(self) -> list[str]:
        return [f"{self._scheme}://127.0.0.1:{port}{self._prefix}" for port in self._ports]

    def __enter__(self) -> Self:
        for number in range(len(self._ports)):
            self.start(number)
        for number in range(len(self._ports)):
            wait_for(lambda number=number: self._status(number) == "ready", f"Alertmanager {number}")
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self._actors.values():
            actor.drop()

    def start(self, number: int) -> None:
        """Start one of them."""
        gossip = [] if len(self._ports) > 1 else ["--cluster.listen-address="]
        if not gossip:
            peers = [port for other, port in enumerate(self._gossip) if other != number]
            gossip = [
                f"--cluster.listen-address=127.0.0.1:{self._gossip[number]}",
                *(f"--cluster.peer=127.0.0.1:{port}" for port in peers),
                "--cluster.peer-timeout=2s",
                "--cluster.settle-timeout=5s",
                "--cluster.pushpull-interval=1s",
                "--cluster.gossip-interval=50ms",
            ]
        command = [
            str(BINARY),
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / str(number)}",
            f"--web.listen-address=127.0.0.1:{self._ports[number]}",
            f"--web.external-url={self.urls[number]}",
            f"--web.route-prefix={self._prefix or '/'}",
            *gossip,
            *([] if self._web is None else [f"--web.config.file={self._web}"]),
        ]
        self._actors[number] = Actor(command, self._folder / f"log-{number}", dict(os.environ))

    def kill(self, number: int) -> None:
        """As a machine that dies."""
        self._actors[number].end(signal.SIGKILL)

    def number_of(self, page: Page) -> int:
        """Which of them sent this."""
        return self.urls.index(page.sender)

    def alerts(self, number: int = 0) -> list[dict[str, Any]]:
        """What one of them shows as burning."""
        answer = self._get(number, "alerts")
        assert answer.status_code == httpx.codes.OK, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def metric(self, number: int, name: str) -> float:
        """The sum of the figures of an Alertmanager whose names begin so; 0 where there is none."""
        text = httpx.get(f"{self.urls[number]}/metrics", trust_env=False, auth=self._auth, verify=False).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def _get(self, number: int, what: str) -> httpx.Response:
        return httpx.get(f"{self.urls[number]}/api/v2/{what}", trust_env=False, auth=self._auth, verify=False)

    def _status(self, number: int) -> str:
        try:
            answer = self._get(number, "status")
        except httpx.HTTPError:
            return "none"
        return str(answer.json()["cluster"]["status"]).replace("disabled", "ready")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
