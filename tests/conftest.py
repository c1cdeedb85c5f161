"""How the suite is run: in virtual time, quick or slow, in random order, and with a word about what was not run."""

import asyncio
import importlib.util
import logging
import os
import random
import sys
import threading

import pytest
from fakes.judges.unclosed import nothing_unclosed
from fakes.rigs import effort
from fakes.rigs.needs import missing, remedy
from fakes.worlds.virtual import VirtualLoop
from hypothesis import HealthCheck, settings

from alertbot.ops.logs import CHATTY

SET_UP = (*CHATTY, "apscheduler")
"""Loggers whose level a command sets."""

# httpcore looks for it at each request; where it is not installed, to look in vain takes 7 % of the suite.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None

# A machine that is busy with something else is no finding, and what lands is no matter of luck.
settings.register_profile(
    "alertbot",
    deadline=None,
    derandomize=effort.ANEW not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("alertbot")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the slow tests, which a run without this leaves out")
    parser.addoption("--seed", type=int, help="the order in which tests run: a number repeats it, 0 keeps the files'")


def pytest_configure(config):
    effort.thorough = config.option.slow
    if hasattr(config, "workerinput"):
        config.option.seed = config.workerinput["seed"]
    elif config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(1, 10_000)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config):
    """Run twice as many slow tests at once as there are cores: they wait for real processes for half of their time."""
    return 2 * (os.cpu_count() or 1) if config.option.slow else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Give pytest-xdist's workers the seed of the run that starts them: all must collect the same."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_asyncio_loop_factories(config, item):
    """Run each test in virtual time, unless it is about real processes that know nothing of it."""
    return {"real": asyncio.SelectorEventLoop} if item.get_closest_marker("real_time") else {"virtual": VirtualLoop}


def pytest_collection_modifyitems(config, items):
    _shuffle(items, config.option.seed)
    if any("::" in argument for argument in config.args):
        return  # a test that is asked for by its name is run
    kept = [item for item in items if _is_slow(item) is config.option.slow]
    config.hook.pytest_deselected(items=[item for item in items if _is_slow(item) is not config.option.slow])
    items[:] = kept


def _is_slow(item):
    """Whether it takes long, or needs more than Python: the quick suite runs whole, and anywhere."""
    return any(item.get_closest_marker(name) is not None for name in ("slow", "needs"))


def _shuffle(items, seed):
    """Put the files, and the tests of each, in random order; what a file's tests share is made once all the same."""
    if not seed:
        return
    dice = random.Random(seed)
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    shuffled = list(files.values())
    dice.shuffle(shuffled)
    for tests in shuffled:
        dice.shuffle(tests)
    items[:] = [item for tests in shuffled for item in tests]


def pytest_runtest_setup(item):
    needed = [name for mark in item.iter_markers("needs") for name in mark.args]
    if lacking := missing(needed):
        pytest.skip(f"needs {' and '.join(lacking)}")


@pytest.fixture(autouse=True)
def _log_as_it_was():
    """A command that runs in a test sets up its log: the next test is not to inherit it."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in (None, *SET_UP)}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook = hooks


@pytest.fixture(autouse=True)
def _databases_are_closed():
    with nothing_unclosed():
        yield


def pytest_terminal_summary(terminalreporter, config):
    """Say what was not run, since skipped is not passed, and how to run it."""
    if config.option.seed:
        terminalreporter.write_line(f"order of the tests: --seed {config.option.seed}")
    reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ())]
    for reason in sorted(set(reasons)):
        terminalreporter.write_line(f"not run: {reasons.count(reason)} tests: {reason}", yellow=True)
    lacking = {name for reason in reasons if reason.startswith("needs ") for name in reason[6:].split(" and ")}
    if lacking:
        terminalreporter.write_line(f"to run them: {remedy(lacking)}", yellow=True)


def pytest_sessionfinish(session, exitstatus):
    """Where all must run, as in .ci/run, skipped is failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("ALERTBOT_NO_SKIPS") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
