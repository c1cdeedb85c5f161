"""Eighty commands as people type them at 3 a.m.: answered as meant, or with the one line that would be right."""

from __future__ import annotations

import pytest
from fakes.rigs.house import House, database
from fakes.rigs.inquired import Inquired
from fakes.rigs.night import CHANNEL, config_for, dark, doubled, night_folder

from alertbot.config import GroupSettings
from alertbot.incidents.orders import Person, Requester
from alertbot.messages.slack import plain
from alertbot.service.order_executor import OrderExecutor
from alertbot.slack.commands import Commands

DOMAINS = ("video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com", "shop-041.example.com",
           "shop-042.example.com", "static.example.com", "api.example.com", "www.example.com")  # fmt: skip
USUAL = dict.fromkeys(DOMAINS, 1e9)

SHOWS, TWO_HOURS = "video.example.com: 1 Gbps", "Silenced video.example.com until 02:20 (s1)"

TYPED = [
    # other tools' words
    ("mute video.example.com 2h", TWO_HOURS),
    ("snooze video.example.com 2h", TWO_HOURS),
    ("pause video 2h", TWO_HOURS),
    ("unmute s9", "There is no silence s9 to end"),
    ("chart video", SHOWS),
    ("graph video 7d", SHOWS),
    ("incidents", "1 incident within 7d."),
    ("incident", "1 incident open"),
    ("incident 1", "#1: img.example.com went dark"),
    ("firing", "1 incident open"),
    ("open", "1 incident open"),
    ("acknowledge #1", "Acknowledged #1."),
    ("health", "Data until 00:10"),
    ("explain video", "video.example.com"),
    ("resolve #1", "An incident resolves by itself"),
    ("close #1", "An incident resolves by itself"),
    ("?", "/bandwidth help"),
    # a domain or a number alone
    ("video.example.com", SHOWS),
    ("video", SHOWS),
    ("<http://video.example.com|video.example.com>", SHOWS),
    ("https://video.example.com/", SHOWS),
    ("#1", "#1: img.example.com went dark"),
    ("@downloads", "@downloads (2 domains"),
    # what Slack makes of it
    ("show <http://video.example.com|video.example.com> 7d", SHOWS),
    ("silence <http://video.example.com|video.example.com> 2h", TWO_HOURS),
    ("silence \u201cvideo.example.com\u201d 2h", TWO_HOURS),
    ("show \u2018video\u2019", SHOWS),
    ("silence `video.example.com` 2h", TWO_HOURS),
    ("show video.", SHOWS),
    ("show video,", SHOWS),
    ("show\u00a0video", SHOWS),
    # typos
    ("shwo video", "did you mean show? Write /bandwidth show video"),
    ("stauts", "did you mean status? Write /bandwidth status"),
    ("alrets", "did you mean alerts?"),
    ("silense video 2h", "did you mean silence? Write /bandwidth silence video 2h"),
    ("akc #1", "did you mean ack? Write /bandwidth ack #1"),
    ("incidnets", "did you mean incidents?"),
    ("vidoe", "did you mean the domain video.example.com? Write /bandwidth show video.example.com"),
    ("show vidoe", "did you mean video.example.com?"),
    ("rules went-drak", "did you mean went-dark?"),
    ("show downloads", "@downloads (2 domains"),
    ("p95 video last month", "nothing is known of 2026-10"),
    ("silence dl1 dl2 2h", 'one target at a time ("silence dl1 2h", then "silence dl2 2h")'),
    ("silence img til 6", "Silenced img.example.com until 06:00"),
    ("show vdeo.example.com", "did you mean video.example.com?"),
    ("why shop-42", "did you mean shop-042.example.com?"),
    ("silence vidoe 2h", "did you mean video.example.com?"),
    ("silence went-drak 2h", "did you mean went-dark?"),
    ("top chnage", "did you mean change?"),
    ("replay went-drak", "did you mean went-dark?"),
    ("help silense", "did you mean silence?"),
    # abbreviations
    ("show shop-042", "shop-042.example.com: 1 Gbps"),
    ("silence shop-042 2h", "Silenced shop-042.example.com until 02:20 (s1)"),
    ("silence shop 2h", 'write more of it, or "shop*" for all'),
    ("silence went-dark 1h", "Silence the rule went-dark (9 domains) until 01:20?"),
    ("silence rule went-dark 1h", "Silence the rule went-dark (9 domains) until 01:20?"),
    ("silence downloads 1h", "Silenced @downloads (2 domains) until 01:20 (s1)"),
    ("silence group downloads 1h", "Silenced @downloads (2 domains) until 01:20 (s1)"),
    ("silence all 1h", "Silence * (9 domains) until 01:20?"),
    ("silence incident 1 1h", "Silenced #1 (1 domain) until 01:20 (s1)"),
    ("unsilence video", '"video.example.com" is not silenced: nothing is'),
    ("ack", "Acknowledged #1."),
    ("ack 1", "Acknowledged #1."),
    ("ack img.example.com", "Acknowledged #1."),
    ("ack img on it", "Acknowledged #1."),
    ("ack video", "No open incident in this channel is about video.example.com"),
    ("rules went-dark", "1 rule"),
    ("ack #1 looking into it", "Acknowledged #1."),
    ("ack looking into it", "Acknowledged #1."),
    # times
    ("silence video 2 hours", TWO_HOURS),
    ("silence video 2hrs", TWO_HOURS),
    ("silence video for 2 hours", TWO_HOURS),
    ("silence video 120 min", TWO_HOURS),
    ("silence video 1h 60m", TWO_HOURS),
    ("silence 2h video", TWO_HOURS),
    ("silence video until 6", "Silenced video.example.com until 06:00 (s1)"),
    ("silence video until 6am", "Silenced video.example.com until 06:00 (s1)"),
    ("silence video until tomorrow 06:00", "Silenced video.example.com until Wed 4 Nov 06:00"),
    ("silence video until tomorrow", 'Write "until tomorrow 09:00"'),
    ("silence video tomorrow", 'Write "until tomorrow"'),
    ("silence video 2", "lacks its unit: write 2m or 2h"),
    ("silence video", 'Say until when: "silence video 2h"'),
    ("silence video,img 5m", 'One at a time: "silence video 2h", then "silence img 2h"'),
    ("show video 24 hours", SHOWS),
    ("show video last week", SHOWS),
    ("show video for 7 days", SHOWS),
    ("alerts last 24 hours", "1 incident open"),
    ("top 3 by change", "Top 3 of 9 domains"),
    ("rules for video", "2 rules for video.example.com"),
    ("why is video dark", "video.example.com: judged until"),
    ("why video please explain", 'write "why video"'),
    ("why @downloads", "ask why of one of its domains, such as dl1.example.com"),
    (
        "silence <http://video.example.com|video.example.com>, <http://img.example.com|img.example.com> 2h",
        'One at a time: "silence video.example.com 2h", then "silence img.example.com 2h"',
    ),
    ("silence video the next 2h", TWO_HOURS),
    ("silence video from now until 6", "Silenced video.example.com until 06:00 (s1)"),
    ("silence video until 6:00 UTC", "Silenced video.example.com until 06:00 (s1)"),
    ("silence video until 6 am CET", "Times are read in UTC, and not in CET"),
    ("silence account 2h", "did you mean total?"),
    ("show http://video.example.com:8080/path?x=1", SHOWS),
    ("p95 video october", "nothing is known of 2026-10"),
    ("help silence", "For example /bandwidth silence video.* 2h"),
]


@pytest.fixture
async def home():
    """An account of nine domains, of which one is dark."""
    groups = [GroupSettings(name="downloads", domains=["dl*"])]
    with night_folder() as folder:
        house = House(config_for(database(folder), DOMAINS, [dark(), doubled()], groups=groups), DOMAINS)
        await house.begin({**USUAL, "total": sum(USUAL.values())})
        now = USUAL | {"img.example.com": 0.0}
        for _ in range(2):
            await house.judge({**now, "total": sum(now.values())})
        await house.post()
        yield house
        await house.end()


@pytest.mark.parametrize(("typed", "answer"), TYPED, ids=[typed for typed, _ in TYPED])
async def test_what_people_type_is_answered_as_meant_or_with_the_line_that_would_be_right(home, typed, answer):
    executor = OrderExecutor(lambda: home.dispatcher, home._keeper)
    commands = Commands(lambda: Inquired(home).scope, executor)
    ada = Requester(Person("U0ADA", "Ada"), CHANNEL, frozenset({CHANNEL}))
    said = plain((await commands.answer(typed, ada)).message)
    assert answer.lower() in said.lower()


def test_there_are_eighty_of_them():
    assert len(TYPED) >= 80
