"""The product on one screen: event → decision → invitation → delivery → response.

    POST /v1/events ──▶ events        (pending)
                          │  intake       DecideEvents       every trigger says its word, once
                          ▼
                        invitations   (waiting)
                          │  planning     PlanInvitations    the first message, later the end
                          ▼
                        deliveries    (planned)
                          │  sending      SendDeliveries     gate → compose → slot → mark → provider → record
                          ▼
                        the customer answers on /s/{token}
                          │  answering    Recording          a POST records, a GET never does
                          │  dialogue     AnswerTexts        or by text: opt-outs first, then answers, and the reply
                          ▼
                        responses     (partial, finished)  ──▶ GET /v1/responses

Each arrow is a row in MongoDB before it is a function call: a stage writes what the next one picks up, so any
process may die between two stages and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.base import Channel
from survey_service.answering.dialogue import AnswerTexts
from survey_service.delivery.composing import Composer
from survey_service.delivery.known import Permitted
from survey_service.delivery.planning import PlanInvitations
from survey_service.delivery.sending import SendDeliveries
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.spending import SegmentCaps
from survey_service.intake.deciding import DecideEvents
from survey_service.intake.keywords import KeywordInvitations
from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.store.store import Store
from survey_service.tokens import Keyring
from survey_service.work.bells import Bells
from survey_service.work.loop import Stage
from survey_service.work.pacing import Pace


def stages(
    store: Store,
    keyring: Keyring,
    bells: Bells,
    channels: Mapping[ChannelName, Channel[Any]],
    paces: Mapping[ChannelName, Pace],
    composer: Composer,
    silencing: Silencing,
    permitted: Permitted,
    caps: SegmentCaps,
    base_url: str,
) -> tuple[Stage[Any], ...]:
    """What a worker runs, in the order of the way."""
    return (
        Stage("intake", store.events.claims, DecideEvents(store, keyring, bells), batch=200),
        Stage("planning", store.invitations.claims, PlanInvitations(store, bells), batch=200),
        Stage(
            "sending",
            store.deliveries.claims,
            SendDeliveries(store, channels, paces, composer, keyring, bells, silencing, permitted, caps),
            batch=100,
            parallel=4,
            # Marked as sending: whether the provider took it is not known to anyone who did not wait for its word.
            keep_on_drain={"state": DeliveryState.SENDING},
        ),
        Stage(
            "dialogue",
            store.inbound.claims,
            AnswerTexts(store, keyring, bells, base_url, KeywordInvitations(store, keyring).begin),
            batch=50,
        ),
    )
