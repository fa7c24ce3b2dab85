"""The words of a text message: the survey's question and the brand go in; one short text comes out. Pure.

One segment where that is possible: the link is left out where it would begin a second one, since the reply is the
answer. The first message of a conversation says how to stop (CTIA Messaging Principles, section 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Survey
from survey_service.texts.locales import localised
from survey_service.texts.printable import one_line
from survey_service.texts.segments import count_segments, fold_typography
from survey_service.texts.sentences import reply_hint
from survey_service.texts.words import words_in

_STOP = re.compile(r"\bSTOP\b", re.IGNORECASE)


def write_sms(
    survey: Survey,
    brand: str,
    language: str,
    fill: Callable[[str], str],
    link: str,
    *,
    is_first: bool,
    mark: str,
    offer: str = "",
) -> str:
    """The text as it is sent: the survey's own, else brand, question and scale; then offer and link as far as they fit.

    `mark` says that it is a test or a preview; empty for a real one. `offer` is a sentence, or empty.
    """
    words = words_in(language)
    end = words("STOP to opt out") if is_first else ""
    start = f"[{mark}]" if mark else ""
    if survey.messages.sms.text is not None:
        own = fill(localised(survey.messages.sms.text, language, survey.default_language)[0])
        return _joined(start, own, "" if _STOP.search(own) else end)
    question = survey.primary_question
    asked = one_line(fill(localised(question.text, language, survey.default_language)[0]))
    reply = f"{reply_hint(question.metric, words)}." if question.metric else ""
    lead = f"{one_line(brand)}: {asked}"
    short = _joined(start, lead, reply, end)
    # Of the two the offer is the one that a reply cannot do without.
    longer = [_joined(start, lead, reply, *more, end) for more in ((offer, link), (offer,), (link,))]
    return next((text for text in longer if count_segments(text).count == 1), short)


def opens_conversation(delivery: Delivery, invitation: Invitation | None) -> bool:
    """Whether no text message about this invitation has left before."""
    if delivery.kind is not DeliveryKind.REMINDER or invitation is None:
        return True
    return invitation.channels[0] is not ChannelName.SMS


def _joined(*parts: str) -> str:
    return fold_typography(" ".join(part for part in parts if part))
