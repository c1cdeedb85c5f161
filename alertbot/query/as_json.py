"""Facts as JSON, for scripts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from alertbot.rules.base import Rule

_KEYS = {"progress": "standing", "suppressed_by": "hush", "unacked_since": "untaken"}
"""Fields whose key in JSON is another, which scripts read by now."""


def to_json(facts: Any) -> str:
    """One line; a rule by its name and what it asks for, what is not known as null."""
    return json.dumps(_plain(facts), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Rule):
        value = {
            "name": value.name,
            "kind": value.kind_name,
            "severity": value.severity,
            "asks": value.describe(),
            "enabled": value.enabled,
        }
    elif is_dataclass(value):
        shown = (field for field in fields(value) if field.metadata.get("json", True))
        value = {_KEYS.get(field.name, field.name): getattr(value, field.name) for field in shown}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(_plain, value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and math.isnan(value) else value
