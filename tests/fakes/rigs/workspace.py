"""Slack's workspace on a fake Slack: started, and stopped with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from alertbot.slack.workspace import Workspace
from fakes.wire.slack import BOT_TOKEN, FakeSlack
from fakes.worlds.virtual import VirtualClock


@asynccontextmanager
async def at_work(
    *channels: str,
    token: str = BOT_TOKEN,
    app_token: str | None = None,
    commands: Any = None,
    spoil: Callable[[FakeSlack], object] = lambda _: None,
    recovered: Callable[[], None] = lambda: None,
    **options: Any,
) -> AsyncIterator[tuple[Workspace, FakeSlack]]:
    """A workspace that was started and posts to these channels, and the Slack it is in.

    ``commands`` answers what is typed; ``spoil`` is called with the Slack before the workspace starts.
    """
    slack = FakeSlack(**options)
    await slack.start()
    spoil(slack)
    workspace = Workspace(
        token, app_token, slack.base_url, commands, VirtualClock(0), channels=channels, recovered=recovered
    )
    try:
        await workspace.start()
        yield workspace, slack
    finally:
        await workspace.stop()
        await slack.stop()
