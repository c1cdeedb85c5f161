"""The options that several commands have, and where the configuration file is looked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., object])

PATH = click.Path(path_type=Path)
_PLACES = (Path("rules.toml"), Path("/etc/alertbot/rules.toml"))
"""Where the configuration file is looked for."""


def _found() -> Path:
    """The configuration file that is there, of the service where there is none here."""
    return next((place for place in _PLACES if _is_seen(place.is_file)), _PLACES[0])


def _is_seen(look: Callable[[], bool]) -> bool:
    """Whether a look finds it, or may not be taken: why not is said when the file is read."""
    try:
        return look()
    except OSError:
        return True


def _placed(context: click.Context, _: click.Parameter, path: Path) -> Path:
    """The configuration file; a usage error names the places where none was found."""
    if context.get_parameter_source("config_path") is click.core.ParameterSource.DEFAULT and not _is_seen(path.exists):
        raise click.UsageError(f"no configuration: there is neither {_PLACES[0]} nor {_PLACES[1]}; name one with -c")
    return path


CONFIG = click.option(
    "-c",
    "--config",
    "config_path",
    default=_found,
    show_default=" or ".join(map(str, _PLACES)),
    type=PATH,
    callback=_placed,
    help="The configuration file.",
)
CSV = click.option("--csv", "csv_path", type=PATH, help="A history as domain,time,bps.")


def json_flag(prints: str) -> Callable[[_Command], _Command]:
    """The flag ``--json``, with what it prints."""
    return click.option("--json", "as_json", is_flag=True, help=prints)
