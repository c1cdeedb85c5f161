"""``alertbot run``: from a configuration file to a running service, and its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from alertbot.clock import SystemClock
from alertbot.config import Config, load
from alertbot.config.fields import channel_named
from alertbot.credentials import read_credentials
from alertbot.errors import UsageError
from alertbot.ops.logs import set_up
from alertbot.ops.progress import history_reporter
from alertbot.ops.systemd import Notifier
from alertbot.replaying import state_directory
from alertbot.service import Service


def run_service(config_path: Path, log_level: str, channel: str | None = None) -> None:
    """Run until SIGTERM or SIGINT, for a trial in ``channel`` alone; ``AlertbotError`` where it cannot start."""
    environment = dict(os.environ)
    trial = None if channel is None else _trial(channel)

    def read() -> Config:
        config = load(config_path, state_directory=state_directory())
        return config if trial is None else config.diverted_to(trial)

    config = read()
    credentials = read_credentials(environment)
    set_up(credentials.secrets, journal="JOURNAL_STREAM" in environment, level=log_level)

    async def work() -> None:
        service = Service(
            config,
            credentials,
            SystemClock(),
            notifier=Notifier(environment.get("NOTIFY_SOCKET")),
            progress=history_reporter(),
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop)
        await service.run()

    asyncio.run(work())


def _trial(channel: str) -> str:
    try:
        return channel_named(channel)
    except ValueError as error:
        raise UsageError(str(error)) from None
