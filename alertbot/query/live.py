"""What only the running service knows: how far the feed is, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True)
class Live:
    """The feed as it stands.

    ``frontier`` is the last slot that is known, ``newest`` the newest slot in which the total showed traffic,
    ``proof`` what the frontier rests on, ``now`` epoch seconds by the API's clock, of which the machine's is ``skew``
    seconds ahead. ``trouble`` says why the feed gives no answers, ``last_failure`` when, and why, it last gave none;
    ``unreadable`` does of single series. ``calls_left`` counts the calls of this minute, ``behind`` the series that
    wait for data. ``held``: series held back, by how many seconds. ``lag``: seconds after its close at which this
    account's total shows a slot. ``gone``: domains that left the account. ``channels``: what is
    wrong with Slack's channels and with Alertmanagers, in words. ``trial``: the channel to which every message is
    diverted. ``misconfigured``: what is wrong with the configuration that was to be taken up last,
    FILE:LINE: KEY: MESSAGE each, while an earlier one is at work. ``workspace``: the id of Slack's, kept for a restart
    while Slack does not say it. ``unhealthy``: what is wrong with the service, and on a second line where to read on.
    ``learns_for``: seconds of data for which it is being learned how late a new series is.
    ``charts_refused``: Slack's word for its refusal of charts of its own, as long as that counts.
    """

    now: float
    frontier: int | None = None
    newest: int | None = None
    proof: str = "none yet"
    trouble: str | None = None
    last_failure: str | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    calls_left: int = 0
    calls_per_minute: int = 0
    domains: int = 0
    series: int = 0
    behind: int = 0
    held: Mapping[str, float] = field(default_factory=dict)
    lag: float | None = None
    skew: float = 0.0
    gone: tuple[str, ...] = ()
    channels: Mapping[str, str] = field(default_factory=dict)
    trial: str | None = None
    misconfigured: tuple[str, ...] = ()
    workspace: str | None = None
    unhealthy: str | None = None
    learns_for: int = 0
    charts_refused: str | None = None

    def to_json(self) -> str:
        """As text for the database, where the shell's commands read it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Live:
        """What ``to_json`` wrote; what only a later version writes, from which one may go back, is left out."""
        known = {one.name for one in fields(cls)}
        facts = {name: fact for name, fact in json.loads(text).items() if name in known}
        return cls(**{**facts, "gone": tuple(facts["gone"]), "misconfigured": tuple(facts.get("misconfigured", ()))})
