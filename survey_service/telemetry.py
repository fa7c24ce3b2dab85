"""Logs and metrics: structured lines without personal data or tokens, counters for Prometheus."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

REQUESTS = Counter(
    "survey_http_requests", "Requests by route template and status", ["method", "route", "status"], registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "survey_http_request_seconds", "Time to answer by route template", ["method", "route"], registry=REGISTRY
)
EVENTS = Counter("survey_events", "Events by what became of them", ["status"], registry=REGISTRY)
DECISIONS = Counter(
    "survey_decisions", "Decisions by trigger, outcome and reason", ["trigger", "outcome", "reason"], registry=REGISTRY
)
DELIVERIES = Counter(
    "survey_deliveries",
    "Deliveries by channel, kind, state and reason",
    ["channel", "kind", "state", "reason"],
    registry=REGISTRY,
)
SMS_SEGMENTS = Counter(
    "survey_sms_segments",
    "Segments of text messages that were handed over, by kind and country calling code",
    ["kind", "prefix"],
    registry=REGISTRY,
)
INBOUND_TEXTS = Counter(
    "survey_inbound_texts", "Incoming texts by what they were taken for", ["result"], registry=REGISTRY
)
INBOUND_MAILS = Counter(
    "survey_inbound_mails", "Incoming mails by what they were taken for", ["result"], registry=REGISTRY
)
RESPONSES = Counter("survey_responses", "Answers by survey and status", ["survey", "status"], registry=REGISTRY)
WEBHOOK_CALLS = Counter(
    "survey_webhook_calls",
    "Calls of webhooks by what became of them: delivered, again, dead",
    ["webhook", "result"],
    registry=REGISTRY,
)
WEBHOOK_SECONDS = Histogram(
    "survey_webhook_seconds", "Time that receivers of webhooks took to answer", ["webhook"], registry=REGISTRY
)
WEBHOOKS_SWITCHED_OFF = Counter(
    "survey_webhooks_switched_off", "Webhooks that the service switched off, by why", ["reason"], registry=REGISTRY
)
FOLLOW_UP_ERRORS = Counter(
    "survey_follow_up_errors", "Conditions of follow-up rules that could not be answered", ["rule"], registry=REGISTRY
)
REWARDS = Counter(
    "survey_rewards", "Rewards by incentive, state and reason", ["incentive", "state", "reason"], registry=REGISTRY
)
CASES = Counter("survey_cases", "Cases by rule and what happened", ["rule", "what"], registry=REGISTRY)
DUE_ROWS = Gauge("survey_due_rows", "Rows that are due and not held, up to 10,000", ["stage"], registry=REGISTRY)
POISONOUS_ROWS = Gauge(
    "survey_poisonous_rows",
    "Rows that five workers died with and that are tried once an hour, up to 10,000",
    ["stage"],
    registry=REGISTRY,
)

_REPEAT_WHAT_THEY_WERE_GIVEN = frozenset(
    {"aiohttp", "aiosmtplib", "bson", "pydantic", "pydantic_core", "pymongo", "twilio"}
)
_LONGEST_MESSAGE = 500
_DETAILS = re.compile(r"[\n(<:]")  # from here on words of libraries may be data


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Send structlog lines to standard error: JSON for machines, columns for people at a terminal.

    What libraries log from warnings on comes as such a line too; see `LibraryLog`.
    """
    renderer: structlog.types.Processor = structlog.processors.JSONRenderer()
    if not json:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=write_fault)
    processors: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json:
        processors.append(structlog.processors.ExceptionRenderer(_fault_of))
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.addHandler(_LIBRARY_LOG)


class LibraryLog(logging.Handler):
    """Logs that a library logged: how its words begin, before anything is filled into them, and the fault.

    aiohttp, for one, would log from where a bad request came and how it began, which may be a link with its token;
    asyncio the arguments of what failed.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        words = _DETAILS.split(str(record.msg), maxsplit=1)[0].strip()
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno, "library.logged", library=record.name, words=words, **({"exc_info": error} if error else {})
        )


_LIBRARY_LOG = LibraryLog()


def fault_text(error: BaseException) -> str:
    """An error with the lines that it went through and what caused it, and nothing of the rows that it was about.

    Messages of some libraries repeat the documents and addresses that they were given, and local variables are the
    data of people: of the former their kind and code are said, of the latter nothing.
    """
    parts = []
    if error.__cause__ is not None:
        parts += [fault_text(error.__cause__), "which caused:"]
    elif error.__context__ is not None and not error.__suppress_context__:
        parts += [fault_text(error.__context__), "and while that was handled:"]
    parts.append("".join(traceback.format_tb(error.__traceback__)) + _words_of(error))
    if isinstance(error, BaseExceptionGroup):
        parts += [fault_text(each) for each in error.exceptions]
    return "\n".join(parts)


def write_fault(to: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """For a terminal; rich would print every variable, and take seconds for it."""
    to.write("\n" + fault_text(exc_info[1]))


def _fault_of(exc_info: structlog.typing.ExcInfo) -> str:
    return fault_text(exc_info[1])


def _words_of(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__.partition(".")[0] in _REPEAT_WHAT_THEY_WERE_GIVEN:
        code = getattr(error, "code", None)
        return f"{kind.__module__}.{kind.__qualname__}" + (f" (code {code})" if isinstance(code, int) else "")
    return f"{kind.__qualname__}: {str(error)[:_LONGEST_MESSAGE]}"
