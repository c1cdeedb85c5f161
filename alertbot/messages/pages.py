"""The pages of the documentation, which ship with the package: which there are, and their sections."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

PAGES = {
    "rules": "the rule kinds, their keys, what counts as usual",
    "config": "every section and key of rules.toml, and the secrets",
    "slack": "messages, colours, charts, slash commands, silences",
    "commands": "every command of the shell, with an example",
    "operations": "reload, backup, upgrade, metrics, proxies, several accounts",
    "scale": "how many domains fit, Alertmanager, PagerDuty, Grafana",
    "runbook": "alertbot is red: what each cause means, what to run first",
    "troubleshooting": "a false alert or none, no data, a token refused, no Slack",
}
"""What each page is about, in the order in which they are listed."""

_LINK = re.compile(r"\[((?:`[^`]*`|[^\[\]`])+)\]\(([^()\s]+)\)")
_SECTION = re.compile(r"^(?=## )", re.MULTILINE)


@dataclass(frozen=True)
class PageSection:
    """A part of a page, as Markdown; ``heading`` is empty for what stands above the first one."""

    page: str
    heading: str
    markdown: str

    @property
    def words(self) -> tuple[str, ...]:
        """What is typed after ``alertbot help`` for it."""
        return (self.page, *typed(self.heading))

    @property
    def text(self) -> str:
        """The same as a terminal shows it: of a link only what it says."""
        return _LINK.sub(r"\1", self.markdown).strip()

    @property
    def aims(self) -> tuple[str, ...]:
        """What its links lead to: commands that print it, and addresses."""
        return tuple(dict.fromkeys(_aim(target, self.page) for _, target in _LINK.findall(self.markdown)))


def page_text(topic: str) -> str:
    """One of the pages, as Markdown."""
    return (files("alertbot") / "help" / f"{topic}.md").read_text(encoding="utf-8")


@cache
def sections(topic: str) -> tuple[PageSection, ...]:
    """The sections of a page in their order, what stands above the first heading included."""
    above, *parts = _SECTION.split(page_text(topic))
    headings = (part.partition("\n")[0].removeprefix("## ").replace("`", "") for part in parts)
    return (PageSection(topic, "", above), *(PageSection(topic, *each) for each in zip(headings, parts, strict=True)))


def typed(heading: str) -> list[str]:
    """The words of a heading without anything that a shell would read, as GitHub makes its link of them."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace("-", " ").split()


def _aim(target: str, page: str) -> str:
    if target.startswith("https:"):
        return target
    file, _, anchor = target.partition("#")
    return " ".join(["alertbot help", file.removesuffix(".md") or page, *typed(anchor)])
