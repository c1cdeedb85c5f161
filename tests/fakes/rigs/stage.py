"""A stage for end-to-end tests: the simulator, the loopback Slack and alertbot, each a process of its own.

Under libfaketime all of them live on one clock that starts where the test says and runs ``speed`` times as fast as
the machine's, sleeps and time-outs included. Everything a process prints or writes stays in the stage's folder.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx

from fakes.rigs.needs import FAKETIME
from fakes.rigs.waiting import PATIENCE, wait_for
from fakes.wire.workspace import APP_TOKEN, BOT_TOKEN

API_TOKEN = "tok-5ecret-end-to-end"
SECRETS = (API_TOKEN, BOT_TOKEN, APP_TOKEN)

RULES = """
[watch]
domains = ["video.example.com"]

[[rule]]
name = "video-ceiling"
kind = "threshold"
above = "1 Gbps"
"""

SCENARIO = {"domains": {"video.example.com": {"level": 1.84e9}}}
"""A domain over its limit, for what is about the process and not about its rules."""

ALERTBOT = Path(sys.executable).with_name("alertbot")
_SLACK = Path(__file__).parents[1] / "wire" / "slack.py"
FASTEST, SLOWEST = 60.0, 10.0
_IDLE_IMPORT = 1.2  # seconds within which an idle machine imports the service, with some to spare


class StageClock:
    """The time the stage's processes see: from ``start`` (epoch seconds), ``speed`` seconds in a real one."""

    def __init__(self, start: float, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._origin = time.monotonic()

    @classmethod
    def fast(cls, start: float, fastest: float = FASTEST, busy: float = 1.0) -> Self:
        """As fast as the machine can follow just now: at 60 a time-out of 20 s is a third of a real second.

        It is slower than ``fastest`` on a machine that takes more than ``busy`` times as long as an idle one.
        """
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import alertbot.service.service"], check=True, env=_environment())
        slowed = (time.monotonic() - began) / (busy * _IDLE_IMPORT)
        return cls(start, min(fastest, max(SLOWEST, fastest / slowed)))

    @classmethod
    def real(cls) -> Self:
        """The machine's own time."""
        return cls(time.time(), 1.0)

    def now(self) -> float:
        """Epoch seconds."""
        return self._start + (time.monotonic() - self._origin) * self._speed

    @property
    def speed(self) -> float:
        """How many of its seconds pass in a real one."""
        return self._speed

    @property
    def is_fast(self) -> bool:
        """Whether it outruns the machine's."""
        return self._speed > 1.0

    def environment(self) -> dict[str, str]:
        """What makes a process that starts right now see this clock."""
        if self._speed == 1.0:
            return {}
        now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.now()))
        return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"@{now} x{self._speed:g}", "TZ": "UTC"}


class Actor:
    """A process whose output goes into a file."""

    def __init__(self, command: list[str], output: Path, environment: Mapping[str, str]) -> None:
        self.output = output
        self._earlier = output.stat().st_size if output.exists() else 0
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=dict(environment)
            )

    @property
    def printed(self) -> str:
        """What it printed so far."""
        return self.output.read_bytes()[self._earlier :].decode()

    def first_line(self) -> str:
        """The first line it prints."""
        wait_for(lambda: "\n" in self.printed or self._process.poll() is not None, f"a line in {self.output}")
        assert "\n" in self.printed, f"it ended at once: {self.printed}"
        return self.printed.splitlines()[0]

    def wait(self) -> int:
        """Its exit code, once it ended by itself."""
        return self._process.wait(PATIENCE)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code it ends with."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal that does not end it."""
        self._process.send_signal(number)

    @property
    def code(self) -> int | None:
        """Its exit code; ``None`` while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def drop(self) -> None:
        """End it, whatever state it is in: in good order where it can (for its coverage data), else killed."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(6)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Told:
    """A Slack message: its first ``text``, when it was posted (epoch seconds), edits and thread as (when, text).

    ``called``: the replies among those that were shown in the channel too.
    """

    text: str
    at: float
    edits: tuple[tuple[float, str], ...]
    replies: tuple[tuple[float, str], ...]
    called: int


class Stage:
    """One simulator and one loopback Slack, both running while the stage is entered; alertbot comes and goes."""

    def __init__(
        self,
        folder: Path,
        clock: StageClock,
        scenario: Mapping[str, Any],
        rules: str,
        *,
        feed: str = "",
        slack: str = "",
    ) -> None:
        self.clock = clock
        self._folder = folder
        self._scenario = scenario
        self._rules = rules
        self._feed, self._more_of_slack = feed, slack
        self._actors: list[Actor] = []
        self._control = httpx.Client(trust_env=False, timeout=PATIENCE)
        for part in ("bot", "simulator", "slack"):
            (folder / part).mkdir(parents=True)

    def __enter__(self) -> Self:
        try:
            self._raise_curtain()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for actor in reversed(self._actors):
            actor.drop()
        self._control.close()

    @property
    def configuration(self) -> Path:
        """The bot's rules.toml; its database lies beside it."""
        return self._folder / "bot" / "rules.toml"

    @property
    def log(self) -> str:
        """All that bots printed."""
        return (self._folder / "bot" / "log").read_text()

    def bot(self, *options: str, slack: bool = True, environment: Mapping[str, str] = MappingProxyType({})) -> Actor:
        """Start ``alertbot run``, with or without Slack tokens."""
        tokens = {"ALERTBOT_API_TOKEN": API_TOKEN}
        if slack:
            tokens |= {"ALERTBOT_SLACK_BOT_TOKEN": BOT_TOKEN, "ALERTBOT_SLACK_APP_TOKEN": APP_TOKEN}
        command = [str(ALERTBOT), "run", "-c", str(self.configuration), *options]
        return self._enter("bot", command, _environment() | tokens | dict(environment))

    def shell(self, *arguments: str) -> str:
        """What another of alertbot's commands prints, at the stage's time."""
        command = [str(ALERTBOT), *arguments, "-c", str(self.configuration)]
        environment = _environment() | self.clock.environment()
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

    def command(self, text: str, **arguments: Any) -> dict[str, Any]:
        """Type a slash command; its answer."""
        body = {"text": text, "patience": PATIENCE, **arguments}
        reply = self._control.post(f"{self._slack}/_control/command", json=body)
        assert reply.status_code == httpx.codes.OK, reply.text
        answer: dict[str, Any] = reply.json()["answers"][0]
        return answer

    def click(self, text: str, action_id: str, value: str | None = None, **arguments: Any) -> list[dict[str, Any]]:
        """Click an element of the newest message that holds this text, and what the one who clicked is told."""
        messages = self.messages()
        ts = [message["ts"] for message in messages if text in json.dumps(message)][-1]
        body = {"ts": ts, "action_id": action_id, "value": value, "patience": PATIENCE, **arguments}
        reply = self._control.post(f"{self._slack}/_control/click", json=body)
        assert reply.status_code == httpx.codes.OK, reply.text
        answers: list[dict[str, Any]] = reply.json()["answers"]
        return answers

    def spoil_slack(self, method: str, mode: str, times: int = 1) -> None:
        """Let the next calls of a Slack method go wrong."""
        self._control.post(f"{self._slack}/_control/fault", json={"method": method, "mode": mode, "times": times})

    def messages(self) -> list[dict[str, Any]]:
        """Every message and reply as it stands, with its earlier states."""
        messages: list[dict[str, Any]] = self._control.get(f"{self._slack}/_control/messages").json()
        return messages

    def told(self) -> list[Told]:
        """Every message that stands in the workspace, the oldest first, with its thread."""
        edits = [call for call in self.calls("chat.update") if call["outcome"] == "ok"]
        messages = self.messages()
        return [_told(message, edits, messages) for message in messages if not message["thread_ts"]]

    def shared(self) -> list[dict[str, Any]]:
        """Every file that people see; of its content, how many bytes it has."""
        files: list[dict[str, Any]] = self._control.get(f"{self._slack}/_control/shared").json()
        return files

    def leaks(self) -> list[str]:
        """Where a secret stands in anything a process printed, wrote or told Slack."""
        files = [path for part in ("bot", "slack") for path in (self._folder / part).rglob("*") if path.is_file()]
        return [str(path) for path in files if any(secret.encode() in path.read_bytes() for secret in SECRETS)]

    def calls(self, method: str) -> list[dict[str, Any]]:
        """Every call of a Slack method, with its arguments, its time and its outcome."""
        calls = self._control.get(f"{self._slack}/_control/calls").json()
        return [call for call in calls if call["method"] == method]

    def _raise_curtain(self) -> None:
        scenario = self._folder / "simulator" / "scenario.json"
        scenario.write_text(json.dumps({"token": API_TOKEN, **self._scenario}))
        # Not under coverage, which would slow its longest answers down past the client's time-out at high speed.
        plain = {name: value for name, value in _environment().items() if not name.startswith("COVERAGE")}
        module = [sys.executable, "-m", "alertbot.feed.simulator", "--scenario", str(scenario)]
        calls = [sys.executable, str(_SLACK), "--log", str(self._folder / "slack" / "calls.jsonl")]
        simulator, slack = self._enter("simulator", module, plain), self._enter("slack", calls, plain)
        feed, self._slack = simulator.first_line(), slack.first_line().removesuffix("/api/")
        # A worker starts as slowly as ever, while the time-outs shrink with the speed.
        charts = "\ncharts = false" if self.clock.is_fast else ""
        slack = f'[slack]\nbase_url = "{self._slack}/api/"{charts}\n{self._more_of_slack}'
        self.configuration.write_text(f'[feed]\nbase_url = "{feed}"\n{self._feed}\n{slack}\n{self._rules}')

    def _enter(self, part: str, command: list[str], environment: Mapping[str, str]) -> Actor:
        actor = Actor(command, self._folder / part / "log", {**environment, **self.clock.environment()})
        self._actors.append(actor)
        return actor


def _environment() -> dict[str, str]:
    """The test's own environment, without what would tell alertbot of a service manager or of secrets."""
    told = ("ALERTBOT_", "NOTIFY_", "JOURNAL_", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY")
    return {name: value for name, value in os.environ.items() if not name.startswith(told)}


def _told(message: Mapping[str, Any], edits: list[dict[str, Any]], messages: list[dict[str, Any]]) -> Told:
    own = [call for call in edits if call["arguments"]["ts"] == message["ts"]]
    thread = [each for each in messages if each["thread_ts"] == message["ts"]]
    return Told(
        _first(message),
        float(message["ts"]),
        tuple((call["at"], call["arguments"]["text"]) for call in own),
        tuple((float(each["ts"]), _first(each)) for each in thread),
        sum(each["broadcast"] for each in thread),
    )


def _first(message: Mapping[str, Any]) -> str:
    return str(message["edits"][0]["text"] if message["edits"] else message["text"])


def warnings_in(log: str) -> Iterator[str]:
    """The lines of a log that are warnings or worse, from their level on."""
    for line in log.splitlines():
        for level in ("WARNING", "ERROR", "CRITICAL"):
            if f" {level} " in line:
                yield line[line.index(level) :]
