"""``python -m alertbot.charts``: a chart as JSON in, a PNG out. Nothing else imports matplotlib, nor this module."""

from __future__ import annotations

import contextlib
import os
import sys

from alertbot.charts.chart import Chart
from alertbot.charts.drawing import draw


def main() -> None:
    """Draw the chart that stands on stdin."""
    with contextlib.suppress(OSError):  # the service's sandbox forbids it
        os.nice(10)
    sys.stdout.buffer.write(draw(Chart.from_json(sys.stdin.read())))


if __name__ == "__main__":
    main()
