"""`GET /v1/surveys/{id}/preview`: a survey comes in; what its customers would see, marked as a preview, goes out.

Nothing is stored, and nothing is sent.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, resource_id
from survey_service.api.surveys import spoken_language, trial_delivery
from survey_service.delivery.composing import Draft
from survey_service.errors import Conflict
from survey_service.models.api_key import Scope
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import LanguageCode, Survey
from survey_service.texts.segments import Encoding, count_segments
from survey_service.tokens import PreviewSubject

_NOBODY = "preview@survey.invalid"  # it stands in no preview, so that none waits for a sender (RFC 6761, 6.4)


class PreviewQuery(BaseModel):
    """What is to be seen."""

    language: LanguageCode | None = Field(default=None, description="Unset: each language of the survey")
    version: int | None = Field(default=None, ge=1, description="Unset: the present one")


class EmailPreview(BaseModel):
    """The mail."""

    subject: str
    html: str
    text: str


class SmsPreview(BaseModel):
    """The first text message, and what it costs."""

    text: str
    encoding: Encoding
    segments: int = Field(description="As they are billed")


class LanguagePreview(BaseModel):
    """The survey in one language."""

    language: str
    page: str = Field(description="Address of the page; whoever has it can look, and answer without a trace")
    email: EmailPreview
    sms: SmsPreview


class SurveyPreview(BaseModel):
    """One version of a survey, language by language, the default one first."""

    survey: str
    version: int
    previews: list[LanguagePreview]


@endpoint("GET", "/v1/surveys/{id}/preview", tag="surveys", scope=Scope.CONFIG_READ, answers={200: SurveyPreview})
async def preview_survey(call: Call, query: PreviewQuery) -> Reply:
    """Show a survey's page, mail and text message without storing or sending anything."""
    survey = await _survey(call, query.version)
    brand = (await call.parts.store.configuration.current()).brands.get(survey.brand)
    if brand is None:
        raise Conflict(f"the survey's brand {survey.brand} no longer exists")
    languages = survey.languages if query.language is None else (spoken_language(survey, query.language),)
    previews = [_preview(call, survey, brand, language) for language in languages]
    return Reply(SurveyPreview(survey=survey.survey, version=survey.version, previews=previews))


async def _survey(call: Call, version: int | None) -> Survey:
    name, surveys = resource_id(call), call.parts.store.configuration.surveys
    if version is None:
        return found(await surveys.latest(name), "survey", name)
    return found(await surveys.version(name, version), "survey", f"{name} in version {version}")


def _preview(call: Call, survey: Survey, brand: Brand, language: str) -> LanguagePreview:
    parts, now = call.parts, call.parts.clock.now()
    brand = brand.model_copy(update={"email_from": _NOBODY})

    def draft(channel: ChannelName) -> Draft:
        delivery = trial_delivery(survey, channel, _NOBODY, language, now)
        return Draft(delivery, survey, brand, invitation=None, rehearsed=True)

    mail = parts.composer.compose_email(draft(ChannelName.EMAIL))
    text = parts.composer.compose_sms(draft(ChannelName.SMS)).text
    cost = count_segments(text)
    token = parts.keyring.preview_token(PreviewSubject(survey.survey, survey.version, language))
    return LanguagePreview(
        language=language,
        page=f"{parts.base_url}/preview/{token}",
        email=EmailPreview(subject=mail.subject, html=mail.html, text=mail.text),
        sms=SmsPreview(text=text, encoding=cost.encoding, segments=cost.count),
    )


ENDPOINTS = (preview_survey,)
