"""The smallest edit that would have spared noise: it keeps whatever somebody acknowledged or found useful."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest
from fakes.rigs.effort import examples
from hypothesis import given
from hypothesis import strategies as st

from alertbot.alerts.engine import Engine
from alertbot.alerts.mutes import Mute
from alertbot.alerts.replay import Span, replay
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.config.kinds import rule_of
from alertbot.config.watch import Watch
from alertbot.incidents.firings import FiringRecord
from alertbot.incidents.incident import FiredAlert, Incident, IncidentKind, Vote
from alertbot.query.edit_search import suggest_edits
from alertbot.query.posted import PostedIncident
from alertbot.rules.schedule import Schedule, Window
from alertbot.units import DAY, DAY_SLOTS, SLOT

START = 20_000 * DAY
CEILING = {"name": "ceiling", "kind": "threshold", "above": "1 Gbps", "for": "5m"}
A, B, C = "a.example.com", "b.example.com", "c.example.com"


def series(*peaks, days=9):
    """800 Mbps, but for peaks: (day, slot of the day, how many slots, Gbps)."""
    values = np.full(days * DAY_SLOTS, 8e8)
    for day, slot, slots, gbps in peaks:
        values[day * DAY_SLOTS + slot :][:slots] = gbps * 1e9
    return values


class Account:
    """Series under rules, and what people made of the incidents they make, each of one alert."""

    def __init__(self, carried, *rules):
        self.carried = carried
        made = {rule["name"]: rule_of(rule) for rule in rules or (CEILING,)}
        self.watch = Watch(UTC, tuple(carried), made, dict.fromkeys(made, tuple(carried)))
        self.rule = next(iter(made.values()))

    def history(self, names):
        slots = START + SLOT * np.arange(len(next(iter(self.carried.values()))))
        return CsvHistory({name: SeriesHistory(slots, self.carried[name]) for name in names})

    def fired(self, edit=None):
        """All that fires, under an edit of the rule where there is one."""
        watch = self.watch
        if edit is not None:
            watch = replace(watch, rules=watch.rules | {edit.rule.name: edit.rule})
            kept = [name for name in watch.series if name not in edit.rule.except_]
            watch = replace(watch, selection=watch.selection | {edit.rule.name: kept})
        record = FiringRecord(watch.rules)
        history = self.history(watch.series)
        for change in replay(Engine(tuple(watch.rules.values()), watch.selection, watch.series), history, Span()):
            record.add(change)
        record.close(history.last_of)
        muted = edit is not None and edit.schedule is not None
        return [each for each in record.firings if not (muted and each.rule == edit.rule.name and edit.spares(each))]

    def posted(self, judge):
        """An incident for each time something fires; ``judge(firing)``: useful, noise, acked or nothing."""
        together = []
        for firing in self.fired():
            meanwhile = [one for one in together if one[0].series == firing.series and one[0].overlaps(firing)]
            if meanwhile:
                meanwhile[0].append(firing)
            else:
                together.append([firing])
        return [self._posted(number, firings, judge(firings[0])) for number, firings in enumerate(together)]

    def _posted(self, number, firings, word):
        alerts = tuple(
            FiredAlert(at, replace(each.last, fired=each.fired.fired), each.severity.value, each.ended, each.reason)
            for at, each in enumerate(firings)
        )
        votes = (Vote("ann", useful=word == "useful"),) if word in {"useful", "noise"} else ()
        closed = max(each.until for each in firings) + SLOT
        one = Incident(number, IncidentKind.ALERT, "#c", firings[0].since, 0.0, closed, alerts, votes=votes)
        return PostedIncident(one, 0, 60.0 if word == "acked" else None)

    def suggested(self, judge, edited=()):
        """The edit that loses nothing."""
        return next((each for each in self.all_suggested(judge, edited) if not each.loses), None)

    def all_suggested(self, judge, edited=()):
        return suggest_edits(self.watch, self.rule, self.posted(judge), self.history, edited)


def by_size(firing):
    return "useful" if firing.last.worst > 2e9 else "noise"


def by_length(firing):
    return "useful" if firing.until - firing.since >= 5 * SLOT else "noise"


SMALL = [(day, 30 + 17 * day, 2, 1.1) for day in range(1, 7)]
LARGE = (7, 100, 2, 3.0)


def test_a_limit_just_above_the_noise_keeps_what_was_useful():
    found = Account({A: series(*SMALL, LARGE)}).suggested(by_size)
    assert (found.key, found.was, found.value) == ("above", '"1 Gbps"', '"1.2 Gbps"')
    assert (found.spared, found.noise, found.kept, found.later, found.days) == (6, 6, 1, 0, 9)


@pytest.mark.parametrize("word", ["useful", "acked"])
def test_nothing_is_suggested_that_loses_what_was_useful_or_acknowledged(word):
    small = iter([word, *["noise"] * 5])
    account = Account({A: series(*[(day, 30 + 50 * day % 200, 2, 1.1) for day in range(1, 7)])})
    assert account.suggested(lambda _: next(small)) is None


@pytest.mark.parametrize(("word", "loses"), [("useful", (5,)), ("acked", None)])
def test_of_a_larger_edit_the_few_are_named_that_one_person_alone_would_miss(word, loses):
    peaks = [(1 + at // 4, 20 + 60 * (at % 4), 2, 1.1) for at in range(16)]
    words = iter(["noise"] * 5 + [word] + ["noise"] * 10 + ["useful"])
    found = Account({A: series(*peaks, LARGE)}).all_suggested(lambda _: next(words))
    assert [each.loses for each in found if each.key == "above"] == ([loses] if loses else [])
    assert all((each.spared, each.noise, each.kept) == (15, 15, 1) for each in found if each.loses)


def test_what_is_farther_off_than_any_noise_is_found_useful_by_no_slip():
    peaks = [(1 + at // 4, 20 + 60 * (at % 4), 2, 1.1) for at in range(16)]
    found = Account({A: series(*peaks, LARGE)}).all_suggested(by_size)
    assert [each.loses for each in found] == [()]


def test_what_is_short_is_spared_by_a_longer_for_which_may_delay_the_rest():
    short = [(day, 20 + 31 * day, 2, 1.5) for day in range(1, 7)]
    found = Account({A: series(*short, (7, 100, 8, 1.5))}).suggested(by_length)
    assert (found.key, found.was, found.value, found.later) == ("for", '"5m"', '"15m"', 600)


def test_what_is_kept_is_posted_no_more_than_ten_minutes_later():
    short = [(day, 20 + 31 * day, 3, 1.5) for day in range(1, 7)]
    assert Account({A: series(*short, (7, 100, 8, 1.5))}).suggested(by_length) is None


def test_a_noisy_domain_of_which_nothing_was_useful_is_left_out():
    peaks = [(day, 20 + 31 * day, 9, 3.0) for day in range(1, 7)]
    found = Account({A: series(*peaks), B: series(LARGE)}).suggested(
        lambda one: "noise" if one.series == A else "acked"
    )
    assert (found.key, found.value, found.domains) == ("except", f'["{A}"]', (A,))


def test_what_comes_at_the_same_time_every_day_is_muted():
    nightly = [(day, 37, 4, 3.0) for day in range(1, 7)]
    found = Account({A: series(*nightly, LARGE)}).suggested(lambda one: "useful" if one.since % DAY > 40 * SLOT else "")
    assert found is None, "what nobody voted on, and lasts for more than ten minutes, is no noise"
    found = Account({A: series(*nightly, LARGE)}).suggested(
        lambda one: "useful" if one.since % DAY > 60 * SLOT else "noise"
    )
    assert (found.key, found.value, found.domains) == ("mute", "daily 03:00-04:00", (A,))


def test_what_the_file_mutes_already_counts_no_more():
    nightly = [(day, 37, 4, 3.0) for day in range(1, 7)]
    account = Account({A: series(*nightly, LARGE)})

    def judge(one):
        return "useful" if one.since % DAY > 60 * SLOT else "noise"

    found = account.suggested(judge)
    mute = Mute(frozenset({A}), frozenset({"ceiling"}), "noise at that time", found.edit.schedule)
    account.watch = replace(account.watch, mutes=(mute,))
    assert account.all_suggested(judge) == []


def test_what_outlives_a_mute_is_posted_and_counts():
    outlives = [(day, 45, 8, 3.0) for day in range(1, 7)]
    account = Account({A: series(*outlives), B: series(LARGE)})
    nights = Schedule((Window(frozenset(range(7)), 180, 240),), UTC)
    account.watch = replace(account.watch, mutes=(Mute(frozenset({A}), frozenset({"ceiling"}), "", nights),))
    assert account.suggested(lambda one: "useful" if one.since % DAY > 60 * SLOT else "noise").noise == 6


def test_an_incident_that_a_rule_as_severe_posts_as_soon_is_not_lost():
    rose, high = ({"name": name, "kind": "day_over_day", "ratio": 1.3, "for": "5m"} for name in ("rose", "high"))
    account = Account({A: series(*SMALL), B: series((7, 100, 2, 1.1))}, rose, high)
    account.watch = replace(account.watch, selection={"rose": (A, B), "high": (B,)})

    def judge(one):
        return "useful" if one.series == B else "noise"

    assert account.suggested(judge).key == "ratio"
    assert account.suggested(judge, edited=("high",)).key == "except", "which may be edited away as well"


def test_too_little_noise_is_no_reason_for_an_edit():
    assert Account({A: series(*SMALL[:2], LARGE)}).suggested(by_size) is None


def test_domains_that_are_no_longer_watched_count_no_more():
    account = Account({A: series(*SMALL, LARGE), B: series()})
    posted = account.posted(by_size)
    watch = replace(account.watch, series=(B,), selection={"ceiling": (B,)})
    assert suggest_edits(watch, account.rule, posted, account.history) == []


def test_what_the_rule_as_it_stands_would_not_fire_for_any_more_counts_no_more():
    account = Account({A: series(*SMALL, LARGE)})
    posted = account.posted(by_size)
    raised = rule_of({**CEILING, "above": "1.2 Gbps"})
    watch = replace(account.watch, rules={"ceiling": raised})
    assert suggest_edits(watch, raised, posted, account.history) == []


PEAKS = st.tuples(st.integers(1, 7), st.integers(0, 260), st.integers(1, 8), st.sampled_from([1.1, 1.3, 2.0, 4.0]))
WORDS = st.sampled_from(["noise", "noise", "noise", "useful", "acked", ""])


@examples(12, 200)
@given(
    carried=st.dictionaries(st.sampled_from([A, B, C]), st.lists(PEAKS, max_size=8), min_size=1),
    words=st.lists(WORDS, min_size=30, max_size=30),
    second=st.booleans(),
)
def test_whatever_people_said_an_edit_loses_nothing_of_worth(carried, words, second):
    rules = [CEILING, *([{"name": "rose", "kind": "day_over_day", "ratio": 1.5, "for": "10m"}] if second else [])]
    account = Account({name: series(*peaks) for name, peaks in carried.items()}, *rules)
    said = iter(words * 9)
    posted = account.posted(lambda _: next(said))
    for found in suggest_edits(account.watch, account.rule, posted, account.history):
        check(account, posted, found)


def check(account, posted, found):
    """Hold what is said of an edit against what would have fired under it."""
    left = account.fired(found.edit)
    kept = spared = 0
    for one in posted:
        own = [each.alert for each in one.incident.alerts if each.alert.rule == "ceiling"]
        still = {
            firing.rule
            for alert in own
            for firing in left
            if firing.series == alert.series and firing.since <= alert.slot and alert.since <= firing.until
        }
        if one.incident.number in found.loses:
            assert one.doubtful, "of what somebody acknowledged nothing is lost"
        elif one.worth_keeping and own:
            kept += 1
            assert still, (found, one)
        elif one.noise and own:
            spared += "ceiling" not in still
    assert kept == found.kept
    assert spared >= found.spared >= 2
