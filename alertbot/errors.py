"""Every error alertbot raises on purpose, in one tree.

    AlertbotError
      ConfigError           rules.toml is wrong: every problem at once, with file and line       exit 2
      CredentialsError      a secret is missing or refused                                       exit 2
        CredentialsInactive   Slack's word for a right one that may be taken again by itself
      UsageError            a command was called in a way it does not understand                 exit 2
      HistoryError          a CSV of history cannot be read: file, line, and what to mend        exit 1
      RuleTestError         rules did not do what their tests expect of them                     exit 1
      StoreError            the database cannot be opened, written or understood                 exit 1
        StoreLost             it was deleted, emptied or replaced under the running service
        StoreUnusable         trying again changes nothing: it is damaged, or a newer alertbot's
          StoreTaken            another alertbot runs on it
      FeedError             a call to the CDN's statistics API did not give an answer
        FeedUnreachable       no answer, or a 5xx: worth another try
        FeedThrottled         too many calls: worth another try after ``retry_after`` seconds
        FeedGarbled           an answer that cannot be what was asked for
          FeedElsewhere         its buckets lie elsewhere in time than was asked for
        FeedRefused           refused for good (400, 401, 404): asking again changes nothing
          FeedUnauthorised      the token is missing, wrong, or lacks this permission
          FeedUnknownDomain     the account has no such domain
          FeedBadRequest        parameters the API does not take
      HttpError             a call over HTTP got no whole answer; whoever made it says what that means
        HttpTimeout           none in time
        HttpUnreachable       no connection could be made
        HttpGarbled           its body is too large, cut short or wrongly encoded
      DeliveryError         Slack did not take a message: ``permanent``, ``retry_after``, ``unknown``
      ServiceBroken         only a new start can help: looks at the feed, or the database        exit 1
      ListenError           the metrics cannot be served where they are to be; the message says why   exit 1
      RelayError            an Alertmanager did not take alerts; the message says why
      ChartError            a chart could not be drawn or written; the message says why          exit 1

No error's text, arguments or repr may hold a secret: the token is added below the layer that raises.
Errors are raised where they happen and logged once, at the boundary that can do something about them.
"""

from __future__ import annotations

from dataclasses import dataclass


class AlertbotError(Exception):
    """The root: whatever alertbot itself found wrong."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration file; ``line`` counts from 1, 0 where the file as a whole is meant."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.message}"


class ConfigError(AlertbotError):
    """The configuration cannot be used; ``problems`` holds everything that is wrong with it, in file order."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class CredentialsError(AlertbotError):
    """A secret is missing or was refused; the message says which one and where it is read from."""

    exit_code = 2


class CredentialsInactive(CredentialsError):
    """A secret is the right one, and its account is not active just now: it may be again without anybody's doing."""


class UsageError(AlertbotError):
    """A command was called in a way it does not understand; the message says what it takes."""

    exit_code = 2


class HistoryError(AlertbotError):
    """A history file cannot be read; the message names file, line and the mend."""


class RuleTestError(AlertbotError):
    """Rules did not do what their tests expect; the message says how many tests failed."""


class StoreError(AlertbotError):
    """The database cannot be opened, written or understood."""


class StoreLost(StoreError):
    """The database was deleted, emptied or replaced under the running service; the message says which."""


class StoreUnusable(StoreError):
    """The database is damaged or written by a newer alertbot: only a person can mend that."""


class StoreTaken(StoreUnusable):
    """Another alertbot runs on this database."""


class ServiceBroken(AlertbotError):
    """Look after look at the feed ended in an error, or the database is lost: only a new start can mend that."""


class FeedError(AlertbotError):
    """A call to the statistics API failed. ``call`` names it without its token, ``cause`` says why in words."""

    def __init__(self, call: str, cause: str) -> None:
        super().__init__(f"{call}: {cause}")
        self.call = call
        self.cause = cause


class FeedUnreachable(FeedError):
    """No answer in time, a broken connection, or a 5xx."""


class FeedThrottled(FeedError):
    """The API refused the call for its rate; ``retry_after`` seconds until the window resets, if it said so."""

    def __init__(self, call: str, cause: str, retry_after: float | None = None) -> None:
        super().__init__(call, cause)
        self.retry_after = retry_after


class FeedGarbled(FeedError):
    """The answer is not JSON, is cut short, or holds what no answer to this call can hold."""


class FeedElsewhere(FeedGarbled):
    """The answer's buckets lie elsewhere than was asked for: the API reads times in another zone."""


class FeedRefused(FeedError):
    """The API refused the call for good; ``code`` is its own six-digit code, or the HTTP status."""

    def __init__(self, call: str, cause: str, code: int) -> None:
        super().__init__(call, cause)
        self.code = code


class FeedUnauthorised(FeedRefused):
    """The token is missing, wrong, or lacks the permission for this endpoint."""


class FeedUnknownDomain(FeedRefused):
    """One of the domains asked for is not the account's."""


class FeedBadRequest(FeedRefused):
    """The API does not take these parameters."""


class HttpError(AlertbotError):
    """A call over HTTP got no whole answer; the message says why, on one line and without secrets."""


class HttpTimeout(HttpError):
    """No whole answer came in time."""


class HttpUnreachable(HttpError):
    """No connection could be made."""


class HttpGarbled(HttpError):
    """The answer's body is too large, cut short or wrongly encoded."""


class DeliveryError(AlertbotError):
    """Slack did not confirm a message.

    ``permanent``: trying the same again changes nothing. ``retry_after``: seconds Slack asked for.
    ``unknown``: the answer was lost, so the message may or may not stand in the channel.
    ``code``: Slack's own word for it (``channel_not_found``), or a short one of ours (``timeout``).
    """

    def __init__(
        self, code: str, *, permanent: bool = False, retry_after: float | None = None, unknown: bool = False
    ) -> None:
        super().__init__(code)
        self.code = code
        self.permanent = permanent
        self.retry_after = retry_after
        self.unknown = unknown


class ListenError(AlertbotError):
    """The metrics cannot be served at the address that the configuration names."""


class RelayError(AlertbotError):
    """An Alertmanager did not take alerts, or did not say which it has; the message says why, and names no secret."""


class ChartError(AlertbotError):
    """A chart could not be drawn or written; the message says why."""
