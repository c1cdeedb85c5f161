"""Alertmanagers are told what burns until it is over: a real one, as Debian has it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import time
from contextlib import asynccontextmanager

import pytest
from fakes.rigs.needs import needs
from fakes.rigs.relay import NAMES, RESEND, Bot
from fakes.rigs.until import until
from fakes.wire.alertmanagers import ROUTE, Cluster, Pager
from pages import PAGES

from alertbot.errors import StoreError

pytestmark = [needs("prometheus-alertmanager"), pytest.mark.real_time]

DARK, WELL = {NAMES[0]: 0.0, "total": 1e9}, {NAMES[0]: 1e9}
PASSWORD = "s3cret-pass"
BCRYPT = "$2b$04$WN8o9FDTzDjramxNnu7H0eyG2JVJsuKhF/nceFnv9XUzoaQcJ6Vt."


@pytest.fixture
def pager():
    with Pager() as pager:
        yield pager


@pytest.fixture
def alertmanager(tmp_path, pager):
    with Cluster(tmp_path / "cluster", pager, 1) as cluster:
        yield cluster


@asynccontextmanager
async def bots(folder, cluster, count=1, **settings):
    made = []
    try:
        for number in range(count):
            (folder / str(number)).mkdir()
            made.append(Bot(folder / str(number), cluster.urls, **settings))
            await made[-1].begin()
        yield made
    finally:
        for bot in made:
            await bot.die()


def series(cluster):
    return sorted(each["labels"]["series"] for each in cluster.alerts())


def told(pager):
    return [(page.status, page.names) for page in pager.pages]


FIRED, RESOLVED = ("firing", [f"went-dark {NAMES[0]}"]), ("resolved", [f"went-dark {NAMES[0]}"])


async def test_an_alert_burns_for_longer_than_one_telling_lasts_until_its_end_is_told(tmp_path, alertmanager, pager):
    async with bots(tmp_path, alertmanager) as (bot,):
        await bot.judge(DARK)
        await until(lambda: pager.pages)
        (alert,) = alertmanager.alerts()
        assert alert["labels"]["alertname"] == "went-dark"
        assert alert["annotations"]["summary"].startswith("a.example.com went dark at ")
        await asyncio.sleep(7 * RESEND)
        (later,) = alertmanager.alerts()
        assert later["endsAt"] > alert["endsAt"]
        assert later["startsAt"] == alert["startsAt"]
        await bot.judge(WELL)
        began = time.time()
        await until(lambda: len(pager.pages) == 2)
        assert time.time() - began < 5 * RESEND  # it was told, and did not just end by itself

    assert told(pager) == [FIRED, RESOLVED]


async def test_what_is_over_for_one_bot_goes_on_while_the_other_says_that_it_burns(tmp_path, alertmanager, pager):
    async with bots(tmp_path, alertmanager, 2) as (one, other):
        await one.judge(DARK)
        await other.judge(DARK)
        await until(lambda: pager.pages)
        await one.judge(WELL)
        await asyncio.sleep(5 * RESEND)
        assert series(alertmanager) == [NAMES[0]]
        await other.judge(WELL)
        await until(lambda: len(pager.pages) == 2)
        await asyncio.sleep(3 * RESEND)

    assert told(pager) == [FIRED, RESOLVED]


async def test_what_ended_while_the_bot_was_down_is_told_as_over(tmp_path, alertmanager, pager):
    async with bots(tmp_path, alertmanager) as (bot,):
        await bot.judge(DARK)
        await until(lambda: pager.pages)
        await bot.die()
        await bot.house.begin()
        await bot.house.judge({NAMES[0]: 1e9, NAMES[1]: 1e9, "total": 2e9})
        await bot.house.judge({NAMES[0]: 1e9, NAMES[1]: 1e9, "total": 2e9})
        bot.relay()
        began = time.time()
        await until(lambda: len(pager.pages) == 2)
        assert time.time() - began < 5 * RESEND

    assert told(pager) == [FIRED, RESOLVED]
    assert "is normal again" in pager.pages[1].alerts[0]["annotations"]["summary"]


async def test_a_bot_that_comes_back_does_not_call_up_what_ended_meanwhile(tmp_path, alertmanager, pager):
    async with bots(tmp_path, alertmanager, 2) as (one, other):
        await one.judge(DARK)
        await other.judge(DARK)
        await until(lambda: pager.pages)
        await one.die()
        await other.judge(WELL)
        await until(lambda: len(pager.pages) == 2)
        one.awaited = frozenset(one.house.watch.series)  # it knows no better than what is stored
        await one.begin_again()
        await asyncio.sleep(2 * RESEND)
        await one.judge(WELL)
        one.awaited = frozenset()
        await asyncio.sleep(3 * RESEND)
        assert alertmanager.alerts() == []

    assert told(pager) == [FIRED, RESOLVED]


async def test_what_still_burns_is_told_by_a_bot_that_comes_back_though_it_can_read_nothing(
    tmp_path, alertmanager, pager
):
    async with bots(tmp_path, alertmanager) as (bot,):
        await bot.judge(DARK)
        await until(lambda: pager.pages)
        await bot.die()
        bot.awaited = frozenset(bot.house.watch.series)
        await bot.begin_again()
        await asyncio.sleep(9 * RESEND)
        assert series(alertmanager) == [NAMES[0]]

    assert told(pager) == [FIRED]


async def test_an_alertmanager_that_was_away_is_told_all_of_it(tmp_path, alertmanager, pager, caplog):
    caplog.set_level("INFO")
    async with bots(tmp_path, alertmanager) as (bot,):
        alertmanager.kill(0)
        await bot.judge(DARK)
        await until(lambda: bot.relaying.problems)
        (name,) = bot.relaying.problems
        assert name == f"Alertmanager {alertmanager.urls[0]}"
        await asyncio.sleep(2 * RESEND)
        alertmanager.start(0)
        await until(lambda: pager.pages)
        await until(lambda: not bot.relaying.problems)

    assert told(pager) == [FIRED]
    said = [record.message for record in caplog.records if "Alertmanager" in record.message]
    assert len(said) == 2
    assert "takes no alerts: cannot connect" in said[0]
    assert re.search(r"takes alerts again, after \d+ attempts that failed$", said[1])


async def test_what_is_silenced_ends_by_itself_and_comes_again_when_it_outlives_that(tmp_path, alertmanager, pager):
    async with bots(tmp_path, alertmanager) as (bot,):
        await bot.judge(DARK)
        await until(lambda: pager.pages)
        bot.house.now = time.time()
        await bot.house.say("silence a.example.com 1h")
        await until(lambda: len(pager.pages) == 2)
        assert alertmanager.alerts() == []
        await bot.house.say("unsilence 1")
        bot.relaying.wake()
        await until(lambda: len(pager.pages) == 3)

    assert told(pager) == [FIRED, RESOLVED, FIRED]


async def test_all_that_went_dark_at_once_is_one_notification_after_its_time_to_gather(tmp_path, pager):
    with Cluster(tmp_path / "cluster", pager, 1, route=ROUTE.replace("group_wait: 1s", "group_wait: 2s")) as cluster:
        async with bots(tmp_path, cluster) as (bot,):
            began = time.time()
            await bot.judge(dict.fromkeys((*NAMES, "total"), 0.0))
            await until(lambda: pager.of("went-dark"))
            assert time.time() - began > 1.5

    assert [page.names for page in pager.of("went-dark")] == [[f"went-dark {name}" for name in NAMES]]
    assert pager.of("AlertbotAccountFell") == []  # two domains are no account


@pytest.mark.parametrize(
    ("user", "secret", "problem"),
    [
        ("alertbot", PASSWORD, None),
        ("alertbot", "wrong-one", "HTTP 401, it refuses the token or password"),
        (None, PASSWORD, "HTTP 401, it refuses the token or password"),  # a bearer token, which this one does not take
    ],
)
async def test_one_with_a_password_under_a_path_is_told(tmp_path, pager, caplog, user, secret, problem):
    web = tmp_path / "web.yml"
    web.write_text(f"basic_auth_users:\n  alertbot: {BCRYPT}\n")
    with Cluster(tmp_path / "cluster", pager, 1, prefix="/am", web=web, auth=("alertbot", PASSWORD)) as cluster:
        async with bots(tmp_path, cluster, user=user, secret=secret) as (bot,):
            if problem is None:
                await bot.judge(DARK)
                await until(lambda: pager.pages)
            else:
                await until(lambda: bot.relaying.problems)
                assert problem in next(iter(bot.relaying.problems.values()))
    assert secret not in caplog.text


async def test_when_the_whole_account_falls_that_alone_is_notified_by_the_readmes_rules(tmp_path, pager):
    (rules,) = re.findall(r"^inhibit_rules:\n(?:  .*\n)+", PAGES["scale"], re.MULTILINE)
    usual = {f"d{number}.example.com": 1e9 for number in range(1, 5)} | {"total": 4e9}
    with Cluster(tmp_path / "cluster", pager, 1, route=ROUTE + rules) as cluster:
        async with bots(tmp_path, cluster, usual=usual) as (bot,):
            await bot.judge({name: 0.0 for name in usual if name != "d4.example.com"} | {"total": 1e9})
            await until(lambda: pager.pages)
            await asyncio.sleep(3)
            shown = {each["labels"]["alertname"]: each["status"]["state"] for each in cluster.alerts()}
            assert shown == {"AlertbotAccountFell": "active", "went-dark": "suppressed"}
            await bot.judge({}, slots=5)
            await until(lambda: len(pager.pages) == 2)
            await asyncio.sleep(3)

    assert [(page.status, page.names) for page in pager.pages] == [
        ("firing", ["AlertbotAccountFell "]),
        ("resolved", ["AlertbotAccountFell "]),
    ]
    assert "3 of 4 domains" in pager.pages[0].alerts[0]["annotations"]["summary"]


async def test_what_burns_goes_on_while_the_database_fails(tmp_path, alertmanager, pager, monkeypatch):
    async with bots(tmp_path, alertmanager) as (bot,):
        await bot.judge(DARK)
        await until(lambda: pager.pages)

        def fails(*_):
            raise StoreError("disk I/O error")

        monkeypatch.setattr("alertbot.store.alertmanager.to_relay", fails)
        await asyncio.sleep(8 * RESEND)
        assert series(alertmanager) == [NAMES[0]]

    assert told(pager) == [FIRED]


async def test_one_that_never_answers_holds_up_no_other(tmp_path, alertmanager, pager):
    async def hang(reader, writer):
        await reader.read()
        writer.close()

    hung = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{hung.sockets[0].getsockname()[1]}"
    (tmp_path / "bot").mkdir()
    bot = Bot(tmp_path / "bot", [url, *alertmanager.urls])
    try:
        await bot.begin()
        await asyncio.sleep(0.2)  # it is being told already
        await bot.judge(DARK)
        await until(lambda: pager.pages)
    finally:
        await bot.die()
        hung.close()
        await hung.wait_closed()


def web_with_tls(folder):
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=am -keyout key.pem"
    make += " -out cert.pem -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(make.split(), cwd=folder, check=True, capture_output=True)
    web = folder / "web.yml"
    web.write_text("tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n")
    return web


@needs("openssl")
@pytest.mark.parametrize("trusted", [True, False])
async def test_one_behind_tls_is_told_where_the_machine_trusts_it(tmp_path, pager, monkeypatch, trusted):
    web = web_with_tls(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with Cluster(tmp_path / "cluster", pager, 1, web=web, scheme="https") as cluster:
        async with bots(tmp_path, cluster) as (bot,):
            if trusted:
                await bot.judge(DARK)
                await until(lambda: pager.pages)
            else:
                await until(lambda: bot.relaying.problems)
                assert "certificate verify failed" in next(iter(bot.relaying.problems.values()))
