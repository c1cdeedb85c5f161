"""``--from`` and ``--to``: the slots that a command looks at, as people write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from alertbot.alerts.replay import Span
from alertbot.errors import UsageError
from alertbot.units import SLOT, parse_duration, slot_at

_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}", re.ASCII)
_EPOCH = re.compile(r"\d{10}", re.ASCII)
_EXAMPLES = 'a date such as 2026-03-02, a date and time, an epoch second of 10 digits, or a duration such as "7d"'


def span_of(first: str | None, last: str | None, zone: tzinfo, newest: int) -> Span:
    """The slots between two times, both included; ``UsageError`` says what to write instead of what is no time.

    A date is the whole day, in ``zone`` as is a time without an offset; a duration counts back from the last slot that
    is looked at, which is ``newest`` where ``last`` does not say.
    """
    end = Span.last if last is None else _moment("--to", last, zone, newest, ends=True)
    begin = Span.first if first is None else _moment("--from", first, zone, min(newest, end), ends=False)
    if begin > end:
        raise UsageError(f"--from {first} is after --to {last}")
    return Span(begin, end)


def _moment(option: str, text: str, zone: tzinfo, newest: int, *, ends: bool) -> int:
    """The slot that a time means.

    A span ``ends`` with the last slot of a day, and with the second of two hours of one name.
    """
    stripped = text.strip()
    try:
        if _EPOCH.fullmatch(stripped):
            return slot_at(int(stripped))
        if _DATE.fullmatch(stripped):
            day = datetime.fromisoformat(stripped)
            return _slot(day + timedelta(days=1), zone, fold=0) - SLOT if ends else _slot(day, zone, fold=0)
        if stripped.isdigit() or len(stripped) < len("2026-03-02"):
            return newest - parse_duration(stripped) // SLOT * SLOT
        return _slot(datetime.fromisoformat(stripped), zone, fold=int(ends))
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text[:40]}" is no time: write {_EXAMPLES}') from None


def _slot(moment: datetime, zone: tzinfo, fold: int) -> int:
    return slot_at((moment if moment.tzinfo else moment.replace(tzinfo=zone, fold=fold)).timestamp())
