"""What can go wrong inside the service, as one tree; `api/problems.py` alone turns it into HTTP.

    SurveyServiceError
    ├── MalformedInput        the bytes are not what they claim to be (JSON, encoding)
    ├── InvalidInput          understood, but a field breaks a rule; carries one FieldProblem a field
    ├── NotFound              no such thing, or not for you
    ├── Conflict              the same key already stands for another content
    ├── NotAllowed            the contact policy says no; carries the reason and the next allowed time
    ├── PreconditionFailed    `If-Match` names another state than the stored one
    ├── Unauthorized          no key, or one we do not know
    ├── Forbidden             a known key without the scope
    ├── TooLarge              beyond a stated limit
    ├── UnsupportedMedia      a content type or encoding that is not taken
    ├── Unavailable           cannot be done now; try again after `retry_after` seconds
    │   └── Overloaded        a bounded queue is full
    └── ConfigurationError    settings that cannot work; stops the start

Every class has a stable `code`: it is the last part of the problem type and never changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that breaks one rule; `pointer` is an RFC 6901 JSON pointer into the input ("" is the whole)."""

    pointer: str
    rule: str
    message: str


class SurveyServiceError(Exception):
    """Root of the tree; `detail` is a sentence for the caller and never holds personal data."""

    code = "internal"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class MalformedInput(SurveyServiceError):
    """The body cannot be read at all."""

    code = "malformed"


class InvalidInput(SurveyServiceError):
    """The body was read, and these fields break these rules."""

    code = "invalid"

    def __init__(self, problems: Sequence[FieldProblem], detail: str | None = None) -> None:
        first = problems[0]
        super().__init__(detail or f"{first.pointer or 'body'}: {first.message}")
        self.problems = tuple(problems)

    @classmethod
    def at(cls, pointer: str, rule: str, message: str) -> InvalidInput:
        """One problem at one place."""
        return cls([FieldProblem(pointer, rule, message)])


class NotFound(SurveyServiceError):
    """Nothing stands under that id."""

    code = "not_found"


class Conflict(SurveyServiceError):
    """The key is taken by another content, or the state does not allow the step."""

    code = "conflict"


class NotAllowed(SurveyServiceError):
    """A rule of the contact policy stands against it for now; `next_at` is None where nobody can tell until when."""

    code = "not_allowed"

    def __init__(self, reason: str, next_at: datetime | None) -> None:
        until = f"; allowed again at {next_at.isoformat()}" if next_at else ""
        super().__init__(f"the contact policy does not allow it: {reason}{until}")
        self.reason = reason
        self.next_at = next_at


class PreconditionFailed(SurveyServiceError):
    """The resource changed since the caller read it."""

    code = "precondition_failed"


class Unauthorized(SurveyServiceError):
    """No usable API key came with the request."""

    code = "unauthorized"


class Forbidden(SurveyServiceError):
    """The API key lacks the scope that the route asks for."""

    code = "forbidden"


class TooLarge(SurveyServiceError):
    """A stated size limit was passed."""

    code = "too_large"


class UnsupportedMedia(SurveyServiceError):
    """The content type or encoding is not taken here."""

    code = "unsupported_media"


class Unavailable(SurveyServiceError):
    """Not possible at the moment; nothing was stored that was not acknowledged."""

    code = "unavailable"

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Overloaded(Unavailable):
    """More work is waiting than memory may hold."""

    code = "overloaded"


class ConfigurationError(SurveyServiceError):
    """The settings, or the machine, do not allow the start; the message names the way out."""

    code = "configuration"
