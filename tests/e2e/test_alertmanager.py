"""Two bots and two Alertmanagers, real processes all: one of each dies while a domain is dark, and nobody notices."""

from __future__ import annotations

import re
import subprocess

from fakes.rigs.needs import needs
from fakes.rigs.paged import SERIES, Plot, two_bots_two_alertmanagers
from pages import PAGES


@needs("prometheus-alertmanager")
def test_two_bots_page_once_and_resolve_once_though_a_bot_and_an_alertmanager_die_in_between(tmp_path):
    told = []
    pages = two_bots_two_alertmanagers(tmp_path, Plot(), told.append)

    assert [(page.status, page.names) for page in pages] == [
        ("firing", [f"went-dark {SERIES}"]),
        ("resolved", [f"went-dark {SERIES}"]),
    ], "\n".join(told)
    assert pages[0].sender != pages[1].sender
    assert f"Alertmanager {pages[0].sender}: cannot connect: " in "\n".join(told)
    (dark,), (well,) = pages[0].alerts, pages[1].alerts
    assert (
        dark["labels"]
        == well["labels"]
        == {
            "alertname": "went-dark",
            "job": "alertbot",
            "severity": "critical",
            "series": SERIES,
            "domain": SERIES,
            "group": "pictures",
            "team": "cdn",
        }
    )
    assert f"{SERIES} went dark " in dark["annotations"]["summary"]
    assert (dark["annotations"]["value"], dark["annotations"]["reference"]) == ("0 bps", "1 Gbps")
    assert dark["annotations"]["runbook_url"] == "https://wiki.example.com/cdn"
    assert dark["generatorURL"] == f"https://grafana.example.com/d/cdn?var-series={SERIES}"
    assert f"{SERIES} is back to normal " in well["annotations"]["summary"]


@needs("amtool")
def test_the_readmes_example_is_one_that_alertmanager_takes(tmp_path):
    duty, inhibited, *_ = re.findall(r"^```yaml\n(.*?)^```$", PAGES["scale"], re.MULTILINE | re.DOTALL)
    path = tmp_path / "alertmanager.yml"
    path.write_text(duty + inhibited)
    checked = subprocess.run(["amtool", "check-config", str(path)], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 inhibit rules" in checked.stdout
