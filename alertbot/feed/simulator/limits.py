"""The simulated API's limits of calls, and the headers in which an answer states them."""

from __future__ import annotations

from collections import deque

from alertbot.feed.simulator import gatekeeper
from alertbot.feed.simulator.gatekeeper import RefusedError
from alertbot.feed.simulator.scenario import LimitWindow, Scenario

_BURST_CALLS, _BURST_SECONDS = 24, 2.0
_GRAINS = {"minute": 60, "hour": 3600, "day": 86_400}


class CallLimits:
    """The API's limits: 24 calls of the user in any 2 s, and of each endpoint so many in each of its windows."""

    def __init__(self, scenario: Scenario) -> None:
        usual = (LimitWindow("minute", scenario.limit),)
        self._windows = {
            endpoint: tuple(_Counted(window) for window in scenario.limits.get(endpoint, usual))
            for endpoint in gatekeeper.PARAMETERS
        }
        self._recent: deque[float] = deque(maxlen=_BURST_CALLS)

    def count(self, endpoint: str, now: float) -> None:
        """Count a call; ``RefusedError`` 429001 where it is one too many."""
        windows = self._windows[endpoint]
        burst = len(self._recent) == _BURST_CALLS and self._recent[0] > now - _BURST_SECONDS
        if burst or any(window.left(now) <= 0 for window in windows):
            raise RefusedError(429_001, "too many requests")
        for window in windows:
            window.used += 1
        self._recent.append(now)

    def headers(self, endpoint: str, now: float) -> dict[str, str]:
        """What an answer says of the limits: of the window that ends first."""
        windows = self._windows.get(endpoint)
        if windows is None:
            return {}
        first = min(windows, key=lambda window: window.ends_in(now))
        return limit_headers(first.window, first.left(now), first.ends_in(now))


class _Counted:
    """A window, and how many calls were ``used`` of the present one."""

    def __init__(self, window: LimitWindow) -> None:
        self.window = window
        self.used = 0
        self._number = -1

    def left(self, now: float) -> int:
        """How many calls it has left."""
        number = int(now // _GRAINS[self.window.grain])
        if number != self._number:
            self._number, self.used = number, 0
        return self.window.calls - self.used

    def ends_in(self, now: float) -> int:
        """Whole seconds until it ends."""
        seconds = _GRAINS[self.window.grain]
        return int(seconds - now % seconds)


def limit_headers(window: LimitWindow, left: int, ends_in: int) -> dict[str, str]:
    """The headers that say how many calls are left of a window, and for how many seconds."""
    return {
        "X-Ratelimit-Grad": window.grain,
        "X-Ratelimit-Limit": str(window.calls),
        "X-Ratelimit-Remaining": str(left),
        "X-Retry-After": str(ends_in),
    }
