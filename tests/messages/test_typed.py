"""What a typed line means, word by word: as it is meant by whoever knows other tools, or types at 3 a.m."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.rigs.night import config_for, dark

from alertbot.config import GroupSettings
from alertbot.config.watch import lay_out
from alertbot.messages.not_a_command import not_a_command
from alertbot.messages.typed import meant_words
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
        ("list video", "why video"),
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
        # what was pasted: a message, a title, its second line
        ("img.example.com went dark at 00:00: 0 bps, was 1 Gbps.", "why img.example.com"),
        ("why img.example.com went dark at 00:00: 0 bps, was 1 Gbps.", "why img.example.com 00:00"),
        ("#1 critical - data until 00:10 - rule went-dark", "why #1"),
        ("[CRITICAL] img.example.com", "show img.example.com"),
        # the target first
        ("video 7d", "show video 7d"),
        ("video why", "why video"),
        ("#1 details", "why #1"),
        ("is video up?", "why video"),
        ("is img down", "why img"),
        ("status video", "why video"),
        ("ping #4", "why #4"),
        ("alerts img", "why img"),
        ("#1 ?", "why #1"),
        ("why #1 ??", "why #1"),
        # asked about, and not ordered
        ("ack --help", "help ack"),
        ("ack ?", "help ack"),
        ("silence help", "help silence"),
        ("silence -h", "help silence"),
        ("show video --help", "help show"),
        ("how do I mute img", "help silence"),
        ("how to ack", "help ack"),
        # without a domain
        ("show last 24h", "show total 24h"),
        ("show traffic", "show total"),
        ("show total bandwidth", "show total"),
        ("show account", "show total"),
        ("why is the account down", "why total"),
        ("bill last month", "p95 total last"),
        ("bill october", "p95 total october"),
        ("95/5 video", "p95 video"),
        ("burst left video", "p95 video"),
        # other tools' words and options
        ("avg video 7d", "show video 7d"),
        ("list monitors", "rules"),
        ("rule:went-dark", "rules went-dark"),
        ("went-dark", "rules went-dark"),
        ("mute monitor went-dark 2h", "silence monitor went-dark 2h"),
        ("schedule downtime video 2h", "silence video 2h"),
        ("show downtimes", "silences"),
        ("alerts --severity critical", "alerts"),
        ("list alerts --json", "alerts"),
        ("incidents since yesterday", "incidents 48h"),
        ("show img at 03:00", "why img 03:00"),
        ("top 10 by traffic", "top 10"),
        ("silence video --duration 2h", "silence video 2h"),
        ("silence video --until=06:00 --comment deploy", "silence video until 06:00 deploy"),
        ("silence video duration=2h reason=deploy", "silence video 2h deploy"),
        ("silence video \u2013 2h", "silence video 2h"),
        ("silence video 2h - step -2", "silence video 2h - step -2"),
        ("silence video 2h ran df -h there", "silence video 2h ran df -h there"),
    ],
)
def test_a_line_means(typed, meant):
    words = meant_words(words_of(typed), WATCH)
    assert " ".join(words) == meant
    assert meant_words(words, WATCH) == words  # what was understood is read once more where it is answered


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("what is firing", "`alerts` says what is firing"),
        ("who silenced video", "`silences` who silenced what"),
        ("how many domains are down", "`help` the rest"),
        ("#1 ack", "the command comes first. Write `/bandwidth ack #1`"),
        ("video silence 2h", "Write `/bandwidth silence video 2h`"),
        ("whois video", "Write `/bandwidth show video`"),
        ("merge #1 #2", "Write `/bandwidth why #1`"),
        ("set threshold img 1Gbps", "`help rules`"),
        ("false alarm", "`noise #412`"),
        ("last night", "`incidents 24h`"),
        ("lgtm", "`ack #412 looking into it`"),
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
