"""A stored response comes in; the flat row that BI tools read goes out (DESIGN "GET /v1/responses")."""

from __future__ import annotations

from typing import Any

from survey_service.models.response import Response

TAKEN_PREFIX = "dimension_"


def response_row(response: Response) -> dict[str, Any]:
    """One row: scalars at the top level, the survey's dimensions among them.

    A dimension whose name is a column already stands under `dimension_` and its name, so that none is lost.
    """
    event = response.event
    subject = {
        "id": response.id,
        "status": response.status,
        "finished_by": response.finished_by,
        "survey": response.survey,
        "survey_version": response.survey_version,
        "brand": response.brand,
        "trigger": response.trigger,
        "trigger_version": response.trigger_version,
        "variant": response.variant,
        "event": event.key if event else None,
        "event_id": event.id if event else None,
        "event_source": event.source if event else None,
        "event_type": event.type if event else None,
        "event_time": event.time if event else None,
        "invitation": response.invitation,
        "customer": response.customer_ref,
        "touchpoint": response.touchpoint,
    }
    answer = {
        "channel": response.channel,
        "language": response.language,
        "metric": response.metric,
        "scale": response.scale,
        "score": response.score,
        "scores": response.scores,
        "answers": response.answers,
        "comment": response.comment,
        "suspect": response.suspect,
        "started_at": response.started_at,
        "finished_at": response.finished_at,
        "updated_at": response.updated_at,
    }
    taken = subject.keys() | answer.keys()
    dimensions = {TAKEN_PREFIX + name if name in taken else name: value for name, value in response.dimensions.items()}
    return {**subject, **dimensions, **answer}
