"""Alertmanagers are told what fires until it is over: a real one, as Debian has it."""

from __future__ import annotations

import re
import subprocess
from types import SimpleNamespace

import pytest
from alertmanager.relay_stories import DARK, STORIES, bots
from fakes.rigs.needs import needs
from fakes.rigs.until import until
from fakes.wire.real_alertmanagers import ROUTE, Cluster, Pager
from pages import PAGES

from alertbot.clock import SystemClock

pytestmark = [needs("prometheus-alertmanager"), pytest.mark.real_time]

PASSWORD = "s3cret-pass"
BCRYPT = "$2b$04$WN8o9FDTzDjramxNnu7H0eyG2JVJsuKhF/nceFnv9XUzoaQcJ6Vt."


@pytest.fixture
def pager():
    with Pager() as pager:
        yield pager


class Place:
    """A real one, as the stories take it."""

    def __init__(self, cluster, pager):
        self.urls, self.pages, self.of, self.alerts = cluster.urls, pager.pages, pager.of, cluster.alerts
        self._cluster = cluster

    async def kill(self, number):
        self._cluster.kill(number)

    async def start(self, number):
        self._cluster.start(number)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_by_the_machines_clock(story, tmp_path, pager, caplog, monkeypatch):
    caplog.set_level("INFO")
    with Cluster(tmp_path / "cluster", pager, 1) as cluster:
        patches = SimpleNamespace(caplog=caplog, monkeypatch=monkeypatch)
        await story(tmp_path, Place(cluster, pager), SystemClock(), patches)


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
        async with bots(tmp_path, cluster, SystemClock(), user=user, secret=secret) as (bot,):
            if problem is None:
                await bot.judge(DARK)
                await until(lambda: pager.pages)
            else:
                await until(lambda: bot.relaying.problems)
                assert problem in next(iter(bot.relaying.problems.values()))
    assert secret not in caplog.text


async def test_when_the_whole_account_falls_that_alone_is_notified_by_the_readmes_rules(tmp_path, pager):
    (rules,) = re.findall(r"^inhibit_rules:.*\n(?:  .*\n)+", PAGES["scale"], re.MULTILINE)
    usual = {f"d{number}.example.com": 1e9 for number in range(1, 5)} | {"total": 4e9}
    with Cluster(tmp_path / "cluster", pager, 1, route=ROUTE + rules) as cluster:
        async with bots(tmp_path, cluster, SystemClock(), usual=usual) as (bot,):
            await bot.judge({name: 0.0 for name in usual if name != "d4.example.com"} | {"total": 1e9})
            await until(lambda: pager.pages)
            await bot.sends(3)
            shown = {each["labels"]["alertname"]: each["status"]["state"] for each in cluster.alerts()}
            assert shown == {"AlertbotAccountFell": "active", "went-dark": "suppressed"}
            await bot.judge({}, slots=5)
            await until(lambda: len(pager.pages) == 2)
            await bot.sends(3)

    assert [(page.status, page.names) for page in pager.pages] == [
        ("firing", ["AlertbotAccountFell "]),
        ("resolved", ["AlertbotAccountFell "]),
    ]
    assert "3 of 4 domains" in pager.pages[0].alerts[0]["annotations"]["summary"]


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
        async with bots(tmp_path, cluster, SystemClock()) as (bot,):
            if trusted:
                await bot.judge(DARK)
                await until(lambda: pager.pages)
            else:
                await until(lambda: bot.relaying.problems)
                assert "certificate verify failed" in next(iter(bot.relaying.problems.values()))
