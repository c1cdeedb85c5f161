"""Paging as tables: what an incident owes its readers, and what wakes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.worlds.cases import DEFAULT, T, incident, mute, rule, silence, suppression, told

from alertbot.incidents.flapping import Flap
from alertbot.incidents.incident import AccountFall, IncidentKind
from alertbot.incidents.paging import due
from alertbot.incidents.situation import Situation
from alertbot.units import SLOT

WARNED = {
    "paged_at": float(T),
    "paged_slot": T,
    "paged_severity": "warning",
    "paged_series": 1,
    "unacked_since": float(T),
}
ACKED = WARNED | {"acked_at": float(T), "acked_by": "Ada"}
HOURLY = rule(repeat=3600)
FELL = AccountFall(T, 3, 3)


def says(what):
    """The kinds of the notes, those that wake people with an exclamation mark."""
    return [f"{note.kind.value}{'!' if note.page else ''}" for note in what.notes]


def notes(which, held=None, **more):
    return says(due(Situation(which, held or suppression(1), settled=True, **more)))


def a(**more):
    return told(1, **{"slot": 1, "noted": 1} | more)


def b(**more):
    return told(2, "b", **{"slot": 1, "noted": 1} | more)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (incident(1, a(), **WARNED), []),  # nothing new
        (incident(1, a(severity="critical"), **WARNED), ["grew!"]),  # louder
        (incident(1, a(severity="info"), **WARNED), []),
        (incident(1, a(), b(noted=0), **WARNED), ["grew!", "joined"]),  # twice as many
        (incident(1, a(), a(rule="fell", noted=0), **WARNED), ["joined"]),  # the same domain
        (incident(1, a(), b(noted=0), **WARNED | {"paged_series": 2}), ["joined"]),
        (incident(1, a(), wide=FELL, **WARNED), ["grew!"]),  # the whole account
        (incident(1, a(), wide=FELL, **WARNED | {"paged_wide": True}), []),
        (incident(1, a(), b(ended=1), **WARNED | {"paged_series": 2}), ["ended"]),
        (incident(1, a(ended=1), **WARNED), ["resolved"]),
        (incident(1, a(ended=1), kind=IncidentKind.SUMMARY), ["resolved"]),
    ],
)
def test_growth_wakes_people_and_other_changes_do_not(which, expected):
    assert notes(which) == expected


@pytest.mark.parametrize(
    ("which", "at", "expected"),
    [
        (incident(1, a(slot=11), **WARNED), 11.9, []),
        (incident(1, a(slot=12), **WARNED), 12, ["still!"]),  # an hour later
        (incident(1, a(slot=12), **ACKED), 12, []),  # somebody took it on
        (incident(1, a(slot=0), **WARNED), 12, []),  # no slot since then was judged: nothing is known to burn still
        (incident(1, a(slot=12, clearing=1), **WARNED), 12, []),  # it is about to be over
        (incident(1, a(slot=12), parent=2, **WARNED), 12, []),  # it is told elsewhere
        (incident(1, a(slot=12, rule="once"), **WARNED), 12, []),  # a rule that wants no reminders
        (incident(1, a(slot=12, rule="once"), b(slot=12), **WARNED | {"paged_series": 2}), 12, ["still!"]),
    ],
)
def test_a_reminder_comes_when_the_last_page_is_long_ago(which, at, expected):
    assert notes(which, suppression(at, HOURLY, rule("once"))) == expected


def test_a_reminder_is_measured_from_the_last_page_of_any_kind():
    grown = due(Situation(incident(1, a(severity="critical", slot=9), **WARNED), suppression(9, HOURLY), settled=True))

    later = incident(1, a(severity="critical", slot=12), **vars(grown.progress))

    assert says(due(Situation(later, suppression(12, HOURLY), settled=True))) == []


ESCALATES = rule(escalate_after=1800, escalate_to=("#ops", "U0EVE", DEFAULT))


@pytest.mark.parametrize(
    ("progress", "at", "expected"),
    [
        (WARNED, 5.9, []),
        (WARNED, 6, ["escalated!"]),
        (ACKED, 6, []),
        (WARNED | {"escalated": ("#ops", "U0EVE", DEFAULT)}, 6, []),  # once
        (WARNED | {"unacked_since": float(T + SLOT)}, 6, []),  # from when it waits for somebody
    ],
)
def test_others_are_told_when_nobody_takes_it_on(progress, at, expected):
    assert notes(incident(1, a(slot=6), **progress), suppression(at, ESCALATES)) == expected


def test_an_escalation_is_told_in_the_channels_it_names_but_not_again_in_its_own():
    what = due(Situation(incident(1, a(slot=6), **WARNED), suppression(6, ESCALATES), settled=True))

    assert what.notes[0].copies == ("#ops",)
    assert what.progress.escalated == ("#ops", "U0EVE", DEFAULT)
    assert what.progress.copies == ("#ops",)


def test_growth_escalates_afresh_and_forgets_no_copy():
    """A copy in another channel is kept up to date, and resolved, whatever comes after it."""
    progress = ACKED | {"escalated": ("#ops",), "copies": ("#ops",)}
    grown = due(
        Situation(incident(1, a(severity="critical"), **progress), suppression(6, ESCALATES), settled=True)
    ).progress

    assert (grown.acked_at, grown.unacked_since, grown.escalated, grown.copies) == (None, T + 6 * SLOT, (), ("#ops",))
    again = due(
        Situation(incident(1, a(severity="critical", slot=12), **vars(grown)), suppression(12, ESCALATES), settled=True)
    )
    assert [(note.mentions, note.copies) for note in again.notes] == [(("#ops", "U0EVE", DEFAULT), ())]


@pytest.mark.parametrize(
    ("which", "held", "expected"),
    [
        # Nothing that is held wakes anybody, however much it grew and however long ago they were woken.
        (incident(1, a(severity="critical"), **WARNED), {"silences": [silence()]}, ["silenced"]),
        (incident(1, a(severity="critical"), **WARNED), {"mutes": [mute(0, 9)]}, ["muted"]),
        # What is not held does.
        (
            incident(1, a(), b(severity="critical"), **WARNED),
            {"silences": [silence(target="a")]},
            ["grew!", "silenced"],
        ),
        (incident(1, a(), silences=(1,), **WARNED), {"silences": [silence()]}, []),  # said once
        (incident(1, a(), silences=(1,), **WARNED), {"silences": [silence(ends=1)]}, ["silence over"]),
        (incident(1, a(ended=1), silences=(1,), **WARNED), {"silences": [silence(ends=1)]}, ["resolved"]),
        (incident(1, a(), muted=True, **WARNED), {}, ["mute over"]),
        (incident(1, a(ended=1), muted=True, **WARNED), {}, ["resolved"]),
    ],
)
def test_what_is_held_wakes_nobody_and_the_thread_says_so(which, held, expected):
    assert notes(which, suppression(1, HOURLY, **held)) == expected


AGAIN = frozenset({("dark", "a")})
FLAPPING = {("dark", "a"): Flap(T - 20 * SLOT, T)}


@pytest.mark.parametrize(
    ("alert", "held", "more", "expected"),
    [
        (a(fires=5, noted=0), {}, {"fresh": frozenset({1}), "new_flaps": AGAIN}, ["flaps!"]),
        (a(fires=6, noted=0), {"flapping": FLAPPING}, {"fresh": frozenset({1})}, []),  # told once
        (a(severity="critical", slot=3), {"flapping": FLAPPING}, {}, []),
        (a(severity="critical", slot=4), {"flapping": FLAPPING}, {}, ["steady!"]),  # one page, however many reasons
        (a(ended=3), {"flapping": FLAPPING}, {}, []),  # it is open until it is steady
        (a(ended=3), {}, {}, ["resolved"]),
    ],
)
def test_what_flaps_is_told_once_and_again_where_it_stays(alert, held, more, expected):
    assert notes(incident(1, alert, **WARNED), suppression(4, **held), **more) == expected


def test_in_an_incident_of_which_nobody_expects_more_another_domain_wakes_people():
    """What flaps was said to be quiet: what joins it is not."""
    joined = incident(1, a(), b(noted=0), **WARNED)

    assert notes(joined, suppression(1, flapping=FLAPPING)) == ["grew!", "joined"]
    assert notes(incident(1, a(), b(), **WARNED), suppression(1, flapping=FLAPPING)) == []


def test_what_stayed_is_told_once():
    stayed = due(Situation(incident(1, a(slot=4), **WARNED), suppression(4, flapping=FLAPPING), settled=True))

    assert notes(incident(1, a(slot=5), **vars(stayed.progress)), suppression(5, flapping=FLAPPING)) == []


OVER = AccountFall(T, 3, 3, over=T)
TOLD_WIDE = WARNED | {"paged_wide": True, "paged_series": 3}


@pytest.mark.parametrize(
    ("which", "at", "parts", "expected"),
    [
        (incident(1, a(slot=2), wide=OVER, **TOLD_WIDE), 2, False, []),  # what ends within three slots ends together
        (incident(1, a(slot=3), wide=OVER, **TOLD_WIDE), 3, False, ["survived!"]),
        (incident(1, a(slot=9), wide=FELL, **TOLD_WIDE), 9, False, []),
        (incident(1, a(ended=2, noted=2), wide=FELL, **TOLD_WIDE), 2, False, []),  # others lie there still
        (
            incident(1, a(ended=2, noted=2), wide=OVER, **TOLD_WIDE),
            2,
            True,
            [],
        ),  # a part of it may be well in a slot or two
        (incident(1, a(ended=2, noted=2), wide=OVER, **TOLD_WIDE), 3, True, ["resolved"]),
        (incident(1, a(ended=2, noted=2), wide=OVER, **TOLD_WIDE), 2, False, ["resolved"]),
        (incident(1, wide=FELL, **TOLD_WIDE | {"paged_severity": "critical"}), 2, True, []),
        (incident(1, wide=OVER, **TOLD_WIDE), 48, False, ["resolved"]),  # and no reminder of what is over
    ],
)
def test_the_accounts_fall_is_over_when_all_of_it_is_and_what_outlives_it_is_told(which, at, parts, expected):
    assert notes(which, suppression(at), has_parts=parts) == expected


@pytest.mark.parametrize(("held", "expected"), [(False, ["still!"]), (True, [])])
def test_an_accounts_fall_that_is_all_muted_in_its_parts_reminds_nobody(held, expected):
    which = incident(1, wide=FELL, **TOLD_WIDE | {"paged_severity": "critical"})

    assert notes(which, suppression(48), has_parts=True, parts_suppressed=held) == expected


def test_what_is_held_while_the_account_comes_back_is_told_once_nothing_holds_it():
    muted = due(
        Situation(incident(1, a(slot=3), wide=OVER, **TOLD_WIDE), suppression(3, mutes=[mute(0, 9)]), settled=True)
    )

    assert says(muted) == ["muted"]
    assert notes(incident(1, a(slot=9), **vars(muted.progress)), suppression(9, mutes=[mute(0, 9)])) == [
        "survived!",
        "mute over",
    ]


def test_between_the_batches_of_a_slot_nothing_is_counted():
    """How much it grew, and what is over, is known once all series were judged."""
    grown = incident(1, a(severity="critical"), b(noted=0), **WARNED)

    assert says(due(Situation(grown, suppression(1), settled=False))) == []
    over = due(Situation(incident(1, a(ended=1), **WARNED), suppression(1), settled=False))
    assert (says(over), over.closed) == ([], False)


def test_the_message_itself_wakes_people_unless_it_is_part_of_something_that_did():
    opened = due(Situation(incident(-1, a(), b(severity="critical")), suppression(1), settled=False))
    part = due(Situation(incident(-1, a(), parent=2), suppression(1), settled=False))

    assert (opened.notes, part.notes) == ((), ())
    assert (opened.progress.paged_severity, opened.progress.paged_series) == ("critical", 2)
    assert part.progress.paged_at is None


@pytest.mark.parametrize(
    ("kind", "severity", "every"), [(IncidentKind.DARK, "critical", 6), (IncidentKind.FEED, "warning", 48)]
)
def test_what_is_about_the_feed_is_told_again_as_its_severity_is_usually(kind, severity, every):
    dark = incident(1, kind=kind, **WARNED)

    assert notes(dark, suppression(every - 0.1)) == []
    assert notes(dark, suppression(every)) == ["still!"]


def test_a_summary_is_told_once():
    summary = incident(1, a(severity="critical"), b(noted=0), kind=IncidentKind.SUMMARY, **WARNED)

    assert notes(summary, suppression(48, HOURLY)) == ["joined"]


AGAIN = told(3, since=10, slot=10)
FIRST = told(1, slot=4, ended=5, noted=2, clearing=2)


@pytest.mark.parametrize(
    ("which", "more", "expected"),
    [
        (incident(1, FIRST, AGAIN, **ACKED), {}, ["again!"]),
        (incident(1, FIRST, AGAIN, closed=5), {"reopens": True}, ["reopened!"]),
        (
            incident(1, FIRST, AGAIN, b(since=9, slot=10), **ACKED | {"paged_series": 2}),
            {},
            ["joined"],
        ),  # with what people know of
        (incident(1, FIRST, AGAIN, parent=2, **WARNED), {}, ["joined"]),  # it is told elsewhere
        (incident(1, FIRST, AGAIN, b(), wide=FELL, **WARNED | {"paged_wide": True}), {}, ["joined"]),
        (incident(1, FIRST, told(3, since=10, slot=10, clearing=1), **ACKED), {}, ["joined"]),
        (incident(1, a(ended=10, slot=9), AGAIN, a(rule="fell"), **ACKED), {}, ["joined", "ended"]),  # not over at all
    ],
)
def test_a_second_outage_wakes_people_once(which, more, expected):
    assert notes(which, suppression(10), fresh=frozenset({3}), **more) == expected


def test_a_second_outage_is_nobodys_yet():
    what = due(Situation(incident(1, FIRST, AGAIN, **ACKED), suppression(10), settled=False, fresh=frozenset({3})))

    assert (what.progress.acked_at, what.progress.unacked_since, what.progress.paged_at) == (None, T + 3000, T + 3000)
    assert what.noted == {3: 1}


def test_what_is_again_is_said_with_the_batch_that_shows_it_and_not_once_more():
    said = due(Situation(incident(1, FIRST, AGAIN, **WARNED), suppression(10), settled=False, fresh=frozenset({3})))
    after = incident(1, FIRST, told(3, since=10, slot=10, noted=1), **vars(said.progress))

    assert says(due(Situation(after, suppression(10), settled=True))) == []


def test_what_begins_to_flap_and_reopens_its_incident_pages_once():
    both = (AGAIN, told(4, rule="fell", since=10, slot=10))
    flaps = {"fresh": frozenset({3, 4}), "new_flaps": frozenset({("dark", "a")}), "reopens": True}
    said = due(Situation(incident(1, FIRST, *both), suppression(10, rule(), rule("fell")), settled=False, **flaps))
    known = [replace(each, noted=said.noted[each.number]) for each in both]
    after = incident(1, FIRST, *known, **vars(said.progress))

    assert says(said) == ["flaps!"]
    assert says(due(Situation(after, suppression(10, rule(), rule("fell")), settled=True))) == []
