"""Checks this machine: the state directory, the disk, the database, and whether the service runs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from alertbot.charts.worker import is_installed
from alertbot.cli.doctor.findings import Finding, failed, ok, skipped, split_mend, warning
from alertbot.config import Config
from alertbot.errors import StoreError, StoreUnusable
from alertbot.feed.last_week import last_week_span
from alertbot.query.status import seems_to_run
from alertbot.rules.base import Array
from alertbot.store import anatomy, checkup, feed
from alertbot.store.schema import reading
from alertbot.units import DAY, format_duration, format_volume
from alertbot.words import counted

LOOKED = 15.0
"""Seconds for looking through the database."""

ROOM = 200e6
LITTLE = 20e6
"""Bytes that should be free beyond what history will take, and with how few nothing goes."""

_MOUNTS = Path("/proc/self/mountinfo")
_LOCAL = "Name a [store] path on a disk of this machine, and copy the database there with `alertbot backup`."

_BYTES_A_DAY = 2_400
"""Of a series: its 288 samples and what SQLite puts beside them."""


def check_configuration(config: Config) -> Sequence[Finding]:
    """What may be amiss in a configuration file that has passed ``alertbot check``."""
    enabled = [rule for rule in config.rules if rule.enabled]
    watched = "all domains of the account" if config.discovers else counted(len(config.watched()), "domain")
    found = [ok("configuration", f"{config.path}: {counted(len(config.rules), 'rule')} over {watched}")]
    if not enabled:
        found = [warning("configuration", "every rule has enabled = false, so nothing ever alerts", "Enable one.")]
    if config.slack.charts and not is_installed():
        mend = "Install alertbot with all it needs, or set [slack] charts = false."
        found.append(warning("configuration", "matplotlib is not installed, so there are no charts", mend))
    return found


def check_machine(config: Config, now: float) -> Sequence[Finding]:
    """Whether directory, disk, database and service are fine; it blocks, so call it in a thread."""
    path = config.store.path
    service = _service(path, now, config.feed.probe)
    return [_directory(path.parent), _disk(config), _database(path), service, *_charts(path), *_parts(path)]


def _directory(folder: Path) -> Finding:
    check, there = "state directory", _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        mend = "Give it to the service's user, or name another [store] path; in systemd StateDirectory= makes it."
        return failed(check, f"{there} cannot be written ({error.strerror})", mend)
    return ok(check, f"{folder} can be written" if there == folder else f"{folder} will be made in {there}")


def _existing(folder: Path) -> Path:
    """The nearest folder that is there, or may not be looked for."""
    try:
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
    except OSError:
        return folder.parent
    return folder


def _disk(config: Config) -> Finding:
    path = config.store.path
    try:
        free = shutil.disk_usage(_existing(path.parent)).free
        size = sum(each.stat().st_size for each in (path, path.with_name(f"{path.name}-wal")) if each.is_file())
    except OSError as error:
        return failed("disk", f"{path.parent}: {error.strerror}", "Check the file system.")
    to_come = max(0.0, len(config.watched()) * config.store.keep / DAY * _BYTES_A_DAY - size)
    what = f"{format_volume(free)} free; the database has {format_volume(size)}"
    if free < LITTLE:
        return failed("disk", what, "Make room: what cannot be stored cannot be judged.")
    if free < to_come + ROOM:
        return warning(
            "disk", f"{what} and may take {format_volume(to_come)} more", "Make room, or lower [store] keep."
        )
    return ok("disk", what)


def _database(path: Path) -> Finding:
    if (found := _place_of(path)) is not None:
        return found
    try:
        fault = checkup.find_fault(path, LOOKED)
    except StoreUnusable as error:
        return failed("database", *split_mend(error))
    except StoreError as error:
        what, mend = split_mend(error)
        return warning("database", what, mend) if "not up to date" in what else failed("database", what, mend)
    if fault:
        mend = "Stop the service and put a backup in its place, or move it away to begin with a new one."
        return failed("database", f"{path} is damaged ({fault})", mend)
    return ok("database", f"{path} is sound" if fault is None else f"{path} opens; it is too large to look through")


def _place_of(path: Path) -> Finding | None:
    """What is to be said of a database that need not be looked into: where it lies, or that there is none yet."""
    if (kind := _network(path)) is not None:
        what = f"{path} lies on a network file system ({kind}), where it may be damaged"
        return failed("database", what, _LOCAL)
    try:
        if not path.exists():
            return ok("database", f"{path} is made at the first start")
        path.open("rb").close()
    except OSError as error:
        mend = "Run this as the service's user, or with sudo."
        return failed("database", f"{path} cannot be read ({error.strerror})", mend)
    return None


def _is_hidden(path: Path) -> bool:
    """Whether a database may lie there that this process may not look at."""
    try:
        return path.exists() and not os.access(path, os.R_OK)
    except OSError:
        return True


def _network(path: Path) -> str | None:
    """The kind of network file system on which a path lies, if any."""
    try:
        return checkup.network_file_system(path, _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _service(path: Path, now: float, probe: float) -> Finding:
    if _is_hidden(path):
        return skipped("service", "whether it runs cannot be seen with these rights")
    if not checkup.is_in_use(path):
        return warning("service", "it does not run", "Start it: sudo systemctl start alertbot")
    try:
        with reading(path) as db:
            held = feed.live(db)
    except StoreError:
        return skipped("service", "it runs; how it is cannot be read from the database")
    if held is None:
        return ok("service", "it runs, and has only just begun")
    age = max(0.0, now - held[0])
    if not seems_to_run(held[0], now, probe):
        mend = "See `alertbot status` and journalctl -u alertbot."
        return warning("service", f"it runs, but last looked at the feed {format_duration(age)} ago", mend)
    return ok("service", f"it runs, and looked at the feed {format_duration(age)} ago")


def _charts(path: Path) -> Sequence[Finding]:
    """That Slack refused the charts in answers, by the service's own word."""
    held = None
    with suppress(StoreError), reading(path) as db:
        held = feed.live(db)
    refused = None if held is None else json.loads(held[1]).get("charts_refused")
    if refused is None:
        return []
    return [ok("Slack charts", f"this workspace takes none in answers yet ({refused}), so answers come without")]


def _parts(path: Path) -> Sequence[Finding]:
    """Which parts of the traffic the API does not tell of, by the service's own word."""
    refused: dict[str, str] = {}
    with suppress(StoreError), reading(path) as db:
        refused = anatomy.refused(db)
    what = "the API refuses {} ({}), so threads do not say in which part of the traffic an incident lies"
    return [ok("permission", f"{what.format(*each)}; a reload has it asked again") for each in refused.items()]


def stored_last_week(path: Path, domains: Sequence[str], now: float) -> Mapping[str, Array]:
    """What is stored of these domains' last seven days, bit/s; nothing where no database can be read."""
    first, last = last_week_span(now)
    try:
        return checkup.stored_values(path, domains, first, last)
    except StoreError:
        return {}
