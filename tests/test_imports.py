"""Imports point one way, and the parts that decide touch no clock, no disk, no network and no dice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import alertbot

PACKAGE = Path(alertbot.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

GROUND = ("errors", "units", "clock", "words", "ops")
DECIDING = (*GROUND, "rules", "alerts", "incidents")
STORED = (*DECIDING, "config", "store")
LAYERS = {
    "errors": (),
    "units": ("words",),
    "clock": (),
    "words": (),
    "ops": GROUND,
    "rules": (*GROUND, "rules"),
    "alerts": (*GROUND, "rules", "alerts"),
    "incidents": DECIDING,
    "config": (*DECIDING, "config"),
    "store": (*DECIDING, "store"),
    "query": (*STORED, "query"),
    "messages": (*STORED, "query", "messages"),
    "charts": (*STORED, "query", "charts"),
    "slack": (*STORED, "query", "messages", "charts", "slack"),
    "alertmanager": (*STORED, "query", "messages", "alertmanager"),
    "feed": (*GROUND, "rules", "feed"),
    "service": (*STORED, "feed", "query", "messages", "charts", "slack", "alertmanager", "service"),
}
"""What each room may import. ``cli`` stands above them all."""

PURE = (
    "rules",
    "alerts",
    "incidents",
    "feed.frontier",
    "feed.lateness",
    "feed.looks",
    "feed.second_looks",
    "feed.staleness",
)
PURE_IMPORTS = {
    "alertbot",
    "__future__",
    "abc",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "fnmatch",
    "functools",
    "itertools",
    "math",
    "numpy",
    "numpy.typing",
    "re",
    "types",
    "typing",
}
IMPURE_CALLS = {"now", "utcnow", "today", "open", "print", "input", "default_rng", "load", "save", "fromfile"}

OUTSIDE = {
    "sqlite3": ("store",),
    "httpx": ("ops.http",),
    "slack_sdk": ("slack",),
    "apscheduler": ("service.schedule",),
    "pydantic": ("config", "cli.rule_tests", "feed.simulator.scenario"),
    "matplotlib": ("charts.drawing",),
    "aiohttp": ("slack", "feed.simulator"),
    "prometheus_client": ("ops.metrics", "ops.bandwidth"),
    # Some are handed a connection by the store's own functions, and hand it on; none writes SQL.
    "sqlite_utils": ("store", "query", "charts", "cli.export"),
}
"""Which modules may import these."""

SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|DROP|ALTER|PRAGMA|REPLACE INTO|BEGIN|VACUUM)\s", re.ASCII
)


def within(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in parts)


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """The dotted names a module imports, anywhere in it; ``from a import b`` is ``a.b`` where that is a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their module in full"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}".removeprefix("alertbot.")
                yield f"{node.module}.{alias.name}" if submodule in MODULES else str(node.module)


def own(tree: ast.Module) -> set[str]:
    return {name.removeprefix("alertbot.") for name in imported(tree) if name.startswith("alertbot.")}


def wrong_directions(module: str, tree: ast.Module) -> set[str]:
    layer = next((LAYERS[part] for part in LAYERS if within(module, (part,))), None)
    if layer is None:
        return set()
    return {name for name in own(tree) if not within(name, layer)}


def impurities(tree: ast.Module) -> set[str]:
    foreign = {name for name in imported(tree) if not name.startswith("alertbot.")} - PURE_IMPORTS
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {func.attr for func in called if isinstance(func, ast.Attribute)}
    names |= {func.id for func in called if isinstance(func, ast.Name)}
    return foreign | (names & IMPURE_CALLS)


def statements(tree: ast.Module) -> list[str]:
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [node.value for node in texts if id(node) not in docs and SQL.match(node.value)]


def test_the_guide_states_the_same_layers():
    guide = (PACKAGE.parent / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    chapter = guide.partition("\n## The rooms\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in row.strip("| ").split("|")] for row in re.findall(r"^\| `.*$", chapter, re.MULTILINE)
    ]
    stated = {name: row[2] for row in rows for name in re.findall(r"`(\w+)`", row[0])}

    assert stated.pop("cli") == "everything"
    assert stated.keys() == LAYERS.keys()
    for room, parts in LAYERS.items():
        assert {*stated[room].split(", "), "-"} == {*parts, "-"} - {*GROUND, room}, room


def test_the_package_was_found():
    assert {"units", "rules.base", "store.store", "feed.frontier"} <= set(MODULES)
    assert all(any(within(module, (part,)) for module in MODULES) for part in LAYERS)


def test_imports_point_one_way():
    wrong = {module: wrong_directions(module, parsed(module)) for module in MODULES}
    assert {module: names for module, names in wrong.items() if names} == {}


def test_what_decides_is_pure():
    found = {module: impurities(parsed(module)) for module in MODULES if within(module, PURE)}
    assert {module: what for module, what in found.items() if what} == {}


def test_a_class_name_means_one_thing():
    classes = [node.name for module in MODULES for node in ast.walk(parsed(module)) if isinstance(node, ast.ClassDef)]
    assert [name for name, count in Counter(classes).items() if count > 1 and not name.startswith("_")] == []


def test_each_outside_library_is_known_to_few():
    used = {
        module: {name.partition(".")[0] for name in imported(parsed(module))} & OUTSIDE.keys() for module in MODULES
    }
    wrong = [(module, name) for module, names in used.items() for name in names if not within(module, OUTSIDE[name])]
    assert wrong == []


def test_only_the_store_writes_sql():
    others = {module: parsed(module) for module in MODULES if not within(module, ("store",))}
    assert [(module, statement) for module, tree in others.items() for statement in statements(tree)] == []
    attributes = [(m, n.attr) for m, tree in others.items() for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
    assert [each for each in attributes if each[1] in {"execute", "executemany", "executescript", "conn"}] == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("rules.base", "from alertbot.alerts import engine", {"alerts.engine"}),
        ("rules.base", "from alertbot.alerts.engine import Engine", {"alerts.engine"}),
        ("rules.base", "import alertbot.store.store", {"store.store"}),
        ("feed.api", "from alertbot.alerts.engine import Engine", {"alerts.engine"}),
        ("units", "from alertbot.errors import AlertbotError", {"errors"}),
        ("config.load", "from alertbot.feed.api import CdnApi", {"feed.api"}),
        ("rules.base", "def f():\n    from alertbot.query.status import Status", {"query.status"}),
        ("slack.commands", "from alertbot.query.status import Status", set()),
        ("store.store", "from alertbot.query.why import why", {"query.why"}),
        ("store.store", "from alertbot.service.poller import Poller", {"service.poller"}),
        ("service.poller", "from alertbot.slack.client import SlackClient", set()),
    ],
)
def test_an_import_in_the_wrong_direction_would_be_noticed(module, source, wrong):
    assert wrong_directions(module, ast.parse(source)) == wrong


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", {"time"}),
        ("import os.path", {"os.path"}),
        ("from pathlib import Path", {"pathlib"}),
        ("import asyncio, random", {"asyncio", "random"}),
        ("from datetime import datetime\ndatetime.now()", {"now"}),
        ("import numpy as np\nnp.random.default_rng()", {"default_rng"}),
        ("open('x')", {"open"}),
        ("import math\nfrom alertbot.units import SLOT", set()),
    ],
)
def test_an_impurity_would_be_noticed(source, found):
    assert impurities(ast.parse(source)) == found


def test_sql_outside_the_store_would_be_noticed():
    source = '"""SELECT in prose."""\nquery = "SELECT 1 FROM alerts"\nother = f"UPDATE alerts SET {query}"'
    assert len(statements(ast.parse(source))) == 2
