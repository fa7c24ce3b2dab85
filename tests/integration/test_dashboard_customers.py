"""The page of a customer: all that happened and its reader may see, in words for people, and the ways to it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.case import Case
from survey_service.models.customer import CustomerNote, NoteKind
from survey_service.models.delivery import DeliveryKind, DeliveryState
from survey_service.models.event import EventState
from survey_service.models.response import CallWish, Measure
from survey_service.models.survey import SurveyContent
from survey_service.pages.dashboard_customers import LONGEST_NOTE
from survey_service.pages.dashboard_history import MOMENTS
from survey_service.pages.dashboard_viewers import COOKIE, NEEDED
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.dashboards import ADA, enter_as, enter_with_key, link_for, open_shop, page
from tests.support.every_kind import EVERY_KIND
from tests.support.factories import (
    NOON,
    OUR_CUSTOMER,
    make_customer,
    make_delivery,
    make_event,
    make_invitation,
    make_response,
)
from tests.support.service import ApiClient

PAGE = f"/dashboard/customers/{OUR_CUSTOMER}"


@pytest.fixture
async def shop(store: Store) -> None:
    """Three places, two of them Ada's; answers of OUR_CUSTOMER at one of those, of cus_43 at the others."""
    await open_shop(store)


def text_of(html: str) -> str:
    """What is read on a page, in one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html)))


def kept_text(html: str) -> str:
    """What stands in the page's only text field; a newline at its beginning is not shown."""
    (text,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", html, re.DOTALL)
    return unescape(text)


async def put_person(store: Store, **changes: Any) -> None:
    """Somebody of whom nothing else is stored."""
    keys = ("id:c-7", "email:eve@example.com", "phone:+4915123456700")
    await store.customers.insert([make_customer("c-7", **({"id": "cus_7", "keys": keys} | changes))])


async def test_what_a_customer_wrote_is_read_where_it_belongs_and_what_colleagues_noted_everywhere(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    for note in (
        {"text": "the neighbour of Mitte", "source": "sms:SM1", "touchpoint": "mitte"},
        {"text": "the neighbour of Kiel", "source": "sms:SM2", "touchpoint": "kiel"},
        {"text": "a mail of nowhere", "source": "email:eml_1"},
        {"text": "speaks Dutch", "source": "ada#nte_1", "kind": NoteKind.NEED},
        {"text": "likes tea", "source": "sms:odd#nte_2", "kind": NoteKind.WISH},
    ):
        await store.customers.add_note(OUR_CUSTOMER, CustomerNote.model_validate({"at": NOON, **note}))
    await enter_as(visitor, parts)
    html = text_of(await page(visitor, PAGE))
    assert "the customer, by text message · Berlin Mitte the neighbour of Mitte" in html
    assert "Need 22 Nov 2025, 13:00 · Ada Weber speaks Dutch" in html
    assert "Wish 22 Nov 2025, 13:00 · sms:odd likes tea" in html
    assert "Kiel" not in html
    assert "nowhere" not in html

    visitor.session.cookie_jar.clear()
    await enter_with_key(visitor, store)
    html = text_of(await page(visitor, PAGE))
    assert "the customer, by text message · Kiel the neighbour of Kiel" in html
    assert "the customer, by mail a mail of nowhere" in html


async def test_a_note_is_measured_and_kept_with_one_character_a_line_end(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await enter_as(visitor, parts)
    long = "\r\n".join(["x" * 180] * 11)  # as browsers send it: 1,990 characters there, 2,000 here
    answer = await visitor.post(f"{PAGE}/notes", data={"note": long}, allow_redirects=False)
    assert answer.status == 303
    (note,) = (await store.customers.get_many([OUR_CUSTOMER]))[OUR_CUSTOMER].notes
    assert note.text == long.replace("\r\n", "\n")


async def test_a_note_that_is_too_long_comes_back_whole(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await enter_as(visitor, parts)
    typed = "word\r\n" * LONGEST_NOTE
    answer = await visitor.post(f"{PAGE}/notes", data={"note": typed})
    assert answer.status == 422
    assert kept_text(await answer.text()) == typed.replace("\r\n", "\n").strip()


async def test_a_note_survives_the_end_of_the_session(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    typed, german = "Likes tea.\r\n</textarea><script>", {"Accept-Language": "de"}
    answer = await visitor.post(f"{PAGE}/notes", data={"note": typed}, headers=german)
    html = await answer.text()
    assert answer.status == 403
    assert "Ihre Notiz" in html
    assert kept_text(html) == typed.replace("\r\n", "\n")
    # Signing in leads back to the customer.
    assert f'action="/dashboard/sign-in?customer={OUR_CUSTOMER}"' in html
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    answer = await visitor.post(f"{PAGE}/notes", data={"note": typed}, headers=elsewhere)
    assert (answer.status, "Likes tea" in await answer.text()) == (403, False)
    assert (await store.customers.get_many([OUR_CUSTOMER]))[OUR_CUSTOMER].notes == ()


async def test_imported_history_is_shown_and_makes_somebody_known(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await put_person(store)
    imported = {"reason": "imported", "state": EventState.DECIDED, "keys": ("id:c-7",)}
    events = [
        make_event("old-1", type="came.to.mitte", touchpoint="mitte", **imported),
        make_event("old-2", type="came.to.kiel", touchpoint="kiel", **imported),
    ]
    await store.events.insert([event.to_document() for event in events])
    await enter_as(visitor, parts)
    html = await page(visitor, "/dashboard/customers/cus_7")
    assert "came.to.mitte" in html
    assert "came.to.kiel" not in html
    await store.configuration.people.put("ada", ADA.model_copy(update={"touchpoints": ("west",)}))
    store.configuration._read_at = 0.0  # pages may lag a second behind
    assert (await visitor.get("/dashboard/customers/cus_7")).status == 404


async def test_older_pages_hold_the_rest_each_moment_once(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await put_person(store)
    total = 2 * MOMENTS + 5
    events = [
        make_event(
            f"evt-{number}",
            type=f"type-{number}-",
            customer="cus_7",
            touchpoint="kiel" if number % 10 == 0 else "mitte",
            time=NOON + timedelta(minutes=number // 3),
            state=EventState.DECIDED,
        )
        for number in range(total)
    ]
    await store.events.insert([event.to_document() for event in events])
    await enter_as(visitor, parts)
    path, seen, pages = "/dashboard/customers/cus_7", list[str](), 0
    while path:
        html, pages = await page(visitor, path), pages + 1
        seen += re.findall(r"type-(\d+)-", html)
        assert ("Back to the newest" in html) == (pages > 1)
        found = re.search(r'href="([^"]+)" rel="next"', html)
        path = unescape(found[1]) if found else ""
    assert pages == 2
    assert sorted(map(int, seen)) == [number for number in range(total) if number % 10]
    for cursor in ("x", "AAAAAAAAAAA", "é"):
        assert "type-104-" in await page(visitor, "/dashboard/customers/cus_7", before=cursor)


async def test_everything_is_said_in_words(visitor: ApiClient, parts: Parts, store: Store, shop: None) -> None:
    await store.configuration.surveys.put("every-kind", SurveyContent.model_validate(EVERY_KIND))
    await store.configuration.people.put("mia", ADA.model_copy(update={"name": "Mia Meier", "language": "de"}))
    store.configuration._read_at = 0.0  # pages may lag a second behind
    await put_person(store)
    about = {"customer": "cus_7", "touchpoint": "mitte"}
    decided = {"trigger": "after-delivery", "trigger_version": 1, "outcome": "skipped", "reason": "cooldown"}
    event = make_event(**about, state=EventState.DECIDED, decisions=(decided,))
    await store.events.insert([event.to_document()])
    invitation = make_invitation(**about, state="expired")
    await store.invitations.insert([invitation])
    reminder = {"kind": DeliveryKind.REMINDER, "state": DeliveryState.CANCELLED, "reason": "answered", "channel": "sms"}
    await store.deliveries.insert([make_delivery(invitation, **about, **reminder)])
    answers = {
        "nps": 2,
        "why": "It was late.",
        "solved": 0,
        "ces": 6,
        "purpose": "work",
        "liked": ("food", "staff"),
        "call": CallWish(at=NOON, minutes=30, phone="+4915123456799"),
        "quote": True,
        "gone": "option_a",
    }
    measures = {"solved": Measure(metric="csat", scale="yes-no"), "ces": Measure(metric="ces", scale="1-7")}
    given = {"survey": "every-kind", "answers": answers, "measures": measures, "score": 2, "comment": "It was late."}
    await store.responses.save(make_response(**about, **given, suspect="too_fast", suspect_by="service"))
    case = {"title": "Unhappy", "rule": "r", "survey": "every-kind", "brand": "acme", "channel": "web", "metric": "nps"}
    case |= {"scale": "0-10", "due_within": "P1D", "due_by": NOON, "opened_at": NOON, "owner": "mia", "id": "cas_1"}
    case |= {"response": "rsp_1", "state": "waiting", "notes": ({"at": NOON, "by": "customer", "text": "Any news?"},)}
    await store.cases.insert([Case.model_validate(case | about)])

    await enter_as(visitor, parts, "mia")
    html = await page(visitor, "/dashboard/customers/cus_7")
    said = dict(re.findall(r"<dt dir=\"auto\">(.*?)</dt><dd dir=\"auto\">(.*?)</dd>", html))
    assert said == {
        "Wie wahrscheinlich empfehlen Sie uns weiter?": "2 (0–10)",
        "Warum?": "<blockquote>It was late.</blockquote>",
        "Did we solve it?": "Nein",
        "Acme made it easy for me to get help.": "6 (1–7)",
        "What did you come for?": "Work (de)",
        "What did you like?": "Food (de), Staff (de)",
        "Shall we call you?": "22. Nov. 2025, 13:00",
        "You may quote me.": "Ja",
        "gone": "option_a",
    }
    text = text_of(html)
    for words in (
        "Einladung After delivery",
        "abgelaufen",
        "after-delivery: nicht gefragt cooldown",
        "Nachricht Erinnerung 22. Nov. 2025, 13:00 · SMS · nicht mehr gesendet answered",
        "Bat um einen Anruf 22. Nov. 2025, 13:00 22. Nov. 2025, 13:00 · +4915123456799",
        "zählt in keiner Kennzahl too_fast",
        "wartet auf die Kundin oder den Kunden · Mia Meier · Kundin oder Kunde: Any news?",
    ):
        assert words in text
    assert "<code>cooldown</code>" in html


@pytest.mark.parametrize("who", ["c-7", "cus_7", " EVE@example.com ", "+49 1512 3456700", "+4915123456700"])
async def test_a_customer_is_found_by_what_they_are_known_by(
    visitor: ApiClient, store: Store, shop: None, who: str
) -> None:
    await put_person(store)
    await enter_with_key(visitor, store)
    assert 'action="/dashboard/customers"' in await page(visitor)
    answer = await visitor.post("/dashboard/customers", data={"who": who}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/dashboard/customers/cus_7")


@pytest.mark.parametrize("who", ["", "nobody", "bob@example.com", "@", "+4915123456780", "<script>", "x" * 2_000])
async def test_who_is_not_known_is_said_to_be_so(visitor: ApiClient, store: Store, shop: None, who: str) -> None:
    await enter_with_key(visitor, store)
    answer = await visitor.post("/dashboard/customers", data={"who": who}, allow_redirects=False)
    html = await answer.text()
    assert answer.status == 404
    assert not who or "Nobody is known by this." in html
    assert "<script>" not in html


async def test_whom_a_reader_may_not_see_they_do_not_find(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    await put_person(store)
    await enter_as(visitor, parts)
    answers = [await visitor.post("/dashboard/customers", data={"who": who}) for who in ("c-7", "c-8")]
    pages = [(await answer.text()).replace("c-8", "c-7") for answer in answers]
    assert [answer.status for answer in answers] == [404, 404]
    assert pages[0] == pages[1]
    assert "Nobody who was at your touchpoints" in pages[0]
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    assert (await visitor.post("/dashboard/customers", data={"who": "c-42"}, headers=elsewhere)).status == 403

    visitor.session.cookie_jar.clear()
    answer = await visitor.post("/dashboard/customers", data={"who": "c-7"}, allow_redirects=False)
    assert answer.headers["Location"] == "/dashboard/sign-in"
    await enter_with_key(visitor, store, *NEEDED)
    assert 'action="/dashboard/customers"' not in await page(visitor)
    assert (await visitor.post("/dashboard/customers", data={"who": "c-7"})).status == 404


async def test_whoever_follows_a_link_to_a_customer_comes_out_there(
    visitor: ApiClient, parts: Parts, store: Store, shop: None
) -> None:
    answer = await visitor.get(PAGE, allow_redirects=False)
    query = answer.headers["Location"].partition("?")[2]
    entered = await visitor.post(f"{link_for(parts)}?{query}", allow_redirects=False)
    assert COOKIE in entered.cookies
    assert entered.headers["Location"] == PAGE
    assert "words from mitte" in await page(visitor, PAGE)
    _, secret = await store.api_keys.create("desk", tuple(Scope))
    entered = await visitor.post(f"/dashboard/sign-in/key?{query}", data={"key": secret}, allow_redirects=False)
    assert entered.headers["Location"] == PAGE
