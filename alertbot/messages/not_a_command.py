"""What to say where a line begins with no command: the line that would be right, where one is near."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from alertbot.config.watch import Watch
from alertbot.errors import UsageError
from alertbot.incidents.order_parser import ORDERS
from alertbot.messages.typed import called, is_number, is_series
from alertbot.messages.usages import ALIASES, USAGES
from alertbot.query.names import domain_meant
from alertbot.words import nearest

_NOT_HERE = MappingProxyType(
    {
        **dict.fromkeys(
            ("resolve", "close", "resolved", "reopen"),
            "an incident resolves by itself once the data shows it: `ack` stops its reminders, `silence` its posts",
        ),
        **dict.fromkeys(
            ("assign", "reassign", "escalate", "note", "comment"),
            "whoever acknowledges an incident has it, with or without a note: `ack #412 looking into it`",
        ),
        **dict.fromkeys(
            ("disable", "enable", "off", "on"),
            "rules are switched off in the configuration (`enabled = false`); for a while: `silence rule:NAME 2h`",
        ),
        **dict.fromkeys(
            ("got", "i", "i'm", "im", "mine", "on it", "ok", "okay", "lgtm", "\N{THUMBS UP SIGN}", "+1"),
            "whoever has an incident acknowledges it: `ack`, or with a note `ack #412 looking into it`",
        ),
        **dict.fromkeys(
            ("page", "notify", "subscribe", "mention"),
            "whom a message mentions stands in the configuration, `[slack] mention`: `help config slack`",
        ),
        **dict.fromkeys(
            ("audit", "backup", "check", "dashboard", "doctor", "export", "suggest", "version"),
            "that is asked on the server: `alertbot --help` lists what there is",
        ),
        **dict.fromkeys(("reload", "restart"), "that is done on the server: `sudo systemctl reload alertbot`"),
        **dict.fromkeys(
            (
                "what",
                "which",
                "what's",
                "whats",
                "who",
                "when",
                "where",
                "how",
                "is",
                "are",
                "can",
                "did",
                "does",
                "do",
            ),
            "`alerts` says what is firing, `incidents` what happened, `silences` who silenced what, `why #412` or"
            " `why DOMAIN` why something was posted or not, `help` the rest",
        ),
        **dict.fromkeys(
            ("edit", "change", "configure", "set", "create", "add", "new"),
            "rules stand in the configuration, which is changed on the server: `help rules` explains them",
        ),
        **dict.fromkeys(
            ("last", "yesterday", "today"),
            "`incidents 24h` says what happened, `show DOMAIN 24h` what a domain carried",
        ),
        "false": "`noise #412` says that an incident was noise",
        "test": "`alertbot doctor --post`, on the server, posts a test",
        **dict.fromkeys(("config", "configuration", "settings"), "`help config` explains the file's keys"),
        "stop": "what to stop? `silence video.* 2h` stops posts, `unsilence s3` ends a silence",
        "undo": "what to undo? `unsilence s3` ends a silence, `unack #412` an acknowledgement",
    }
)
_NEARLY = 0.65
"""From which likeness on a mistyped command is meant."""

_SURELY = 0.75
"""From which likeness on a mistyped word of another tool is meant."""


def not_a_command(words: Sequence[str], watch: Watch, command: str) -> UsageError:
    """What to say where the first word is no command: the line that would be right, where one is near."""
    word = words[0]
    if here := _NOT_HERE.get(" ".join(words[:2]).lower(), _NOT_HERE.get(word)):
        return UsageError(here)
    line, following = " ".join(words[1:])[:80], words[1] if len(words) > 1 else ""
    if (order := called(following.lower())) in ORDERS and (is_number(word) or is_series(word, watch)):
        line = " ".join((order, word, *words[2:]))[:80]
        return UsageError(f"the command comes first. Write `{command} {line}`")
    said = f'there is no command "{word[:40]}"'
    is_about = is_number(following) or is_series(following, watch)
    domain = domain_meant(word, watch.series, "{}") if watch.series and not is_about else ""
    close = nearest(word, USAGES, alike=_NEARLY)
    if not close and not domain and (other := nearest(word, ALIASES, alike=_SURELY)):
        close = ALIASES[other]
    if not close and is_about:
        close, line = "why" if is_number(following) else "show", following
    if close:
        return UsageError(f"{said}: did you mean {close}? Write `{f'{command} {close} {line}'.rstrip()}`")
    if domain:
        return UsageError(f"{said}: did you mean the domain {domain}? Write `{command} show {domain}`")
    return UsageError(said)
