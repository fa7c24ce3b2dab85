"""`/u/{token}`: less often, another channel, never; a look changes nothing, and a later opt-out wins."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse

from survey_service.models.brand import BrandContent
from survey_service.models.contact import Contact, Frequency
from survey_service.models.customer import CustomerProfile
from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.models.suppression import EVERY_BRAND, SuppressionReason
from survey_service.models.trigger import TriggerContent
from survey_service.parts import Parts
from survey_service.store.store import Store
from survey_service.store.suppressions import address_suppression, person_hashes, stands_against
from survey_service.tokens import OptOutSubject
from survey_service.wiring import create_app
from tests.support.content import BRAND, SURVEY, put_survey
from tests.support.factories import NOON, OUR_CUSTOMER, make_customer, make_delivery, make_invitation
from tests.support.service import ApiClient, client_of

SUBJECT = OptOutSubject(BRAND, OUR_CUSTOMER)


@pytest.fixture
async def web(parts: Parts) -> AsyncIterator[ApiClient]:
    """A browser of a service whose trigger asks by email, else by SMS, and of Ada, who was asked by email."""
    store = parts.store
    await put_survey(store)
    await put_trigger(store, "email", "sms")
    await store.customers.insert([make_customer()])
    await store.deliveries.insert([make_delivery(make_invitation(), state=DeliveryState.SENT)])
    async with client_of(create_app(parts)) as client:
        yield client


async def put_trigger(store: Store, *channels: str, enabled: bool = True) -> None:
    fields = {"survey": SURVEY, "event_type": "order.delivered", "channels": channels, "enabled": enabled}
    await store.configuration.triggers.put("after-delivery", TriggerContent.model_validate(fields))


def path(parts: Parts) -> str:
    return f"/u/{parts.keyring.opt_out_token(SUBJECT)}"


async def page(response: ClientResponse) -> str:
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    return await response.text()


async def contact(store: Store) -> Contact:
    return (await store.contacts.get_many([OUR_CUSTOMER]))[OUR_CUSTOMER]


async def is_out(parts: Parts) -> bool:
    hashes = person_hashes(parts.keyring, OUR_CUSTOMER)
    return stands_against(await parts.store.suppressions.standing(hashes), hashes, BRAND) is not None


async def test_a_look_offers_three_choices_and_changes_nothing(web: ApiClient, parts: Parts) -> None:
    for _ in range(2):
        html = await page(await web.get(path(parts)))
        assert [choice in html for choice in ('value="less"', 'value="channel"', 'value="never"')] == [True] * 3
        assert "Ask me by text message" in html
    assert await contact(parts.store) == Contact(id=OUR_CUSTOMER)
    assert not await is_out(parts)


async def test_less_often_is_remembered_and_nothing_else(web: ApiClient, parts: Parts) -> None:
    for _ in range(2):
        assert "We will ask you less often" in await page(await web.post(path(parts), data={"choice": "less"}))
        found = await contact(parts.store)
        assert (found.frequency, found.channel) == (Frequency.LESS, None)
    assert not await is_out(parts)


async def test_another_channel_is_the_one_that_the_last_message_did_not_come_by(web: ApiClient, parts: Parts) -> None:
    for _ in range(2):
        html = await page(await web.post(path(parts), data={"choice": "channel"}))
        assert "From now on we ask you by text message" in html
        found = await contact(parts.store)
        assert (found.frequency, found.channel) == (Frequency.NORMAL, "sms")
    text = make_delivery(
        make_invitation(), 2, state=DeliveryState.SENT, channel=ChannelName.SMS, created_at=parts.clock.now()
    )
    await parts.store.deliveries.insert([text])
    assert "From now on we ask you by e-mail" in await page(await web.post(path(parts), data={"choice": "channel"}))
    assert (await contact(parts.store)).channel == "email"


async def test_both_wishes_stand_beside_each_other(web: ApiClient, parts: Parts) -> None:
    await web.post(path(parts), data={"choice": "channel"})
    await web.post(path(parts), data={"choice": "less"})
    found = await contact(parts.store)
    assert (found.frequency, found.channel) == (Frequency.LESS, "sms")


@pytest.mark.parametrize("form", [{"choice": "never"}, {"List-Unsubscribe": "One-Click"}, {"choice": "louder"}, {}])
async def test_never_is_the_choice_and_what_a_post_without_one_means(
    web: ApiClient, parts: Parts, form: dict[str, str]
) -> None:
    for _ in range(2):
        assert "You will get no more surveys from us" in await page(await web.post(path(parts), data=form))
    assert await is_out(parts)


async def test_a_one_click_client_may_send_its_form_in_parts(web: ApiClient, parts: Parts) -> None:
    """RFC 8058 section 3.1 allows multipart/form-data."""
    body = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    await page(await web.post(path(parts), data=body, headers=headers))
    assert await is_out(parts)


async def test_a_later_opt_out_wins_and_an_earlier_one_stays(web: ApiClient, parts: Parts) -> None:
    await web.post(path(parts), data={"choice": "less"})
    await web.post(path(parts), data={"choice": "never"})
    assert await is_out(parts)
    assert "You will get no more surveys from us" in await page(await web.get(path(parts)))
    html = await page(await web.post(path(parts), data={"choice": "channel"}))
    assert "You will get no more surveys from us" in html
    assert await is_out(parts)
    assert (await contact(parts.store)).channel is None


async def no_phone(parts: Parts) -> None:
    profile = CustomerProfile(email="ada@example.com")
    await parts.store.customers.update_profiles({OUR_CUSTOMER: (profile, parts.clock.now())})


async def no_trigger_by_sms(parts: Parts) -> None:
    await put_trigger(parts.store, "email")


async def the_trigger_is_off(parts: Parts) -> None:
    await put_trigger(parts.store, "email", "sms", enabled=False)


async def number_suppressed(parts: Parts) -> None:
    number = address_suppression(parts.keyring, "+4915123456789", EVERY_BRAND, SuppressionReason.STOP, NOON)
    await parts.store.suppressions.insert([number])


async def consent_is_missing(parts: Parts) -> None:
    await parts.store.configuration.brands.put(BRAND, BrandContent(name="Acme", consent_required=(ChannelName.SMS,)))


@pytest.mark.parametrize(
    "reason", [no_phone, no_trigger_by_sms, the_trigger_is_off, number_suppressed, consent_is_missing]
)
async def test_no_channel_is_offered_that_could_not_be_used(web: ApiClient, parts: Parts, reason: object) -> None:
    assert callable(reason)
    await reason(parts)
    assert 'value="channel"' not in await page(await web.get(path(parts)))
    html = await page(await web.post(path(parts), data={"choice": "channel"}))
    assert 'value="never"' in html
    assert await contact(parts.store) == Contact(id=OUR_CUSTOMER)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de-AT,de;q=0.9", "Wir fragen Sie seltener"),
        ("es", "Le preguntaremos menos a menudo"),
        ("fr", "moins souvent"),
        ("it", "less often"),
    ],
)
async def test_the_page_speaks_the_language_of_the_browser(
    web: ApiClient, parts: Parts, language: str, words: str
) -> None:
    headers = {"Accept-Language": language}
    assert words in await page(await web.post(path(parts), data={"choice": "less"}, headers=headers))


@pytest.mark.parametrize("form", [{"choice": "less"}, {"choice": "never"}])
async def test_a_link_that_is_not_ours_leads_nowhere(web: ApiClient, parts: Parts, form: dict[str, str]) -> None:
    broken = path(parts)[:-1]
    assert (await web.get(broken)).status == 404
    assert (await web.post(broken, data=form)).status == 404
    assert not await is_out(parts)
