"""The bench at its smallest, so that it cannot rot: every command and button, each answer taken by Slack."""

from __future__ import annotations

import asyncio

import pytest
from bench import answers

from alertbot.config.watch import lay_out

pytestmark = pytest.mark.slow


def test_every_command_of_the_bench_is_answered(tmp_path):
    config = answers.configured(tmp_path / "alertbot.db", answers.domains_of(220, long=True))
    watch = lay_out(config, config.watched())
    answers.fill(config, watch, 2)
    lines = asyncio.run(answers.measure(config, watch, 1))
    assert len(lines) == len(list(answers.commands_of(watch))) + 3
    assert all(line.size and line.seconds for line in lines)
