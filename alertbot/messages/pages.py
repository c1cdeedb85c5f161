"""The pages of the documentation, which ship with the package: which there are, and their sections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files

PAGES = {
    "rules": "the rule kinds, their keys, what counts as usual",
    "config": "every section and key of rules.toml, and the secrets",
    "slack": "messages, charts, slash commands, silences",
    "commands": "every command of the shell, with an example",
    "operations": "reload, backup, upgrade, metrics, proxies, several accounts",
    "scale": "how many domains fit, Alertmanager, PagerDuty, Grafana",
    "runbook": "alertbot is red: what each cause means, what to run first",
    "troubleshooting": "a false alert or none, no data, a token refused, no Slack",
}
"""What each page is about, in the order in which they are listed."""

_SECTION = re.compile(r"^## (.*)\n((?:(?!## ).*\n)*)", re.MULTILINE)


def page_text(topic: str) -> str:
    """One of the pages, as Markdown."""
    return (files("alertbot") / "help" / f"{topic}.md").read_text(encoding="utf-8")


def sections(topic: str) -> Mapping[str, str]:
    """The sections of a page, by their headings without code marks."""
    return {heading.replace("`", ""): text.strip() for heading, text in _SECTION.findall(page_text(topic))}
