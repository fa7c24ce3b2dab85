"""An anonymous survey, the whole way: nothing that is stored, shown, posted or logged joins a person and an answer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import orjson
import pytest

from survey_service.models.delivery import DeliveryState
from survey_service.models.ids import response_id
from survey_service.models.invitation import InvitationState
from survey_service.models.outbox import NewsType
from survey_service.models.webhook import WebhookContent
from survey_service.reporting.weekly import letters_of_week
from survey_service.reporting.weekly_schedule import newest_monday
from tests.support.failpoints import failing
from tests.support.helpdesk import COLLEAGUES, DAY, HOUR, PROMISE, SURVEY, TEAM, Helpdesk, leaves, says
from tests.support.pipeline import an_event
from tests.support.receiver import Receiver

WORDS = ("purple", "marble", "violin", "walnut", "zephyr")
EXPORTS = ("responses", "events", "decisions", "invitations", "deliveries", "cases")
MINUTE = timedelta(minutes=1)
# Names that many rows share; everything else that is a name of one thing may stand on one side alone.
_NAME = re.compile(r"[a-z]{2,4}_[0-9A-Za-z]{20,}|[0-9a-f]{16,}|[0-9A-Za-z_-]{22,}")


def names_in(document: object) -> set[str]:
    return {name for value in leaves(document) if isinstance(value, str) for name in _NAME.findall(value)}


def instants_in(document: object) -> set[datetime]:
    return {value for value in leaves(document) if isinstance(value, datetime)}


async def assert_nothing_joins(helpdesk: Helpdesk) -> None:
    """No document is about a person and an answer; what is about the one shares no name and no instant with the other.

    Whoever an id leads to is followed: a document that holds a name of a person's document is about that person too.
    """
    documents = [row for rows in (await helpdesk.documents()).values() for row in rows]
    people = [row for row in documents if says(row, (*(f"{name}@acme.example" for name in COLLEAGUES), "e-ada"))]
    answers = [row for row in documents if says(row, WORDS)]
    assert people
    assert answers
    for side in (people, answers):
        known = {name for row in side for name in names_in(row)}
        while more := [row for row in documents if row not in side and names_in(row) & known]:
            side += more
            known |= {name for row in more for name in names_in(row)}
    assert [row for row in people if row in answers] == []
    assert not {name for row in people for name in names_in(row)} & {name for row in answers for name in names_in(row)}
    of_people = {instant for row in people for instant in instants_in(row)}
    assert not of_people & {instant for row in answers for instant in instants_in(row)}


async def answer_all(helpdesk: Helpdesk) -> None:
    """Each says something else, minutes apart, in another order than they were asked."""
    paths = dict(zip(COLLEAGUES, await helpdesk.ask(*COLLEAGUES), strict=True))
    for number, name in enumerate(reversed(COLLEAGUES)):
        said = {"easy": str(number + 3), "why": f"about the {WORDS[number]}"}
        shown = await helpdesk.answer(paths[name], **said)
        if number == 0:
            assert shown.questions == {"fix"}
            await helpdesk.send(shown, fix="everything about the purple")
        helpdesk.pipeline.pass_time(MINUTE)


async def test_nothing_stored_shown_posted_or_logged_leads_from_an_answer_to_who_gave_it(
    helpdesk: Helpdesk, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = helpdesk.pipeline
    async with Receiver() as receiver:
        every = WebhookContent(url=receiver.url, types=tuple(NewsType))
        await pipeline.store.configuration.webhooks.put("crm", every)
        await answer_all(helpdesk)
        await pipeline.run()
        await assert_nothing_joins(helpdesk)
        assert await helpdesk.read_as_the_recipe_does() == ([], [])
        assert [call for call in receiver.calls if "response" in call.content["type"]] == []

        await helpdesk.count()
        await helpdesk.count()
        await assert_nothing_joins(helpdesk)
        bodies = [call.body.decode().lower() for call in receiver.calls]
        assert {"response.scored", "response.finished", "case.opened", "event.decided"} <= set(receiver.told)
    people = ("@acme.example", "ticket of", '"e-', '"t-', '"inv_', '"cus_', '"evt_')
    said = [body for body in bodies if any(word in body for word in WORDS)]
    assert said
    assert [body for body in said if any(name in body for name in people)] == []

    figures, responses = await helpdesk.read_as_the_recipe_does()
    assert [(row["touchpoint"], row["n"], row["withheld"]) for row in figures] == [(TEAM, 5, False)]
    assert sorted(row["answers"]["easy"] for row in responses) == [3, 4, 5, 6, 7]
    assert len({(row["started_at"], row["finished_at"]) for row in responses}) == 1
    assert {(row["region"], row["journey_stage"]) for row in responses} == {(None, "support")}
    nobodys = ("event", "event_id", "event_source", "event_type", "event_time", "invitation", "customer", "variant")
    assert {row[name] for row in responses for name in (*nobodys, "trigger_version", "suspect")} == {None}
    assert {(row["channel"], row["language"], row["trigger"]) for row in responses} == {("web", "en", SURVEY)}
    for path in EXPORTS:
        lines = (await (await helpdesk.client.get(f"/v1/{path}/export")).read()).lower().splitlines()
        about = [line for line in lines if any(word.encode() in line for word in WORDS)]
        assert bool(about) is (path in {"responses", "cases"})
        assert [line for line in about if any(name.encode() in line for name in people)] == []

    (case,) = orjson.loads(await (await helpdesk.client.get("/v1/cases")).read())["data"]
    assert (case["customer"], case["invitation"], case["score"]) == (None, None, 3)
    (alert,) = [letter for letter in pipeline.letters() if letter.to == "lead@acme.example"]
    assert "purple" in alert.text
    assert not says(alert.text + alert.html, COLLEAGUES)
    printed = "".join(capsys.readouterr()).lower()
    assert "ballots.counted" in printed
    assert not any(term in printed for term in (*WORDS, *(f"{name}@" for name in COLLEAGUES)))


async def test_the_timeline_and_the_portable_copy_know_of_no_answer(helpdesk: Helpdesk) -> None:
    await answer_all(helpdesk)
    await helpdesk.count()
    for path in ("e-ada", "e-ada/export"):
        copy = await (await helpdesk.client.get(f"/v1/customers/{path}")).text()
        assert "ada@acme.example" in copy
        assert not says(copy, WORDS)
        assert "rsp_" not in copy


async def test_the_invitation_says_that_it_was_answered_and_not_when(helpdesk: Helpdesk) -> None:
    (path,) = await helpdesk.ask("ada")
    helpdesk.pipeline.pass_time(DAY * 2)
    await helpdesk.pipeline.run()
    before = {name: rows for name, rows in (await helpdesk.documents()).items() if name in {"invitations", "contacts"}}
    await helpdesk.answer(path, easy="6")
    await helpdesk.pipeline.run()
    after = await helpdesk.documents()
    (was,), (present,) = before["invitations"], after["invitations"]
    assert {name for name in present if present[name] != was[name]} == {"state"}
    assert present["state"] == InvitationState.FINISHED
    assert after["contacts"] == before["contacts"]
    assert after["visits"] == []
    (waits,) = after["ballots"]
    assert {(at.minute, at.second, at.microsecond) for at in instants_in(waits)} == {(0, 0, 0)}
    assert {name for name in waits if waits[name] not in (None, [], {})} == {
        *("_id", "schema", "box", "revision", "status", "finished_by", "survey", "survey_version", "brand", "trigger"),
        *("touchpoint", "channel", "language", "metric", "scale", "score", "scores", "measures", "asked", "answers"),
        *("measured", "started_at", "finished_at", "due_at", "claim", "deaths"),
    }


async def test_an_answer_stops_the_reminder_without_a_trace_of_when(helpdesk: Helpdesk) -> None:
    (path,) = await helpdesk.ask("ada")
    helpdesk.pipeline.pass_time(DAY * 3 - HOUR)
    await helpdesk.pipeline.run()
    page = await helpdesk.open(path)
    await helpdesk.send(page, easy="6")
    helpdesk.pipeline.pass_time(DAY)
    await helpdesk.pipeline.run()
    assert [letter.to for letter in helpdesk.pipeline.letters()] == ["ada@acme.example"]
    detail = await (await helpdesk.client.get(f"/v1/invitations/{(await helpdesk.invitation_of('ada')).id}")).json()
    assert detail["state"] == "finished"
    assert [entry for entry in detail["history"] if entry["what"] == "response"] == []
    assert {row.state for row in await helpdesk.pipeline.deliveries()} <= {DeliveryState.SENT, DeliveryState.CANCELLED}


async def test_fewer_answers_than_enough_are_shown_nowhere_and_wait(helpdesk: Helpdesk) -> None:
    *paths, last = await helpdesk.ask(*COLLEAGUES)
    for path in paths:
        await helpdesk.answer(path, easy="5")
    for _ in range(30):
        await helpdesk.count()
    assert await helpdesk.read_as_the_recipe_does() == ([], [])
    await helpdesk.answer(last, easy="5")
    await helpdesk.pipeline.run()
    assert await helpdesk.read_as_the_recipe_does() == ([], [])
    await helpdesk.count()
    assert len((await helpdesk.read_as_the_recipe_does())[1]) == 5
    assert (await helpdesk.documents())["ballots"] == []


async def test_answers_wait_for_others_that_are_like_them_in_all_that_is_kept(helpdesk: Helpdesk) -> None:
    survey = await (await helpdesk.client.get(f"/v1/surveys/{SURVEY}")).json()
    content = {name: survey[name] for name in ("name", "brand", "anonymous", "primary", "questions")}
    assert (await helpdesk.put(f"surveys/{SURVEY}", {**content, "dimensions": {"queue": "event.data.queue"}})).ok
    for number, queue in enumerate(("laptops", "laptops", "phones", "laptops", "laptops", "laptops")):
        (path,) = await helpdesk.ask(f"c{number}", queue=queue)
        await helpdesk.answer(path, easy="5")
    await helpdesk.count()
    rows = (await helpdesk.read_as_the_recipe_does())[1]
    assert [row["queue"] for row in rows] == ["laptops"] * 5
    assert len((await helpdesk.documents())["ballots"]) == 1


async def test_a_large_box_leaves_in_parts_and_what_is_left_waits(
    helpdesk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("survey_service.store.ballots.MOST", 6)
    for path in await helpdesk.ask(*(f"c{number}" for number in range(13))):
        await helpdesk.answer(path, easy="6")
    left = []
    for _ in range(3):
        await helpdesk.count()
        left.append(len((await helpdesk.documents())["ballots"]))
    assert left == [7, 1, 1]
    assert (await helpdesk.documents())["voters"] == []


async def test_many_answers_of_few_people_wait_for_others(helpdesk: Helpdesk) -> None:
    trigger = {"survey": SURVEY, "event_type": "ticket.closed", "channels": ["email"], "exempt": True}
    assert (await helpdesk.put(f"triggers/{SURVEY}", trigger)).ok
    customer = {"id": "e-ada", "email": "ada@acme.example"}
    posted = [an_event(f"T-{number}", customer, type="ticket.closed", data={"touchpoint": TEAM}) for number in range(6)]
    await helpdesk.pipeline.handle(*posted)
    for invitation in await helpdesk.pipeline.invitations():
        url = helpdesk.pipeline.service.parts.direct.url_of(invitation) or ""
        is_last = invitation.event is not None and invitation.event.id == "T-5"
        await helpdesk.answer("/s/" + url.rpartition("/")[2], easy="2" if is_last else "6")  # two is not the end
    await helpdesk.count()
    assert (await helpdesk.read_as_the_recipe_does())[1] == []
    for path in await helpdesk.ask(*COLLEAGUES[1:]):
        await helpdesk.answer(path, easy="6")
    await helpdesk.count()
    # One of the five people may have no other ballot than the one that is not complete.
    assert (await helpdesk.read_as_the_recipe_does())[1] == []
    helpdesk.pipeline.pass_time(DAY * 2)
    await helpdesk.pipeline.run()
    assert len((await helpdesk.read_as_the_recipe_does())[1]) == 10
    documents = await helpdesk.documents()
    assert documents["ballots"] + documents["voters"] == []


async def test_no_id_of_an_answer_is_made_of_its_invitation(helpdesk: Helpdesk) -> None:
    await answer_all(helpdesk)
    invitations = await helpdesk.pipeline.invitations()
    await helpdesk.count()
    answers = {row.id for row in await helpdesk.pipeline.responses()}
    assert len(answers) == 5
    assert answers.isdisjoint(response_id(row.id) for row in invitations)
    pages = [await helpdesk.open(await helpdesk.path_of(name)) for name in COLLEAGUES]
    assert [page.questions for page in pages] == [set()] * 5  # the link alone shows nobody what was said


@pytest.mark.parametrize(("collection", "command"), [("ballots", "delete"), ("responses", "insert")])
async def test_a_box_leaves_whole_or_not_at_all(
    helpdesk: Helpdesk, collection: str, command: str, mongodb_uri: str, database_name: str
) -> None:
    await answer_all(helpdesk)
    async with failing(mongodb_uri, f"{database_name}.{collection}", [command], {"times": 1}, errorCode=2):
        await helpdesk.count()
    documents = await helpdesk.documents()
    assert (len(documents["ballots"]), documents["responses"]) == (5, [])
    await helpdesk.count()
    documents = await helpdesk.documents()
    assert (documents["ballots"], len(documents["responses"])) == ([], 5)


async def test_erasing_a_person_leaves_the_answer_that_nobody_can_find(helpdesk: Helpdesk) -> None:
    await answer_all(helpdesk)
    assert (await helpdesk.client.delete("/v1/customers/e-ada")).status == 202
    for _ in range(5):
        await helpdesk.pipeline.run()
        helpdesk.pipeline.pass_time(timedelta(seconds=1))
    await helpdesk.count()
    assert len(await helpdesk.pipeline.responses()) == 5
    assert not says(await helpdesk.documents(), ("ada@acme.example",))


async def test_mail_and_page_promise_and_no_address_says_what_was_chosen(helpdesk: Helpdesk) -> None:
    await helpdesk.post_the_recipes_ticket()
    await helpdesk.pipeline.run()
    (letter,) = helpdesk.pipeline.letters()
    assert PROMISE in letter.text
    assert PROMISE in " ".join(letter.html.split())
    assert not any("score=" in link for link in [*letter.links, letter.text])
    assert letter.survey_url in letter.links
    page = await helpdesk.open("/s/" + letter.survey_url.rpartition("/")[2])
    assert PROMISE in page.text


async def test_small_groups_of_its_figures_are_withheld_and_min_n_is_only_raised(helpdesk: Helpdesk) -> None:
    paths = await helpdesk.ask(*COLLEAGUES)
    for path in paths:
        await helpdesk.answer(path, easy="5")
    await helpdesk.count()
    row = (await helpdesk.pipeline.responses())[0]
    await helpdesk.put(f"responses/{row.id}/suspect", {"suspect": "a trial"})
    await helpdesk.pipeline.run()
    for query in (f"metric=ces&survey={SURVEY}", "metric=ces", "metric=ces&group_by=touchpoint"):
        (figure,) = (await (await helpdesk.client.get(f"/v1/metrics?{query}")).json())["data"]
        assert (figure["withheld"], figure["score"], figure["n"]) == (True, None, None)
    assert (await helpdesk.client.get(f"/v1/metrics?metric=ces&survey={SURVEY}&min_n=1")).status == 422
    await assert_told_to_enough(helpdesk)
    for path in (f"triggers/{SURVEY}", f"surveys/{SURVEY}"):
        assert (await helpdesk.client.delete(f"/v1/{path}")).status == 204
    for query in (f"survey={SURVEY}", "group_by=touchpoint"):
        (figure,) = (await (await helpdesk.client.get(f"/v1/metrics?metric=ces&{query}")).json())["data"]
        assert (figure["withheld"], figure["n"]) == (True, None)
    assert (await helpdesk.client.get("/v1/metrics?metric=ces&min_n=0")).status == 422
    other = {**await (await helpdesk.client.get(f"/v1/surveys/{SURVEY}/versions/1")).json(), "anonymous": False}
    names = ("name", "brand", "anonymous", "primary", "questions")
    assert (await helpdesk.put("surveys/open", {name: other[name] for name in names})).ok
    helpdesk.pipeline.store.configuration._read_at = 0.0  # pages may lag a second behind
    shown = await (await helpdesk.client.get("/dashboard?question=ces.1-7")).text()
    assert "4 answers" not in shown


async def assert_told_to_enough(helpdesk: Helpdesk) -> None:
    """The weekly mail of four answers, where five are enough, and where four are."""
    in_a_week, store = helpdesk.pipeline.pass_time(DAY * 7), helpdesk.pipeline.store
    snapshot = await store.configuration.current()
    lead = snapshot.people["lead"]
    monday = newest_monday(lead, in_a_week)
    told = [
        await letters_of_week(store, snapshot, lead, monday, "https://x.example", least_anonymous=least)
        for least in (5, 4)
    ]
    ((few,), (enough,)) = told
    assert (few.text, few.report and few.report.tables) == ("In this week: fewer than 5 answers, not shown.", ())
    assert "4 answers" in (enough.text or "")
