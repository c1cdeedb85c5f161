"""The secrets: from systemd's credentials or the environment, never from the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from alertbot.errors import CredentialsError


@dataclass(frozen=True)
class Credentials:
    """What was found; ``None`` for what was not. Never shown."""

    api_token: str | None = field(default=None, repr=False)
    slack_bot_token: str | None = field(default=None, repr=False)
    slack_app_token: str | None = field(default=None, repr=False)
    alertmanager_token: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """All of them, for whoever must keep them out of a text."""
        found = (getattr(self, each.name) for each in fields(self))
        return tuple(secret for secret in found if secret)


def read_credentials(environment: Mapping[str, str], beside: Path | None = None) -> Credentials:
    """Each from ``$CREDENTIALS_DIRECTORY/NAME`` where there is such a file, else from ``$ALERTBOT_NAME``.

    What neither has may lie in ``beside``, the folder of the service's files, for a command that works beside it.
    """
    return Credentials(**{each.name: _read(each.name, environment, beside) for each in fields(Credentials)})


def _read(name: str, environment: Mapping[str, str], beside: Path | None) -> str | None:
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if folder and _is_there(Path(folder) / name):
        return _content(Path(folder) / name)
    stated = environment.get(f"ALERTBOT_{name.upper()}", "").strip()
    if stated or beside is None or not _is_there(beside / name):
        return stated or None
    return _content(beside / name)


def _is_there(path: Path) -> bool:
    """Whether there is such a file, or one cannot know: why not is said when it is read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except PermissionError:
        raise CredentialsError(f"{path} may be read by root alone: use sudo") from None
    except OSError as error:
        raise CredentialsError(f"{path} cannot be read ({error.strerror}): write the token into it anew") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"{path} holds more than a token: write that alone into it") from None


def require_api_token(credentials: Credentials) -> str:
    """The CDN's token, without which nothing can be watched."""
    if credentials.api_token is None:
        raise CredentialsError(
            "the CDN's API token is missing: set ALERTBOT_API_TOKEN, or give systemd the credential api_token"
        )
    return credentials.api_token
