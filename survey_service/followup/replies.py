"""Replies: news of finished responses come in; what the survey says to such a score leaves as a message, exactly once.

The thank-you page, or the last text message of a conversation, says the same at once. The message waits for the end of
the answer, so that nobody gets it while they still write, and keeps to quiet hours: most that are finished by time end
at night.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from survey_service.followup.letters import Wording, letter_to_customer, way_to_customer
from survey_service.followup.telling import Told
from survey_service.models.customer import Customer
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.ids import hashed_id
from survey_service.models.invitation import Invitation
from survey_service.models.mail import MAIL_PREFIX
from survey_service.models.outbox import NewsType
from survey_service.models.response import FinishedBy, Response
from survey_service.models.survey import ScoreReply, Survey
from survey_service.store.configuration import Snapshot
from survey_service.store.store import Store
from survey_service.texts.filling import Links, filler
from survey_service.texts.locales import localised
from survey_service.texts.words import words_in
from survey_service.work.bells import Bells


class ReplyToScores:
    """Listens to the news of responses; `usable` are the channels with settings."""

    def __init__(self, store: Store, bells: Bells, usable: Collection[ChannelName]) -> None:
        self._store = store
        self._bells = bells
        self._usable = usable

    async def __call__(self, told: Sequence[Told[Response]]) -> None:
        """Ask for the message that a finished response has earned; telling twice asks for it once."""
        replied = await self._earned(told)
        if not replied:
            return
        customers = await self._store.customers.get_many(sorted({response.customer or "" for response, *_ in replied}))
        named = sorted({response.invitation for response, *_ in replied if response.invitation})
        invitations = await self._store.invitations.get_many(named)
        snapshot = await self._store.configuration.current()
        letters = [
            self._letter(
                response,
                survey,
                reply,
                customers.get(response.customer or ""),
                invitations.get(response.invitation or ""),
                snapshot,
            )
            for response, survey, reply in replied
        ]
        if wanted := [letter for letter in letters if letter is not None]:
            await self._store.deliveries.insert(wanted)
            self._bells.ring("sending")

    async def _earned(self, told: Sequence[Told[Response]]) -> list[tuple[Response, Survey, ScoreReply]]:
        found = []
        for each in told:
            response = each.about
            if each.news.type is not NewsType.RESPONSE_FINISHED or not is_written_to(response):
                continue
            survey = await self._store.configuration.survey(response.survey, response.survey_version)
            reply = survey.reply_to(response.score) if survey else None
            if survey is not None and reply is not None and reply.send:
                found.append((response, survey, reply))
        return found

    def _letter(
        self,
        response: Response,
        survey: Survey,
        reply: ScoreReply,
        customer: Customer | None,
        invitation: Invitation | None,
        snapshot: Snapshot,
    ) -> Delivery | None:
        brand = snapshot.brands.get(response.brand)
        way = way_to_customer(customer.profile, self._usable, response.channel) if customer else None
        if way is None or brand is None:
            return None
        words = words_in(response.language)
        text, _ = localised(reply.text, response.language, survey.default_language)
        wording = Wording(filler(brand, survey, invitation, Links())(text), words("Thank you for your answer"))
        name, now = hashed_id("dlv", response.id, "reply"), self._store.clock.now()
        return letter_to_customer(response, wording, way, now, letter=name, person=reply.person)


def is_written_to(response: Response) -> bool:
    """Whether a message may answer a response: from somebody known, by no machine, and not just told by text. Pure."""
    texted = any(not text.startswith(MAIL_PREFIX) for text in response.texts)
    in_conversation = texted and response.finished_by is FinishedBy.CUSTOMER
    return response.customer is not None and response.suspect is None and not in_conversation
