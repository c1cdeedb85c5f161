"""Yesterday in one message, once a day, whatever the clocks do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from fakes.rigs.house import START, House
from fakes.rigs.night import config_for, dark
from fakes.wire.blockkit import refuse_message

from alertbot.config import DigestSettings
from alertbot.errors import FeedUnreachable
from alertbot.feed.answers import DataType
from alertbot.feed.api import Answer
from alertbot.incidents.incident import IncidentKind
from alertbot.messages.digest import digest_message
from alertbot.messages.slack import plain
from alertbot.query.digest import day_before, digest
from alertbot.service.daily_post import due
from alertbot.service.digest import DailyDigest
from alertbot.store.feed_reports import FeedReport
from alertbot.units import DAY, SLOT

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = ["daily"]
NAMES = ("video.example.com", "img.example.com", "dl.example.com")
USUAL = {"video.example.com": 1e9, "img.example.com": 2e8, "dl.example.com": 3e7, "total": 1.23e9}


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("now", "at_time", "days", "expected"),
    [
        ("2026-03-03 08:59", "09:00", EVERY_DAY, None),  # not yet
        ("2026-03-03 09:00", "09:00", EVERY_DAY, date(2026, 3, 3)),
        ("2026-03-03 14:59", "09:00", EVERY_DAY, date(2026, 3, 3)),  # nobody was there to post it
        ("2026-03-03 15:00", "09:00", EVERY_DAY, None),  # by now it is history
        ("2026-03-07 09:00", "09:00", ["mon-fri"], None),  # a Saturday
        ("2026-03-29 03:00", "02:30", EVERY_DAY, date(2026, 3, 29)),  # 02:30 does not come on that night
        ("2026-10-25 02:30", "02:30", EVERY_DAY, date(2026, 10, 25)),  # it comes twice: whoever asks remembers
        ("2026-03-29 00:10", "00:00", EVERY_DAY, date(2026, 3, 29)),
    ],
)
def test_it_is_due_by_the_clock_on_the_wall(now, at_time, days, expected):
    settings = DigestSettings(at=at_time, days=days, channel="#cdn")
    assert due(at(now), BERLIN, settings.at, settings.days) == expected


@pytest.mark.parametrize(("today", "hours"), [("2026-03-03", 24), ("2026-03-30", 23), ("2026-10-26", 25)])
def test_yesterday_is_the_local_day_however_long(today, hours):
    first, last = day_before(date.fromisoformat(today), BERLIN)
    assert (last - first) / 3600 == hours
    assert (
        datetime.fromtimestamp(last, BERLIN).isoformat() == f"{today}T00:00:00{'+01:00' if hours != 23 else '+02:00'}"
    )


class Api:
    """Tells the traffic of the account, or fails."""

    def __init__(self, volume):
        self.volume = volume
        self.asked = []

    async def bandwidth(self, domains, start, end, *, data_type, priority):
        self.asked.append((domains, start, end, data_type))
        if self.volume is None:
            raise FeedUnreachable("stat/bandwidth", "HTTP 500")
        return Answer(start, end, {start: self.volume}, 0.0, None)


@pytest.fixture
async def house(tmp_path):
    config = config_for(tmp_path / "alertbot.db", NAMES, [dark()])
    config = replace(config, digest=DigestSettings(at="09:00", channel="#reports"))
    house = House(config, NAMES)
    await house.begin(USUAL)
    yield house
    await house.end()


async def a_day(house):
    """A Monday on which downloads double, and images are dark for half an hour."""
    for slot in range(288):
        carried = USUAL | {"dl.example.com": 6e7, "img.example.com": 0.0 if 150 <= slot < 156 else 2e8}
        await house.judge(carried)


def digesting(house, volume=None):
    return DailyDigest(house.config, Api(volume), house._keeper, house.time)


def texts(house):
    return [row.shown for row in house.outbox() if row.subject.startswith("digest:")]


async def test_it_says_how_much_was_carried_by_whom_what_moved_and_what_burned(house):
    await a_day(house)
    message = digest_message(digest(house.config.store.path, START, START + DAY), ZoneInfo("UTC"))
    refuse_message(message.payload())
    assert plain(message).splitlines() == [
        (
            "Tuesday, 3 November: 13.3 TB in all, as much as the day before; 1.23 Gbps on average,"
            " peak 1.23 Gbps at 00:00."
        ),
        "Most traffic",
        "video.example.com 10.8 TB (+0%)",
        "img.example.com 2.12 TB (-2%)",
        "dl.example.com 648 GB (+100%)",
        "Biggest moves",
        "dl.example.com 648 GB (+100%)",
        "1 incident",
        "#1 img.example.com (went-dark), from 12:30, 30m",
        "the feed was complete",
    ]


async def test_domains_that_left_the_account_are_listed_until_they_are_back(house):
    house.now = START - 3600.0
    left = FeedReport(IncidentKind.VANISHED, "#cdn", START - 7200, {"series": ["img.example.com"]})
    await house.dispatcher.report([left])
    await a_day(house)
    lines = plain(digest_message(digest(house.config.store.path, START, START + DAY), ZoneInfo("UTC"))).splitlines()
    assert "not back among the account's domains: img.example.com (#1)" in lines
    await house.dispatcher.report([replace(left, number=1, closes=True)])
    lines = plain(digest_message(digest(house.config.store.path, START, START + DAY), ZoneInfo("UTC"))).splitlines()
    assert not [line for line in lines if "not back" in line]


async def test_it_is_posted_once_a_day_restarts_included(house):
    await a_day(house)
    house.now = START + DAY + 8 * 3600
    assert not await digesting(house).post_if_due(), "it is not nine yet"
    house.now += 3600
    one = digesting(house)
    assert await one.post_if_due()
    assert not await one.post_if_due()
    await house.restart()
    assert not await digesting(house).post_if_due()
    (row,) = [row for row in house.outbox() if row.subject.startswith("digest:")]
    assert (row.action, row.channel) == ("post", "#reports")
    await a_day(house)
    house.now = START + 2 * DAY + 9 * 3600
    assert await digesting(house).post_if_due(), "a new day"


async def test_the_volume_in_all_is_the_apis_own_count_where_one_call_tells_it(house):
    await a_day(house)
    house.now = START + DAY + 9 * 3600
    one = digesting(house, volume=5e12)
    await one.post_if_due()
    assert one._api.asked == [(("all",), START, START + DAY - SLOT, DataType.TRAFFIC)]
    assert "5 TB in all" in texts(house)[0]


async def test_on_a_first_day_there_is_nothing_to_tell(tmp_path):
    config = config_for(tmp_path / "alertbot.db", NAMES, [dark()])
    house = House(replace(config, digest=DigestSettings(at="09:00", channel="#reports")), NAMES)
    await house.begin()
    house.now = START + 9 * 3600
    assert not await digesting(house).post_if_due()
    assert texts(house) == []
    await house.end()


async def test_what_is_not_known_is_said_and_not_taken_for_nothing(house):
    for slot in range(288):
        await house.judge(USUAL if slot < 200 else dict.fromkeys(USUAL, float("nan")))
    text = plain(digest_message(digest(house.config.store.path, START, START + DAY), UTC))
    assert "13.3 TB in all" in text
    assert "69.4% of the day's 5-minute values are known" in text
