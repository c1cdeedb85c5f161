"""What an Alertmanager is told: which alerts, under which labels, in which words, and until when they are over.

Two identical bots give an alert the same labels, by which Alertmanagers know that it is one. So nothing that differs
between them (when it was noticed, an incident's number, a value) is a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import StrEnum
from urllib.parse import quote

from alertbot.alerts.engine import AlertKey
from alertbot.incidents import account
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert, Incident, IncidentKind
from alertbot.incidents.paging import FEED_SEVERITY
from alertbot.incidents.relayed import Bulletin, Facts, Labels, Relayed
from alertbot.incidents.suppression import Suppressed, Suppression
from alertbot.messages.alert import PLAIN, alert_sentence
from alertbot.messages.incident import Context, headline, tell
from alertbot.rules.base import Severity
from alertbot.rules.selection import SUM_PREFIX, TOTAL
from alertbot.units import SLOT, format_clock, format_iso, format_rate

JOB = "alertbot"

REPEATED = 900.0
"""Seconds for which the end of an alert is told again and again, as Prometheus does."""

LASTS = 6
"""An alert that is not told again ends so many re-sendings after it was told last."""

PATIENCE = 4
"""Re-sendings after the start for which an alert waits for its series to be judged: it may be over by now."""

QUIET = 1.5
"""Re-sendings for which nothing is said of an alert before its end is told: another bot may not know of it yet."""


class FeedAlert(StrEnum):
    """The names of alerts that no rule causes."""

    DARK = "AlertbotFeedDark"
    FAILING = "AlertbotFeedFailing"
    VANISHED = "AlertbotDomainsVanished"
    ACCOUNT = "AlertbotAccountFell"


_NAMES = {
    IncidentKind.DARK: FeedAlert.DARK,
    IncidentKind.FEED: FeedAlert.FAILING,
    IncidentKind.VANISHED: FeedAlert.VANISHED,
}


@dataclass(frozen=True)
class Terms:
    """By which alerts are labelled and worded: ``labels`` for all of them, ``link`` with ``{series}`` in it."""

    zone: tzinfo
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str | None = None


def bulletin(
    facts: Facts, suppression: Suppression, terms: Terms, awaited: Callable[[str], bool], now: float
) -> Bulletin:
    """What Alertmanagers are to be told, at ``now`` by their own clock, epoch seconds.

    ``awaited``: whether a series is yet to be judged, so that nothing is said of what is stored of it.
    """
    wanted, kept, unsure = _wanted(facts, suppression, terms, awaited)
    known = {each.labels: each for each in facts.known}
    firing, over, written, forgotten = [], [], [], []
    for labels, each in wanted.items():
        before = known.get(labels)
        fresh = before is None or before.ends is not None
        if fresh and labels in kept:
            continue
        firing.append(replace(each, starts=now if fresh or before is None else before.starts))
        written += firing[-1:] if fresh else []
    told = {each.labels for each in firing}
    # What still burns, of which nothing more is said, Alertmanagers let end by themselves. (Under other labels than
    # before, though, it is over under the former ones.)
    held = {each.key for each in facts.firing} - {each.key for each in wanted.values()}
    for labels, before in known.items():
        if labels in told or _source(before) in unsure or (before.key is not None and awaited(before.key[1])):
            continue
        if before.ends is not None and now - before.ends < REPEATED:
            over.append(before)
        elif before.ends is None and before.key not in held:
            ended = _ended(before, facts, suppression, terms, now)
            over.append(ended)
            written.append(ended)
        else:
            forgotten.append(labels)
    return Bulletin(tuple(firing), tuple(over), tuple(written), tuple(forgotten))


def is_kept(ends: float, ended: float, resend: float) -> bool:
    """Whether somebody else says that an alert burns which we say is over.

    ``ends``: until when Alertmanager takes it to burn; ``ended``: when we found it over, and stopped saying so.
    """
    return ends > ended + (LASTS + (QUIET - 1) / 2) * resend


def _wanted(
    facts: Facts, suppression: Suppression, terms: Terms, awaited: Callable[[str], bool]
) -> tuple[dict[Labels, Relayed], set[Labels], set[AlertKey | int]]:
    """What burns and is held by nothing; what of that is told only if it was before; what is yet to be judged."""
    wanted: dict[Labels, Relayed] = {}
    kept: set[Labels] = set()
    unsure: set[AlertKey | int] = set()
    for told in facts.firing:
        if awaited(told.alert.series):
            unsure.add(told.key)
            continue
        hold = suppression.page_suppressed(told)
        if hold not in {None, Suppressed.CLEARING, Suppressed.DARKNESS}:
            continue
        each = of_alert(told, suppression, terms)
        wanted[each.labels] = each
        if hold is not None:
            kept.add(each.labels)
    for incident in facts.incidents:
        if awaited(TOTAL):
            unsure.add(incident.number)
            continue
        for each in of_incident(incident, suppression, terms):
            wanted[each.labels] = each
    return wanted, kept, unsure


def _source(relayed: Relayed) -> AlertKey | int | None:
    return relayed.key or relayed.incident


def of_alert(told: FiredAlert, suppression: Suppression, terms: Terms) -> Relayed:
    """An alert that fires, or fired."""
    alert, rule = told.alert, suppression.rules.get(told.alert.rule)
    labels = {"alertname": alert.rule, "severity": told.severity, **_of_series(alert.series, suppression)}
    summary = alert_sentence(rule, alert, told.reason, terms.zone, suppression.now, PLAIN)
    against = "" if alert.reference is None else f" against {format_rate(alert.reference)}"
    seen = (
        f"{format_rate(alert.value)}{against}, data to {format_clock(alert.slot + SLOT, terms.zone, suppression.now)}"
    )
    asks = "" if rule is None else f" The rule {rule.name}: {rule.describe()}."
    annotations = {
        "summary": summary,
        "description": f"{summary} Last seen: {seen}.{asks}",
        "value": format_rate(alert.value),
        "since": format_iso(alert.since),
    }
    if alert.reference is not None:
        annotations["reference"] = format_rate(alert.reference)
    if rule is not None and rule.runbook is not None:
        annotations["runbook_url"] = rule.runbook
    link = _link(terms, alert.series)
    return Relayed(_labels(labels, terms), annotations, link, suppression.now, key=told.key)


def of_incident(incident: Incident, suppression: Suppression, terms: Terms) -> Iterator[Relayed]:
    """What an incident is beside its alerts: trouble of the feed, or a fall of the whole account."""
    context = Context(suppression.now, None, 0, frozenset(), suppression.rules, terms.zone)
    wide = incident.progress.wide
    if (name := _NAMES.get(incident.kind)) is not None:
        said = tell(incident, context, PLAIN)
        yield _of_account(name, FEED_SEVERITY[incident.kind], said.headline, said.lines, incident, suppression, terms)
    elif wide is not None and not account.is_over(wide, suppression.frontier):
        # Not that of the alerts in it: of these one bot may have seen more than another.
        severities = (rule.severity for rule in suppression.rules.values())
        highest_severity = max(severities, key=lambda each: SEVERITY_RANK[each.value], default=Severity.CRITICAL)
        summary = headline(incident, context, PLAIN)
        yield _of_account(FeedAlert.ACCOUNT, highest_severity.value, summary, (), incident, suppression, terms)


def _of_account(
    name: FeedAlert,
    severity: str,
    summary: str,
    lines: Sequence[str],
    incident: Incident,
    suppression: Suppression,
    terms: Terms,
) -> Relayed:
    labels = _labels({"alertname": name.value, "severity": severity}, terms)
    description = " ".join((summary, *lines, f"alertbot calls this #{incident.number}."))
    annotations = {"summary": summary, "description": description, "since": format_iso(incident.since)}
    return Relayed(labels, annotations, _link(terms, TOTAL), suppression.now, incident=incident.number)


def _ended(relayed: Relayed, facts: Facts, suppression: Suppression, terms: Terms, now: float) -> Relayed:
    """The alert as it is over from now on."""
    said = {**relayed.annotations, **_last_words(relayed, facts, suppression, terms)}
    return replace(relayed, ends=now, annotations=said)


def _last_words(relayed: Relayed, facts: Facts, suppression: Suppression, terms: Terms) -> Mapping[str, str]:
    told = None if relayed.key is None else facts.ended.get(relayed.key)
    if told is not None and told.resolved is not None:
        return of_alert(told, suppression, terms).annotations
    incident = None if relayed.incident is None else facts.closed.get(relayed.incident)
    if incident is not None and incident.closed is not None and incident.kind in _NAMES:
        context = Context(suppression.now, None, 0, frozenset(), suppression.rules, terms.zone)
        summary = tell(incident, context, PLAIN).headline
        return {"summary": summary, "description": f"{summary} alertbot calls this #{incident.number}."}
    if incident is not None and incident.kind not in _NAMES:
        summary = "The account as a whole is no longer affected."
        return {"summary": summary, "description": f"{summary} What still burns is told for itself."}
    return {}


def _of_series(series: str, suppression: Suppression) -> dict[str, str]:
    """What a route may be chosen by: the series, the domain, the groups that hold it."""
    names = sorted(group.name for group in suppression.groups if series in {group.series, *group.members})
    labels = {"series": series}
    if series != TOTAL and not series.startswith(SUM_PREFIX):
        labels["domain"] = series
    return labels | ({"group": ",".join(names)} if names else {})


def _labels(own: Mapping[str, str], terms: Terms) -> Labels:
    return tuple(sorted({**terms.labels, "job": JOB, **own}.items()))


def _link(terms: Terms, series: str) -> str | None:
    return None if terms.link is None else terms.link.replace("{series}", quote(series, safe=""))
