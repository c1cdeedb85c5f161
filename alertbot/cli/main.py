"""The command line. Each command imports what it needs, so that ``--help`` and ``check`` answer at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from alertbot.cli.group import COMPLETION, SETTINGS, CommandGroup

_Command = TypeVar("_Command", bound=Callable[..., object])

_PATH = click.Path(path_type=Path)
_PLACES = (Path("rules.toml"), Path("/etc/alertbot/rules.toml"))
"""Where the configuration file is looked for."""


def _found() -> Path:
    """The configuration file that is there, of the service where there is none here."""
    return next((place for place in _PLACES if place.is_file()), _PLACES[0])


def _placed(context: click.Context, _: click.Parameter, path: Path) -> Path:
    """The configuration file; a usage error names the places where none was found."""
    if context.get_parameter_source("config_path") is click.core.ParameterSource.DEFAULT and not path.exists():
        raise click.UsageError(f"no configuration: there is neither {_PLACES[0]} nor {_PLACES[1]}; name one with -c")
    return path


_CONFIG = click.option(
    "-c",
    "--config",
    "config_path",
    default=_found,
    show_default=" or ".join(map(str, _PLACES)),
    type=_PATH,
    callback=_placed,
    help="The configuration file.",
)
_CSV = click.option("--csv", "csv_path", type=_PATH, help="A history as domain,time,bps.")


def _json(prints: str) -> Callable[[_Command], _Command]:
    return click.option("--json", "as_json", is_flag=True, help=prints)


@click.group(cls=CommandGroup, context_settings=SETTINGS, epilog=COMPLETION)
@click.version_option(None, "-V", "--version", package_name="alertbot")
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
    type=_PATH,
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
@_CONFIG
@click.option(
    "--test",
    "test_paths",
    multiple=True,
    type=_PATH,
    help="Run the rule tests in this file, too; may be given several times.",
)
def check(config_path: Path, test_paths: tuple[Path, ...]) -> None:
    """Check a configuration file: every problem at once, as FILE:LINE: KEY: MESSAGE."""
    from alertbot.config import load
    from alertbot.config.since import HEAD, changed_meanings

    config = load(config_path)
    watched = "all domains of the account" if config.discovers else f"{len(config.watched()):,} domains"
    click.echo(f"{config_path}: fine: {len(config.rules)} rules over {watched}")
    if lines := changed_meanings(config_path):
        click.echo("\n".join([HEAD, *(f"  {line}" for line in lines)]))
    if test_paths:
        from alertbot.cli.check import run_tests

        run_tests(config, test_paths)


@main.command()
@_CONFIG
@click.option("--post", is_flag=True, help="Also post a button and wait a minute for the click.")
@click.option("--mention", is_flag=True, help="Post it as a test of a critical alert, calling whom one calls.")
@_json("The facts as one JSON object.")
def doctor(config_path: Path, post: bool, mention: bool, as_json: bool) -> None:
    """Try everything live, and say what is wrong and how to mend it: a line a check."""
    from alertbot.cli.doctor.doctor import run_checks

    if not run_checks(config_path, post=post, mention=mention, as_json=as_json):
        sys.exit(1)


@main.command()
@_CONFIG
@_CSV
@click.option("--from", "first", help="Judge from here on: a date, a time, or 7d before the end.")
@click.option("--to", "last", help="Judge up to here; a date is the whole day.")
@click.option("--rule", "rule_name", help="Show this rule only.")
@_json("One JSON object a line.")
@click.option("--chart", "chart_path", type=_PATH, help="Draw the series with most alerts into this PNG file.")
@click.option("--charts", "charts_path", type=_PATH, help="Draw each alert into this folder, the worst 20.")
@click.option(
    "--against",
    type=_PATH,
    help="Show only what this other configuration would not post alike.",
)
@click.option(
    "--against-events",
    "events",
    type=_PATH,
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
@_CONFIG
@_CSV
@click.option("--below", is_flag=True, help="Suggest lower limits as well.")
@_json("One JSON object.")
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
@_CONFIG
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
@_CONFIG
@click.option("--keep", type=click.IntRange(min=1), help="In a folder, keep so many dated copies.")
@click.argument("target", metavar="FILE", type=_PATH)
def backup(config_path: Path, keep: int | None, target: Path) -> None:
    """Write a consistent copy of the database, also beside a running service."""
    from alertbot.cli.backup import make_backup

    make_backup(config_path, target, keep)


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
    "p95": _Question("DOMAIN [MONTH]", "Work out the 95th percentile of a month so far, and the burst left in it."),
    "why": _Question(
        "N|DOMAIN [TIME]", "Explain why something was posted or not: the slots, the arithmetic, what holds it."
    ),
    "alerts": _Question("[24h|7d]", "List the open incidents, what fires without being posted, and what ended."),
    "incidents": _Question("[7d]", "List the incidents that were open within that time, the oldest first."),
    "rules": _Question("[DOMAIN]", "List the rules, or those that watch a domain."),
    "silences": _Question(
        "", "List what is silenced, or was within a day, until when and by whom.", json="One JSON object a line."
    ),
}


def _add(name: str, question: _Question) -> None:
    def ask(config_path: Path, as_json: bool, words: tuple[str, ...] = ()) -> None:
        from alertbot.cli.questions import answer

        answer(config_path, (name, *words), as_json=as_json)

    if question.takes:
        ask = click.argument("words", nargs=-1, metavar=question.takes)(ask)
    main.command(name, help=question.help)(_CONFIG(_json(question.json)(ask)))


for _name, _question in _QUESTIONS.items():
    _add(_name, _question)


@main.command()
@_CONFIG
@click.argument("words", nargs=-1, metavar="[N] [NOTE]")
def ack(config_path: Path, words: tuple[str, ...]) -> None:
    """Acknowledge an incident: N, or the only open one. The note stands in its thread."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("ack", *words))


@main.command()
@_CONFIG
@click.argument("number", required=False, metavar="[N]")
def unack(config_path: Path, number: str | None) -> None:
    """Take an acknowledgement back: reminders go on."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("unack", number) if number else ("unack",))


@main.command()
@_CONFIG
@click.option("--yes", is_flag=True, help="Do not ask, however much it covers.")
@click.argument("words", nargs=-1, metavar="TARGET WHEN [REASON]")
def silence(config_path: Path, yes: bool, words: tuple[str, ...]) -> None:
    """Silence TARGET for a time: 2h, until 06:00, from 22:00 for 3h."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("silence", *words), yes=yes)


@main.command()
@_CONFIG
@click.argument("words", nargs=-1, metavar="ID|TARGET")
def unsilence(config_path: Path, words: tuple[str, ...]) -> None:
    """End a silence now: s3 as silences lists it, or those over a domain, a rule, an incident (#412)."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("unsilence", *words))


@main.command(name="keep-posting")
@_CONFIG
@click.argument("domain")
def keep_posting(config_path: Path, domain: str) -> None:
    """Post it whenever DOMAIN is silent, however usual that has become."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("keep-posting", domain))


@main.command(name="learn-silence")
@_CONFIG
@click.argument("domain")
def learn_silence(config_path: Path, domain: str) -> None:
    """Take the usual silence of DOMAIN as usual again."""
    from alertbot.cli.orders import give_order

    give_order(config_path, ("learn-silence", domain))


@main.command()
@_CONFIG
@_json("The facts as one JSON object.")
@click.option("--diff", is_flag=True, help="Print the edits as a patch, for patch -p0 or git apply.")
@click.argument("words", nargs=-1, metavar="[7d|30d]")
def review(config_path: Path, as_json: bool, diff: bool, words: tuple[str, ...]) -> None:
    """Say what each rule posted, who found it useful, and which edits would have spared the noise."""
    from alertbot.cli.questions import print_review

    print_review(config_path, words, as_json=as_json, diff=diff)


@main.command()
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.argument("span", default="7d", metavar="[7d]")
def audit(config_path: Path, as_json: bool, span: str) -> None:
    """Say who acknowledged, silenced and reloaded what in the last 7d, or so long, and what was refused."""
    from alertbot.cli.audit import print_changes

    print_changes(config_path, span, as_json=as_json)


@main.command()
@_CONFIG
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
@click.argument("topic", required=False)
def help_(topic: str | None) -> None:
    """Print a page of the documentation, or the list of them."""
    from alertbot.cli.help import show

    show(topic)
