"""Makes ``from fakes.slack import ...`` work from every test, whatever the folder or import mode."""

import sys
from pathlib import Path

TESTS = str(Path(__file__).parent)
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)
