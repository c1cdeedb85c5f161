"""The command line. Each command imports what it needs, so that ``--help`` and ``check`` answer at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from alertbot.cli.group import COMPLETION, SETTINGS, CommandGroup
from alertbot.cli.options import CONFIG, CSV, PATH, json_flag
from alertbot.cli.order_commands import ORDERS
from alertbot.cli.question_commands import QUESTIONS
from alertbot.cli.terminal import say
from alertbot.words import counted


@click.group(cls=CommandGroup, context_settings=SETTINGS, epilog=COMPLETION)
@click.version_option(None, "-V", "--version", package_name="alertbot")
def main() -> None:
    """Watch a CDN's bandwidth and tell Slack when a domain goes dark, spikes or crosses a limit."""


@main.command()
@CONFIG
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
@click.option("--channel", help="For a trial: post everything to this Slack channel, and mention nobody.")
def run(config_path: Path, log_level: str, log_format: str, channel: str | None) -> None:
    """Run the service until it is told to stop."""
    from alertbot.cli.run import run_service

    run_service(config_path, log_level, log_format, channel)


@main.command()
@click.option(
    "-o",
    "--output",
    "target",
    default="rules.toml",
    show_default=True,
    type=PATH,
    help="The file to write.",
)
@click.option("--domain", "domains", multiple=True, help="Watch this domain; any number. Without it, the account's.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--base-url", default="https://cdn.api.baishan.com/v2/", show_default=True, help="The statistics API.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="The zone in which it reads times.")
def init(target: Path, domains: tuple[str, ...], force: bool, base_url: str, timezone: str) -> None:
    """Write a first rules.toml: the account's domains, with floors that fit what they carried."""
    from alertbot.cli.init import initialize

    initialize(target, domains, base_url, timezone, force=force)


@main.command()
@CONFIG
@click.option(
    "--test",
    "test_paths",
    multiple=True,
    type=PATH,
    help="Run the rule tests in this file, too; may be given several times.",
)
def check(config_path: Path, test_paths: tuple[Path, ...]) -> None:
    """Check a configuration file: every problem at once, as FILE:LINE: KEY: MESSAGE."""
    from alertbot.config import load
    from alertbot.config.since import HEAD, changed_meanings

    config = load(config_path)
    watched = "all domains of the account" if config.discovers else counted(len(config.watched()), "domain")
    say(f"{config_path}: fine: {counted(len(config.rules), 'rule')} over {watched}")
    if lines := changed_meanings(config_path):
        say("\n".join([HEAD, *(f"  {line}" for line in lines)]))
    if test_paths:
        from alertbot.cli.check import run_tests

        run_tests(config, test_paths)


@main.command()
@CONFIG
@click.option("--post", is_flag=True, help="Also post a button and wait a minute for the click.")
@click.option(
    "--mention", is_flag=True, help="Post it as a test alert that mentions those whom a critical alert mentions."
)
@json_flag("The facts as one JSON object.")
def doctor(config_path: Path, post: bool, mention: bool, as_json: bool) -> None:
    """Try everything live, and say what is wrong and how to mend it: a line a check."""
    from alertbot.cli.doctor.doctor import run_checks

    if not run_checks(config_path, post=post, mention=mention, as_json=as_json):
        sys.exit(1)


@main.command()
@CONFIG
@CSV
@click.option("--from", "first", help="Judge from here on: a date, a time, or 7d before the end.")
@click.option("--to", "last", help="Judge up to here; a date is the whole day.")
@click.option("--rule", "rule_name", help="Show this rule only.")
@json_flag("One JSON object a line.")
@click.option("--chart", "chart_path", type=PATH, help="Draw the series with most alerts into this PNG file.")
@click.option("--charts", "charts_path", type=PATH, help="Draw each alert into this folder, the worst 20.")
@click.option(
    "--against",
    type=PATH,
    help="Show only what this other configuration would not post alike.",
)
@click.option(
    "--against-events",
    "events",
    type=PATH,
    help="Show, by rule, what differs from this file, which replay --json printed.",
)
def replay(
    config_path: Path,
    csv_path: Path | None,
    first: str | None,
    last: str | None,
    rule_name: str | None,
    as_json: bool,
    chart_path: Path | None,
    charts_path: Path | None,
    against: Path | None,
    events: Path | None,
) -> None:
    """Say what the rules would have done with the stored history, or with a CSV."""
    from alertbot.cli.replay import ReplayOptions, replay_history

    options = ReplayOptions(first, last, rule_name, as_json, chart_path, charts_path)
    replay_history(config_path, csv_path, options, against, events)


@main.command()
@CONFIG
@CSV
@click.option("--below", is_flag=True, help="Suggest lower limits as well.")
@json_flag("One JSON object.")
@click.argument("domains", nargs=-1)
def suggest(
    config_path: Path,
    csv_path: Path | None,
    below: bool,
    as_json: bool,
    domains: tuple[str, ...],
) -> None:
    """Suggest thresholds and floors from history, as TOML, with how often each would have fired."""
    from alertbot.cli.suggest import suggest as print_suggestions

    print_suggestions(config_path, csv_path, domains, below=below, as_json=as_json)


@main.command()
@CONFIG
@click.option("--from", "first", help="Export from here on: a date, a time, or 7d before the end.")
@click.option("--to", "last", help="Export up to here; a date is the whole day.")
@click.option("--openmetrics", is_flag=True, help="For promtool, which makes Prometheus' blocks of it.")
@click.argument("domains", nargs=-1)
def export(config_path: Path, first: str | None, last: str | None, openmetrics: bool, domains: tuple[str, ...]) -> None:
    """Write the stored history as the CSV that replay reads."""
    from alertbot.cli.export import export_history

    export_history(config_path, sys.stdout, first=first, last=last, domains=domains, openmetrics=openmetrics)


@main.command()
def dashboard() -> None:
    """Print a dashboard for Grafana, over the metrics of a service with [metrics] series."""
    from alertbot.cli.dashboard import dashboard_json

    click.echo(dashboard_json())


@main.command()
@CONFIG
@click.option("--keep", type=click.IntRange(min=1), help="In a folder, keep so many dated copies.")
@click.argument("target", metavar="FILE", type=PATH)
def backup(config_path: Path, keep: int | None, target: Path) -> None:
    """Write a consistent copy of the database, also beside a running service."""
    from alertbot.cli.backup import make_backup

    make_backup(config_path, target, keep)


@main.command()
@CONFIG
def manifest(config_path: Path) -> None:
    """Print the manifest of the Slack app: paste it where Slack asks for one."""
    from alertbot.config import load
    from alertbot.slack.manifest import manifest_text

    click.echo(manifest_text(load(config_path).slack.command))


@main.command()
def demo() -> None:
    """Tell a story at high speed: no token, no network, under a minute."""
    from alertbot.cli.demo import run_demo

    run_demo()


@main.command(name="help")
@click.argument("topic", nargs=-1)
def help_(topic: tuple[str, ...]) -> None:
    """Print a page of the documentation, or the section about any words."""
    from alertbot.cli.help import show

    show(topic)


for _command in (*QUESTIONS, *ORDERS):
    main.add_command(_command)
