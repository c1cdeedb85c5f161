"""What all commands have in common: how they show help and colour, and how errors become a line and an exit code."""

from __future__ import annotations

import os
from typing import Any

import click

from alertbot.errors import AlertbotError, ConfigError
from alertbot.messages.usages import ALIASES
from alertbot.words import did_you_mean, quoted

SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    # None: click looks whether it writes to a terminal.
    "color": False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None,
}


class CommandGroup(click.Group):
    """Turns alertbot's own errors into one clear line and their exit code; nothing else is caught."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of this name, or of what other tools call it; what is none gets the nearest one."""
        name = args[0].lower()
        if name not in self.commands and not name.startswith("-"):
            name = ALIASES.get(name, name)
            if name not in self.commands:
                ctx.fail(f"there is no command {quoted(args[0])}{did_you_mean(name, self.commands)}")
        return super().resolve_command(ctx, [name, *args[1:]])

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
