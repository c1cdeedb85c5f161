"""``alertbot doctor``: runs all checks at once, and prints what they find in order."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import click

from alertbot.cli.doctor.alertmanager import check_alertmanagers
from alertbot.cli.doctor.feed import check_feed
from alertbot.cli.doctor.findings import Finding, Grade, limited
from alertbot.cli.doctor.machine import check_configuration, check_machine, stored_last_week
from alertbot.cli.doctor.network import check_network
from alertbot.cli.doctor.slack import PATIENCE, await_click, check_slack
from alertbot.cli.terminal import say
from alertbot.clock import Clock, SystemClock
from alertbot.config import Config, load
from alertbot.config.credentials import Credentials, read_credentials
from alertbot.config.load import folder_of_unit
from alertbot.ops.logs import Secrets, set_up
from alertbot.ops.network import proxy_secrets
from alertbot.store.checkup import is_in_use
from alertbot.words import counted

ALL_CHECKS = 150.0
"""Seconds for everything but the wait for a click."""


def run_checks(config_path: Path, *, post: bool, mention: bool, as_json: bool) -> bool:
    """Print the findings, a line each; False where any failed. ``ConfigError`` where there is nothing to check."""
    config = load(config_path)
    credentials = read_credentials(os.environ, folder_of_unit(config_path))
    set_up(
        Secrets((*credentials.secrets, *proxy_secrets())), journal=False, level="ERROR"
    )  # what is wrong stands in the findings
    return asyncio.run(_print_findings(config, credentials, post=post, mention=mention, as_json=as_json))


async def _print_findings(
    config: Config, credentials: Credentials, *, post: bool, mention: bool, as_json: bool
) -> bool:
    found: list[Finding] = []
    async for finding in findings(config, credentials, SystemClock(), post=post or mention, mention=mention):
        found.append(finding.without((*credentials.secrets, *proxy_secrets())))
        if not as_json:
            say(str(found[-1]))
    failures = sum(finding.grade is Grade.FAILED for finding in found)
    warnings = sum(finding.grade is Grade.WARNING for finding in found)
    if as_json:
        click.echo(json.dumps({"failed": failures, "warnings": warnings, "checks": [vars(each) for each in found]}))
    else:
        click.echo(f"{failures} failed, {counted(warnings, 'warning')}.")
    return not failures


async def findings(
    config: Config,
    credentials: Credentials,
    clock: Clock,
    *,
    post: bool = False,
    mention: bool = False,
    patience: float = PATIENCE,
) -> AsyncIterator[Finding]:
    """What all checks find, in order; each finding as soon as those before it are there."""
    now, stored = clock.time(), partial(stored_last_week, config.store.path)
    checks = {
        "place": lambda: asyncio.to_thread(check_machine, config, now),
        "network": lambda: check_network(config),
        "API": lambda: check_feed(config, credentials.api_token, clock, stored),
        "Slack": lambda: check_slack(config, credentials, clock),
        "Alertmanager": lambda: check_alertmanagers(config.alertmanager, credentials.alertmanager_token),
    }
    for finding in check_configuration(config):
        yield finding
    tasks = [asyncio.create_task(limited(name, check, ALL_CHECKS)) for name, check in checks.items()]
    try:
        for task in tasks:
            for finding in await task:
                yield finding
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if post:
        for finding in await _clicked(config, credentials, patience, mention=mention):
            yield finding


async def _clicked(config: Config, credentials: Credentials, patience: float, *, mention: bool) -> Sequence[Finding]:
    runs = is_in_use(config.store.path)
    return await limited(
        "Slack click",
        lambda: await_click(config, credentials, runs=runs, mention=mention, patience=patience),
        2 * patience + 60,
    )
