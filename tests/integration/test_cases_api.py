"""Cases over HTTP: lists and filters, changes by revision, notes, replies and rewards, and the customer's own page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.case import MAX_NOTES, Case
from survey_service.models.delivery import DeliveryKind
from survey_service.models.incentive import IncentiveContent
from survey_service.wiring import create_app
from tests.support.cases import all_cases, invite, put_people, put_rule, the_case, unhappy
from tests.support.pipeline import Pipeline
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client, client_of

Row = dict[str, Any]


@pytest.fixture
async def case(pipeline: Pipeline) -> Case:
    """A case of Ada's, which Mia owns."""
    await pipeline.configure()
    await put_people(pipeline, mia={}, bo={"touchpoints": ("rome",)})
    await put_rule(pipeline, case={"ask_resolved": True})
    return await unhappy(pipeline)


@pytest.fixture
async def client(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """A client of the API of that service."""
    async with api_client(pipeline.service.parts) as opened:
        yield opened


@pytest.fixture
async def browser(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    """A customer's browser."""
    async with client_of(create_app(pipeline.service.parts)) as opened:
        yield opened


def path(case: Case, below: str = "") -> str:
    return f"/v1/cases/{case.id}{below}"


async def listed(client: ApiClient, **query: str) -> list[str]:
    answer = await client.get("/v1/cases", params=query)
    assert answer.status == 200, await answer.text()
    return [row["id"] for row in (await answer.json())["data"]]


async def changed(client: ApiClient, case: Case, **body: Any) -> Row:
    answer = await client.patch(path(case), json=body)
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


async def test_a_case_is_read_with_its_history_and_under_its_revision(client: ApiClient, case: Case) -> None:
    answer = await client.get(path(case))
    shown = await answer.json()
    assert (answer.status, answer.headers["ETag"]) == (200, '"1"')
    expected = {
        "id": case.id,
        "state": "open",
        "owner": "mia",
        "customer": "c-ada",
        "customer_id": case.customer,
        "score": 2,
        "comment": "It was broken.",
        "overdue": False,
        "notes": [],
        "history": [],
        "deliveries": [],
    }
    assert {name: shown[name] for name in expected} == expected
    assert (await client.get(path(case), headers={"If-None-Match": '"1"'})).status == 304
    await assert_problem(await client.get("/v1/cases/cas_none"), 404, "not_found")


async def test_lists_are_filtered(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    await put_people(pipeline, mia={"active": False})
    other = await unhappy(pipeline, "ord-2", "ben")
    await changed(client, case, state="closed", priority="urgent")
    pipeline.pass_time(timedelta(days=3))
    await pipeline.run()
    assert await listed(client) == [other.id, case.id]
    for query, expected in [
        ({"state": "closed"}, [case.id]),
        ({"active": "true"}, [other.id]),
        ({"active": "false"}, [case.id]),
        ({"owner": "mia"}, [case.id]),
        ({"unassigned": "true"}, [other.id]),
        ({"unassigned": "false"}, [case.id]),
        ({"unassigned": "false", "active": "true"}, []),
        ({"priority": "urgent"}, [case.id]),
        ({"overdue": "true"}, [other.id]),
        ({"overdue": "false"}, [case.id]),
        ({"survey": "after-delivery"}, [other.id, case.id]),
        ({"survey": "another"}, []),
        ({"rule": "unhappy", "touchpoint": "berlin-mitte"}, [other.id, case.id]),
        ({"touchpoint": "rome"}, []),
        ({"customer": "c-ben"}, [other.id]),
        ({"customer": case.customer or ""}, [case.id]),
    ]:
        assert await listed(client, **query) == expected, query
    await assert_problem(await client.get("/v1/cases", params={"state": "lost"}), 422, "invalid")


async def test_lists_come_in_pages_and_by_what_changed(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    other = await unhappy(pipeline, "ord-2", "ben")
    page = await (await client.get("/v1/cases", params={"limit": "1"})).json()
    assert ([row["id"] for row in page["data"]], page["next"] is not None) == ([other.id], True)
    cursor = page["next"].rpartition("cursor=")[2]
    assert await listed(client, limit="1", cursor=cursor) == [case.id]
    before = case.opened_at - timedelta(days=1)
    assert await listed(client, updated_since=before.isoformat()) == []
    await changed(client, case, priority="low")
    pipeline.pass_time(timedelta(seconds=10))
    assert await listed(client, updated_since=before.isoformat()) == [other.id, case.id]


async def test_a_change_stands_in_the_history_with_who_did_it(client: ApiClient, case: Case) -> None:
    shown = await changed(client, case, state="waiting", priority="urgent", by="mia")
    assert (shown["state"], shown["priority"], shown["revision"]) == ("waiting", "urgent", 2)
    lines = {line["field"]: line for line in shown["history"]}
    assert lines["state"].items() >= {"by": "mia", "before": "open", "after": "waiting"}.items()
    again = await changed(client, case, state="waiting")
    assert (again["revision"], len(again["history"])) == (2, 2)
    shown = await changed(client, case, public_note="We sent a new one.")
    assert shown["history"][-1]["by"] == "api:test"


async def test_only_the_revision_that_was_read_is_changed(client: ApiClient, case: Case) -> None:
    first = await client.patch(path(case), json={"priority": "low"}, headers={"If-Match": '"1"'})
    assert (first.status, first.headers["ETag"]) == (200, '"2"')
    late = await client.patch(path(case), json={"priority": "high"}, headers={"If-Match": '"1"'})
    await assert_problem(late, 412, "precondition_failed")
    late = await client.post(path(case, "/notes"), json={"text": "late"}, headers={"If-Match": '"1"'})
    await assert_problem(late, 412, "precondition_failed")


async def test_changes_at_the_same_moment_are_all_kept(client: ApiClient, case: Case) -> None:
    texts = [f"note {number}" for number in range(12)]
    answers = await asyncio.gather(*(client.post(path(case, "/notes"), json={"text": text}) for text in texts))
    assert {answer.status for answer in answers} == {201}
    shown = await (await client.get(path(case))).json()
    assert (sorted(note["text"] for note in shown["notes"]), shown["revision"]) == (sorted(texts), 13)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"state": "lost"}, "/state"),
        ({"state": None}, "/state"),
        ({"owner": "nobody"}, "/owner"),
        ({"priority": None}, "/priority"),
        ({"due_by": None}, "/due_by"),
        ({"due_by": "2020-01-01T00:00:00Z"}, "/due_by"),
        ({"due_by": "tomorrow"}, "/due_by"),
        ({"public_note": " "}, "/public_note"),
        ({"public_note": "x" * 501}, "/public_note"),
        ({"by": "nobody", "state": "closed"}, "/by"),
        ({"title": "another"}, "/title"),
    ],
)
async def test_a_change_that_breaks_a_rule_is_refused_at_that_field(
    client: ApiClient, case: Case, body: Row, pointer: str
) -> None:
    problem = await assert_problem(await client.patch(path(case), json=body), 422, "invalid")
    assert pointers(problem) == {pointer}


async def test_a_closed_case_is_never_opened_again_and_a_resolved_one_may_be(client: ApiClient, case: Case) -> None:
    resolved = await changed(client, case, state="resolved")
    assert resolved["closed_at"] is not None
    reopened = await changed(client, case, state="open")
    assert reopened["closed_at"] is None
    await changed(client, case, state="closed")
    await assert_problem(await client.patch(path(case), json={"state": "open"}), 409, "conflict")


async def test_a_new_owner_is_told_unless_they_took_it_themselves(
    client: ApiClient, case: Case, pipeline: Pipeline
) -> None:
    shown = await changed(client, case, owner="bo", by="mia")
    (told,) = shown["deliveries"]
    assert (told["kind"], told["to"]) == ("alert", "b•••@acme.example")
    await changed(client, case, owner="mia", by="mia")
    await changed(client, case, owner=None)
    await pipeline.run()
    (alert,) = [letter for letter in pipeline.letters() if letter.to == "bo@acme.example"]
    assert "Unhappy customer" in alert.subject
    assert "It was broken." in alert.text


async def test_notes_end_somewhere(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    note = {"at": case.opened_at, "by": "mia", "text": "…"}
    await pipeline.store.database["cases"].update_one({}, {"$set": {"notes": [note] * MAX_NOTES}})
    await assert_problem(await client.post(path(case, "/notes"), json={"text": "more"}), 409, "conflict")


async def test_a_reply_goes_to_the_customer_in_the_name_of_a_person(
    client: ApiClient, case: Case, pipeline: Pipeline
) -> None:
    body = {"text": "Dear Ada,\n\nwe are sorry.", "subject": "About your order"}
    answer = await client.post(path(case, "/reply"), json=body)
    made = await answer.json()
    assert (answer.status, answer.headers["ETag"]) == (202, '"2"')
    delivery = await pipeline.store.deliveries.get(made["delivery"])
    assert delivery is not None
    assert (delivery.kind, delivery.person, delivery.case) == (DeliveryKind.CASE_REPLY, "mia", case.id)
    await pipeline.run()
    letter = pipeline.letters()[-1]
    assert (letter.to, letter.subject) == ("ada@example.com", "About your order")
    assert "we are sorry." in letter.text
    shown = await (await client.get(path(case))).json()
    assert (shown["replies"], shown["deliveries"][0]["id"]) == (1, made["delivery"])
    assert shown["history"][-1].items() >= {"field": "reply", "by": "api:test", "after": made["delivery"]}.items()


async def test_a_reply_that_is_repeated_is_written_once(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    headers = {"Idempotency-Key": "reply-1"}

    async def reply(text: str = "We are sorry.", **more: str) -> tuple[int, Row]:
        answer = await client.post(path(case, "/reply"), json={"text": text}, headers={**headers, **more})
        return answer.status, await answer.json()

    answers = await asyncio.gather(*(reply() for _ in range(5)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 200, 202]
    assert len({body["delivery"] for _, body in answers}) == 1
    assert (await reply("Something else."))[0] == 409
    assert (await the_case(pipeline)).replies == 1
    assert (await client.post(path(case, "/reply"), json={"text": "We are sorry."})).status == 202
    assert len(await pipeline.store.deliveries.of_case(case.id)) == 2


async def test_a_reply_needs_words_and_a_way(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    for body, pointer in [
        ({"text": ""}, "/text"),
        ({"text": "a", "channel": "web"}, "/channel"),
        ({"text": "a", "channel": "sms"}, "/channel"),
        ({"text": "a", "by": "nobody"}, "/by"),
        ({"text": "a", "subject": "a\nb"}, "/subject"),
    ]:
        problem = await assert_problem(await client.post(path(case, "/reply"), json=body), 422, "invalid")
        assert pointers(problem) == {pointer}
    await pipeline.store.database["cases"].update_one({}, {"$set": {"customer": None}})
    await assert_problem(await client.post(path(case, "/reply"), json={"text": "a"}), 409, "conflict")


async def test_an_incentive_is_given_once_a_case(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    content = {"name": "Ten percent", "kind": "shared_code", "text": {"en": "10 % off"}, "code": "SORRY10"}
    await pipeline.store.configuration.incentives.put("ten", IncentiveContent.model_validate(content))
    for _ in range(2):
        answer = await client.post(path(case, "/reward"), json={"incentive": "ten", "by": "mia"})
        given = await answer.json()
        assert (answer.status, given["state"], given["reason"]) == (200, "granted", None), given
    (line,) = (await the_case(pipeline)).history
    assert (line.field, line.by, line.after) == ("reward", "mia", given["reward"])


async def test_a_gesture_is_written_to_the_customer(client: ApiClient, case: Case, pipeline: Pipeline) -> None:
    answer = await client.post(path(case, "/reward"), json={"gesture": "We plant a tree for you."})
    assert answer.status == 200
    await pipeline.run()
    assert "We plant a tree for you." in pipeline.letters()[-1].text
    (line,) = (await the_case(pipeline)).history
    assert line.field == "gesture"


@pytest.mark.parametrize("body", [{}, {"incentive": "ten", "gesture": "a tree"}, {"incentive": "no-such"}])
async def test_a_reward_is_one_thing_that_exists(client: ApiClient, case: Case, body: Row) -> None:
    await assert_problem(await client.post(path(case, "/reward"), json=body), 422, "invalid")


async def test_reading_and_writing_need_their_scopes(pipeline: Pipeline, case: Case) -> None:
    async with api_client(pipeline.service.parts, Scope.CASES_READ) as reader:
        assert (await reader.get(path(case))).status == 200
        await assert_problem(await reader.patch(path(case), json={"state": "closed"}), 403, "forbidden")
        await assert_problem(await reader.post(path(case, "/reply"), json={"text": "a"}), 403, "forbidden")
    async with api_client(pipeline.service.parts, Scope.CASES_WRITE) as writer:
        await assert_problem(await writer.get("/v1/cases"), 403, "forbidden")


async def link(client: ApiClient, case: Case, pipeline: Pipeline) -> str:
    """Resolve the case; the path of the page on which its customer says whether it is."""
    await changed(client, case, state="resolved", public_note="We sent a <new> one.")
    await pipeline.run()
    (url,) = [url for url in pipeline.letters()[-1].links if "/r/" in url]
    return f"/r/{url.rpartition('/')[2]}"


async def test_opening_the_page_changes_nothing_and_shows_two_buttons(
    client: ApiClient, browser: ApiClient, case: Case, pipeline: Pipeline
) -> None:
    url = await link(client, case, pipeline)
    before = await the_case(pipeline)
    for _ in range(2):
        page = await browser.get(url)
        text = await page.text()
        assert page.status == 200
        assert 'value="yes"' in text
        assert 'value="no"' in text
        assert "We sent a &lt;new&gt; one." in text
        assert page.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert (await browser.head(url)).status in {200, 405}
    assert await the_case(pipeline) == before


@pytest.mark.parametrize(
    ("choice", "state", "word", "title"),
    [
        ("yes", "resolved", True, "We are glad that it is resolved."),
        ("no", "open", False, "We look into it again"),
    ],
)
async def test_a_button_records_the_customers_word(
    client: ApiClient,
    browser: ApiClient,
    case: Case,
    pipeline: Pipeline,
    choice: str,
    state: str,
    word: bool,
    title: str,
) -> None:
    url = await link(client, case, pipeline)
    for _ in range(2):
        page = await browser.post(url, data={"resolved": choice})
        assert page.status == 200
        assert title in await page.text()
    shown = await (await client.get(path(case))).json()
    assert (shown["state"], shown["resolved_for_customer"]) == (state, word)
    assert title in await (await browser.get(url)).text()


async def test_a_word_that_is_no_choice_is_asked_again(
    client: ApiClient, browser: ApiClient, case: Case, pipeline: Pipeline
) -> None:
    url = await link(client, case, pipeline)
    page = await browser.post(url, data={"resolved": "perhaps"})
    assert 'value="yes"' in await page.text()
    assert (await the_case(pipeline)).resolved_for_customer is None


async def test_a_case_that_was_closed_meanwhile_takes_no_word(
    client: ApiClient, browser: ApiClient, case: Case, pipeline: Pipeline
) -> None:
    url = await link(client, case, pipeline)
    await changed(client, case, state="closed")
    page = await browser.post(url, data={"resolved": "no"})
    assert "This has been closed" in await page.text()
    shown = await the_case(pipeline)
    assert (shown.state.value, shown.resolved_for_customer) == ("closed", None)


async def test_a_foreign_token_opens_nothing(browser: ApiClient, case: Case, pipeline: Pipeline) -> None:
    keyring = pipeline.service.parts.keyring
    for token in ("nonsense", keyring.case_token("cas_none"), f"{keyring.case_token(case.id)}x"):
        for answer in (await browser.get(f"/r/{token}"), await browser.post(f"/r/{token}", data={"resolved": "no"})):
            assert answer.status == 404
    survey = await invite(pipeline, "ord-9", "cem")
    assert (await browser.get(f"/r/{survey}")).status == 404
    assert [row.resolved_for_customer for row in await all_cases(pipeline)] == [None]
