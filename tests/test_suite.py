"""What the suite promises of itself: nothing waits for the machine's clock."""

from __future__ import annotations

import ast
from pathlib import Path

from fakes.rigs.needs import NEEDS, missing, remedy

TESTS = Path(__file__).parent
MOST = 0.1
"""Seconds."""

HELPERS = {"fakes/rigs/waiting.py", "fakes/worlds/virtual.py", "test_virtual_time.py"}
"""``for_a_while``, which says when it may be used, and virtual time, which takes none."""

MODULES = [path for path in sorted(TESTS.rglob("*.py")) if path.relative_to(TESTS).as_posix() not in HELPERS]


def test_nothing_sleeps_for_longer_than_a_look_takes():
    long = [(path.name, ast.unparse(call)) for path in MODULES for call in calls(path) if not is_short(call)]
    assert long == []


def calls(path):
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Call) and sleeps(node.func)]


def sleeps(function):
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "sleep"
        and isinstance(function.value, ast.Name)
        and function.value.id in {"time", "asyncio"}
    )


def is_short(call):
    (seconds,) = call.args
    return isinstance(seconds, ast.Constant) and seconds.value <= MOST


def test_what_is_missing_is_brought_by_one_command():
    assert remedy(["promtool", "faketime"]) == "sudo apt install faketime prometheus"
    assert remedy(["root"]) == "run them as root"
    assert remedy(["amtool", "root"]) == "sudo apt install prometheus-alertmanager and run them as root"
    assert set(missing(NEEDS)) <= set(NEEDS)


def test_the_index_of_the_fakes_names_each_of_them():
    index = (TESTS / "fakes" / "README.md").read_text(encoding="utf-8")
    fakes = [path for path in (TESTS / "fakes").glob("*/*.py") if path.name != "__init__.py"]
    assert [path.name for path in fakes if f"`{path.name}`" not in index and f"/{path.name}`" not in index] == []
