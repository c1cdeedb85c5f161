"""``replay --against-events``: what these rules post that a file of events does not, and the other way round.

The file is what ``replay --json`` printed, by this version or an older one: so an upgrade shows what it changes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any

from alertbot.alerts.lifecycle import Alert, Phase
from alertbot.alerts.replay import Span
from alertbot.cli.csv_history import LATEST
from alertbot.errors import HistoryError, UsageError
from alertbot.incidents.firings import Comparison, Difference, Firing
from alertbot.messages.alert import stamp
from alertbot.rules.base import Direction, Severity
from alertbot.units import SLOT


def read_events(path: Path) -> list[Firing]:
    """The alerts of a file of events, in the order in which they fired; ``HistoryError`` names the line at fault.

    ``UsageError`` where there is no file that can be opened.
    """
    firings: list[Firing] = []
    begun: dict[tuple[str, str], int] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: name a file of what `replay --json` printed") from error
    except UnicodeDecodeError as error:
        raise HistoryError(f"{path}: not UTF-8 text: name a file of what `replay --json` printed") from error
    for number, line in enumerate(text.splitlines(), 1):
        try:
            event = json.loads(line)
            key = str(event["rule"]), str(event["series"])
            if event["event"] == "fired":
                begun[key] = len(firings)
                firings.append(_firing(event))
            elif (at := begun.pop(key, None)) is not None:
                firings[at] = replace(firings[at], ended=int(event["slot"]), reason=str(event["reason"]))
        except (KeyError, TypeError, ValueError) as error:
            raise HistoryError(f"{path}:{number}: not a line that `replay --json` printed") from error
    for at in begun.values():  # what did not end fired on
        firings[at] = replace(firings[at], last=replace(firings[at].last, slot=Span.last))
    return firings


def _firing(event: dict[str, Any]) -> Firing:
    value, reference = float(event["value"]), event["reference"]
    falls = reference is not None and value < float(reference)
    direction = Direction.FALL if falls else Direction.RISE
    slot, since = int(event["slot"]), int(event["since"])
    if not 0 <= since <= slot < LATEST:
        raise ValueError("no time of an alert")
    alert = Alert(
        event["rule"], event["series"], Phase.FIRING, since, slot, value, reference, value, direction, fired=slot
    )
    return Firing(alert, alert, Severity(event["severity"]))


def difference_lines(found: Comparison, now: Sequence[Firing], zone: tzinfo) -> Iterator[str]:
    """The differences by rule, those of most alerts first: how many there are, then each in a line."""
    of_rule: dict[str, list[Difference]] = {each.rule: [] for each in now}
    for each in found.differences:
        of_rule.setdefault(each.firing.rule, []).append(each)
    fired = Counter(each.rule for each in now)
    for name, differences in sorted(of_rule.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        new = sum(each.new for each in differences)
        yield f"{name}: {new:,} newly posted, {len(differences) - new:,} no longer, {fired[name] - new:,} as before"
        for each in differences:
            what = "newly posted" if each.new else "no longer   "
            also = f" ({'before' if each.new else 'now'}: {', '.join(each.covered_by)})" if each.covered_by else ""
            yield f"  {what}  {stamp(each.firing.fired.slot + SLOT, zone)}  {each.firing.series}{also}"
