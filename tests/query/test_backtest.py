"""``replay RULE`` from Slack finds what ``alertbot replay`` finds, of one rule, lately."""

from contextlib import closing

import numpy as np
import pytest
from fakes.rigs.night import ceiling, config_for, dark, fell
from fakes.worlds.stored import store

from alertbot.alerts.replay import Span, replay
from alertbot.config.watch import lay_out
from alertbot.query.backtest import ALERTS_A_SECOND, backtest, seconds_needed
from alertbot.query.live import Live
from alertbot.query.scope import scope_of
from alertbot.store import schema
from alertbot.store.history import StoredHistory
from alertbot.units import DAY, DAY_SLOTS, SLOT, parse_time

START = parse_time("2026-11-02")
DAYS = 12
NOW = START + DAYS * DAY + 600.0
DOMAINS = ("a.example.com", "b.example.com", "c.example.com")
RULES = (dark(), fell(), ceiling(3e9, domains=("b.*",)))


@pytest.fixture
def scope(tmp_path):
    rng = np.random.default_rng(5)
    values = {}
    for name in DOMAINS:
        carried = rng.uniform(0.9e9, 1.1e9, DAYS * DAY_SLOTS)
        for begin in rng.integers(0, len(carried) - 40, 15):
            carried[begin : begin + rng.integers(1, 30)] *= rng.choice([0.0, 0.1, 4.0])
        values[name] = carried
    values["a.example.com"][-3:] = 0.0  # burns still
    values["c.example.com"][:DAY_SLOTS] = np.nan
    values["total"] = sum(values.values())
    config = config_for(store(tmp_path / "alertbot.db", START, values), DOMAINS, RULES)
    return scope_of(config, lay_out(config, DOMAINS), Live(NOW), "/bandwidth")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("days", [1, pytest.param(35, marks=pytest.mark.slow)])
def test_it_finds_what_the_replay_of_the_command_line_finds(scope, rule, days):
    found = backtest(scope, rule, days * DAY)
    config = config_for(scope.path, DOMAINS, RULES)
    watch = lay_out(config, DOMAINS)
    with schema.reading(scope.path) as db:
        history = StoredHistory(db, watch.series)
        changes = list(replay(watch.engine, history, Span(int(NOW - days * DAY) // SLOT * SLOT)))
    fired = [change.alert for change in changes if change.fired and change.alert.rule == rule.name]
    ended = [change.alert for change in changes if not change.fired and change.alert.rule == rule.name]
    assert (found.times, found.firing) == (len(fired), len(fired) - len(ended))
    assert found.fired_on == len({alert.series for alert in fired})
    newest = sorted(fired, key=lambda alert: (-(alert.fired or 0), alert.series))[:10]
    assert [(each.series, each.since, each.fired.slot) for each in found.lines] == [
        (alert.series, alert.since, alert.fired) for alert in newest
    ]
    assert found.last == START + DAYS * DAY - SLOT
    assert found.first == max(int(NOW - days * DAY) // SLOT * SLOT, START)
    if found.worst is not None:
        assert all(found.worst.off >= each.off for each in found.lines)


def test_without_history_there_is_nothing_to_replay(tmp_path):
    path = tmp_path / "empty.db"
    schema.open_database(path).close()
    config = config_for(path, DOMAINS, RULES)
    scope = scope_of(config, lay_out(config, DOMAINS), Live(NOW), "/bandwidth")
    found = backtest(scope, RULES[0], DAY)
    assert (found.first, found.times, found.lines) == (None, 0, ())


def test_the_time_it_takes_grows_with_series_span_the_rules_that_must_run_along_and_the_alerts_that_fired(scope):
    needed = seconds_needed(scope, RULES[0], 7 * DAY)
    assert seconds_needed(scope, RULES[0], 14 * DAY) == pytest.approx(2 * needed)
    assert seconds_needed(scope, RULES[2], DAY) > 0
    with closing(schema.open_database(scope.path)) as db, db.atomic():
        for fired in (NOW - 8 * DAY, NOW - 6 * DAY, NOW - DAY):
            db.conn.execute(
                "INSERT INTO alerts (rule, series, phase, severity, direction, since, slot, fired, value,"
                ' worst, "window", clear_run, bars)'
                " VALUES ('went-dark', ?, 'resolved', 'info', 'fall', 0, 0, ?, 0, 0, 0, 0, 0)",
                (DOMAINS[0], int(fired)),
            )
    assert seconds_needed(scope, RULES[0], 7 * DAY) == pytest.approx(needed + 2 / ALERTS_A_SECOND)
