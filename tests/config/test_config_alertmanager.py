"""[alertmanager]: where it is, how it is asked, and what is set on every alert."""

from __future__ import annotations

import pytest

from alertbot.config import AlertmanagerSettings, load
from alertbot.errors import ConfigError

GOOD = '[watch]\ndomains = ["a.example.com"]\n[[rule]]\nname = "dark"\nkind = "drop"\nto = "0 bps"\n[alertmanager]\n'
"""What a case adds begins in line 8."""

ONE = 'urls = ["http://am:9093"]\n'


@pytest.fixture
def loaded(tmp_path):
    def read(text):
        path = tmp_path / "rules.toml"
        path.write_text(text, encoding="utf-8")
        return load(path)

    return read


def test_without_the_section_there_is_none(loaded):
    assert loaded(GOOD.removesuffix("[alertmanager]\n")).alertmanager is None


def test_what_is_left_out_has_its_default(loaded):
    assert loaded(GOOD + ONE).alertmanager == AlertmanagerSettings.model_construct(
        urls=("http://am:9093",), labels={}, user=None, generator_url=None, resend=60
    )


def test_everything_may_be_said(loaded):
    config = loaded(
        GOOD
        + 'urls = ["https://am-1.example.com/alertmanager/", "http://[::1]:9093"]\n'
        + 'labels = { team = "cdn", Ort = "Köln, \\"Süd\\"" }\nuser = "alertbot"\nresend = "30s"\n'
        + 'generator_url = "https://g.example.com/d?var={series}"\n'
    )

    assert config.alertmanager == AlertmanagerSettings.model_construct(
        # the path is kept, without its last slash
        urls=("https://am-1.example.com/alertmanager", "http://[::1]:9093"),
        labels={"team": "cdn", "Ort": 'Köln, "Süd"'},
        user="alertbot",
        generator_url="https://g.example.com/d?var={series}",
        resend=30,
    )


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ('labels = { team = "cdn" }', 7, "urls", "missing: list every member"),
        ("urls = []", 8, "urls", "leave the section out"),
        ('urls = "http://am:9093"', 8, "urls", 'such as ["http://alertmanager-1.example.com:9093"]'),
        ('urls = ["am:9093"]', 8, "urls[1]", "http:// or https://"),
        ('urls = ["http://am:9093",\n"http://user:pw@am"]', 9, "urls[2]", "without a user"),
        ('urls = ["http://am:9093?x=1"]', 8, "urls[1]", 'no "?"'),
        ('urls = ["http://am:9093/api/v2/alerts"]', 8, "urls[1]", "without the path of the API"),
        ('urls = ["http://am:9093/api/v2/"]', 8, "urls[1]", "without the path of the API"),
        ('urls = ["http://am:9093", "http://am:9093/"]', 8, "urls", '"http://am:9093" is listed twice'),
        (ONE + "labels = []", 9, "labels", 'such as { team = "cdn" }'),
        (ONE + 'labels = { "my-team" = "cdn" }', 9, "labels.my-team", "letters, digits and underscores"),
        (ONE + 'labels = { severity = "page" }', 9, "labels.severity", "sets itself"),
        (ONE + 'labels = { __x = "y" }', 9, "labels.__x", "sets itself"),
        (ONE + "labels = { shard = 1 }", 9, "labels.shard", "text in quotes"),
        (ONE + 'labels = { team = " " }', 9, "labels.team", 'such as "cdn"'),
        (ONE + 'user = "a:b"', 9, "user", "without a colon"),
        (ONE + "resend = 60", 9, "resend", "text in quotes"),
        (ONE + 'resend = "1h"', 9, "resend", '"1s" to "10m"'),
        (ONE + 'generator_url = "/d/cdn"', 9, "generator_url", "http:// or https://"),
        (ONE + 'generator_url = "https://g/{domain}"', 9, "generator_url", "only {series}"),
        (ONE + 'generator_url = "https://g/{series"', 9, "generator_url", "only {series}"),
        (ONE + 'generator_url = "https://{series}.example.com/"', 9, "generator_url", "the host's name"),
        (ONE + 'token = "abc"', 9, "token", "ALERTBOT_ALERTMANAGER_TOKEN"),
        (ONE + 'url = "http://am"', 9, "url", 'did you mean "urls"?'),
    ],
)
def test_what_is_wrong_is_told_with_its_line(loaded, text, line, key, words):
    with pytest.raises(ConfigError) as caught:
        loaded(GOOD + text + "\n")

    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (line, f"alertmanager.{key}")
    assert words in problem.message
