"""Makes ``from fakes.wire.slack import ...`` work from every test, whatever the folder or import mode."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = str(Path(__file__).parent)
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

# A machine that is busy with something else is no finding.
settings.register_profile("alertbot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("alertbot")
