"""What an order's target means among what is watched: an abbreviated domain, a rule or a group by its bare name."""

from __future__ import annotations

from alertbot.config.domains import pattern
from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.silences import GROUP_MARK, INCIDENT_MARK, RULE_MARK, means
from alertbot.query.names import domain_meant, resolve
from alertbot.words import did_you_mean

_GLOB = frozenset("*?[")


def target_meant(target: str, watch: Watch) -> str:
    """The target in the spelling by which silences are kept; ``UsageError`` where there is nothing like it."""
    if target.startswith(INCIDENT_MARK):
        return target
    rules, groups = list(watch.rules), [group.name for group in watch.groups]
    if target.startswith(RULE_MARK):
        return RULE_MARK + _one_of(target.removeprefix(RULE_MARK), rules, "rule")
    if target.startswith(GROUP_MARK):
        return GROUP_MARK + _one_of(target.removeprefix(GROUP_MARK), groups, "group")
    target = _ascii(target)
    if any(means(target, series, watch.groups) for series in watch.series):
        return target
    for mark, names in ((RULE_MARK, rules), (GROUP_MARK, groups)):
        if found := [name for name in names if name.lower() == target.lower()]:
            return mark + found[0]
    if _GLOB & set(target):
        raise UsageError(f'"{target[:80]}" matches no watched domain{domain_meant(target, watch.series)}')
    return _abbreviated(target, watch)


def _abbreviated(target: str, watch: Watch) -> str:
    try:
        return resolve(target, watch.series)
    except UsageError as error:
        if "could be" in str(error):
            raise UsageError(f'{error}, or "{target}*" for all that begin so') from None
        rule = did_you_mean(target, watch.rules, alike=0.75)
        raise UsageError(f'there is no rule "{target[:80]}"{rule}' if rule else str(error)) from None


def _one_of(name: str, names: list[str], noun: str) -> str:
    if name in names:
        return name
    if found := [each for each in names if each.lower() == name.lower()]:
        return found[0]
    raise UsageError(f'there is no {noun} "{name[:80]}"{did_you_mean(name, names)}')


def _ascii(target: str) -> str:
    try:
        return target if target.isascii() else pattern(target)
    except ValueError as error:
        raise UsageError(str(error)) from None
