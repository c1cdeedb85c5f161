"""The commands that answer from the database."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

from alertbot.cli.options import CONFIG, json_flag


class _Question(NamedTuple):
    """A command that answers from the database: its arguments, its help, and what ``--json`` prints."""

    takes: str
    help: str
    json: str = "The facts as one JSON object."


_QUESTIONS = {
    "status": _Question(
        "", "Say how the bot is: how fresh the data is, what is wrong, what fires.", json="One JSON object."
    ),
    "show": _Question(
        "DOMAIN [24h|7d]",
        "Show a domain's bandwidth: now, average, peak, 95th percentile, against yesterday and last week.",
    ),
    "top": _Question(
        "[N] [now|peak|p95|change]", "List the total and the domains that carry most, or moved most since yesterday."
    ),
    "p95": _Question(
        "DOMAIN [MONTH]",
        "Work out the 95th percentile of a month so far, and for how long traffic may still exceed it.",
    ),
    "why": _Question(
        "N|DOMAIN [TIME]",
        "Explain why something was posted or not: the values, the arithmetic, what keeps it unposted.\n\n"
        "N is an incident. TIME is 03:00, yesterday 03:00, mon 03:00 or 2026-03-02 03:00, in the zone of [slack].",
    ),
    "alerts": _Question("[24h|7d]", "List the open incidents, what fires without being posted, and what ended."),
    "incidents": _Question("[7d]", "List the incidents that were open within that time, the oldest first."),
    "rules": _Question("[DOMAIN]", "List the rules, or those that watch a domain."),
    "silences": _Question(
        "", "List what is silenced, or was within a day, until when and by whom.", json="One JSON object a line."
    ),
}


def _command(name: str, question: _Question) -> click.Command:
    def ask(config_path: Path, as_json: bool, words: tuple[str, ...] = ()) -> None:
        from alertbot.cli.questions import answer

        answer(config_path, (name, *words), as_json=as_json)

    if question.takes:
        ask = click.argument("words", nargs=-1, metavar=question.takes)(ask)
    return click.command(name, help=question.help)(CONFIG(json_flag(question.json)(ask)))


@click.command()
@CONFIG
@json_flag("The facts as one JSON object.")
@click.option("--diff", is_flag=True, help="Print the edits as a patch, for patch -p0 or git apply.")
@click.argument("words", nargs=-1, metavar="[7d|30d]")
def review(config_path: Path, as_json: bool, diff: bool, words: tuple[str, ...]) -> None:
    """Say what each rule posted, who found it useful, and which edits would have spared the noise."""
    from alertbot.cli.questions import print_review

    print_review(config_path, words, as_json=as_json, diff=diff)


@click.command()
@CONFIG
@json_flag("One JSON object a line.")
@click.argument("span", default="7d", metavar="[7d]")
def audit(config_path: Path, as_json: bool, span: str) -> None:
    """Say who acknowledged, silenced and reloaded what, and what was refused: in the last 7d, or another time."""
    from alertbot.cli.audit import print_changes

    print_changes(config_path, span, as_json=as_json)


QUESTIONS = (*(_command(name, question) for name, question in _QUESTIONS.items()), review, audit)
