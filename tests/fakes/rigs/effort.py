"""How thoroughly a property is tried: with a few examples in the quick suite, with many among the slow tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

thorough = False
"""Whether the slow tests are what is run; set before any test is imported."""

ANEW = "ALERTBOT_ANEW"
"""The variable of the environment that has other examples of every property drawn each time."""


def tries(quick: int, slow: int, variable: str = "") -> int:
    """How often something is tried; where the environment has the ``variable``, as often as it says."""
    return int(os.environ.get(variable) or (slow if thorough else quick))


def examples(quick: int, slow: int, variable: str = "", **others: Any) -> Callable[[Callable[..., Any]], Any]:
    """So many examples in the quick suite, and that many when the slow tests run, of which it then is one."""

    def decorate(test: Callable[..., Any]) -> Any:
        tried = settings(max_examples=tries(quick, slow, variable), **others)(test)
        return pytest.mark.slow(tried) if thorough else tried

    return decorate
