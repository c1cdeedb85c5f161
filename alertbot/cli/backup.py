"""``alertbot backup``: a copy under a name, or by date into a folder that keeps the last of them."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from alertbot.config import load
from alertbot.errors import AlertbotError, UsageError
from alertbot.store.backup import PART, back_up
from alertbot.units import DAY, format_volume
from alertbot.words import counted

_DATED = re.compile(r"alertbot-\d{4}-\d{2}-\d{2}\.db", re.ASCII)
_LEFT_OVER = re.compile(rf"\.{_DATED.pattern}\..*{re.escape(PART)}(?:-journal)?", re.ASCII)


def make_backup(config_path: Path, target: Path, keep: int | None) -> None:
    """Copy the database to ``target``, and say so; of dated copies in a folder only the newest ``keep`` stay."""
    config = load(config_path)
    now = time.time()
    folder = target if _is_folder(target) else None
    if keep is not None and folder is None:
        raise UsageError(f"--keep goes with a folder that holds dated copies, and {target} is none")
    file = target if folder is None else folder / f"alertbot-{datetime.fromtimestamp(now, UTC):%Y-%m-%d}.db"
    size = back_up(config.store.path, file)
    click.echo(f"{file}: {format_volume(size)}, verified")
    if folder is not None and keep is not None:
        gone = clean_up(folder, keep, now)
        if gone:
            click.echo(f"{counted(len(gone), 'older copy', 'older copies')} deleted")


def _is_folder(target: Path) -> bool:
    try:
        return target.is_dir()
    except OSError:
        return False  # whatever it is; why not is said where the copy is made


def clean_up(folder: Path, keep: int, now: float) -> list[Path]:
    """Delete all but the newest ``keep`` dated copies, and what copies that were cut off have left; what that was."""
    try:
        dated = sorted(path for path in folder.iterdir() if _DATED.fullmatch(path.name) and path.is_file())
        left = [path for path in folder.iterdir() if _LEFT_OVER.fullmatch(path.name)]
        gone = dated[: max(len(dated) - keep, 0)]
        gone += [path for path in left if now - path.lstat().st_mtime > DAY]
        for path in gone:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise AlertbotError(f"{folder}: an old copy cannot be deleted: {error.strerror}: delete it yourself") from error
    return gone
