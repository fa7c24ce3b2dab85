"""What is offered or was given comes in; the sentences that say so go out. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from survey_service.models.incentive import Offer, Reward, RewardReason, RewardState
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Localised
from survey_service.texts.locales import format_date, spoken_text
from survey_service.texts.printable import one_line
from survey_service.texts.words import words_in

_CHECKED = frozenset({RewardReason.SAME_SOURCE, RewardReason.SUSPECT})


def offer_sentence(offer: Offer, language: str) -> str:
    """One short sentence for a message that asks: "As a thank-you: 10 % off your next order."."""
    return _thank_you(offer.text, language)


def offer_unless_named(invitation: Invitation | None, texts: Iterable[Localised | None], language: str) -> str:
    """The offer of an invitation as a sentence; empty where there is none, or one of the texts says it itself."""
    if invitation is None or invitation.incentive is None:
        return ""
    if any("{{incentive." in text.replace(" ", "") for known in texts if known for text in known.values()):
        return ""
    return offer_sentence(invitation.incentive, language)


def expiry_sentence(expires_at: datetime, zone: ZoneInfo, language: str) -> str:
    """Until which day a reward is good."""
    return words_in(language)("Valid until {date}.", date=format_date(expires_at, zone, language))


def waiting_sentence(reward: Reward, now: datetime, language: str) -> str | None:
    """What stands in the place of a ticket; None where there is one, or nothing that would help to know."""
    words = words_in(language)
    if reward.state is RewardState.GRANTED:
        return None if reward.is_good(now) else words("The time to use your thank-you is over.")
    if reward.state is RewardState.HELD or reward.reason in _CHECKED:
        return words("We look at your thank-you once more. After that you find it here, under the same link.")
    match reward.reason:
        case RewardReason.NO_CODES:
            return words("Our codes have just run out. Yours follows as soon as there are new ones.")
        case RewardReason.PER_PERSON:
            return words("You have had this thank-you before: it is given once in a while.")
        case RewardReason.REJECTED:
            return None
        case _:
            return words("We are sorry: our thank-you has run out.")


def reward_subject(brand: str, language: str) -> str:
    """The subject of the mail that hands a reward over."""
    return one_line(words_in(language)("Your thank-you from {brand}", brand=brand))


def reward_text(reward: Reward, brand: str, zone: ZoneInfo, language: str, *, by_mail: bool) -> str:
    """The message that hands a reward over; a mail has paragraphs, a text message begins with the brand's name."""
    words = words_in(language)
    parts = [f"{words('Thank you for your answer.')} {_thank_you(reward.text, language)}"]
    if reward.code is not None:
        parts.append(words("Your code: {code}", code=reward.code))
    if reward.expires_at is not None:
        parts.append(expiry_sentence(reward.expires_at, zone, language))
    if by_mail:
        return "\n\n".join(parts)
    # A code is copied by a tap: nothing stands right behind it.
    return f"{one_line(brand)}: {' '.join(parts)}"


def _thank_you(texts: Localised, language: str) -> str:
    text = one_line(spoken_text(texts, language)[0]).rstrip(" .")
    return words_in(language)("As a thank-you: {offer}.", offer=text)
