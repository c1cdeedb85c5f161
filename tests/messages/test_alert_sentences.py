"""What an operator reads, sentence by sentence: golden texts, plain and complete."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind
from alertbot.messages.alert import PLAIN, alert_sentence
from alertbot.messages.alert_list import all_alert_lines
from alertbot.messages.feed_incident import unread_words
from alertbot.messages.incident import tell
from alertbot.messages.incident_parts import Context, Tone
from alertbot.rules.base import Direction, Rule, Severity
from alertbot.rules.baseline import Baseline
from alertbot.rules.day_over_day import DayOverDay
from alertbot.rules.drop import Drop
from alertbot.rules.percentile import Percentile
from alertbot.rules.threshold import Threshold
from alertbot.rules.wording import Outlook
from alertbot.units import SLOT, parse_time

SINCE = parse_time("2026-03-02T12:05:00Z")
NOW = SINCE + 22 * 60
UTC = ZoneInfo("UTC")
NAME = "video.example.com"


def rule(kind, name="r", severity=Severity.WARNING):
    return Rule(name, type(kind).__name__.lower(), kind, severity)


def alert(value, reference=None, worst=None, direction=Direction.FALL, **more):
    given = {"rule": "r", "series": NAME, "phase": Phase.FIRING, "since": SINCE, "slot": SINCE + SLOT}
    worst = value if worst is None else worst
    told = Alert(**given, value=value, reference=reference, worst=worst, direction=direction, fired=SINCE + SLOT)
    return replace(told, **more)


UP = Direction.RISE
CEILING, FLOOR = Threshold(above=8e9, clear=7e9), Threshold(below=5e7)
BASELINE = Baseline()
DAY, WEEK, HALF = DayOverDay(2.0), DayOverDay(2.0, days=0, weeks=1), DayOverDay(0.5)


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (Drop(to=0), alert(0.0, 1.84e9), f"{NAME} went dark at 12:05: 0 bps, was 1.84 Gbps."),
        (Drop(by=0.8), alert(3.1e8, 1.84e9), f"{NAME} fell by 83.2% at 12:05: 310 Mbps, was 1.84 Gbps."),
        (CEILING, alert(8.4e9, direction=UP), f"{NAME} went above 8 Gbps at 12:05: 8.4 Gbps."),
        (FLOOR, alert(1.2e7), f"{NAME} went under 50 Mbps at 12:05: 12 Mbps."),
        (
            CEILING,
            alert(1e8, worst=9.1e9, direction=UP, clear_run=1),
            f"{NAME} went above 8 Gbps at 12:05: 9.1 Gbps; now 100 Mbps.",
        ),
        (
            Threshold(above=8e9, below=5e7),
            alert(1e6, worst=9.1e9, direction=UP, clear_run=1),
            f"{NAME} went above 8 Gbps at 12:05: 9.1 Gbps; now 1 Mbps.",
        ),
        (
            DAY,
            alert(4.2e9, 1.84e9, direction=UP),
            f"{NAME} carries 2.28 times as much as a day earlier, since 12:05: 4.2 Gbps against 1.84 Gbps.",
        ),
        (
            DAY,
            alert(1e9, 1.84e9, worst=4.2e9, direction=UP, clear_run=1),
            f"{NAME} carried 2.28 times as much as a day earlier, since 12:05: 4.2 Gbps against 1.84 Gbps; now 1 Gbps.",
        ),
        (
            WEEK,
            alert(4.2e9, 1.84e9, direction=UP),
            f"{NAME} carries 2.28 times as much as a week earlier, since 12:05: 4.2 Gbps against 1.84 Gbps.",
        ),
        (
            BASELINE,
            alert(4.1e9, 1.8e9, direction=UP),
            f"{NAME} carries 4.1 Gbps, 2.28 times the 1.8 Gbps usual at this time, since 12:05.",
        ),
        (
            BASELINE,
            alert(5e8, 1.8e9),
            f"{NAME} carries 500 Mbps, only 27.8% of the 1.8 Gbps usual at this time, since 12:05.",
        ),
        (BASELINE, alert(0.0, 1.8e9), f"{NAME} carries 0 bps against the 1.8 Gbps usual at this time, since 12:05."),
        (
            HALF,
            alert(5e8, 1.84e9),
            f"{NAME} carries only 27.2% as much as a day earlier, since 12:05: 500 Mbps against 1.84 Gbps.",
        ),
        (
            Drop(to=0),
            alert(0.0, 1.84e9, series="total"),
            "The whole account went dark at 12:05: 0 bps, was 1.84 Gbps.",
        ),
        (
            Drop(to=0),
            alert(0.0, 1.84e9, series="sum:dl"),
            "The group dl went dark at 12:05: 0 bps, was 1.84 Gbps.",
        ),
    ],
)
def test_what_fires_is_told_in_one_sentence_with_numbers(kind, told, expected):
    assert alert_sentence(rule(kind), told, None, UTC, NOW, PLAIN) == expected


def billed(so_far, forecast, burst):
    figure = max(so_far, forecast or 0)
    return alert(figure, 8e9, direction=UP, outlook=Outlook(so_far, forecast, burst))


@pytest.mark.parametrize(
    ("reason", "told", "expected"),
    [
        (
            None,
            billed(8.2e9, 8.1e9, 312),
            (
                f"{NAME}: 95th percentile of the month so far is 8.2 Gbps, 82% of the 10 Gbps committed;"
                " 312 5-minute values (1d 2h) of burst left."
            ),
        ),
        (
            None,
            billed(8.2e9, 10.4e9, 1),
            (
                f"{NAME}: 95th percentile of the month so far is 8.2 Gbps, 82% of the 10 Gbps committed,"
                " on course for 10.4 Gbps by its end; 1 5-minute value (5m) of burst left."
            ),
        ),
        (
            None,
            billed(10.1e9, None, 0),
            f"{NAME}: 95th percentile of the month so far is 10.1 Gbps, 101% of the 10 Gbps committed; no burst left.",
        ),
        (
            None,
            billed(7.1e9, 8.6e9, 200),
            (
                f"{NAME} is on course for a 95th percentile of 8.6 Gbps, 86% of the 10 Gbps committed;"
                " 7.1 Gbps so far; 200 5-minute values (16h 40m) of burst left."
            ),
        ),
        (
            "cleared",
            billed(7.1e9, 7.2e9, 200),
            (
                f"{NAME} is back under 75%: the 95th percentile of the month so far is 7.1 Gbps,"
                " 71% of the 10 Gbps committed, on course for 7.2 Gbps by its end."
            ),
        ),
        (
            "month over",
            billed(8.8e9, 8.8e9, 0),
            f"{NAME}: the month is over; its 95th percentile came to 8.8 Gbps, 88% of the 10 Gbps committed.",
        ),
        (
            "rule changed",
            billed(8.8e9, 8.8e9, 0),
            f"{NAME}: the rule r was changed or removed, so this alert, open since 12:05, is closed.",
        ),
    ],
)
def test_a_months_percentile_is_told_with_what_is_committed_and_what_burst_is_left(reason, told, expected):
    assert alert_sentence(rule(Percentile(10e9)), told, reason, UTC, NOW, PLAIN) == expected


def test_a_month_that_is_over_is_told_where_its_rule_is_gone():
    told = billed(8.8e9, 8.8e9, 0)
    assert alert_sentence(None, told, "month over", UTC, NOW, PLAIN) == (
        f"{NAME}: the month is over that the rule r was about."
    )


@pytest.mark.parametrize(
    ("reason", "told", "expected"),
    [
        (
            "cleared",
            alert(1.79e9, 1.84e9, 0.0, slot=SINCE + 8 * SLOT, clear_run=2),
            f"{NAME} is back to normal at 12:40 after 35m: 1.79 Gbps.",
        ),
        (
            "cleared",
            alert(6.9e9, None, 9e9, UP, slot=SINCE + 8 * SLOT, clear_run=2),
            f"{NAME} is back to normal at 12:40 after 35m: 6.9 Gbps, 9 Gbps at its peak.",
        ),
        (
            "new normal",
            alert(3.1e8, 1.84e9, slot=SINCE + 287 * SLOT, fired_on=1.84e9),
            f"{NAME} is still at 310 Mbps after 1d (was 1.84 Gbps). From now on alerts compare with this level.",
        ),
        (
            "rule changed",
            alert(0.0, 1.84e9),
            f"{NAME}: the rule r was changed or removed, so this alert, open since 12:05, is closed.",
        ),
        (
            "revised",
            alert(0.0, 1.84e9),
            f"The CDN revised its figures for {NAME} from 12:05 on. No alert.",
        ),
    ],
)
def test_how_it_ended_is_told_with_how_long_and_how_bad(reason, told, expected):
    assert alert_sentence(rule(Drop(to=0)), told, reason, UTC, NOW, PLAIN) == expected


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (
            Drop(to=0, clear=0.7),
            alert(1.1e9, 1.84e9, 0.0, slot=SINCE + 21 * SLOT, clear_run=2, usual=1.84e9, fired_on=1.84e9),
            f"{NAME} is back at 1.1 Gbps since 13:45 (usually 1.84), after 1h 40m.",
        ),
        (
            Drop(to=0, clear=0.7),  # of what is usual nothing is known
            alert(1.1e9, 1.84e9, 0.0, slot=SINCE + 21 * SLOT, clear_run=2, fired_on=1.84e9),
            f"{NAME} is back at 1.1 Gbps since 13:45 (was 1.84), after 1h 40m.",
        ),
        (
            Drop(to=0),  # at night
            alert(9e7, 1.84e9, 0.0, slot=SINCE + 21 * SLOT, clear_run=2, usual=9.5e7, fired_on=1.84e9),
            f"{NAME} is back to normal at 13:45 after 1h 40m: 90 Mbps.",
        ),
        (
            Drop(to=0),
            alert(3e8, 4e8, 0.0, slot=SINCE + 21 * SLOT, clear_run=2, usual=1.84e9, fired_on=4e8),
            f"{NAME} is back at 300 Mbps since 13:45 (usually 1.84 Gbps), after 1h 40m.",
        ),
        (
            Baseline(),
            alert(1.2e9, 1.84e9, 3e8, slot=SINCE + 21 * SLOT, clear_run=2, usual=1.84e9, fired_on=1.5e9),
            f"{NAME} is back at 1.2 Gbps since 13:45 (usually 1.84), after 1h 40m.",
        ),
        (
            Threshold(above=8e9, below=5e7),
            alert(1e6, None, 9e9, UP, slot=SINCE + 21 * SLOT, clear_run=2),
            f"{NAME} is back at 1 Mbps since 13:45, after 1h 40m.",
        ),
    ],
)
def test_only_what_is_at_its_usual_level_is_called_normal(kind, told, expected):
    assert alert_sentence(rule(kind), told, "cleared", UTC, NOW + 7200, PLAIN) == expected


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (
            Drop(to=0),
            alert(0.0, 1.84e9),
            "has been dark since 12:05 or earlier: 0 bps, usually 1.84 Gbps at this time.",
        ),
        (
            Drop(to=5e6),
            alert(2e6, 1.84e9),
            "has been low since 12:05 or earlier: 2 Mbps, usually 1.84 Gbps at this time.",
        ),
        (
            Drop(to=0),
            alert(1e9, 1.84e9, 0.0, clear_run=1),
            "was dark from 12:05 or earlier: 0 bps, usually 1.84 Gbps at this time; now 1 Gbps.",
        ),
    ],
)
def test_what_carried_nothing_before_either_is_compared_with_what_is_usual(kind, told, expected):
    told = replace(told, by_usual=True)
    assert alert_sentence(rule(kind), told, None, UTC, NOW, PLAIN) == f"{NAME} {expected}"


def test_how_long_that_lasted_is_known_as_a_least_only():
    told = replace(alert(1.84e9, 1.84e9, 0.0, slot=SINCE + 8 * SLOT, clear_run=2), by_usual=True)
    over = alert_sentence(rule(Drop(to=0)), told, "cleared", UTC, NOW + 7200, PLAIN)
    assert over == f"{NAME} is back to normal at 12:40 after 35m or more: 1.84 Gbps."
    elsewhere = replace(told, value=3e8, usual=1.84e9, fired_on=4e8)
    assert alert_sentence(rule(Drop(to=0)), elsewhere, "cleared", UTC, NOW + 7200, PLAIN).endswith("35m or more.")


AGAIN = [SINCE - 95 * 60, SINCE]


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (Drop(to=0), alert(0.0, 3.19e8), "went dark again at 12:05: 0 bps, was 319 Mbps"),
        (Drop(by=0.8), alert(3.1e8, 1.84e9), "fell again by 83.2% at 12:05: 310 Mbps, was 1.84 Gbps"),
        (CEILING, alert(8.4e9, direction=UP), "went above 8 Gbps again at 12:05: 8.4 Gbps"),
        (
            DAY,
            alert(4.2e9, 1.84e9, direction=UP),
            "again carries 2.28 times as much as a day earlier, since 12:05: 4.2 Gbps against 1.84 Gbps",
        ),
        (
            BASELINE,
            alert(4.1e9, 1.8e9, direction=UP),
            "again carries 4.1 Gbps, 2.28 times the 1.8 Gbps usual at this time, since 12:05",
        ),
    ],
)
def test_what_comes_again_says_so(kind, told, expected):
    sentence = alert_sentence(rule(kind), told, None, UTC, NOW, PLAIN, AGAIN)
    assert sentence == f"{NAME} {expected}; second time since 10:30."
    assert "again " not in alert_sentence(rule(kind), told, None, UTC, NOW, PLAIN, AGAIN[1:])


def test_an_alert_whose_rule_is_gone_still_makes_a_sentence():
    assert alert_sentence(None, alert(5.0), None, UTC, NOW, PLAIN) == f"{NAME} breaks the rule r, which is gone: 5 bps."


def context(*firing):
    rules = {"r": rule(Drop(to=0), severity=Severity.CRITICAL)}
    return Context(NOW, SINCE + 2 * SLOT, 300, frozenset(firing), rules, UTC)


def incident(kind, *alerts, closed=None, **facts):
    return Incident(412, kind, "#cdn", SINCE, float(SINCE + 900), closed, alerts, facts)


def told(series=NAME, resolved=None, reason=None):
    now = 1.84e9 if reason == "cleared" else 0.0
    return FiredAlert(1, alert(now, 1.84e9, series=series), "critical", resolved, reason)


EITHER = "Either all traffic stopped or the CDN stopped reporting: open one of your sites to find out."
DATA = "data until 12:15"


@pytest.mark.parametrize(
    ("one", "firing", "expected"),
    [
        (
            incident(IncidentKind.ALERT, told()),
            [NAME],
            (
                f"{NAME} went dark at 12:05: 0 bps, was 1.84 Gbps.",
                f"#412 critical - {DATA} - no alert on the other 299 domains - rule r",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.ALERT, told()),
            [NAME, "b"],
            (
                f"{NAME} went dark at 12:05: 0 bps, was 1.84 Gbps.",
                f"#412 critical - {DATA} - 1 of the other 299 domains in alert too - rule r",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.SUMMARY, told(), told("b"), told("c", SINCE, "revised")),
            [],
            (
                (
                    "When watching began, 3 alerts were firing already; 2 of them still are."
                    f" The worst: {NAME} went dark at 12:05: 0 bps, was 1.84 Gbps."
                ),
                f"#412 critical - {DATA}",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.SUMMARY, told(), told("c", SINCE, "revised")),
            [],
            (
                (
                    "When watching began, 2 alerts were firing already; 1 of them still is."
                    f" The worst: {NAME} went dark at 12:05: 0 bps, was 1.84 Gbps."
                ),
                f"#412 critical - {DATA}",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.PASSED, told(resolved=SINCE + 4 * SLOT, reason="cleared"), closed=1.0),
            [],
            (
                f"While alertbot had no data, 1 alert came and went between 12:05 and 12:10: {NAME}.",
                f"#412 resolved - {DATA}",
                Tone.OVER,
            ),
        ),
        (
            incident(IncidentKind.DARK, account_wide=False),
            [],
            (
                f"No data since 12:05. {EITHER}",
                "#412 critical - the API answers, with nothing newer",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.DARK, told(), told("b"), account_wide=True),
            [],
            (
                f"Still no data since 12:05, so the whole account counts as at 0. {EITHER}",
                "#412 critical - 2 domains in alert",
                Tone.CRITICAL,
            ),
        ),
        (
            incident(IncidentKind.DARK, account_wide=True, closed=SINCE + 3600.0),
            [],
            ("Data is back after 1h; none had come since 12:05.", "#412 resolved", Tone.OVER),
        ),
        (
            incident(IncidentKind.FEED, cause="HTTP 500"),
            [],
            (
                "The CDN's API has been failing since 12:05: HTTP 500. No rule is judged until it answers.",
                "#412 warning - last data 12:15 - posted 12:20",
                Tone.WARNING,
            ),
        ),
        (
            incident(IncidentKind.FEED, series=["a", "b"]),
            [],
            (
                "2 domains have been unreadable since 12:05, so no rule judges them: a, b.",
                "#412 warning - posted 12:20",
                Tone.WARNING,
            ),
        ),
        (
            incident(IncidentKind.FEED, cause="HTTP 500", closed=SINCE + 3600.0),
            [],
            (
                "The CDN's API answers again after 1h; what was missed is being judged.",
                "#412 resolved - from 12:05 - posted 12:20",
                Tone.OVER,
            ),
        ),
        (
            incident(IncidentKind.VANISHED, series=["a"]),
            [],
            (
                "No longer among the account's domains, though it carried traffic within the last day: a.",
                "#412 warning - its alerts stay open",
                Tone.WARNING,
            ),
        ),
    ],
)
def test_each_kind_of_incident_reads_as_someone_woken_needs_it(one, firing, expected):
    telling = tell(one, context(*firing), PLAIN)
    headline, details, tone = expected
    assert (telling.headline, telling.details, telling.tone) == (headline, f"{details} - times in UTC", tone)


@pytest.mark.parametrize(
    ("series", "words"),
    [
        (["a", "sum:g"], "no data: 1 domain and 1 group"),
        (["a", "domain/list"], "no data: 1 domain"),
        (["domain/list"], "the list of the account's domains"),
    ],
)
def test_a_line_of_health_counts_what_cannot_be_read_as_the_message_does(series, words):
    assert unread_words(incident(IncidentKind.FEED, series=series)) == words


def test_of_many_alerts_twenty_are_listed_those_that_burn_first_and_the_rest_counted():
    over = [told(f"over{number}", SINCE, "revised") for number in range(5)]
    firing = [told(f"d{number}") for number in range(30)]
    lines = tell(incident(IncidentKind.SUMMARY, *over, *firing), context(), PLAIN).lines
    assert len(lines) == 2, "what they have in common is said once"
    assert lines[0].startswith("Dark since 12:05; before that: d1 1.84 Gbps, d10 1.84, d11 1.84, ")
    assert lines[0].count("1.84") == 20
    assert "over" not in lines[0]
    assert lines[1] == "and 14 more; the thread lists them all"


def a_fall(series, value, reference, **more):
    return FiredAlert(len(series), replace(alert(value, reference, series=series), **more), "critical", None, None)


def test_alerts_of_a_kind_are_a_line_the_largest_first_and_the_others_a_sentence_each():
    alerts = [
        a_fall("aa", 0.0, 3e8),
        a_fall("bbb", 0.0, 4.73e8),
        a_fall("cccc", 0.0, 1.2e9),
        a_fall("ddddd", 0.0, 9e8, since=SINCE - SLOT),
    ]
    assert tuple(all_alert_lines(alerts, context(), PLAIN)) == (
        "Dark since 12:05; before that: cccc 1.2 Gbps, bbb 473 Mbps, aa 300",
        "ddddd went dark at 12:00: 0 bps, was 900 Mbps.",
    )


def test_very_many_alerts_of_a_kind_go_on_in_the_next_line():
    alerts = [a_fall(f"{'x' * 40}{number:03}{'y' * number}", 0.0, 1e9 - number * 1e6) for number in range(60)]
    lines = list(all_alert_lines(alerts, context(), PLAIN))
    assert 1 < len(lines) < 6
    assert all(len(line) < 1_700 for line in lines)
    assert "".join(lines).count("x" * 40) == 60


def test_a_group_is_no_new_sentence_among_others():
    over = {"resolved": SINCE + 4 * SLOT, "reason": "cleared"}
    both = incident(IncidentKind.ALERT, told(**over), told("sum:downloads", **over), closed=1.0)
    text = tell(both, context(), PLAIN)
    assert text.headline.startswith(f"{NAME}, the group downloads back to normal at ")
    one = incident(IncidentKind.ALERT, told("sum:downloads", **over), told(**over | {"reason": "new normal"}))
    assert tell(one, context(), PLAIN).headline.startswith("The group downloads is back to normal at ")


@pytest.mark.parametrize(
    ("first", "other", "said"),
    [
        (NAME, "b", "1 more domain fell"),
        (NAME, "sum:downloads", "1 group fell"),
        ("sum:downloads", "b", "1 domain fell"),
        ("sum:downloads", "sum:front", "1 more group fell"),
    ],
)
def test_only_of_the_same_kind_there_is_one_more(first, other, said):
    both = incident(IncidentKind.ALERT, told(first), replace(told(other), severity="warning"))
    assert tell(both, context(), PLAIN).headline.endswith(f"; {said} with it.")
