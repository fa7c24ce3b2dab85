"""Variables: an invitation comes in; `event` and `customer`, as conditions over its answers see them, go out. Pure."""

from __future__ import annotations

from survey_service.models.invitation import Invitation
from survey_service.rules.cel import cel_value


def variables_of(invitation: Invitation | None) -> dict[str, object]:
    """`event` and `customer`, every number a double; both are empty where nobody was invited."""
    if invitation is None:
        return {"event": {}, "customer": {}}
    event = invitation.event.model_dump(mode="json") if invitation.event else {}
    customer = invitation.recipient.model_dump()
    return {
        "event": cel_value({**event, "data": invitation.data}),
        "customer": cel_value({**customer, "id": customer.pop("external_id"), "language": invitation.language}),
    }
