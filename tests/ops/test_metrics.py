"""Metrics and health at the wire: what Prometheus reads, where it is served, and when all is not well."""

from __future__ import annotations

import re
import socket
import subprocess
from contextlib import contextmanager

import httpx
import pytest
from fakes.rigs.needs import needs
from fakes.rigs.until import until
from fakes.rigs.working import API_TOKEN, CEILING, MINUTE, START, WATCH, working
from fakes.wire.workspace import APP_TOKEN, BOT_TOKEN
from pages import PAGES

from alertbot.config import load
from alertbot.errors import ConfigError, ListenError
from alertbot.feed.simulator.scenario import Event, Fault, FaultMode
from alertbot.incidents.orders import Person, Requester
from alertbot.ops.bandwidth import bandwidth_text, incidents_text
from alertbot.ops.metrics import Counts, Gauges, exposition
from alertbot.service.alert_latency import AlertLatency

OVER = Event("a.example.com", START - 60 * MINUTE, START + 900 * MINUTE, 20.0)
STANDING = Gauges(
    healthy=True, feed_up=True, data_to=START, calls_left=290, domains=2, series=3, waiting=1, misconfigured=False,
    alerts={"firing": 2}, incidents=1, outbox={"parked": 1, "sent": 9}, outbox_oldest=0.0, database=4096, started=1.5,
)  # fmt: skip


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def with_metrics(port, more=""):
    return f'{WATCH}{CEILING}{more}[metrics]\nlisten = "127.0.0.1:{port}"\n'


async def get(port, path="/metrics", **options):
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{port}{path}", **options)


def samples(text):
    """Name with labels, and value, of each sample."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in lines}


def test_a_histogram_counts_what_is_at_most_each_bound():
    counts = Counts()
    for value in (0.0, 0.1, 0.11, 0.25, 4000.0):
        counts.delivery.observe(value)
    shown = samples(exposition(counts, STANDING).decode())
    name = "alertbot_delivery_latency_seconds"
    assert [shown[f'{name}_bucket{{le="{bound}"}}'] for bound in ("0.1", "0.25", "3600.0", "+Inf")] == [2, 4, 4, 5]
    assert shown[f"{name}_sum"] == pytest.approx(4000.46)


def test_how_long_an_alert_took_is_what_was_waited_for_its_slot_and_for_slack():
    seen = []
    latency = AlertLatency(seen.append)
    latency.fired(1000.0, 17.0)
    latency.delivered(900.0, 1.0)  # a message of something else
    latency.delivered(1000.0, 0.5)
    latency.delivered(1000.0, 2.0)  # the second channel of the same alert
    assert seen == [17.5]


def test_what_stands_and_what_was_counted_is_told():
    counts = Counts()
    counts.calls.labels("answered").inc(3)
    counts.judged(12, 0.02)
    counts.judged(0, 0.5)  # nothing was judged, so this is no judgement's time
    told = samples(exposition(counts, STANDING).decode())
    assert told['alertbot_api_calls_total{outcome="answered"}'] == 3
    assert told['alertbot_api_calls_total{outcome="throttled"}'] == 0
    assert told["alertbot_slots_judged_total"] == 12
    assert told["alertbot_evaluation_duration_seconds_count"] == 1
    assert told['alertbot_evaluation_duration_seconds_bucket{le="0.025"}'] == 1
    assert told['alertbot_alerts{state="firing"}'] == 2
    assert told['alertbot_alerts{state="pending"}'] == 0
    assert told['alertbot_outbox_messages{state="parked"}'] == 1
    assert 'alertbot_outbox_messages{state="sent"}' not in told
    assert told["alertbot_feed_data_timestamp_seconds"] == START
    assert told["alertbot_database_size_bytes"] == 4096
    assert told["process_resident_memory_bytes"] > 1e6
    assert told["process_open_fds"] > 2
    assert told["process_cpu_seconds_total"] > 0
    assert told["process_start_time_seconds"] == 1.5


def test_what_is_not_known_is_left_out():
    unknown = dict.fromkeys(("data_to", "alerts", "incidents", "outbox", "outbox_oldest", "database"))
    text = exposition(Counts(), Gauges(**{**vars(STANDING), **unknown})).decode()
    assert not re.search("alertbot_(feed_data|alerts|open_incidents|outbox|database)", text)


@needs("promtool")
def test_prometheus_own_linter_has_nothing_to_say_but_that_it_counts_in_bytes():
    bandwidth = bandwidth_text([({"domain": "a.example.com"}, START, 1.5)]) + incidents_text([{}])
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=exposition(Counts(), STANDING) + bandwidth,
        capture_output=True,
        check=False,
    )
    (words,) = (checked.stdout + checked.stderr).splitlines()
    assert words == b'alertbot_bandwidth_bits_per_second use base unit "bytes" instead of "bits"'


def test_every_metric_stands_on_its_page_and_no_other():
    readme = PAGES["operations"]
    chapter = re.search(r"^## Metrics\n(.*?)^## ", readme, re.MULTILINE | re.DOTALL)[1]
    named = re.findall(r"`((?:alertbot|process)_\w+)`", chapter)
    text = exposition(Counts(), STANDING) + bandwidth_text(()) + incidents_text(())
    families = re.findall(r"^# TYPE (\w+) ", text.decode(), re.MULTILINE)
    assert sorted(named) == sorted(families)


# The configuration


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        (":9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("[::1]:9464", ("::1", 9464)),
        ("metrics.internal:9464", ("metrics.internal", 9464)),
    ],
)
def test_an_address_is_a_host_and_a_port_and_without_a_host_this_machine(tmp_path, written, address):
    path = tmp_path / "rules.toml"
    path.write_text(f'{WATCH}{CEILING}[metrics]\nlisten = "{written}"\n')
    assert load(path).metrics.listen == address


@pytest.mark.parametrize(
    "written", ['"9464"', "9464", '"127.0.0.1"', '":0"', '":65536"', '"::1:9464"', '"a b:9464"', '""']
)
def test_a_wrong_address_is_told_with_what_would_be_right(tmp_path, written):
    path = tmp_path / "rules.toml"
    path.write_text(f"{WATCH}{CEILING}[metrics]\nlisten = {written}\n")
    with pytest.raises(ConfigError, match=r'rules\.toml:8: metrics\.listen: .*"127\.0\.0\.1:9464"'):
        load(path)


# The service


async def test_a_service_at_work_tells_how_it_is(tmp_path, port):
    async with working(tmp_path, with_metrics(port), events=[OVER]) as house:
        await until(lambda: house.slack.posts)
        await until(lambda: house.rows("SELECT 1 FROM outbox WHERE state = 'sent'"))
        answer = await get(port)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        told = samples(answer.text)
        assert told["alertbot_healthy"] == told["alertbot_feed_up"] == 1
        assert told["alertbot_feed_data_timestamp_seconds"] > START - 3600
        assert told['alertbot_api_calls_total{outcome="answered"}'] > 3
        assert 0 <= told["alertbot_api_calls_left"] < 300
        assert told["alertbot_watched_domains"] == 2
        assert told["alertbot_watched_series"] == 3
        assert told["alertbot_slots_judged_total"] > 3
        assert told["alertbot_evaluation_duration_seconds_count"] >= 1
        assert told['alertbot_alerts{state="firing"}'] == 1
        assert told["alertbot_open_incidents"] == 1
        assert told['alertbot_outbox_messages{state="parked"}'] == 0
        assert told["alertbot_delivery_latency_seconds_count"] >= 1
        assert told["alertbot_alert_latency_seconds_count"] == 1
        assert told["alertbot_database_size_bytes"] > 10_000
        assert not [secret for secret in (API_TOKEN, BOT_TOKEN, APP_TOKEN) if secret in answer.text]
        assert "example.com" not in answer.text

        await house.service.commands.answer("ack #1", _somebody())
        told = samples((await get(port)).text)
        assert told['alertbot_alerts{state="acked"}'] == 1
        assert told['alertbot_alerts{state="firing"}'] == 0


def _somebody():
    return Requester(Person("U0ADA", "Ada"), "#cdn-alerts", frozenset({"#cdn-alerts"}))


@pytest.mark.slow
async def test_what_was_refused_or_did_not_answer_is_counted_as_that(tmp_path, port):
    faults = [
        Fault(0, 1e10, FaultMode.THROTTLED, domain="b.example.com"),
        Fault(START + 30 * MINUTE, START + 60 * MINUTE, FaultMode.SERVER_ERROR),
        Fault(START + 60 * MINUTE, START + 90 * MINUTE, FaultMode.GARBAGE),
        Fault(START + 90 * MINUTE, 1e10, FaultMode.UNAUTHORISED),
    ]
    async with working(tmp_path, with_metrics(port), faults=faults) as house:
        await house.clock.sleep(100 * MINUTE)
        told = samples((await get(port)).text)
        for outcome in ("answered", "unreachable", "garbled", "refused", "throttled"):
            assert told[f'alertbot_api_calls_total{{outcome="{outcome}"}}'] > 0, outcome
        assert told["alertbot_feed_up"] == told["alertbot_healthy"] == 0


async def test_health_is_200_or_503_with_the_reason(tmp_path, port):
    faults = [Fault(START + 60 * MINUTE, 1e10, FaultMode.SERVER_ERROR)]
    async with working(tmp_path, with_metrics(port), faults=faults, feed='stale_after = "12m"') as house:
        await house.until_judged("a.example.com")
        await until(lambda: house.service._wiring.health.turns)
        well = await get(port, "/healthz")
        assert (well.status_code, well.text) == (200, "ok\n")
        await until(lambda: (house.service._wiring.why_unhealthy() or "").startswith("no data"))
        ill = await get(port, "/healthz")
        assert ill.status_code == 503
        assert ill.text.startswith("no data: HTTP 500")


async def test_nothing_else_is_served(tmp_path, port):
    async with working(tmp_path, with_metrics(port)) as house:
        await house.until_judged("a.example.com")
        assert [(await get(port, path)).status_code for path in ("/", "/metrics/../rules.toml", "/debug")] == [404] * 3
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.post(f"http://127.0.0.1:{port}/metrics", content="x")).status_code == 405


async def test_without_the_section_no_port_is_opened(tmp_path):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        assert house.service._wiring.server._server is None


async def test_a_port_that_is_taken_is_a_clear_error_at_the_start(tmp_path):
    with taken() as port:
        async with working(tmp_path, with_metrics(port), begin=False) as house:
            await house.start()
            with pytest.raises(ListenError, match=rf"metrics\.listen: 127\.0\.0\.1:{port}: the port is taken: "):
                await house.running
            del house.running


async def test_an_address_of_another_machine_is_a_clear_error(tmp_path, port):
    text = with_metrics(port).replace("127.0.0.1:", "192.0.2.1:")
    async with working(tmp_path, text, begin=False) as house:
        await house.start()
        with pytest.raises(ListenError, match=rf"192\.0\.2\.1:{port}: this machine has no such address"):
            await house.running
        del house.running


async def test_a_reload_moves_them_and_refuses_a_port_that_is_taken(tmp_path, port):
    async with working(tmp_path) as house:
        await house.until_judged("a.example.com")
        house.write(with_metrics(port))
        await house.reload()
        assert (await get(port)).status_code == 200
        with taken() as other:
            house.write(with_metrics(other))
            await house.reload()
            await until(lambda: house.slack.posts)
            assert f"rules.toml:14: metrics.listen: 127.0.0.1:{other}: the port is taken" in house.slack.posts[0].text
        assert (await get(port)).status_code == 200
        assert samples((await get(port)).text)["alertbot_config_last_reload_successful"] == 0
        house.write(WATCH + CEILING)
        await house.reload()
        with pytest.raises(httpx.ConnectError):
            await get(port)


async def test_metrics_without_a_database_are_those_of_the_process(tmp_path, port):
    async with working(tmp_path, with_metrics(port)) as house:
        await house.until_judged("a.example.com")
        house.service._wiring.metrics._path = tmp_path / "gone.db"
        told = samples((await get(port)).text)
        assert "alertbot_open_incidents" not in told
        assert told["alertbot_slots_judged_total"] > 0
        assert not (tmp_path / "gone.db").exists()
