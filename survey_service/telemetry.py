"""Logs and metrics: structured lines without personal data or tokens, counters for Prometheus."""

from __future__ import annotations

import logging
import sys

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


def configure_logging(*, json: bool, level: str = "INFO") -> None:
    """Send structlog lines to standard error: JSON for machines, columns for people at a terminal."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    processors: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
