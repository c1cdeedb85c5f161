"""Where messages go, and whether charts can go with them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from alertbot.charts.worker import is_installed
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.credentials import Credentials
from alertbot.errors import CredentialsError
from alertbot.slack.charts import ChartSource
from alertbot.slack.commands import Commands
from alertbot.slack.poster import Poster
from alertbot.slack.trial import DivertedPoster
from alertbot.slack.workspace import Workspace

log = logging.getLogger(__name__)


def workspace_of(
    config: Config,
    credentials: Credentials,
    commands: Commands,
    clock: Clock,
    chart_source: ChartSource | None,
    recovered: Callable[[], None],
) -> Workspace | None:
    """The Slack workspace, where there are tokens for it."""
    if credentials.slack_bot_token is None:
        if credentials.slack_app_token is not None:
            raise CredentialsError(
                "there is a Slack app token but no bot token: set ALERTBOT_SLACK_BOT_TOKEN (xoxb-...) as well"
            )
        return None
    return Workspace(
        credentials.slack_bot_token,
        credentials.slack_app_token,
        config.slack.base_url,
        commands,
        clock,
        channels=config.channels,
        chart_source=chart_source,
        recovered=recovered,
    )


def poster_of(poster: Poster, workspace: Workspace | None, trial: str | None) -> Poster:
    """Where messages go: in a trial to its channel alone."""
    if trial is None:
        return poster
    return DivertedPoster(poster, trial, str if workspace is None else workspace.id_of)


def with_charts_if_possible(config: Config, *, shown: bool) -> Config:
    """The configuration with charts only where they can be drawn, and ``shown``."""
    charts = config.slack.charts and shown and _can_draw()
    return replace(config, slack=config.slack.model_copy(update={"charts": charts}))


def _can_draw() -> bool:
    if not is_installed():
        log.warning("matplotlib is not installed: there are no charts")
        return False
    return True
