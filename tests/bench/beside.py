"""A month of 1,500 domains under three rules, replayed by alertbot and by VictoriaMetrics with vmalert, in one run.

    python tests/bench/beside.py [--series N] [--days N]

Needs Debian's ``victoria-metrics``. Both judge the same samples: alertbot from its database, vmalert from a
VictoriaMetrics into which they were written before (which is not counted). Prints wall and CPU seconds and the peak of
memory of each, and the ratio; nothing is asserted.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import httpx

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import scale  # noqa: E402

from alertbot.units import DAY, SLOT, format_iso  # noqa: E402

RULES = """
groups:
  - name: bench
    interval: 5m
    rules:
      - alert: dark
        expr: bps == 0 and quantile_over_time(0.5, bps[1h] offset 5m) >= 5e6
        for: 5m
      - alert: fell
        expr: bps <= 0.2 * (quantile_over_time(0.5, bps[1h] offset 5m) >= 2e7)
        for: 5m
      - alert: doubled
        expr: (bps >= 5e7) >= 2.5 * (bps offset 1d) and bps >= 2.5 * (bps offset 1w)
        for: 5m
"""


class Metrics:
    """A VictoriaMetrics of our own, on a free port of the loopback."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        command = [
            "victoria-metrics",
            f"-storageDataPath={folder}",
            f"-httpListenAddr={self.url.removeprefix('http://')}",
        ]
        self._process = subprocess.Popen([*command, "-retentionPeriod=1y", "-loggerLevel=ERROR"])
        for _ in range(100):
            try:
                httpx.get(f"{self.url}/health")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                break

    def take(self, csv: Path) -> None:
        """Write a history into it, and wait until all of it can be read."""
        parse = "format=1:label:domain,2:time:rfc3339,3:metric:bps"
        with csv.open("rb") as file:
            next(file)  # the header
            pieces = iter(lambda: file.read(2**20), b"")
            httpx.post(f"{self.url}/api/v1/import/csv?{parse}", content=pieces, timeout=600).raise_for_status()
        httpx.get(f"{self.url}/internal/force_flush", timeout=60).raise_for_status()

    def cpu(self) -> float:
        """Seconds of CPU it has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> float:
        """Stop it; the peak of its memory, MB."""
        self._process.send_signal(signal.SIGTERM)
        _, _, used = os.wait4(self._process.pid, 0)
        return used.ru_maxrss / 1024


def by_alertbot(folder: Path) -> tuple[float, float, float]:
    """Wall and CPU seconds, MB."""
    return scale.measured([str(scale._ALERTBOT), "replay", "--json"], folder)


def by_vmalert(folder: Path, first: int, last: int) -> tuple[float, float, float]:
    """Likewise, of both of its processes."""
    subprocess.run(["sh", "-c", f"{scale._ALERTBOT} export > history.csv"], cwd=folder, check=True)
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    metrics = Metrics(folder / "metrics")
    try:
        metrics.take(folder / "history.csv")
        before = metrics.cpu()
        wall, cpu, most = scale.measured(
            ["vmalert", "-rule=rules.yml", f"-datasource.url={metrics.url}", f"-remoteWrite.url={metrics.url}",
             f"-replay.timeFrom={format_iso(first)}", f"-replay.timeTo={format_iso(last)}",
             "-replay.disableProgressBar", "-replay.rulesDelay=0s", "-loggerLevel=ERROR"],
            folder,
        )  # fmt: skip
        cpu += metrics.cpu() - before
    finally:
        peak = metrics.end()
    return wall, cpu, most + peak


@click.command()
@click.option("--series", default=1_500, show_default=True)
@click.option("--days", default=30, show_default=True)
def main(series: int, days: int) -> None:
    """Measure."""
    if shutil.which("vmalert") is None:
        raise click.ClickException("there is no vmalert: apt-get install victoria-metrics")
    last = int(time.time()) // DAY * DAY - SLOT
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scale.fill(folder, series, days, last)
        ours, theirs = by_alertbot(folder), by_vmalert(folder, last + SLOT - days * DAY, last)
    click.echo(f"{series:,} series, {days} days, three rules\n\n| | wall s | CPU s | MB |\n|---|---|---|---|")
    for who, cost in (("alertbot replay", ours), ("vmalert -replay", theirs)):
        click.echo(f"| {who} | {cost[0]:.1f} | {cost[1]:.1f} | {cost[2]:.0f} |")
    wall, cpu, most = (their / our for their, our in zip(theirs, ours, strict=True))
    click.echo(f"| ratio | {wall:.1f} | {cpu:.1f} | {most:.1f} |")


if __name__ == "__main__":
    main()
