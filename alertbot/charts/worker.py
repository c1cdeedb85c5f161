"""The worker: a process that draws one chart and ends. Its 100 MB of matplotlib are never the service's."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from alertbot.charts.chart import Chart
from alertbot.errors import ChartError

LIMIT = 30.0
"""Seconds for one chart, after which its worker is killed. An idle machine takes one or two."""

_PNG = b"\x89PNG\r\n"
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", "PYTHONPATH", "PYTHONHOME")
_KEPT_FAMILIES = ("COVERAGE_", "FAKETIME", "LD_")
_BESIDE = Path(__file__).parents[2]


def is_installed() -> bool:
    """Whether there is a matplotlib to draw with; nothing of it is loaded to find out."""
    return importlib.util.find_spec("matplotlib") is not None


async def render(chart: Chart, *, limit: float = LIMIT) -> bytes:
    """The chart as a PNG; ``ChartError`` says why there is none."""
    try:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "alertbot.charts", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment()
        )
    except OSError as error:
        raise ChartError(f"its worker cannot be started: {error.strerror}") from None
    try:
        async with asyncio.timeout(limit):
            png, complaint = await worker.communicate(chart.to_json().encode())
    except TimeoutError:
        raise ChartError(f"it was not drawn within {limit:.0f} s") from None
    finally:
        await _ended(worker)
    if worker.returncode != 0 or not png.startswith(_PNG):
        raise ChartError(_cause(complaint, worker.returncode))
    return png


async def _ended(worker: Process) -> None:
    """Kill it where it still runs; it holds nothing that is worth keeping."""
    if worker.returncode is None:
        worker.kill()
        await worker.wait()


def _environment() -> dict[str, str]:
    """What the worker needs of our own environment: no secret, and no word to the service manager."""
    kept = {key: value for key, value in os.environ.items() if key in _KEPT or key.startswith(_KEPT_FAMILIES)}
    # systemd's, since the service has no home; matplotlib keeps there which fonts the machine has.
    cache = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    return {
        **({"MPLCONFIGDIR": cache} if cache else {}),
        **kept,
        "PYTHONSAFEPATH": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_BESIDE), kept.get("PYTHONPATH")))),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _cause(complaint: bytes, code: int | None) -> str:
    """The last line of what it said: of a traceback that is the error."""
    lines = complaint.decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), f"its worker ended with {code}")
    if said.startswith("ModuleNotFoundError") and "matplotlib" in said:
        return "matplotlib is not installed"
    return said[:200]
