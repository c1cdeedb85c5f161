"""`alertbot doctor` tries every Alertmanager, and counts the cluster's members."""

from __future__ import annotations

import asyncio

import pytest
from fakes.rigs.needs import needs
from fakes.wire.real_alertmanagers import Cluster, Pager

from alertbot.cli.doctor.alertmanager import check_alertmanagers
from alertbot.cli.doctor.findings import Grade
from alertbot.config import AlertmanagerSettings

pytestmark = needs("prometheus-alertmanager")


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    """Two that know each other."""
    with Pager() as pager, Cluster(tmp_path_factory.mktemp("doctor") / "cluster", pager, 2) as cluster:
        yield tuple(cluster.urls)


def examined(*urls, user=None, secret=None):
    settings = AlertmanagerSettings.model_construct(urls=urls, user=user)
    return asyncio.run(check_alertmanagers(settings, secret))


def test_all_that_are_listed_and_well_are_so(urls):
    assert [str(each).split() for each in examined(*urls)] == [
        f"ok Alertmanager {url}: takes alerts; 2 of 2 members are listed".split() for url in urls
    ]


def test_members_that_are_not_listed_are_missed(urls):
    (found,) = examined(urls[0])
    assert (found.grade, found.what) == (Grade.WARNING, "its cluster has 2 members, but only 1 listed")


def test_one_that_is_not_there_fails_and_the_others_are_said_to_be_less_than_listed(urls):
    dead, *others = examined("http://127.0.0.1:9", *urls)
    assert dead.grade is Grade.FAILED
    assert "takes no alerts: cannot connect" in dead.what
    assert {each.what for each in others} == {"its cluster has 2 members, but 3 are listed"}


def test_a_user_without_a_password_fails(urls):
    (found,) = examined(urls[0], user="alertbot")
    assert found.grade is Grade.FAILED
    assert "ALERTBOT_ALERTMANAGER_TOKEN" in found.what


def test_where_none_is_configured_nothing_is_said():
    assert asyncio.run(check_alertmanagers(None, None)) == []


def test_two_that_do_not_know_each_other_would_both_page(tmp_path):
    with Pager() as pager, Cluster(tmp_path / "cluster", pager, 1) as alone:
        (found, _) = examined(*alone.urls, "http://127.0.0.1:9")
    assert (found.grade, found.what) == (Grade.WARNING, "its cluster has 1 member, but 2 are listed")
