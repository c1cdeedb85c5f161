"""A Slack on loopback for each test that asks for one."""

from __future__ import annotations

import pytest
from fakes.wire.slack import BOT_TOKEN, FakeSlack

from alertbot.slack.client import SlackClient


@pytest.fixture
async def slack():
    fake = FakeSlack()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def client(slack):
    return SlackClient(BOT_TOKEN, slack.base_url)
