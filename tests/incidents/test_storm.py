"""1,500 domains go dark in three waves and come back in three: what stands in a strict, paced Slack afterwards."""

from __future__ import annotations

import pytest
from fakes.worlds.storm import GROUP_CHANNEL, names, rage, storm

from alertbot.messages.alert import short_names

MOST = 9_000
"""Characters of a message: well below what Slack refuses."""


def texts(message):
    """All that a message shows."""
    blocks = [*message.blocks, *(block for each in message.attachments for block in each["blocks"])]
    return "\n".join([message.text, *(_text(block) for block in blocks)])


def _text(block):
    parts = [block["text"]] if "text" in block else block.get("elements", ())
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))


@pytest.mark.slow
@pytest.mark.parametrize("length", [pytest.param(0, marks=pytest.mark.slow), 253])
async def test_a_storm_over_the_account_is_one_message_and_a_line_for_the_group_with_its_own_channel(tmp_path, length):
    domains = names(200 if length else 1500, length)
    async with storm(tmp_path, domains, grouped=len(domains) // 5) as it:
        await rage(it, domains)
        assert it.refused() == []
        (account,), (group,) = it.posts("cdn-alerts"), it.posts(GROUP_CHANNEL.removeprefix("#"))
        assert account.text.startswith("Resolved: ")
        assert group.text.startswith("Resolved: ")
        assert max(len(texts(message)) for message in it.slack.posts) < MOST

        thread = it.replies(account)
        told = "\n".join(map(texts, thread))
        apart = domains[len(domains) // 5 :]
        short, parent = short_names(apart)
        named = [f"`{one}`" in told or f"`{other}`" in told for one, other in zip(short, apart, strict=True)]
        assert all(named), "each of them stands in the thread, in full where the whole account stands beside it"
        assert f"(all in `{parent}`)" in told
        pages = [reply for reply in thread if reply.broadcast]
        assert len(pages) <= 4, [page.text for page in pages]
        calls = [reply for reply in it.replies(group) if reply.broadcast]
        assert len(calls) <= 2, "the first wave is not yet the whole account; from then on it wakes nobody"


@pytest.mark.slow
async def test_a_storm_over_a_part_of_the_account_is_one_message_too(tmp_path):
    domains = names(400)
    async with storm(tmp_path, domains) as it:
        await rage(it, domains[:120])
        assert it.refused() == []
        (message,) = it.posts("cdn-alerts")
        assert message.text.startswith("Resolved: ")
        pages = [reply for reply in it.replies(message) if reply.broadcast]
        assert len(pages) <= 5, [page.text for page in pages]
