"""What all commands have in common: how they show help and colour, and how errors become a line and an exit code."""

from __future__ import annotations

import os
import re
from typing import Any

import click

from alertbot.cli.terminal import say, standard_streams
from alertbot.errors import AlertbotError, ConfigError
from alertbot.messages.usages import ALIASES
from alertbot.words import did_you_mean, quoted

SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    # None: click looks whether it writes to a terminal.
    "color": False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None,
}

COMPLETION = """\b
Examples:
  alertbot demo
  alertbot silence 'video.*' 2h deployment
  alertbot help rules
\b
Completion by Tab, for this shell (zsh: zsh_source, fish: fish_source):
  eval "$(_ALERTBOT_COMPLETE=bash_source alertbot)"
"""
"""What stands below the list of commands."""

GROUPS = {
    "First steps": ("demo", "init", "check", "doctor", "manifest", "run"),
    "Questions": ("status", "alerts", "incidents", "show", "top", "p95", "why", "rules", "silences", "review", "audit"),
    "Orders": ("ack", "unack", "silence", "unsilence", "keep-posting", "learn-silence"),
    "History": ("replay", "suggest", "export", "dashboard", "backup"),
    "Documentation": ("help",),
}
"""The commands in the order in which they are listed."""

EXAMPLES = {
    "ack": "ack 412 looking into it",
    "alerts": "alerts 7d",
    "audit": "audit 7d",
    "backup": "backup --keep 14 /var/lib/alertbot-backups",
    "check": "check -c /etc/alertbot/rules.toml",
    "dashboard": "dashboard > alertbot.json",
    "demo": "demo",
    "doctor": "doctor --post",
    "export": "export --from 7d video.example.com > history.csv",
    "help": "help rules",
    "incidents": "incidents 7d",
    "init": "init --domain video.example.com --domain img.example.com",
    "keep-posting": "keep-posting video.example.com",
    "learn-silence": "learn-silence video.example.com",
    "manifest": "manifest > manifest.json",
    "p95": "p95 video.example.com 2026-03",
    "replay": "replay --from 7d --rule went-dark",
    "review": "review 30d",
    "rules": "rules video.example.com",
    "run": "run -c rules.toml --channel '#alertbot-trial'",
    "show": "show video.example.com 7d",
    "silence": "silence 'video.*' until 06:00 deployment",
    "silences": "silences",
    "status": "status",
    "suggest": "suggest --csv history.csv",
    "top": "top 20 change",
    "unack": "unack 412",
    "unsilence": "unsilence s3",
    "why": "why 412",
}
"""An example of each command, as it is typed after ``alertbot``."""

_INCIDENT = re.compile(r"#[1-9]\d{0,9}", re.ASCII)


class CommandGroup(click.Group):
    """Turns alertbot's own errors into one clear line and their exit code; nothing else is caught."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; where it cannot print that is an error like another."""
        with standard_streams():
            return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name, or of what other tools call it; what is none gets the nearest one."""
        name = args[0].lower()
        if name not in self.commands and not name.startswith("-"):
            name = ALIASES.get(name, name)
            if (alone := _meant_alone(name)) is not None:
                return super().resolve_command(ctx, [alone, *args])
            if name not in self.commands:
                ctx.fail(f"there is no command {quoted(args[0])}{did_you_mean(name, self.commands)}")
        return super().resolve_command(ctx, [name, *args[1:]])

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, with its example below its help."""
        super().add_command(cmd, name)
        cmd.epilog = f"Example: alertbot {EXAMPLES[name or cmd.name or '']}"

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, each with what it does in a line that is not cut."""
        width = max(map(len, self.commands))
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", _in_short(self.commands[name])) for name in names])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                say(str(problem), err=True)
            ctx.exit(error.exit_code)
        except AlertbotError as error:
            say(f"alertbot: {error}", err=True)
            ctx.exit(error.exit_code)


def _meant_alone(word: str) -> str | None:
    """The question that an incident's number, or a domain or group, is by itself."""
    if _INCIDENT.fullmatch(word):
        return "why"
    return "show" if "." in word or word.startswith(("@", "sum:")) or word == "total" else None


def _in_short(command: click.Command) -> str:
    """What a command does, without the details after a colon."""
    return (command.help or "").partition("\n")[0].partition(":")[0].rstrip(".")
