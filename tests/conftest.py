"""Makes ``from fakes.wire.slack import ...`` work from every test, whatever the folder or import mode."""

import asyncio
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = str(Path(__file__).parent)
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

# A machine that is busy with something else is no finding.
settings.register_profile("alertbot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("alertbot")


def pytest_asyncio_loop_factories(config, item):
    """Run each test in virtual time, unless it is about real processes that know nothing of it."""
    from fakes.worlds.virtual import VirtualLoop  # noqa: PLC0415

    return {"real": asyncio.SelectorEventLoop} if item.get_closest_marker("real_time") else {"virtual": VirtualLoop}
