"""What is stored that may suppress an alert."""

from __future__ import annotations

from sqlite_utils import Database

from alertbot.incidents.suppression import Suppressors
from alertbot.store import flapping, incidents, silences


def suppressors(db: Database, now: float, remembered: float = 0.0) -> Suppressors:
    """Silences, also those that ended within ``remembered`` seconds, what flaps, and times without any data of late."""
    return Suppressors(silences.not_ended(db, now - remembered), flapping.flapping(db), incidents.darkness(db, now))
