"""``alertbot run``: from a configuration file to a running service, and its exit code."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
from pathlib import Path

from alertbot.clock import SystemClock
from alertbot.config import Config, load
from alertbot.config.credentials import read_credentials
from alertbot.config.fields import channel_named
from alertbot.errors import UsageError
from alertbot.ops.heartbeat import secrets_of
from alertbot.ops.logs import Secrets, is_journal, set_up
from alertbot.ops.network import proxy_secrets
from alertbot.ops.progress import history_reporter
from alertbot.ops.systemd import Notifier
from alertbot.service.service import Service


def run_service(config_path: Path, log_level: str, log_format: str, channel: str | None = None) -> None:
    """Run until SIGTERM or SIGINT, reload at SIGHUP, for a trial in ``channel`` alone.

    ``AlertbotError`` where it cannot start.
    """
    environment, secrets = dict(os.environ), Secrets()
    trial = None if channel is None else _trial(channel)

    def read() -> Config:
        config = load(config_path)
        if config.heartbeat is not None:
            secrets.add(*secrets_of(config.heartbeat.url))
        return config if trial is None else config.diverted_to(trial)

    config = read()
    credentials = read_credentials(environment)
    secrets.add(*credentials.secrets, *proxy_secrets())
    set_up(secrets, journal=is_journal(environment), level=log_level, log_format=log_format)
    # A watchdog's SIGABRT is answered with where each thread stands, and with no values.
    faulthandler.enable()

    async def work() -> None:
        service = Service(
            config,
            credentials,
            SystemClock(),
            notifier=Notifier.of(environment, os.getpid()),
            progress=history_reporter(),
            read=read,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop)
        loop.add_signal_handler(signal.SIGHUP, service.reload)
        await service.run()

    asyncio.run(work())


def _trial(channel: str) -> str:
    try:
        return channel_named(channel)
    except ValueError as error:
        raise UsageError(str(error)) from None
