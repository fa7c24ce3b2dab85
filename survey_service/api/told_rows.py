"""What webhooks say of each kind of document: the row that its own API shows, to whoever may read it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from survey_service.api.shapes.cases import CaseRow
from survey_service.api.shapes.incentives import IncentiveStateRow, RewardRow
from survey_service.api.shapes.rows import DeliveryRow, EventRow, SuppressionRow
from survey_service.followup.mails import mail_row
from survey_service.followup.webhooks import Show
from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.models.delivery import Delivery
from survey_service.models.event import Event
from survey_service.models.incentive import IncentiveState, Reward
from survey_service.models.mail import Mail
from survey_service.models.outbox import NewsType, Telling
from survey_service.models.response import Response
from survey_service.models.suppression import Suppression
from survey_service.reporting.rows import response_row

TOLD_ROWS: Mapping[type[Telling], Show] = {
    Response: response_row,
    Event: EventRow.show,
    Reward: RewardRow.show,
    IncentiveState: IncentiveStateRow.show,
    Case: CaseRow.show,
    Delivery: DeliveryRow.show,
    Mail: mail_row,
    Suppression: SuppressionRow.show,
}

_READ_BY = {
    "response": Scope.RESPONSES_READ,
    "mail": Scope.RESPONSES_READ,
    "event": Scope.EVENTS_READ,
    "reward": Scope.REWARDS_READ,
    "incentive": Scope.CONFIG_READ,
    "case": Scope.CASES_READ,
    "delivery": Scope.INVITATIONS_READ,
    "suppression": Scope.SUPPRESSIONS_READ,
}


def scopes_of(types: Iterable[NewsType]) -> list[Scope]:
    """The scopes under which the API shows what these types tell, each once."""
    return list(dict.fromkeys(_READ_BY[kind.partition(".")[0]] for kind in types))
