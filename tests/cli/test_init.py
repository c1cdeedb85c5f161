"""``alertbot init``: a file that passes the check, with floors that fit what the account carried."""

from __future__ import annotations

import asyncio
import resource
import signal
from contextlib import asynccontextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from fakes.worlds.clock import FakeClock

from alertbot.cli import init
from alertbot.cli.csv_history import CsvHistory, SeriesHistory
from alertbot.cli.doctor.coverage import Coverage, coverage
from alertbot.cli.init import explore
from alertbot.cli.main import main
from alertbot.cli.starter import STARTER, Starter, starter
from alertbot.cli.starter_file import text
from alertbot.clock import SystemClock
from alertbot.config import load
from alertbot.config.settings import feed_at
from alertbot.config.watch import lay_out
from alertbot.errors import AlertbotError, CredentialsError, UsageError
from alertbot.feed.api import CdnApi
from alertbot.feed.budget import Budget
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode, Scenario, Shape
from alertbot.feed.simulator.server import Simulator
from alertbot.rules.base import Severity
from alertbot.units import DAY, DAY_SLOTS, SLOT, friendly

TOKEN = "api-s3cret"
NOW = 1_793_613_600.0
VIDEO, IMG = "video.example.com", "img.example.com"
TWO = {VIDEO: Shape(1.8e9, swing=0.3, noise=0.05), IMG: Shape(3e8, noise=0.05)}
SLOTS = 7 * DAY_SLOTS


@asynccontextmanager
async def account(**changes):
    """A client of an account on loopback, on a clock that costs no time."""
    clock = FakeClock(NOW)
    simulator = Simulator(Scenario(**{"token": TOKEN, "domains": TWO, **changes}), clock)
    feed = feed_at(await simulator.start(), "Asia/Shanghai")
    api = CdnApi(feed.base_url, TOKEN, feed.zone, budget=Budget(300, clock), clock=clock)
    try:
        yield api, clock, feed
    finally:
        await api.aclose()
        await simulator.stop()


async def written(tmp_path, *domains, **changes):
    """The file for such an account as it is loaded, and its text."""
    async with account(**changes) as (api, clock, feed):
        content = text(await explore(api, domains, clock, feed, lambda done, total: None))
    path = tmp_path / "rules.toml"
    path.write_text(content)
    return load(path), content


async def test_two_domains_get_floors_that_reach_both_and_a_ceiling_over_the_peak(tmp_path):
    config, content = await written(tmp_path)

    assert config.watch.domains == (VIDEO, IMG)
    rules = {rule.name: rule.kind for rule in config.rules}
    assert list(rules) == ["went-dark", "small-dark", "sharp-fall", "far-off", "total-fall", "total-ceiling"]
    assert {rule.name for rule in config.rules if rule.severity is Severity.CRITICAL} == {"went-dark", "total-fall"}
    assert all((kind.least or 0) <= 2.5e8 for kind in rules.values())
    carried = {VIDEO: np.full(SLOTS, 1.8e9), IMG: np.full(SLOTS, 2.5e8)}
    assert coverage(lay_out(config, (VIDEO, IMG)), carried, 0) == Coverage((), (), {}, {})
    peak = 1.8e9 * 1.3 * 1.05 + 3e8 * 1.05
    assert 1.4 * peak < rules["total-ceiling"].above < 1.9 * peak
    assert config.rules[-1].domains == ("total",)
    assert "# It would not have fired in the last 7 days." in content


async def test_one_domain_is_enough(tmp_path):
    config, content = await written(tmp_path, domains={VIDEO: Shape(2e5)})

    assert config.watch.domains == (VIDEO,)
    dark, small = config.rules[:2]
    assert (dark.severity, dark.kind.from_) == (Severity.CRITICAL, 1e6), "nobody is woken for so little"
    assert (small.severity, small.kind.from_ <= 1e5) == (Severity.WARNING, True)
    assert f'# Too small to wake anybody for, never at 1 Mbps: "{VIDEO}".' in content


async def test_many_domains_are_watched_as_the_account_has_them_ten_a_call(tmp_path, monkeypatch):
    monkeypatch.setattr("alertbot.feed.last_week.DAYS", 1)  # the simulator takes half a minute for seven
    many = {f"d{number}.example.com": Shape(1e8) for number in range(120)}
    config, content = await written(tmp_path, domains=many, traffic=lambda domain, slot: 1e8)

    assert config.discovers
    assert config.feed.each_domain
    assert "120 when this was written" in content
    assert len(content.splitlines()) < 85


@pytest.mark.slow
async def test_without_that_permission_each_domain_takes_a_call(tmp_path):
    many = {f"d{number}.example.com": Shape(1e8) for number in range(40)}
    config, _ = await written(tmp_path, domains=many, each_domain=False)

    assert config.discovers
    assert not config.feed.each_domain


async def test_domains_that_are_given_are_the_ones_and_silent_ones_are_listed(tmp_path):
    silent = {"silent.example.com": Shape(0.0)}
    config, content = await written(tmp_path, VIDEO, *silent, domains=TWO | silent)

    assert config.watch.domains == (VIDEO, "silent.example.com")
    assert '# Carried nothing in the last 7 days: "silent.example.com".' in content


async def test_domains_that_are_silent_every_night_are_listed_with_when(tmp_path):
    midnight = int(NOW) // DAY * DAY
    nights = [Event(IMG, midnight - day * DAY + 72_000, midnight - day * DAY + 79_200, 0.0) for day in range(9)]
    _, content = await written(tmp_path, events=nights)

    assert f'# Silent as usual, so not posted at these times of day: "{IMG} (20:00-22:00)".' in content


async def test_an_account_without_traffic_gets_usual_floors_and_a_ceiling_that_is_off(tmp_path):
    config, content = await written(tmp_path, domains={VIDEO: Shape(0.0)})

    assert list(config.rules[:-1]) == [rule.at(rule.usual) for rule in STARTER.values()]
    assert config.rules[-1].name == "total-fall"
    assert "There is no traffic yet: set a limit that fits.\n# [[rule]]" in content


async def test_an_account_whose_total_is_refused_gets_no_rule_of_it(tmp_path):
    config, content = await written(tmp_path, deny_total=True)

    assert [rule.name for rule in config.rules] == list(STARTER)
    assert "The account's total is not known, so this is off" in content


async def test_names_that_are_no_domains_are_left_out(tmp_path, capsys):
    config, _ = await written(tmp_path, domains={**TWO, 'we"ird name': Shape(1e9)})

    assert config.watch.domains == (VIDEO, IMG)
    assert "left out:" in capsys.readouterr().err


async def test_what_gives_no_answer_is_listed(tmp_path, capsys):
    fault = Fault(0, 2 * NOW, FaultMode.SERVER_ERROR, domain=IMG)
    _, content = await written(tmp_path, faults=(fault,))

    assert f'# Could not be read: "{IMG}".' in content
    assert f"{IMG} could not be read: HTTP 500" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "domains", "error", "words"),
    [
        ({"faults": (Fault(0, 2 * NOW, FaultMode.SERVER_ERROR),)}, (), AlertbotError, "HTTP 500, code 500001"),
        ({"token": "another"}, (), CredentialsError, "the API refuses the token"),
        ({"deny_all": True}, (), AlertbotError, "name the domains with --domain"),
        ({"deny_all": True}, (VIDEO,), AlertbotError, "ask the vendor's support for the permission"),
        ({"domains": {}}, (), AlertbotError, "the account serves no domain"),
        ({}, ("vidoe.example.com",), UsageError, f"has no domain vidoe.example.com: did you mean {VIDEO}?"),
        ({"timezone": "UTC"}, (VIDEO,), AlertbotError, "--timezone"),
    ],
)
async def test_an_api_that_gives_no_answer_is_a_clear_error(changes, domains, error, words):
    async with account(**changes) as (api, clock, feed):
        with pytest.raises(error) as raised:
            await explore(api, domains, clock, feed, lambda done, total: None)

    assert words in str(raised.value)
    assert TOKEN not in str(raised.value)


# The floors


def fitted(values, total=None):
    """What fits these slots x series, of which the newest lies in the past hour."""
    slots = int(NOW) - SLOT * np.arange(len(values), 0, -1)
    history = {f"d{column}": SeriesHistory(slots, values[:, column]) for column in range(values.shape[1])}
    return starter(CsvHistory(history if len(values) else {}), total)


@pytest.mark.parametrize(
    ("rate", "down", "up"),
    [(1e6, 1e6, 1e6), (1.4e6, 1.2e6, 1.5e6), (9.9e9, 8e9, 1e10), (2e3, 2e3, 2e3), (3.1, 3, 4), (0, 0, 0)],
)
def test_friendly_rates_are_round(rate, down, up):
    assert friendly(rate) == pytest.approx(down)
    assert friendly(rate, up=True) == pytest.approx(up)


def test_what_would_have_fired_is_counted_once_a_breach():
    values = np.full((SLOTS, 2), 8e6)
    values[500:502, 0] = 0  # long enough to be dark, too short for a sharp fall
    values[700, 0] = 0  # neither
    values[900:950, 1] = 0

    assert fitted(values).fired == {"went-dark": 2, "small-dark": 1, "sharp-fall": 1, "far-off": 0}


@pytest.mark.slow
def test_a_floor_lies_over_what_flutters_and_under_what_carries_the_traffic():
    rng = np.random.default_rng(7)
    flutter = rng.choice([0.0, 0.0, 3e6], size=(SLOTS, 20))
    steady = np.full((SLOTS, 2), 4e8)
    values = np.hstack([steady, flutter])
    found = fitted(values, values.sum(axis=1))

    assert found.fired["went-dark"] <= 1
    assert 3e6 < found.floors["went-dark"] <= 2e8
    assert (steady[:, 0] >= found.floors["went-dark"]).mean() > 0.5


def test_one_outage_does_not_raise_the_floor_over_the_domain_that_had_it():
    values = np.full((SLOTS, 3), 5e8)
    values[1000:1010, 1] = 0
    found = fitted(values, values.sum(axis=1))

    assert found.fired["went-dark"] == 1
    assert found.floors["went-dark"] < 5e8


@pytest.mark.parametrize("values", [np.zeros((0, 0)), np.full((SLOTS, 2), np.nan), np.zeros((SLOTS, 2))])
def test_nothing_to_go_by_gives_the_usual_floors(values):
    usual = {"went-dark": 5e6, "small-dark": 5e5, "sharp-fall": 20e6, "far-off": 20e6}
    assert fitted(values) == Starter(usual, {}, None)


def test_a_domain_too_small_to_wake_anybody_for_is_watched_by_a_warning():
    values = np.hstack([np.full((SLOTS, 1), 40e9), np.full((SLOTS, 1), 6e5)])
    values[900:906, 1] = 0
    found = fitted(values, values.sum(axis=1))

    assert found.fired == {"went-dark": 0, "small-dark": 1, "sharp-fall": 0, "far-off": 0}
    assert found.floors["small-dark"] <= 6e5 < found.floors["went-dark"]


# The command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALERTBOT_API_TOKEN", TOKEN)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return tmp_path


def alertbot(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="alertbot")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--base-url", "http://127.0.0.1:9/v2/"), 1, "check that this machine reaches http://127.0.0.1:9/v2/"),
        (("--base-url", "nonsense"), 2, "https://"),
        (("--timezone", "Mars/Base"), 2, "Mars/Base"),
        (("--domain", "*.example.com"), 2, "is a glob"),
        (("-o", "there.toml"), 2, "there.toml is there already: name another file with -o"),
        (("-o", ".", "--force"), 2, ". is a folder: name a file in it with -o"),
        (("-o", "nowhere/new.toml"), 2, "there is no folder nowhere: make it first"),
        (("-o", "x" * 300), 1, "cannot be written: File name too long: name another place with -o, or use sudo"),
    ],
)
def test_wrong_usage_and_an_api_that_is_down_are_clear_errors(folder, arguments, code, words, monkeypatch):
    (folder / "there.toml").write_text("kept")
    monkeypatch.setattr("alertbot.feed.failures.ATTEMPTS", 1)
    result = alertbot("init", *arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr
    assert [path.name for path in folder.iterdir()] == ["there.toml"]
    assert (folder / "there.toml").read_text() == "kept"


def test_a_disk_that_is_full_keeps_nothing_of_the_file(folder):
    with pytest.raises(AlertbotError, match=r"new.toml cannot be written: File too large: name another place with -o"):
        write_to_a_full_disk(folder / "new.toml")
    assert list(folder.iterdir()) == []


def write_to_a_full_disk(target):
    """Write so much that no more fits into a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        init._write(target, "# " * 4096, force=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_without_a_token_nothing_is_asked(folder, monkeypatch):
    monkeypatch.delenv("ALERTBOT_API_TOKEN")
    result = alertbot("init")

    assert result.exit_code == 2
    assert "the CDN's API token is missing" in result.stderr


async def test_the_command_writes_a_file_and_replaces_one_only_where_it_is_told_to(folder):
    simulator = Simulator(Scenario(token=TOKEN, domains=TWO), SystemClock())
    base_url = await simulator.start()
    try:
        first = await asyncio.to_thread(alertbot, "init", "--base-url", base_url.rstrip("/"))
        held = (folder / "rules.toml").read_text()
        again = await asyncio.to_thread(alertbot, "init", "--base-url", base_url)
        forced = await asyncio.to_thread(alertbot, "init", "--base-url", base_url, "--force", "--domain", IMG)
    finally:
        await simulator.stop()

    assert (first.exit_code, again.exit_code, forced.exit_code) == (0, 2, 0), first.output + forced.output
    assert first.stdout.startswith("rules.toml: 2 domains. ")
    assert f'base_url    = "{base_url}"' in held
    assert load(folder / "rules.toml").watch.domains == (IMG,)
    assert [path.name for path in folder.iterdir()] == ["rules.toml"]
    assert alertbot("check").exit_code == 0
