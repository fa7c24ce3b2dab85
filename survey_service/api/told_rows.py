"""What webhooks say of each kind of document: the row that its own API shows."""

from __future__ import annotations

from collections.abc import Mapping

from survey_service.api.shapes.cases import CaseRow
from survey_service.api.shapes.incentives import IncentiveStateRow, RewardRow
from survey_service.api.shapes.rows import DeliveryRow, EventRow, SuppressionRow
from survey_service.followup.mails import mail_row
from survey_service.followup.webhooks import Show
from survey_service.models.case import Case
from survey_service.models.delivery import Delivery
from survey_service.models.event import Event
from survey_service.models.incentive import IncentiveState, Reward
from survey_service.models.mail import Mail
from survey_service.models.outbox import Telling
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
