"""`/v1/surveys`: survey content in, its versions out; a PUT that changes something makes a new version."""

from __future__ import annotations

from datetime import datetime, timedelta

from survey_service.api.checks import check_anonymity, check_channel, check_survey
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by, list_versions, read_version, resource_id
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import SendTestIn, SendTestView, SurveyView
from survey_service.errors import Conflict, InvalidInput
from survey_service.models.api_key import Scope
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName, Delivery, DeliveryKind, DeliveryState
from survey_service.models.ids import random_id
from survey_service.models.survey import Survey, SurveyContent
from survey_service.texts.addresses import AddressInvalid, email_key, normalise_email

TEST_EXPIRES_AFTER = timedelta(hours=1)  # whoever tests is waiting for it


@endpoint("GET", "/v1/surveys", tag="surveys", scope=Scope.CONFIG_READ, answers={200: ListOf[SurveyView]})
async def list_surveys(call: Call, query: ListQuery) -> Reply:
    """List the surveys by id, each in its present version."""
    rows = await call.parts.store.configuration.surveys.all_latest()
    return list_by(call, query, rows, lambda row: row.survey, SurveyView.of)


@endpoint("GET", "/v1/surveys/{id}", tag="surveys", scope=Scope.CONFIG_READ, answers={200: SurveyView})
async def get_survey(call: Call) -> Reply:
    """Read a survey in its present version."""
    row = await _present(call)
    return Reply(SurveyView.of(row), etag=row.version)


@endpoint(
    "PUT", "/v1/surveys/{id}", tag="surveys", scope=Scope.CONFIG_WRITE, answers={200: SurveyView, 201: SurveyView}
)
async def put_survey(call: Call, body: SurveyContent) -> Reply:
    """Create a survey or give it a new version; the same content again changes nothing."""
    name, configuration = resource_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    check_survey(body, snapshot.brands, snapshot.people)
    places = {row.id: row for row in await configuration.touchpoints.all()}
    check_anonymity(name, body, snapshot.promised, snapshot.triggers, places, snapshot.follow_ups)
    row, changed = await configuration.surveys.put(name, body, call.expected_version())
    created = changed and name not in snapshot.surveys
    return Reply(SurveyView.of(row), status=201 if created else 200, etag=row.version)


@endpoint("DELETE", "/v1/surveys/{id}", tag="surveys", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_survey(call: Call) -> Reply:
    """Delete a survey that no trigger uses; its versions stay readable."""
    name, configuration = resource_id(call), call.parts.store.configuration
    snapshot = await configuration.current()
    if users := sorted(row.trigger for row in snapshot.triggers.values() if row.survey == name):
        raise Conflict(f"the survey is used by the triggers {', '.join(users)}")
    await configuration.surveys.delete(name)
    return Reply(None, status=204)


@endpoint("GET", "/v1/surveys/{id}/versions", tag="surveys", scope=Scope.CONFIG_READ, answers={200: ListOf[SurveyView]})
async def list_survey_versions(call: Call, query: ListQuery) -> Reply:
    """List every version of a survey, the newest first."""
    return await list_versions(call, query, call.parts.store.configuration.surveys, "survey", SurveyView.of)


@endpoint(
    "GET", "/v1/surveys/{id}/versions/{version}", tag="surveys", scope=Scope.CONFIG_READ, answers={200: SurveyView}
)
async def get_survey_version(call: Call) -> Reply:
    """Read one version of a survey, which never changes."""
    row = await read_version(call, call.parts.store.configuration.surveys, "survey")
    return Reply(SurveyView.of(row), etag=row.version)


@endpoint("POST", "/v1/surveys/{id}/test-send", tag="surveys", scope=Scope.CONFIG_WRITE, answers={202: SendTestView})
async def send_test(call: Call, body: SendTestIn) -> Reply:
    """Send a survey to one of its brand's own test addresses."""
    row = await _present(call)
    check_channel(ChannelName.EMAIL, call.parts.usable_channels)
    brand = (await call.parts.store.configuration.current()).brands.get(row.brand)
    if brand is None:
        raise Conflict(f"the survey's brand {row.brand} no longer exists")
    language = spoken_language(row, body.language)
    to = _test_address(brand, body.to)
    delivery = trial_delivery(row, ChannelName.EMAIL, to, language, call.parts.clock.now())
    await call.parts.store.deliveries.insert([delivery])
    call.parts.bells.ring("sending")
    return Reply(SendTestView(delivery=delivery.id), status=202)


async def _present(call: Call) -> Survey:
    name = resource_id(call)
    return found(await call.parts.store.configuration.surveys.latest(name), "survey", name)


def _test_address(brand: Brand, wanted: str) -> str:
    """The address as the brand lists it, so that nobody else is ever written to."""
    try:
        key = email_key(normalise_email(wanted))
    except AddressInvalid as error:
        raise InvalidInput.at("/to", "email", f"is not an email address: {error}") from None
    listed = {email_key(normalise_email(address)): normalise_email(address) for address in brand.test_addresses}
    if key not in listed:
        raise InvalidInput.at("/to", "test_address", f"is not one of the test_addresses of the brand {brand.id}")
    return listed[key]


def spoken_language(survey: Survey, wanted: str | None, pointer: str = "/language") -> str:
    """The wanted language, else the survey's default one.

    Raises:
        InvalidInput: the survey is not in the wanted one.
    """
    if wanted is not None and wanted not in survey.languages:
        message = f"the survey is not in that language; it has {', '.join(survey.languages)}"
        raise InvalidInput.at(pointer, "language", message)
    return wanted or survey.default_language


def trial_delivery(survey: Survey, channel: ChannelName, to: str, language: str, now: datetime) -> Delivery:
    """A message that shows a survey to its makers, due now."""
    return Delivery(
        id=random_id("dlv"),
        kind=DeliveryKind.TEST,
        channel=channel,
        brand=survey.brand,
        survey=survey.survey,
        survey_version=survey.version,
        to=to,
        language=language,
        state=DeliveryState.REQUESTED,
        due_at=now,
        created_at=now,
        planned_at=now,
        expires_at=now + TEST_EXPIRES_AFTER,
    )


ENDPOINTS = (
    list_surveys,
    get_survey,
    put_survey,
    delete_survey,
    list_survey_versions,
    get_survey_version,
    send_test,
)
