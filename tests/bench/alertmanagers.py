"""Two bots, two Alertmanagers, one of each killed during an incident and started again after it: what was notified.

    python tests/bench/alertmanagers.py [--resend SECONDS]

Real processes at the machine's own pace: ``alertbot run`` twice, Debian's ``prometheus-alertmanager`` twice, and a
receiver that counts. Exits 1 where it was not one page and one resolution.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.rigs.paged import Plot, two_bots_two_alertmanagers
from fakes.wire.real_alertmanagers import BINARY


@click.command()
@click.option("--resend", default=2, show_default=True, help="[alertmanager] resend, in seconds.")
def main(resend: int) -> None:
    """Tell the story, and how often it was notified."""
    if BINARY is None:
        raise click.ClickException("prometheus-alertmanager is not installed (Debian has it)")
    # What burns outlives what the dead bot said of it: more than six re-sendings.
    plot = Plot(resend, shown_after=55 + 8 * resend, again=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = two_bots_two_alertmanagers(Path(folder), plot, click.echo)
    fired, resolved = (sum(page.status == status for page in pages) for status in ("firing", "resolved"))
    click.echo(f"pages: {fired}; resolutions: {resolved}")
    sys.exit((fired, resolved) != (1, 1))


if __name__ == "__main__":
    main()
