"""What would break the promise of an anonymous survey is refused at its field, in whatever order things are changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from survey_service.cli.apply import apply_folder
from survey_service.errors import InvalidInput
from survey_service.models.delivery import ChannelName
from tests.support.helpdesk import SURVEY, TEAM, Helpdesk
from tests.support.problems import assert_problem

CALL = {"id": "call", "kind": "call", "text": {"en": "Call?"}, "call": {"windows": {"mon-fri": ["09:00-17:00"]}}}
TRIGGER = {"survey": SURVEY, "event_type": "ticket.closed", "channels": ["email"]}
RULE = {"name": "Hard", "survey": SURVEY, "condition": "response.score <= 3.0"}
GIFT = {"name": "Coffee", "kind": "gesture", "text": {"en": "A coffee on us"}}
CASE = {"title": "Hard", "due_within": "P1D"}


async def survey(helpdesk: Helpdesk, **changes: Any) -> dict[str, Any]:
    """The survey of the recipe as it would be PUT."""
    shown = await (await helpdesk.client.get(f"/v1/surveys/{SURVEY}")).json()
    names = ("name", "brand", "anonymous", "primary", "questions", "dimensions", "replies")
    return {**{name: shown[name] for name in names}, **changes}


async def refused(helpdesk: Helpdesk, path: str, body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pointer and the rule of each problem of a PUT, which must have changed nothing."""
    before = await (await helpdesk.client.get(f"/v1/{path}")).text()
    problem = await assert_problem(await helpdesk.put(path, body), 422, "invalid")
    assert await (await helpdesk.client.get(f"/v1/{path}")).text() == before
    return [(field["pointer"], field["rule"]) for field in problem["errors"]]


@pytest.mark.parametrize(
    ("question", "pointer"),
    [
        (CALL, "kind"),
        ({"id": "ok", "kind": "consent", "text": {"en": "May we write to you?"}}, "kind"),
        ({"id": "boss", "kind": "line", "text": {"en": "?"}, "show_if": "customer.attributes.boss == true"}, "show_if"),
        ({"id": "late", "kind": "line", "text": {"en": "?"}, "show_if": "event['data'].hours > 4.0"}, "show_if"),
    ],
)
async def test_a_question_that_needs_the_person_is_refused(
    helpdesk: Helpdesk, question: dict[str, Any], pointer: str
) -> None:
    body = await survey(helpdesk)
    body["questions"] = [*body["questions"], question]
    assert await refused(helpdesk, f"surveys/{SURVEY}", body) == [(f"/questions/3/{pointer}", "anonymous")]


async def test_a_condition_that_only_speaks_of_a_customer_is_taken(helpdesk: Helpdesk) -> None:
    asked = {"id": "who", "kind": "line", "text": {"en": "?"}, "show_if": "answers.why.contains('customer event')"}
    body = await survey(helpdesk)
    body["questions"] = [*body["questions"], asked]
    assert (await helpdesk.put(f"surveys/{SURVEY}", body)).status == 200


@pytest.mark.parametrize(
    "path", ["customer.attributes.office", "customer.account", "event.id", "event.subject", "event.time"]
)
async def test_a_dimension_that_tells_the_person_or_the_event_is_refused(helpdesk: Helpdesk, path: str) -> None:
    body = await survey(helpdesk, dimensions={"queue": "event.data.queue", "who": path})
    assert await refused(helpdesk, f"surveys/{SURVEY}", body) == [("/dimensions/who", "anonymous")]


async def test_a_reply_that_would_be_sent_is_refused(helpdesk: Helpdesk) -> None:
    replies = [{"low": 1, "high": 3, "text": {"en": "Sorry."}, "send": True}]
    body = await survey(helpdesk, replies=replies)
    assert await refused(helpdesk, f"surveys/{SURVEY}", body) == [("/replies/0/send", "anonymous")]
    assert (await helpdesk.put(f"surveys/{SURVEY}", {**body, "replies": [{**replies[0], "send": False}]})).ok


async def test_what_was_promised_is_not_taken_back(helpdesk: Helpdesk) -> None:
    body = await survey(helpdesk, anonymous=False)
    assert await refused(helpdesk, f"surveys/{SURVEY}", body) == [("/anonymous", "anonymous")]


async def test_what_a_deleted_survey_promised_is_not_taken_back(helpdesk: Helpdesk, tmp_path: Path) -> None:
    body = await survey(helpdesk, anonymous=False)
    for path in (f"triggers/{SURVEY}", f"surveys/{SURVEY}"):
        assert (await helpdesk.client.delete(f"/v1/{path}")).status == 204
    problem = await assert_problem(await helpdesk.put(f"surveys/{SURVEY}", body), 422, "invalid")
    assert [field["pointer"] for field in problem["errors"]] == ["/anonymous"]
    assert await folder_refused(helpdesk, tmp_path, f"surveys/{SURVEY}", orjson.dumps(body).decode()) == ["/anonymous"]
    assert (await helpdesk.put(f"surveys/{SURVEY}", {**body, "anonymous": True})).status == 201


async def test_its_trigger_neither_texts_nor_thanks(helpdesk: Helpdesk) -> None:
    assert (await helpdesk.put("incentives/gift", GIFT)).ok
    reminders = [{"after": "P1D", "channel": "sms"}]
    asks = {"channels": ["email", "sms"], "incentive": "gift", "reminders": reminders, "cooldown_after_answer": "P1D"}
    pointers = ("/channels/1", "/incentive", "/cooldown_after_answer", "/reminders/0/channel")
    assert await refused(helpdesk, "triggers/ticket", {**TRIGGER, **asks}) == [
        (pointer, "anonymous") for pointer in pointers
    ]


async def test_its_follow_up_rules_ask_nobody_and_hear_no_mail(helpdesk: Helpdesk) -> None:
    asks = {**RULE, "case": {**CASE, "ask_resolved": True}}
    assert await refused(helpdesk, "follow-ups/hard", asks) == [("/case/ask_resolved", "anonymous")]
    hears = {**RULE, "case": CASE, "on": "mail"}
    assert await refused(helpdesk, "follow-ups/hard", hears) == [("/on", "anonymous")]


async def test_no_keyword_leads_to_it(helpdesk: Helpdesk) -> None:
    body = {"name": "Desk", "keyword": "DESK", "keyword_survey": SURVEY}
    assert await refused(helpdesk, f"touchpoints/{TEAM}", body) == [("/keyword_survey", "anonymous")]


@pytest.mark.parametrize(
    ("request_fields", "pointer"),
    [({"channels": ["web", "sms"]}, "/channels/1"), ({"channels": ["web"], "incentive": "gift"}, "/incentive")],
)
async def test_a_direct_invitation_neither_texts_nor_thanks(
    helpdesk: Helpdesk, request_fields: dict[str, Any], pointer: str
) -> None:
    assert (await helpdesk.put("incentives/gift", GIFT)).ok
    body = {"survey": SURVEY, "customer": {"id": "e-17", "phone": "+4915123456789"}, **request_fields}
    reply = await helpdesk.client.post("/v1/invitations", json=body)
    problem = await assert_problem(reply, 422, "invalid")
    assert [(field["pointer"], field["rule"]) for field in problem["errors"]] == [(pointer, "anonymous")]


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("follow-ups/asks", {**RULE, "survey": "open", "case": {**CASE, "ask_resolved": True}}, "follow-up asks"),
        ("touchpoints/desk", {"name": "Desk", "keyword": "DESK", "keyword_survey": "open"}, "touchpoint desk"),
    ],
)
async def test_a_survey_does_not_become_anonymous_while_something_would_break_it(
    helpdesk: Helpdesk, path: str, body: dict[str, Any], named: str
) -> None:
    assert (await helpdesk.put("surveys/open", await survey(helpdesk, anonymous=False))).ok
    assert (await helpdesk.put(path, body)).ok
    reply = await helpdesk.put("surveys/open", await survey(helpdesk))
    problem = await assert_problem(reply, 422, "invalid")
    (field,) = problem["errors"]
    assert (field["pointer"], field["rule"]) == ("/anonymous", "anonymous")
    assert field["message"].startswith(named)


async def folder_refused(helpdesk: Helpdesk, folder: Path, name: str, text: str) -> list[str]:
    """The pointers within a file that `apply` refuses for them."""
    file = (folder / name).with_suffix(".yaml")
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    channels = frozenset(ChannelName)
    with pytest.raises(InvalidInput) as refusal:
        await apply_folder(folder, helpdesk.pipeline.store.configuration, channels, confirm=lambda _: True)
    return [problem.pointer.removeprefix(f"{name}.yaml#") for problem in refusal.value.problems]


async def test_a_folder_is_held_against_the_same_rules(helpdesk: Helpdesk, tmp_path: Path) -> None:
    text = f"survey: {SURVEY}\nevent_type: ticket.closed\nchannels: [email, sms]\n"
    assert await folder_refused(helpdesk, tmp_path, "triggers/ticket", text) == ["/channels/1"]
