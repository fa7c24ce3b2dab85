"""Views: a survey, its brand and what is known of the visitor go in; the view models of the pages come out. Pure.

`Sheet` is what a handler fills in; `survey_view(sheet)` and `thanks_view(sheet, score, hosts)` are what it renders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from survey_service.answering.forms import Circumstances, Fault
from survey_service.answering.recording import PAGE_FIELD, page_name
from survey_service.models.brand import Brand
from survey_service.models.incentive import Reward
from survey_service.models.invitation import Invitation
from survey_service.models.redirects import redirect_for
from survey_service.models.response import CallWish, Response
from survey_service.models.survey import Localised, Question, Survey
from survey_service.pages.assets import render_brand_css
from survey_service.pages.call_views import promise
from survey_service.pages.look import (
    BrandView,
    KioskView,
    Phrase,
    ProgressView,
    QuestionView,
    RedirectView,
    SurveyView,
    ThanksView,
    TicketView,
)
from survey_service.pages.question_views import Reader, question_view
from survey_service.texts.filling import Links, Place, filler, why_we_ask
from survey_service.texts.locales import LANGUAGE_NAMES, choose_language, spoken_text
from survey_service.texts.sentences import anonymity_sentence, thanks_sentence, time_hint
from survey_service.texts.thanking import expiry_sentence, offer_unless_named, waiting_sentence
from survey_service.texts.words import words_in


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a survey for one visitor; who came neither by an `invitation` nor to a `place` sees a preview.

    `values` are the form's fields, several values of a field one a line; `circumstances` are needed where the page
    offers a call; `response` is what was stored before, or by the page that is thanked for.
    """

    survey: Survey
    brand: Brand
    invitation: Invitation | None
    language: str
    page: Sequence[Question]
    action: str  # where the form is posted to, without a query
    opt_out_url: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    place: Place | None = None
    response: Response | None = None
    circumstances: Circumstances | None = None
    state: tuple[tuple[str, str], ...] = ()  # hidden fields that the form brings back
    kiosk: KioskView | None = None
    can_switch: bool = True  # to another language of the survey
    reward: Reward | None = None
    now: datetime | None = None  # needed with a reward

    @property
    def is_preview(self) -> bool:
        """Whether nothing is stored."""
        return self.invitation is None and self.place is None

    @property
    def zone(self) -> ZoneInfo:
        """In which the visitor reads the clock."""
        theirs = self.invitation.recipient.timezone if self.invitation else None
        return ZoneInfo(theirs or self.brand.timezone)

    def fill(self, text: str) -> str:
        """A text of the survey or the brand with its placeholders filled."""
        return filler(self.brand, self.survey, self.invitation, Links(), self.place, self.language)(text)


def brand_view(brand: Brand) -> BrandView:
    """The brand as pages show it."""
    return BrandView(
        name=brand.name,
        css=render_brand_css(brand.colors.accent, brand.colors.on_accent, brand.font),
        logo_url=brand.logo_url,
        postal_address=brand.postal_address,
        privacy_url=brand.privacy_url,
        imprint_url=brand.imprint_url,
        contact=brand.contact,
    )


def survey_view(sheet: Sheet) -> SurveyView:
    """The page with its questions, what was chosen or typed, and what to put right."""
    language, progress = sheet.language, _progress(sheet)
    hint = time_hint([question.kind for question in sheet.page], words_in(language))
    return SurveyView(
        brand=brand_view(sheet.brand),
        lang=language,
        questions=tuple(_questions(sheet)),
        action=f"{sheet.action}?lang={language}",
        # Who is on their way knows why.
        why="" if progress else why_we_ask(sheet.invitation, sheet.brand, language, sheet.place),
        time_hint="" if progress else hint,
        offer="" if progress else offer_unless_named(sheet.invitation, [entry.text for entry in sheet.page], language),
        promise=anonymity_sentence(words_in(language)) if sheet.survey.anonymous else "",
        progress=progress,
        languages=_languages(sheet),
        unsubscribe_url=sheet.opt_out_url,
        state=((PAGE_FIELD, page_name(sheet.page)), *sheet.state),
        preview=sheet.is_preview,
        kiosk=sheet.kiosk,
    )


def thanks_view(sheet: Sheet, score: int | None, redirect_hosts: Collection[str] = ()) -> ThanksView:
    """The page after the last answer: the survey's reply to the score, else its thanks, else the brand's, else ours.

    `redirect_hosts` are those that a brand may send people to; nobody is taken away from a preview or a kiosk.
    """
    language = sheet.language
    answers = sheet.response.answers.values() if sheet.response else ()
    return ThanksView(
        brand=brand_view(sheet.brand),
        lang=language,
        message=_thanks(sheet, score),
        summary=tuple(promise(answer, sheet.zone, language) for answer in answers if isinstance(answer, CallWish)),
        ticket=ticket_view(sheet),
        ticket_note=ticket_note(sheet),
        # Another site would learn who came with which score.
        redirect=None if sheet.kiosk or sheet.survey.anonymous else _redirect(sheet, score, redirect_hosts),
        unsubscribe_url=sheet.opt_out_url,
        preview=sheet.is_preview,
        kiosk=sheet.kiosk,
    )


def ticket_view(sheet: Sheet) -> TicketView | None:
    """What the customer was given, as long as it is good."""
    reward = sheet.reward
    if reward is None or sheet.now is None or not reward.is_good(sheet.now):
        return None
    text, lang = spoken_text(reward.text, sheet.language)
    expiry = expiry_sentence(reward.expires_at, sheet.zone, sheet.language) if reward.expires_at else None
    return TicketView(Phrase(text, lang), reward.code, expiry)


def ticket_note(sheet: Sheet) -> str | None:
    """What stands where the ticket would."""
    return waiting_sentence(sheet.reward, sheet.now, sheet.language) if sheet.reward and sheet.now else None


def _questions(sheet: Sheet) -> Iterator[QuestionView]:
    reader = Reader(
        language=sheet.language,
        default_language=sheet.survey.default_language,
        fill=sheet.fill,
        zone=sheet.zone,
        values=sheet.values,
        faults=sheet.faults,
        circumstances=sheet.circumstances,
    )
    before: Question | None = None
    for question in sheet.page:
        follows_its_score = before is not None and before.metric is not None and question.takes_words
        yield question_view(question, reader, joined=follows_its_score)
        before = question


def _languages(sheet: Sheet) -> tuple[tuple[str, str], ...]:
    """What one may switch to; a form that brings something back would lose it on the way."""
    if not sheet.can_switch or (sheet.state and sheet.response):
        return ()
    return tuple((code, LANGUAGE_NAMES[code]) for code in sheet.survey.languages)


def _progress(sheet: Sheet) -> ProgressView | None:
    answered = len(sheet.response.asked) if sheet.response else 0
    if not answered:
        return None
    total = answered + len(sheet.page)
    return ProgressView(first=answered + 1, last=total, total=total)


def _thanks(sheet: Sheet, score: int | None) -> Phrase:
    reply = sheet.survey.reply_to(score)
    texts = reply.text if reply else sheet.survey.thanks or sheet.brand.thanks
    if texts:
        return _phrase(texts, sheet)
    words = words_in(sheet.language)
    return Phrase(thanks_sentence(sheet.survey.primary_question.metric, score, words), sheet.language)


def _redirect(sheet: Sheet, score: int | None, hosts: Collection[str]) -> RedirectView | None:
    found = redirect_for(sheet.brand.redirects, sheet.survey.primary_question, score, hosts)
    if found is None:
        return None
    # Nobody is taken away from what they were given.
    stays_short = found.at_once and not sheet.is_preview and sheet.reward is None
    return RedirectView(found.url, _phrase(found.label, sheet), at_once=stays_short)


def _phrase(texts: Localised, sheet: Sheet) -> Phrase:
    """A text in the visitor's language, else in the survey's, else in the first there is."""
    lang = choose_language([sheet.language, sheet.survey.default_language], texts, next(iter(texts)))
    return Phrase(sheet.fill(texts[lang]), lang)
