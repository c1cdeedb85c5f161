"""Questions as they are typed, and the answers as they are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fakes.rigs.night import ceiling, config_for, dark, doubled
from fakes.rigs.obedience import Obedience
from fakes.wire.blockkit import refuse_message
from fakes.worlds.stored import store

from alertbot.config import GroupSettings
from alertbot.config.watch import lay_out
from alertbot.messages import questions
from alertbot.messages.help import help_on
from alertbot.messages.pages import PAGES, sections
from alertbot.messages.slack import plain
from alertbot.messages.usages import USAGES
from alertbot.query import backtest
from alertbot.query.live import Live
from alertbot.query.scope import scope_of
from alertbot.slack.commands import FAILED, Commands
from alertbot.store import schema
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-11-02")
LAST = START + 14 * DAY - SLOT
NOW = LAST + 900.0
DOMAINS = ("video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com")
GROUPS = (GroupSettings(name="downloads", domains=["dl*"]),)
RULES = (dark(), doubled(), ceiling(3e9), replace(dark(enabled=False), name="off"))


def steady(level):
    return np.full(14 * DAY_SLOTS, level)


def scope_over(path):
    config = config_for(path, DOMAINS, RULES, groups=GROUPS)
    return scope_of(config, lay_out(config, DOMAINS), Live(NOW, LAST), "/bandwidth")


@pytest.fixture(scope="module")
def scope(tmp_path_factory):
    """Two weeks: video doubles on the last day and was dark for half an hour before."""
    values = {"video.example.com": steady(1e9), "img.example.com": steady(3e8)}
    values |= {"dl1.example.com": steady(1e8), "dl2.example.com": steady(2e8)}
    values["video.example.com"][-12:] = 2e9
    values["video.example.com"][-500:-494] = 0.0
    values["img.example.com"][-1 - DAY_SLOTS] = 0.0
    values["dl2.example.com"][-1] -= 1e5  # too little to be shown: +0%, never -0%
    values["total"] = sum(values.values())
    return scope_over(store(tmp_path_factory.mktemp("asked") / "alertbot.db", START, values))


@pytest.fixture
def empty(tmp_path):
    path = tmp_path / "alertbot.db"
    schema.open_database(path).close()
    return scope_over(path)


def commands(scope):
    return Commands(lambda: scope, Obedience())


async def ask(scope, text):
    message = (await commands(scope).answer(text)).message
    refuse_message(message.payload())
    return plain(message)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "show video 1h",
            [
                "video.example.com: 2 Gbps (data until 00:00)",
                "1h: average 2 Gbps, peak 2 Gbps on Sun 15 Nov at 23:00, 95th percentile 2 Gbps",
                (
                    "a day earlier 1 Gbps (+100%); the 1h until then: average 1 Gbps (+100%), peak 1 Gbps (+100%),"
                    " p95 1 Gbps (+100%)"
                ),
                (
                    "a week earlier 1 Gbps (+100%); the 1h until then: average 1 Gbps (+100%), peak 1 Gbps (+100%),"
                    " p95 1 Gbps (+100%)"
                ),
            ],
        ),
        (
            "show @downloads 35d",
            [
                "@downloads (2 domains added up): 300 Mbps (data until 00:00)",
                "35d: average 300 Mbps, peak 300 Mbps on Mon 2 Nov at 00:00, 95th percentile 300 Mbps",
                (
                    "a day earlier 300 Mbps (+0%); the 35d until then: average 300 Mbps (+0%), peak 300 Mbps (+0%),"
                    " p95 300 Mbps (+0%)"
                ),
                (
                    "a week earlier 300 Mbps (+0%); the 35d until then: average 300 Mbps (+0%), peak 300 Mbps (+0%),"
                    " p95 300 Mbps (+0%)"
                ),
                "4,032 of 10,080 5-minute values are known",
            ],
        ),
        (
            "top 2",
            [
                "Top 2 of 4 domains by bandwidth now (data until 00:00)",
                "total 2.6 Gbps (+100%), yesterday 1.3 Gbps",
                "1. video.example.com 2 Gbps (+100%), yesterday 1 Gbps",
                "2. img.example.com 300 Mbps, yesterday 0 bps",
            ],
        ),
        (
            "top change 1",
            [
                "Top 1 of 4 domains by change since yesterday (data until 00:00)",
                "total +1.3 Gbps (+100%): 2.6 Gbps, yesterday 1.3 Gbps",
                "1. video.example.com +1 Gbps (+100%): 2 Gbps, yesterday 1 Gbps",
            ],
        ),
        (
            "p95 img",
            [
                "img.example.com: the 95th percentile of 2026-11 so far is 300 Mbps",
                "4,032 of its 4,320 5-minute values so far are known; now 300 Mbps (data until 00:00)",
                (
                    "burst left: 17h 40m on end above 300 Mbps would not raise it yet; of its 5-minute values"
                    " 417 of 417 (1d 10h) left this month"
                ),
                "forecast for the end of the month: 300 Mbps, if it goes on like the last 7d",
                "2026-10: nothing is stored",
            ],
        ),
        ("p95 img 2026-10", ["img.example.com: nothing is known of 2026-10.", "2026-09: nothing is stored"]),
        (
            "replay went-dark 7d",
            [
                "went-dark would have fired 1 time in 6d 23h, on 1 of the 4 it watches.",
                "video.example.com from Sat 14 Nov 06:20 (35m, cleared): 0 bps against 1 Gbps",
                "stored history from Mon 9 Nov 00:10; as it is configured now, before silences, mutes and grouping",
            ],
        ),
        (
            "replay CEILING",
            [
                "ceiling would never have fired in 6d 23h, on none of the 4 it watches.",
                "stored history from Mon 9 Nov 00:10; as it is configured now, before silences, mutes and grouping",
            ],
        ),
    ],
)
async def test_an_answer_reads_like_this(scope, text, lines):
    assert (await ask(scope, text)).replace("*", "").splitlines() == lines


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("show", "Which domain? (for example /bandwidth show video 7d)"),
        ("show vdeo.example.com", "did you mean video.example.com?"),
        ("show video 36d", "36d is not between 5m and 35d"),
        ("show video fortnight", '"fortnight" is not a duration: write 24h or 7d'),
        ("status please", 'Status takes no argument: "please"'),
        ("top abc", 'Cannot rank by "abc": use now, peak, p95 or change'),
        ("show @nothing", 'There is no group "nothing"'),
        ("top 51", "51 is not between 1 and 50 (for example /bandwidth top 20 change)"),
        ("top 0", "0 is not between 1 and 50"),
        ("top chnge", "did you mean change?"),
        ("top 5 now more", '"more" is more than this takes'),
        ("p95", "Which domain?"),
        ("p95 video brumaire", '"brumaire" is no month: write it as 2026-11 (for example /bandwidth p95 video)'),
        ("p95 video 2026-12", "2026-12 has not begun"),
        ("why", "Why what? Name an incident or a domain (for example /bandwidth why video)"),
        ("why #7", "There is no incident #7"),
        ("why vdeo.example.com", "did you mean video.example.com?"),
        ("replay", "Which rule? (for example /bandwidth replay went-dark 7d)"),
        ("replay went-drak", "did you mean went-dark?"),
        ("replay off", 'The rule "off" is switched off'),
        ("replay went-dark 36d", "36d is not between 5m and 35d"),
        ("tpo", "did you mean top?"),
    ],
)
async def test_what_is_not_understood_gets_what_would_be_right(scope, text, says):
    assert says in await ask(scope, text)


@pytest.mark.parametrize("usage", USAGES.values(), ids=USAGES.keys())
async def test_every_example_makes_sense_with_no_data_yet(empty, usage):
    assert "went wrong" not in await ask(empty, usage.example)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("show video", "video.example.com: nothing is known of the last day yet."),
        ("show @downloads", "nothing is known of all its domains of the last day yet."),
        ("top", "Nothing is known of the last day yet."),
        ("p95 video", "video.example.com: nothing is known of 2026-11 yet."),
        ("why video", "video.example.com: nothing of it was judged yet."),
        ("replay went-dark", "nothing is stored of what it judges, so there is nothing to replay."),
        ("alerts", "No alerts."),
    ],
)
async def test_with_no_data_yet_that_is_said(empty, text, says):
    assert says in await ask(empty, text)


async def test_a_replay_that_takes_its_time_says_so_first(scope, monkeypatch):
    asked = commands(scope)
    assert asked.answer_at_once("replay went-dark 7d") is None
    monkeypatch.setattr(backtest, "CELLS_A_SECOND", 100)
    beforehand = asked.answer_at_once("replay went-dark 7d public")
    assert beforehand is not None
    assert plain(beforehand) == "Replaying went-dark over 7d may take up to 2m: the answer comes here."
    for text in ("replay", "replay nonsense", "show video", ""):
        assert asked.answer_at_once(text) is None


async def test_one_replay_at_a_time(scope):
    with questions._replaying:
        assert "Another replay is under way" in await ask(scope, "replay went-dark")
    assert "would have fired" in await ask(scope, "replay went-dark")


async def test_what_fails_unexpectedly_is_answered_and_logged(empty, caplog):
    empty.path.write_bytes(b"no database at all" * 100)
    assert "cannot be answered now" in await ask(empty, "show video")
    broken = Commands(lambda: replace(empty, live=None), Obedience())
    assert (await broken.answer("show video")).message == FAILED
    assert "the command 'show video' failed" in caplog.text


async def test_public_shows_it_to_the_channel_but_not_a_complaint(scope):
    assert (await commands(scope).answer("top 3 public")).public
    assert not (await commands(scope).answer("top nonsense public")).public


async def test_a_page_of_the_documentation_is_answered_by_its_sections(scope):
    page = await ask(scope, "help config")
    assert page.startswith("The page config: every section and key of rules.toml")
    assert "\n[watch]\n" in page
    section = await ask(scope, "help config watch")
    assert "domains: the domains by name" in section.replace("`", "")
    assert "alertbot help config" in section
    assert "/bandwidth rules [DOMAIN]" in await ask(scope, "help rules"), "a command goes before a page"
    assert (await ask(scope, "help who silenced what")).startswith("Silences\n")
    for nothing in ("fortnight", "config zzz"):
        assert f'no command and no page "{nothing}"' in await ask(scope, f"help {nothing}")


@pytest.mark.parametrize("topic", PAGES)
async def test_every_section_of_every_page_can_be_sent(scope, topic):
    for section in sections(topic)[1:]:
        facts, message = help_on([*section.words], scope)
        assert facts.keys() == {section.heading}
        refuse_message(message.payload())
