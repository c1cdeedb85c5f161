"""What a typed line means, word by word: as it is meant by whoever knows other tools, or types at 3 a.m."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.rigs.night import config_for, dark

from alertbot.config import GroupSettings
from alertbot.config.watch import lay_out
from alertbot.messages.typed import meant_words, not_a_command
from alertbot.slack.typed_text import words_of

DOMAINS = ("video.example.com", "img.example.com", "dl1.example.com", "dl2.example.com")
GROUPS = [GroupSettings(name="downloads", domains=["dl*"])]
WATCH = lay_out(config_for(Path("alertbot.db"), DOMAINS, [dark()], groups=GROUPS), DOMAINS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        # polite, or with the command's own name in front
        ("please silence video for 2h", "silence video for 2h"),
        ("pls, show video", "show video"),
        ("status please", "status please"),
        ("show video please", "show video"),
        ("/bandwidth status", "status"),
        ("bandwidth video", "show video"),
        ("alertbot status", "status"),
        # other tools' words
        ("suppress video 2h", "silence video 2h"),
        ("ignore video 2h", "silence video 2h"),
        ("maintenance video 2h", "silence video 2h"),
        ("downtime @downloads 2h", "silence @downloads 2h"),
        ("cancel silence 1", "unsilence silence 1"),
        ("remove s1", "unsilence s1"),
        ("delete s1", "unsilence s1"),
        ("lift s1", "unsilence s1"),
        ("silence list", "silences"),
        ("silence rm s1", "unsilence s1"),
        ("silence off video", "unsilence video"),
        ("silence video off", "unsilence video"),
        ("silence cancel", "silence cancel"),
        ("silences?", "silences"),
        ("domains", "top"),
        ("traffic video", "show video"),
        ("events 24h", "incidents 24h"),
        ("thresholds", "rules"),
        ("hello", "help"),
        ("silence alertname=went-dark 2h", "silence rule:went-dark 2h"),
        ('silence {alertname="went-dark"} 2h', "silence rule:went-dark 2h"),
        ("silence domain=img.example.com 2h", "silence img.example.com 2h"),
        ("silence add img 2h", "silence img 2h"),
        ("silence expire s1", "unsilence s1"),
        ("amtool silence query", "silences"),
        ("end silence 1", "unsilence silence 1"),
        ("handback #1", "unack #1"),
        ("problems", "alerts"),
        ("outages", "alerts"),
        ("bw video", "show video"),
        ("man silence", "help silence"),
        # a greeting, a mention, no command at all
        ("hey alertbot, status", "status"),
        ("<@U0BOT> status", "status"),
        ("/bandwidth", "help"),
        ("help me", "help"),
        # punctuation
        ("silence <http://img.example.com|img.example.com> for 2h, deploy", "silence img.example.com for 2h deploy"),
        ("show video 24h.", "show video 24h"),
        ("(#4)", "why #4"),
        # lists
        ("list open incidents", "alerts"),
        ("current alerts", "alerts"),
        ("alerts today", "alerts 24h"),
        ("silences list", "silences"),
        ("status now", "status"),
        ("details #4", "why #4"),
        ("alert 4", "why 4"),
        ("show group downloads", "show @downloads"),
        ("show domain img", "show img"),
        ("show all", "show total"),
        ("p95 video last month", "p95 video last"),
        ("list alerts", "alerts"),
        ("list silences", "silences"),
        ("list domains", "top"),
        ("show alerts", "alerts"),
        ("show incidents 24h", "incidents 24h"),
        ("show rules", "rules"),
        ("show status", "status"),
        ("show top 5", "top 5"),
        ("show #4", "why #4"),
        ("show video", "show video"),
        ("list video", "alerts video"),
        # counts, and words between
        ("top10", "top 10"),
        ("top5 change", "top 5 change"),
        ("top 5 domains", "top 5"),
        ("top talkers", "top talkers"),
        ("show me video", "show video"),
        ("show video of the last 7 days", "show video 7 days"),
        # why
        ("why #4?", "why #4"),
        ("why did #4 fire", "why #4"),
        ("why did img go dark", "why img"),
        ("why is img down?", "why img"),
        ("why was video silent at 03:00", "why video 03:00"),
        ("why no alert for video", "why video"),
        ("why incident 4", "why 4"),
        ("why", "why"),
        ("#4?", "why #4"),
    ],
)
def test_a_line_means(typed, meant):
    assert " ".join(meant_words(words_of(typed), WATCH)) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("what is firing", "`alerts` says what is firing"),
        ("who silenced video", "`silences` who silenced what"),
        ("how do i silence a domain", "`help` the rest"),
        ("undo", "`unsilence s3` ends a silence"),
        ("assign #1 bob", "`ack #412 looking into it`"),
        ("note #1 on it", "`ack #412 looking into it`"),
        ("disable went-dark", "`silence rule:NAME 2h`"),
        ("on it", "`ack #412 looking into it`"),
        ("got it", "`ack #412 looking into it`"),
        ("which domains are down", "`alerts` says what is firing"),
        ("page me", "`[slack] mention`"),
        ("reload", "`sudo systemctl reload alertbot`"),
        ("export video", "`alertbot --help`"),
        ("stop", "`unsilence s3` ends a silence"),
        ("aknowledge #1", "did you mean ack? Write `/bandwidth ack #1`"),
        ("maintenence video 2h", "did you mean silence? Write `/bandwidth silence video 2h`"),
        ("oncall", 'there is no command "oncall"'),
        ("uptime", 'there is no command "uptime"'),
    ],
)
def test_what_is_no_command_is_answered_with_the_line_that_would_be_right(typed, says):
    assert says in str(not_a_command(meant_words(words_of(typed), WATCH), WATCH, "/bandwidth"))


def test_what_is_like_nothing_is_not_taken_for_something():
    assert str(not_a_command(["oncall"], WATCH, "/bandwidth")) == 'there is no command "oncall"'
