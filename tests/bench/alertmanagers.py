"""Two bots, two Alertmanagers, one of each killed during an incident and started again after it: what was notified.

    python tests/bench/alertmanagers.py [--resend SECONDS]

Real processes at the machine's own pace: ``alertbot run`` twice, Debian's ``prometheus-alertmanager`` twice, and a
receiver that counts. Exits 1 where it was not one page and one resolution.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.alertmanagers import BINARY
from fakes.paged import Plot, two_bots_two_alertmanagers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resend", type=int, default=2, help="[alertmanager] resend, in seconds")
    resend = parser.parse_args().resend
    if BINARY is None:
        print("prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager")
        return 2
    # What burns outlives what the dead bot said of it: more than six re-sendings.
    plot = Plot(resend, shown_after=25 + 8 * resend, again=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = two_bots_two_alertmanagers(Path(folder), plot, print)
    fired, resolved = (sum(page.status == status for page in pages) for status in ("firing", "resolved"))
    print(f"pages: {fired}; resolutions: {resolved}")
    return 0 if (fired, resolved) == (1, 1) else 1


if __name__ == "__main__":
    sys.exit(main())
