"""The command line. Each command imports what it needs, so that ``--help`` and ``check`` answer at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from alertbot.errors import AlertbotError, ConfigError

_CONFIG = click.option(
    "-c",
    "--config",
    "config_path",
    default="rules.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The configuration file.",
)

_JSON = click.option("--json", "as_json", is_flag=True, help="The facts as one JSON object.")


class _Group(click.Group):
    """Turns alertbot's own errors into one clear line and their exit code; nothing else is caught."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(str(problem), err=True)
            ctx.exit(error.exit_code)
        except AlertbotError as error:
            click.echo(f"alertbot: {error}", err=True)
            ctx.exit(error.exit_code)


def _ask(config_path: Path, words: tuple[str, ...], *, as_json: bool) -> None:
    from alertbot.asking import answer_question  # noqa: PLC0415 - see above

    answer_question(config_path, words, as_json=as_json)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="alertbot")
def main() -> None:
    """Watch a CDN's bandwidth and tell Slack when a domain goes dark, spikes or crosses a limit."""


@main.command()
@_CONFIG
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING"]),
    default="INFO",
    show_default=True,
    help="How much the log says.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or one JSON object a line.",
)
def run(config_path: Path, log_level: str, log_format: str) -> None:
    """Run the service until it is told to stop."""
    from alertbot.running import run_service  # noqa: PLC0415 - see above

    run_service(config_path, log_level, log_format)


@main.command()
@_CONFIG
def check(config_path: Path) -> None:
    """Check a configuration file: every problem at once, as FILE:LINE: KEY: MESSAGE."""
    from alertbot.config import load  # noqa: PLC0415 - see above

    config = load(config_path)
    watched = "all domains of the account" if config.discovers else f"{len(config.watched()):,} domains"
    click.echo(f"{config_path}: fine: {len(config.rules)} rules over {watched}")


@main.command()
@_CONFIG
@click.option("--csv", "csv_path", type=click.Path(path_type=Path), help="A history as domain,time,bps.")
@click.option("--from", "first", help="Judge from this time on (epoch seconds or ISO 8601).")
@click.option("--to", "last", help="Judge up to this time.")
@click.option("--rule", "rule_name", help="Show this rule only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--chart",
    "chart_path",
    type=click.Path(path_type=Path),
    help="Draw the series with most alerts into this PNG file.",
)
def replay(
    config_path: Path,
    csv_path: Path | None,
    first: str | None,
    last: str | None,
    rule_name: str | None,
    as_json: bool,  # noqa: FBT001 - click hands options over by name
    chart_path: Path | None,
) -> None:
    """Say what the rules would have done with the stored history, or with a CSV."""
    from alertbot.replaying import replay_history  # noqa: PLC0415 - see above

    replay_history(
        config_path,
        csv_path,
        first=first,
        last=last,
        rule_name=rule_name,
        as_json=as_json,
        chart_path=chart_path,
    )


@main.command()
@_CONFIG
@click.option("--from", "first", help="Export from this time on (epoch seconds or ISO 8601).")
@click.option("--to", "last", help="Export up to this time.")
@click.argument("domains", nargs=-1)
def export(config_path: Path, first: str | None, last: str | None, domains: tuple[str, ...]) -> None:
    """Write the stored history as the CSV that replay reads."""
    from alertbot.exporting import export_history  # noqa: PLC0415 - see above

    export_history(config_path, sys.stdout, first=first, last=last, domains=domains)


@main.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(config_path: Path, as_json: bool) -> None:  # noqa: FBT001 - click hands options over by name
    """Say how the bot is: how fresh the data is, what is wrong, what fires."""
    from alertbot.asking import show_status  # noqa: PLC0415 - see above

    show_status(config_path, as_json=as_json)


@main.command()
@_CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="DOMAIN [24h|7d]")
def show(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:  # noqa: FBT001 - see above
    """Show a domain's bandwidth: now, average, peak, 95th percentile, against yesterday and last week."""
    _ask(config_path, ("show", *words), as_json=as_json)


@main.command()
@_CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="[N] [now|peak|p95|change]")
def top(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:  # noqa: FBT001 - see above
    """List the total and the domains that carry most, or moved most since yesterday."""
    _ask(config_path, ("top", *words), as_json=as_json)


@main.command()
@_CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="DOMAIN [MONTH]")
def p95(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:  # noqa: FBT001 - see above
    """Work out the 95th percentile of a month so far, and the burst left in it."""
    _ask(config_path, ("p95", *words), as_json=as_json)


@main.command()
@_CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="N|DOMAIN")
def why(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:  # noqa: FBT001 - see above
    """Explain why something was told or not: the slots, the arithmetic, what holds it."""
    _ask(config_path, ("why", *words), as_json=as_json)


@main.command()
@_CONFIG
@_JSON
def alerts(config_path: Path, as_json: bool) -> None:  # noqa: FBT001 - see above
    """List what fires now, and what ended within a day."""
    _ask(config_path, ("alerts",), as_json=as_json)


@main.command()
@_CONFIG
@_JSON
@click.argument("words", nargs=-1, metavar="[DOMAIN]")
def rules(config_path: Path, as_json: bool, words: tuple[str, ...]) -> None:  # noqa: FBT001 - see above
    """List the rules, or those that watch a domain."""
    _ask(config_path, ("rules", *words), as_json=as_json)


@main.command()
@_CONFIG
@click.argument("number", required=False, metavar="[N]")
def ack(config_path: Path, number: str | None) -> None:
    """Take on an incident: N, or the only open one."""
    from alertbot.requesting import give_order  # noqa: PLC0415 - see above

    give_order(config_path, ("ack", number) if number else ("ack",))


@main.command()
@_CONFIG
@click.argument("words", nargs=-1, metavar="TARGET WHEN [REASON]")
def silence(config_path: Path, words: tuple[str, ...]) -> None:
    """Tell nothing of TARGET for a time: 2h, until 06:00, from 22:00 for 3h."""
    from alertbot.requesting import give_order  # noqa: PLC0415 - see above

    give_order(config_path, ("silence", *words))


@main.command()
@_CONFIG
@click.argument("number", required=False, metavar="ID")
def unsilence(config_path: Path, number: str | None) -> None:
    """End a silence now: ID is its number as silences lists it."""
    from alertbot.requesting import give_order  # noqa: PLC0415 - see above

    give_order(config_path, ("unsilence", number) if number else ("unsilence",))


@main.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def silences(config_path: Path, as_json: bool) -> None:  # noqa: FBT001 - click hands options over by name
    """List what is silenced, or was within a day, until when and by whom."""
    from alertbot.requesting import show_silences  # noqa: PLC0415 - see above

    show_silences(config_path, as_json=as_json)


@main.command()
@_CONFIG
def manifest(config_path: Path) -> None:
    """Print the manifest of the Slack app: paste it where Slack asks for one."""
    from alertbot.config import load  # noqa: PLC0415 - see above
    from alertbot.slack.manifest import manifest_text  # noqa: PLC0415 - see above

    click.echo(manifest_text(load(config_path).slack.command))


@main.command()
def demo() -> None:
    """Tell a story at high speed: no token, no network, under a minute."""
    from alertbot.demo import run_demo  # noqa: PLC0415 - see above

    run_demo(sys.stdout)
