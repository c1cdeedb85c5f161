"""What an Alertmanager is sent: which alerts, under which labels, in which words, and since when they are resolved.

Two identical bots give an alert the same labels, by which Alertmanagers know that it is one. So nothing that differs
between them (when it was noticed, an incident's number, a value) is a label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from enum import StrEnum
from urllib.parse import quote

from alertbot.alerts.lifecycle import AlertKey
from alertbot.incidents import account
from alertbot.incidents.incident import SEVERITY_RANK, FiredAlert, Incident, IncidentKind
from alertbot.incidents.relayed import AlertmanagerAlert, Labels, RelayFacts, RelayPlan
from alertbot.incidents.suppression import Suppressed, Suppression
from alertbot.messages.alert import PLAIN, alert_sentence
from alertbot.messages.incident import headline, tell
from alertbot.messages.incident_parts import Context
from alertbot.rules.base import Severity
from alertbot.rules.selection import TOTAL, is_domain
from alertbot.units import SLOT, format_clock, format_iso, format_rate

JOB = "alertbot"

RESOLVED_FOR = 900.0
"""Seconds for which a resolved alert is sent again and again, as Prometheus does."""

EXPIRES_AFTER = 6
"""An alert that is no more sent ends by itself so many re-sendings after it was sent last."""

UNJUDGED_FOR = 4
"""Re-sendings after the start for which an alert waits for its series to be judged: it may be resolved by now."""

RESOLVE_AFTER = 1.5
"""Re-sendings for which nothing is sent of an alert before it is sent as resolved: another bot may find so later."""


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
class AlertLayout:
    """How alerts are labelled and worded: all of them bear ``labels``; a ``link`` has ``{series}`` in it."""

    zone: tzinfo
    labels: Mapping[str, str] = field(default_factory=dict)
    link: str | None = None


def plan_relay(
    facts: RelayFacts, suppression: Suppression, layout: AlertLayout, awaited: Callable[[str], bool], now: float
) -> RelayPlan:
    """Decide what Alertmanagers are sent at ``now``, epoch seconds by their own clock.

    ``awaited`` tells whether a series is yet to be judged: of such a one nothing is sent, since what is stored of it
    may be out of date.
    """
    current, only_if_sent, unjudged = _current(facts, suppression, layout, awaited)
    known = {each.labels: each.starts for each in facts.sent if each.ends is None}
    firing = [
        replace(each, starts=known.get(labels, now))
        for labels, each in current.items()
        if labels in known or labels not in only_if_sent
    ]
    resolved, to_forget = [], []
    to_store = [each for each in firing if each.labels not in known]
    is_firing = {each.labels for each in firing}
    # What fires and is suppressed, Alertmanagers let end by themselves. (What fires under other labels than before,
    # though, is resolved under the former ones.)
    suppressed = {each.key for each in facts.firing} - {each.key for each in current.values()}
    for before in facts.sent:
        if (
            before.labels in is_firing
            or _source(before) in unjudged
            or (before.key is not None and awaited(before.key[1]))
        ):
            continue
        if before.ends is not None and now - before.ends < RESOLVED_FOR:
            resolved.append(before)
        elif before.ends is None and before.key not in suppressed:
            resolved.append(_resolved(before, facts, suppression, layout, now))
            to_store += resolved[-1:]
        else:
            to_forget.append(before.labels)
    return RelayPlan(tuple(firing), tuple(resolved), tuple(to_store), tuple(to_forget))


def fires_elsewhere(ends: float, resolved: float, resend: float) -> bool:
    """Whether another bot still sends an alert as firing that is resolved here.

    ``ends``: until when the Alertmanager takes it to fire; ``resolved``: when it was resolved here and no more sent as
    firing; ``resend``: seconds between two sendings.
    """
    return ends > resolved + (EXPIRES_AFTER + (RESOLVE_AFTER - 1) / 2) * resend


def _current(
    facts: RelayFacts, suppression: Suppression, layout: AlertLayout, awaited: Callable[[str], bool]
) -> tuple[dict[Labels, AlertmanagerAlert], set[Labels], set[AlertKey | int]]:
    """What fires and is not suppressed; which of that is sent only if it was before; what is yet to be judged."""
    current: dict[Labels, AlertmanagerAlert] = {}
    only_if_sent: set[Labels] = set()
    unjudged: set[AlertKey | int] = set()
    for fired in facts.firing:
        if awaited(fired.alert.series):
            unjudged.add(fired.key)
            continue
        reason = suppression.page_suppressed(fired)
        if reason not in {None, Suppressed.CLEARING, Suppressed.DARKNESS}:
            continue
        each = of_alert(fired, suppression, layout)
        current[each.labels] = each
        if reason is not None:
            only_if_sent.add(each.labels)
    for incident in facts.incidents:
        if awaited(TOTAL):
            unjudged.add(incident.number)
            continue
        for each in of_incident(incident, suppression, layout):
            current[each.labels] = each
    return current, only_if_sent, unjudged


def _source(alert: AlertmanagerAlert) -> AlertKey | int | None:
    return alert.key or alert.incident


def of_alert(fired: FiredAlert, suppression: Suppression, layout: AlertLayout) -> AlertmanagerAlert:
    """An alert that fires, or fired, as it is sent from now on."""
    alert, rule = fired.alert, suppression.rules.get(fired.alert.rule)
    labels = {"alertname": alert.rule, "severity": fired.severity, **_of_series(alert.series, suppression)}
    summary = alert_sentence(rule, alert, fired.reason, layout.zone, suppression.now, PLAIN)
    against = "" if alert.reference is None else f" against {format_rate(alert.reference)}"
    until = format_clock(alert.slot + SLOT, layout.zone, suppression.now)
    seen = f"{format_rate(alert.value)}{against}, data until {until}"
    condition = "" if rule is None else f" The rule {rule.name}: {rule.describe()}."
    annotations = {
        "summary": summary,
        "description": f"{summary} Last seen: {seen}.{condition}",
        "value": format_rate(alert.value),
        "since": format_iso(alert.since),
    }
    if alert.reference is not None:
        annotations["reference"] = format_rate(alert.reference)
    if rule is not None and rule.runbook is not None:
        annotations["runbook_url"] = rule.runbook
    link = _link(layout, alert.series)
    return AlertmanagerAlert(labelled(labels, layout), annotations, link, suppression.now, key=fired.key)


def of_incident(incident: Incident, suppression: Suppression, layout: AlertLayout) -> Iterator[AlertmanagerAlert]:
    """What an incident is beside its alerts: trouble of the feed, or a fall of the whole account."""
    context = Context(suppression.now, None, 0, frozenset(), suppression.rules, layout.zone)
    wide = incident.progress.wide
    if (name := _NAMES.get(incident.kind)) is not None and incident.feed_severity is not None:
        text = tell(incident, context, PLAIN)
        yield _of_account(name, incident.feed_severity, text.headline, text.lines, incident, suppression, layout)
    elif wide is not None and not account.is_over(wide, suppression.frontier):
        # Not the severity of the alerts in it: of these one bot may have seen more than another.
        severities = (rule.severity for rule in suppression.rules.values())
        highest_severity = max(severities, key=lambda each: SEVERITY_RANK[each.value], default=Severity.CRITICAL)
        summary = headline(incident, context, PLAIN)
        yield _of_account(FeedAlert.ACCOUNT, highest_severity.value, summary, (), incident, suppression, layout)


def _of_account(
    name: FeedAlert,
    severity: str,
    summary: str,
    lines: Sequence[str],
    incident: Incident,
    suppression: Suppression,
    layout: AlertLayout,
) -> AlertmanagerAlert:
    labels = labelled({"alertname": name.value, "severity": severity}, layout)
    description = " ".join((summary, *lines, f"alertbot calls this #{incident.number}."))
    annotations = {"summary": summary, "description": description, "since": format_iso(incident.since)}
    return AlertmanagerAlert(labels, annotations, _link(layout, TOTAL), suppression.now, incident=incident.number)


def _resolved(
    sent: AlertmanagerAlert, facts: RelayFacts, suppression: Suppression, layout: AlertLayout, now: float
) -> AlertmanagerAlert:
    """The alert as it is resolved from now on."""
    annotations = {**sent.annotations, **_resolved_annotations(sent, facts, suppression, layout)}
    return replace(sent, ends=now, annotations=annotations)


def _resolved_annotations(
    sent: AlertmanagerAlert, facts: RelayFacts, suppression: Suppression, layout: AlertLayout
) -> Mapping[str, str]:
    ended = None if sent.key is None else facts.ended.get(sent.key)
    if ended is not None and ended.resolved is not None:
        return of_alert(ended, suppression, layout).annotations
    incident = None if sent.incident is None else facts.closed.get(sent.incident)
    if incident is not None and incident.closed is not None and incident.kind in _NAMES:
        context = Context(suppression.now, None, 0, frozenset(), suppression.rules, layout.zone)
        summary = tell(incident, context, PLAIN).headline
        return {"summary": summary, "description": f"{summary} alertbot calls this #{incident.number}."}
    if incident is not None and incident.kind not in _NAMES:
        summary = "The account as a whole is no longer affected."
        return {"summary": summary, "description": f"{summary} What still fires is posted by itself."}
    return {}


def _of_series(series: str, suppression: Suppression) -> dict[str, str]:
    """What a route may be chosen by: the series, the domain, the groups that hold it."""
    names = sorted(group.name for group in suppression.groups if series in {group.series, *group.members})
    labels = {"series": series}
    if is_domain(series):
        labels["domain"] = series
    return labels | ({"group": ",".join(names)} if names else {})


def labelled(own: Mapping[str, str], layout: AlertLayout) -> Labels:
    """The labels of an alert, with those that the configuration gives to all."""
    return tuple(sorted({**layout.labels, "job": JOB, **own}.items()))


def _link(layout: AlertLayout, series: str) -> str | None:
    return None if layout.link is None else layout.link.replace("{series}", quote(series, safe=""))
