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
                          │  mails        AnswerMails        or by mail; what answers no question becomes a note
                          ▼
                        responses     (partial, finished)  ──▶ GET /v1/responses
                          │  ballots      CountBallots       anonymous answers wait for others, and leave together
                          │  finishing    FinishResponses    what nothing more came to is taken for the whole
                          │  reading      ReadComments       the language of a comment, and what it is about
                          │  rollups      CountAnswers       counted by the hour  ──▶ GET /v1/metrics
                          │  following    TellInTurn         thanks, cases and calls of webhooks, each exactly once
                          │  cases        MindCases          owners are reminded, what is overdue is escalated
                          │  digests      SendDigests        what people hear once a day, on their morning
                          │  reports      AskForReports      the figures of a week, on the Monday morning of each zone
                          │  webhooks     CallWebhooks       posted, signed, at least once, whoever else is slow

Each arrow is a row in MongoDB before it is a function call: a stage writes what the next one picks up, so any
process may die between two stages and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from channels.base import Channel
from survey_service.answering.counting import STAGE as BALLOTS
from survey_service.answering.counting import CountBallots
from survey_service.answering.dialogue import AnswerTexts
from survey_service.answering.finishing import FinishResponses
from survey_service.answering.mails import AnswerMails
from survey_service.delivery.composing import Composer
from survey_service.delivery.known import Permitted
from survey_service.delivery.planning import PlanInvitations
from survey_service.delivery.sending import SendDeliveries
from survey_service.delivery.silencing import Silencing
from survey_service.delivery.spending import SegmentCaps
from survey_service.followup.alerts import Alert
from survey_service.followup.cases import CASES_STAGE, OpenCases
from survey_service.followup.digests import SendDigests
from survey_service.followup.granting import STAGE as GRANTING
from survey_service.followup.granting import Granting, GrantRewards, GrantWaiting
from survey_service.followup.mails import HearMails
from survey_service.followup.minding import MindCases
from survey_service.followup.replies import ReplyToScores
from survey_service.followup.resolving import AskResolved
from survey_service.followup.telling import Tell, TellInTurn
from survey_service.followup.webhook_lanes import BATCH, PLACES, LaneClaims
from survey_service.followup.webhook_posting import Poster
from survey_service.followup.webhook_sending import CallWebhooks
from survey_service.followup.webhooks import STAGE as WEBHOOKS
from survey_service.followup.webhooks import Show, TellWebhooks
from survey_service.intake.deciding import DecideEvents
from survey_service.intake.erasing import STAGE as ERASING
from survey_service.intake.erasing import ErasePeople
from survey_service.intake.keywords import KeywordInvitations
from survey_service.intake.retaining import STAGE as RETAINING
from survey_service.intake.retaining import ForgetOld
from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.models.outbox import Telling
from survey_service.models.response import Response
from survey_service.models.webhook import MAX_WEBHOOKS
from survey_service.reporting.comments import ReadComments
from survey_service.reporting.rollups import CountAnswers
from survey_service.reporting.weekly import STAGE as REPORTS
from survey_service.reporting.weekly import AskForReports, PlanClaims
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
    rows: Mapping[type[Telling], Show],
    poster: Poster,
    periods: Mapping[str, timedelta],
    least: int,
) -> tuple[Stage[Any], ...]:
    """What a worker runs, in the order of the way; `rows` is how webhooks show each kind of document.

    `periods` is how long collections keep people; `least` is how many anonymous answers are seen together.
    """
    webhooks = TellWebhooks(store, bells, rows)
    granting = Granting(store, keyring, bells, frozenset(channels))
    opening, alert = OpenCases(store, bells, rows[Response]), Alert(store, bells, rows[Response], base_url)
    replying = ReplyToScores(store, bells, frozenset(channels))
    following = TellInTurn(
        Tell(store.responses.outbox, (opening, GrantRewards(granting), alert, replying, webhooks)),
        Tell(store.mails.outbox, (HearMails(store, bells, (opening, alert), base_url), webhooks)),
        Tell(store.cases.outbox, (AskResolved(store, bells, keyring, base_url, frozenset(channels)), webhooks)),
        Tell(store.rewards.outbox, (webhooks,)),
        Tell(store.incentive_states.outbox, (webhooks,)),
        Tell(store.events.outbox, (webhooks,)),
        Tell(store.deliveries.outbox, (webhooks,)),
        Tell(store.suppressions.outbox, (webhooks,)),
    )
    lanes = LaneClaims(store, bells, WEBHOOKS)
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
        Stage("mails", store.mails.claims, AnswerMails(store, keyring, bells), batch=50),
        Stage(BALLOTS, store.ballots.claims, CountBallots(store, bells, least), batch=100),
        Stage("finishing", store.responses.claims, FinishResponses(store, bells), batch=100),
        Stage("reading", store.comments, ReadComments(store.comments, store.configuration), batch=200),
        Stage("rollups", store.rollups, CountAnswers(store.rollups), batch=20),
        Stage(ERASING, store.erasures.claims, ErasePeople(store, keyring), batch=10),
        Stage(RETAINING, store.retentions.claims, ForgetOld(store, periods), batch=1),
        Stage("following", following.claims, following, batch=100, parallel=2),
        Stage(GRANTING, store.rewards.claims, GrantWaiting(store, granting), batch=100),
        Stage("digests", store.digests.claims, SendDigests(store, bells), batch=50),
        Stage(REPORTS, PlanClaims(store), AskForReports(store, bells, base_url, least), batch=20),
        Stage(CASES_STAGE, store.cases.claims, MindCases(store, bells, base_url), batch=100),
        # Lanes are what bounds the calls; a limit of batches would let slow receivers keep others waiting.
        Stage(
            WEBHOOKS,
            lanes,
            CallWebhooks(store, bells, poster, lanes),
            batch=BATCH,
            parallel=MAX_WEBHOOKS * PLACES,
        ),
    )
