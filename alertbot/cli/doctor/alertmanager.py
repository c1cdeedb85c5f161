"""Checks that every Alertmanager takes alerts, and that all members of its cluster are listed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from alertbot.alertmanager.client import Alertmanager
from alertbot.cli.doctor.findings import Finding, failed, in_help, ok, warning
from alertbot.config import AlertmanagerSettings
from alertbot.errors import CredentialsError, RelayError
from alertbot.words import counted


async def check_alertmanagers(settings: AlertmanagerSettings | None, secret: str | None) -> Sequence[Finding]:
    """A finding for each Alertmanager; none where none is configured."""
    if settings is None:
        return []
    return await asyncio.gather(*(_check(url, settings, secret) for url in settings.urls))


async def _check(url: str, settings: AlertmanagerSettings, secret: str | None) -> Finding:
    check = f"Alertmanager {url}"
    try:
        alertmanager = Alertmanager(url, secret=secret, user=settings.user)
    except CredentialsError as error:
        return failed(check, str(error), f"See {in_help('config', 'Secrets')} for where it belongs.")
    try:
        await alertmanager.send([])
        members = await alertmanager.members()
    except RelayError as error:
        mend = "Check its address, with the path it is served under, and whether this machine gets there."
        return failed(check, f"takes no alerts: {error}", mend)
    finally:
        await alertmanager.aclose()
    listed = len(settings.urls)
    if members < listed:
        mend = "Start each with --cluster.peer=OTHER:9094: those that do not know each other page each for itself."
        return warning(check, f"its cluster has {counted(members, 'member')}, but {listed} are listed", mend)
    if members > listed:
        mend = "List all of them under [alertmanager] urls: what one alone was sent dies with it."
        return warning(check, f"its cluster has {counted(members, 'member')}, but only {listed} listed", mend)
    return ok(check, f"takes alerts; {listed} of {members} members are listed")
