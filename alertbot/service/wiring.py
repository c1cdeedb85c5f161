"""The parts of a service, as a configuration asks for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from alertbot.charts.worker import is_installed
from alertbot.clock import Clock
from alertbot.config import Config
from alertbot.config.credentials import Credentials, require_api_token
from alertbot.errors import CredentialsError, FeedError
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.slack.charts import ChartSource
from alertbot.slack.commands import Commands
from alertbot.slack.workspace import Workspace

log = logging.getLogger(__name__)


def client(
    config: Config, credentials: Credentials, budget: Budget, clock: Clock, tried: Callable[[FeedError | None], None]
) -> CdnApi:
    """A client of the CDN's API."""
    feed = config.feed
    token = require_api_token(credentials)
    return CdnApi(
        feed.base_url, token, feed.zone, budget=budget, clock=clock, ip_protocol=feed.ip_protocol, tried=tried
    )


def same_api(one: Config, other: Config) -> bool:
    """Whether a client of one configuration serves the other."""
    return (one.feed.base_url, one.feed.zone, one.feed.ip_protocol) == (
        other.feed.base_url,
        other.feed.zone,
        other.feed.ip_protocol,
    )


def workspace(
    config: Config, credentials: Credentials, commands: Commands, clock: Clock, chart_source: ChartSource | None
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
    )


def with_charts_if_possible(config: Config, *, shown: bool) -> Config:
    """The configuration with charts only where they can be drawn, and ``shown``."""
    charts = config.slack.charts and shown and _can_draw()
    return replace(config, slack=config.slack.model_copy(update={"charts": charts}))


def heartbeat_url(config: Config) -> str | None:
    """The URL of the heartbeat, where there is one."""
    return None if config.heartbeat is None else config.heartbeat.url


def _can_draw() -> bool:
    if not is_installed():
        log.warning("matplotlib is not installed: there are no charts")
        return False
    return True
