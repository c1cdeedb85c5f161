"""The commands that leave an order for the service."""

from __future__ import annotations

from pathlib import Path

import click

from alertbot.cli.options import CONFIG, json_flag

_JSON = json_flag("What became of it, as one JSON object.")


@click.command()
@CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="[N] [NOTE]")
def ack(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:
    """Acknowledge an incident: N, or the only open one. The note stands in its thread."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("ack", *words), as_json=as_json)


@click.command()
@CONFIG
@_JSON
@click.argument("number", required=False, metavar="[N]")
def unack(config_path: Path, as_json: bool, number: str | None) -> None:
    """Take an acknowledgement back: reminders go on."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("unack", number) if number else ("unack",), as_json=as_json)


@click.command()
@CONFIG
@_JSON
@click.option("--yes", is_flag=True, help="Do not ask, however much it covers.")
@click.argument("words", nargs=-1, metavar="TARGET WHEN [REASON]")
def silence(config_path: Path, as_json: bool, yes: bool, words: tuple[str, ...]) -> None:
    """Silence TARGET for a time: 2h, until 06:00, from 22:00 for 3h.

    TARGET is a domain, a glob, @group, sum:group, total, a rule, an incident (#412), or * for everything. WHEN is a
    duration (1m to 90d) or an end, "until 6", "until tomorrow 06:00", "until mon 06:00", in the zone of [slack]; it may
    begin later, "from 22:00 until 02:00".
    """
    from alertbot.cli.orders import give_order

    give_order(config_path, ("silence", *words), yes=yes, as_json=as_json)


@click.command()
@CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="ID|TARGET")
def unsilence(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:
    """End a silence now: s3 as silences lists it, or those over a domain, a rule, an incident (#412)."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("unsilence", *words), as_json=as_json)


@click.command(name="keep-posting")
@CONFIG
@_JSON
@click.argument("domain")
def keep_posting(config_path: Path, as_json: bool, domain: str) -> None:
    """Post it whenever DOMAIN goes dark, also at hours when it is usually silent."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("keep-posting", domain), as_json=as_json)


@click.command(name="learn-silence")
@CONFIG
@_JSON
@click.argument("domain")
def learn_silence(config_path: Path, as_json: bool, domain: str) -> None:
    """Undo keep-posting: do not post DOMAIN at hours when it is usually silent."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("learn-silence", domain), as_json=as_json)


ORDERS = (ack, unack, silence, unsilence, keep_posting, learn_silence)
