"""What some tests need of the machine beside Python, and what brings it. Those tests are slow ones, all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


@dataclass(frozen=True)
class Need:
    """``package``: Debian's, in which it is; ``None`` for what no package brings."""

    present: Callable[[], bool]
    package: str | None


def _on_path(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


NEEDS: Mapping[str, Need] = {
    "faketime": Need(lambda: FAKETIME is not None, "faketime"),
    "systemd-analyze": Need(_on_path("systemd-analyze"), "systemd"),
    "promtool": Need(_on_path("promtool"), "prometheus"),
    "prometheus": Need(_on_path("prometheus"), "prometheus"),
    "prometheus-alertmanager": Need(_on_path("prometheus-alertmanager"), "prometheus-alertmanager"),
    "amtool": Need(_on_path("amtool"), "prometheus-alertmanager"),
    "openssl": Need(_on_path("openssl"), "openssl"),
    "patch": Need(_on_path("patch"), "patch"),
    "git": Need(_on_path("git"), "git"),
    "root": Need(lambda: os.geteuid() == 0, None),
}


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark a test as one that needs these; ``KeyError`` for what is not listed above."""
    assert all(name in NEEDS for name in names)
    return pytest.mark.needs(*names)


def missing(names: Iterable[str]) -> list[str]:
    """Which of these this machine lacks."""
    return [name for name in names if not NEEDS[name].present()]


def remedy(names: Iterable[str]) -> str:
    """What to do to run the tests that these were missing for: one command, where packages bring all of it."""
    packages = sorted({package for name in names if (package := NEEDS[name].package) is not None})
    install = f"sudo apt install {' '.join(packages)}" if packages else ""
    return " and ".join(filter(None, (install, "run them as root" if "root" in names else "")))
