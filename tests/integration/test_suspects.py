"""Suspects: a scanner's answer is kept and marked, a person's is not, and somebody's word stands above ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from aiohttp import web

from survey_service.answering.gate import Visit
from survey_service.answering.recording import Recording, Submission
from survey_service.answering.suspicion import Limits, Suspicion
from survey_service.models.api_key import Scope
from survey_service.models.ids import response_id
from survey_service.models.invitation import Invitation
from survey_service.models.link import LinkContent
from survey_service.models.response import Response
from survey_service.pages.networks import network_hash, network_of, read_address
from survey_service.parts import PARTS, Parts
from survey_service.store.store import Store
from survey_service.store.suspects import count_begun
from survey_service.store.visits import MAX_WAITING, Opened, PageVisit
from survey_service.wiring import create_app
from tests.support.factories import make_response
from tests.support.failpoints import failing
from tests.support.pipeline import NAME, Pipeline, a_customer, an_event
from tests.support.problems import assert_problem
from tests.support.service import ApiClient, api_client, client_of, open_store
from tests.support.waiting import until

LIMITS = Limits(too_fast=timedelta(seconds=3), burst=3)
LATER = timedelta(minutes=5)
OFFICE, HOME = "0" * 32, "1" * 32

LookAt = Callable[[], Awaitable[Visit]]


@pytest.fixture
def recording(pipeline: Pipeline) -> Recording:
    return Recording(pipeline.store, pipeline.service.parts.bells, (), Suspicion(pipeline.store, LIMITS))


@pytest.fixture
async def invitation(pipeline: Pipeline) -> Invitation:
    """One whose mail has just left."""
    await pipeline.configure()
    await pipeline.handle(an_event())
    return await pipeline.invitation()


async def answer(
    pipeline: Pipeline, recording: Recording, invitation: Invitation, network: str | None = HOME, score: int = 9
) -> Response:
    """The response after somebody confirmed the first page."""
    url = pipeline.service.parts.direct.url_of(invitation) or ""
    look = partial(recording.look, url.rpartition("/")[2])
    assert (await recording.submit(look, {"nps": str(score)}, network=network)).taken
    stored = await pipeline.store.responses.get(response_id(invitation.id))
    assert stored is not None
    return stored


def open_scores(pipeline: Pipeline, invitation: Invitation, network: str, *scores: int) -> None:
    for score in scores:
        pipeline.store.visits.note(invitation.id, network, Opened.SCORE, score)


@pytest.mark.parametrize(("scores", "suspect"), [(range(11), ("opens_every_link", "service")), ((8, 9), (None, None))])
async def test_over_the_pages_a_scanner_is_marked_and_a_person_is_not(
    pipeline: Pipeline, recording: Recording, invitation: Invitation, scores: Sequence[int], suspect: tuple[str, str]
) -> None:
    pipeline.pass_time(LATER)
    path = f"/s/{await pipeline.token()}"
    async with client_of(create_app(replace(pipeline.service.parts, recording=recording))) as client:
        for score in scores:
            assert (await client.get(path, params={"score": score})).status == 200
        assert (await client.post(path, data={"nps": "9"})).status == 200
    (stored,) = await pipeline.responses()
    assert (stored.score, stored.suspect, stored.suspect_by) == (9, *suspect)
    assert stored.network == hash_of(pipeline.service.parts, "127.0.0.1")


async def test_a_scanner_that_opens_every_score_and_answers_is_marked(
    pipeline: Pipeline, recording: Recording, invitation: Invitation
) -> None:
    pipeline.pass_time(LATER)
    open_scores(pipeline, invitation, OFFICE, *range(11))
    stored = await answer(pipeline, recording, invitation, OFFICE)
    assert (stored.suspect, stored.suspect_by, stored.score) == ("opens_every_link", "service", 9)


async def test_a_scanner_that_tries_the_way_out_too_is_marked(
    pipeline: Pipeline, recording: Recording, invitation: Invitation
) -> None:
    pipeline.pass_time(LATER)
    open_scores(pipeline, invitation, OFFICE, 0, 1)
    pipeline.store.visits.note(invitation.customer, OFFICE, Opened.OPT_OUT)
    assert (await answer(pipeline, recording, invitation, OFFICE)).suspect == "opens_every_link"


async def test_a_person_is_not_marked(pipeline: Pipeline, recording: Recording, invitation: Invitation) -> None:
    pipeline.pass_time(timedelta(seconds=20))
    open_scores(pipeline, invitation, HOME, 8, 9)
    pipeline.store.visits.note(invitation.id, HOME, Opened.LANGUAGE)
    stored = await answer(pipeline, recording, invitation)
    assert (stored.suspect, stored.suspect_by, stored.network) == (None, None, HOME)


async def test_a_person_whose_mail_was_scanned_elsewhere_is_not_marked(
    pipeline: Pipeline, recording: Recording, invitation: Invitation
) -> None:
    pipeline.pass_time(LATER)
    open_scores(pipeline, invitation, OFFICE, *range(11))
    assert (await answer(pipeline, recording, invitation)).suspect is None


async def test_a_person_who_sits_behind_the_address_of_the_scanner_is_not_marked(
    pipeline: Pipeline, recording: Recording, invitation: Invitation
) -> None:
    open_scores(pipeline, invitation, OFFICE, *range(11))
    pipeline.pass_time(timedelta(seconds=30))
    open_scores(pipeline, invitation, OFFICE, 9)
    assert (await answer(pipeline, recording, invitation, OFFICE)).suspect is None


@pytest.mark.parametrize("network", [HOME, None])
async def test_an_answer_as_soon_as_the_mail_left_is_too_fast(
    pipeline: Pipeline, recording: Recording, invitation: Invitation, network: str | None
) -> None:
    stored = await answer(pipeline, recording, invitation, network)
    assert (stored.suspect, stored.suspect_by) == ("too_fast", "service")


@pytest.mark.parametrize(("had_it_open", "suspect"), [(True, None), (False, "too_fast")])
async def test_a_reminder_that_leaves_while_somebody_reads_makes_no_suspect(
    pipeline: Pipeline, recording: Recording, had_it_open: bool, suspect: str | None
) -> None:
    await pipeline.configure(reminders=({"after": "P1D"},))
    await pipeline.handle(an_event())
    invitation = await pipeline.invitation()
    pipeline.pass_time(timedelta(days=1))
    if had_it_open:
        open_scores(pipeline, invitation, HOME, 9)
    await pipeline.run()
    assert len(pipeline.letters()) == 2
    assert (await answer(pipeline, recording, invitation)).suspect == suspect


async def test_answers_of_one_network_beyond_the_limit_of_a_minute_are_a_burst(
    pipeline: Pipeline, recording: Recording
) -> None:
    await pipeline.configure()
    count = LIMITS.burst + 3
    await pipeline.handle(*(an_event(f"ord-{number}", a_customer(f"c{number}")) for number in range(count)))
    invitations = await pipeline.invitations()
    pipeline.pass_time(LATER)
    networks = [OFFICE] * (LIMITS.burst + 1) + [HOME]
    stored = [await answer(pipeline, recording, *who) for who in zip(invitations[:-1], networks, strict=True)]
    assert [row.suspect for row in stored] == [None] * LIMITS.burst + ["burst", None]
    pipeline.pass_time(timedelta(minutes=1))
    assert (await answer(pipeline, recording, invitations[-1], OFFICE)).suspect is None


async def submit_at_link(recording: Recording, link: str, sheet: str, network: str) -> Submission:
    look: LookAt = partial(recording.look_at_link, link, sheet, "en")
    return await recording.submit(look, {"nps": "9"}, network=network)


async def test_a_link_is_judged_by_bursts_and_a_kiosk_neither_is_nor_counts(
    pipeline: Pipeline, recording: Recording
) -> None:
    await pipeline.configure()
    for name, kiosk in (("door", False), ("counter", True)):
        content = LinkContent(survey=NAME, touchpoint="berlin", kiosk=kiosk)
        await pipeline.store.configuration.links.put(name, content)

    async def suspects(link: str, count: int) -> list[str | None]:
        rows = [(await submit_at_link(recording, link, f"{link}-{n}", OFFICE)).visit.response for n in range(count)]
        return [row.suspect for row in rows if row is not None]

    assert await suspects("counter", LIMITS.burst + 2) == [None] * (LIMITS.burst + 2)
    assert await suspects("door", LIMITS.burst + 1) == [None] * LIMITS.burst + ["burst"]


async def uses_of_indexes(store: Store) -> dict[str, int]:
    """How often each index of the answers was read so far."""
    found = store.database["responses"].aggregate([{"$indexStats": {}}])
    return {index["name"]: int(index["accesses"]["ops"]) async for index in found}


async def test_the_count_of_a_network_reads_its_own_index(store: Store) -> None:
    begun = store.clock.now()
    for number, whose in enumerate([OFFICE, OFFICE, HOME, None]):
        row = make_response(f"ord-{number}", network=whose, started_at=begun)
        assert await store.responses.save(row)
    count = partial(count_begun, store.database, OFFICE, without=["counter"])
    before = await uses_of_indexes(store)
    assert await count(after=begun - timedelta(minutes=1), limit=30) == 2
    assert await count(after=begun - timedelta(minutes=1), limit=1) == 1
    assert await count(after=begun, limit=30) == 0
    after = await uses_of_indexes(store)
    assert {name for name, uses in after.items() if uses - before[name] == 3} == {"of_network"}


async def test_what_is_taken_back_stays_so_when_the_customer_goes_on(
    pipeline: Pipeline, recording: Recording, invitation: Invitation
) -> None:
    first = await answer(pipeline, recording, invitation, score=3)
    assert (first.suspect, first.revision) == ("too_fast", 1)
    async with api_client(pipeline.service.parts, Scope.RESPONSES_WRITE) as api:
        row = await put(api, first.id, None)
        assert (row["suspect"], row["suspect_by"], row["status"]) == (None, "api", "partial")
    look = partial(recording.look, await pipeline.token())
    assert (await recording.submit(look, {"fix": "speed"}, network=HOME)).taken
    (stored,) = await pipeline.responses()
    assert (stored.suspect, stored.suspect_by, stored.revision) == (None, "api", 3)
    assert stored.answers == {"nps": 3, "fix": "speed"}


async def put(api: ApiClient, response: str, why: str | None) -> dict[str, Any]:
    answered = await api.put(f"/v1/responses/{response}/suspect", json={"suspect": why})
    body: dict[str, Any] = await answered.json()
    assert answered.status == 200, body
    return body


async def changes(api: ApiClient, since: str) -> list[dict[str, Any]]:
    answered = await api.get("/v1/responses", params={"updated_since": since})
    rows: list[dict[str, Any]] = (await answered.json())["data"]
    return rows


async def test_a_callers_word_marks_a_response_and_readers_of_changes_see_it(api: ApiClient, store: Store) -> None:
    response = make_response()
    assert await store.responses.save(response)
    row = await put(api, response.id, "a test of ours")
    assert (row["suspect"], row["suspect_by"]) == ("a test of ours", "api")
    store.clock.shift = timedelta(seconds=6)
    assert await changes(api, row["updated_at"]) == [row]
    listed = await (await api.get("/v1/responses", params={"suspect": "false"})).json()
    assert listed["data"] == []
    back = await put(api, response.id, None)
    assert (back["suspect"], back["suspect_by"]) == (None, "api")
    assert back["updated_at"] > row["updated_at"]


async def test_the_same_word_again_changes_nothing(api: ApiClient, store: Store) -> None:
    response = make_response()
    assert await store.responses.save(response)
    assert await put(api, response.id, "bots") == await put(api, response.id, "bots")
    stored = await store.responses.get(response.id)
    assert stored is not None
    assert stored.revision == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"suspect": ""},
        {"suspect": 1},
        {"suspect": True},
        {"suspect": "x" * 201},
        {"suspect": "a\nb"},
        {"suspect": {"$gt": ""}},
        {"suspect": None, "suspect_by": "service"},
    ],
)
async def test_a_word_that_is_none_is_refused(api: ApiClient, store: Store, body: dict[str, Any]) -> None:
    response = make_response()
    assert await store.responses.save(response)
    await assert_problem(await api.put(f"/v1/responses/{response.id}/suspect", json=body), 422, "invalid")
    stored = await store.responses.get(response.id)
    assert stored is not None
    assert stored.revision == 1


async def test_a_word_on_a_response_needs_its_scope_and_a_response(parts: Parts) -> None:
    path, body = "/v1/responses/rsp_none/suspect", {"suspect": None}
    async with api_client(parts, Scope.RESPONSES_READ) as api:
        await assert_problem(await api.put(path, json=body), 403, "forbidden")
    async with api_client(parts, Scope.RESPONSES_WRITE) as api:
        await assert_problem(await api.put(path, json=body), 404, "not_found")


async def seen(store: Store, of: str = "inv_1", network: str = HOME) -> frozenset[PageVisit]:
    return await store.visits.recent([of], network, store.clock.now() - timedelta(minutes=1))


async def test_a_visit_is_known_at_once_here_and_soon_to_other_processes(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    other = await open_store(mongodb_uri, database_name)
    for number in range(50):
        store.visits.note("inv_1", HOME, Opened.SCORE, number % 11)
        assert {one.score for one in await seen(store)} == set(range(min(number + 1, 11)))
    store.visits.note("inv_1", HOME, Opened.PAGE)
    store.visits.note("inv_1", OFFICE, Opened.PAGE)
    store.visits.note("inv_2", HOME, Opened.PAGE)
    store.visits.note("inv_1", None, Opened.PAGE)

    async def everything_arrived() -> bool:
        return len({(one.opened, one.score) for one in await seen(other)}) == 12

    await until(everything_arrived, "the other process reads every visit")
    other.close()


async def test_a_page_that_is_opened_again_and_again_is_one_row(store: Store) -> None:
    for _ in range(1000):
        store.visits.note("inv_1", HOME, Opened.PAGE)
    rows = store.database["visits"]
    await until(lambda: rows.find_one({}), "it is written")
    assert await rows.count_documents({}) == 1
    assert (await store.database["visits"].options())["capped"] is True


async def test_memory_for_visits_is_bounded(store: Store) -> None:
    for number in range(MAX_WAITING + 10):
        store.visits.note(f"inv_{number}", HOME, Opened.PAGE)
    assert await seen(store, "inv_0")
    assert not await seen(store, f"inv_{MAX_WAITING}")


async def test_visits_that_cannot_be_written_are_lost_and_the_next_ones_are_not(
    store: Store, mongodb_uri: str, database_name: str
) -> None:
    async def is_forgotten() -> bool:
        return not await seen(store)

    async with failing(mongodb_uri, f"{database_name}.visits", ["insert"], errorCode=2):
        store.visits.note("inv_1", HOME, Opened.PAGE)
        await until(is_forgotten, "the failed write is over")
    store.visits.note("inv_1", HOME, Opened.SCORE, 9)
    await until(lambda: store.database["visits"].find_one({}), "the next one is written")


async def test_a_visit_of_a_kind_that_only_a_newer_process_knows_is_passed_over(store: Store) -> None:
    row = {"of": "inv_1", "network": HOME, "opened": "hologram", "score": None, "at": store.clock.now()}
    await store.database["visits"].insert_one(row)
    assert await seen(store) == frozenset()


async def network(parts: Parts, *forwarded: str) -> str | None:
    """The network of a request from this machine with these headers."""

    async def show(request: web.Request) -> web.Response:
        return web.json_response(network_of(request))

    app = web.Application()
    app[PARTS] = parts
    app.add_routes([web.get("/", show)])
    async with client_of(app) as client:
        answered = await client.get("/", headers=[("X-Forwarded-For", value) for value in forwarded])
        assert answered.status == 200
        found: str | None = await answered.json()
        return found


def hash_of(parts: Parts, address: str) -> str:
    found = read_address(address)
    assert found is not None
    return network_hash(bytes.fromhex(parts.keyring.internal_secret("network")), found)


async def test_a_forged_header_is_ignored_and_a_trusted_proxys_is_believed(parts: Parts) -> None:
    assert await network(parts) == hash_of(parts, "127.0.0.1")
    assert await network(parts, "9.9.9.9") is None
    trusting = replace(parts, settings=parts.settings.model_copy(update={"trusted_proxies": "127.0.0.0/8,10.0.0.0/8"}))
    assert await network(trusting, "9.9.9.9") == hash_of(parts, "9.9.9.9")
    assert await network(trusting, "8.8.4.4, 9.9.9.9", "10.0.0.3") == hash_of(parts, "9.9.9.9")
    assert await network(trusting) is None


@pytest.mark.parametrize("value", ["", ",", ",,,", "unknown", "ä", "[", "[]:", "::::", "1.2.3.4.5", "9" * 5000])
async def test_a_broken_header_breaks_nothing(parts: Parts, value: str) -> None:
    trusting = replace(parts, settings=parts.settings.model_copy(update={"trusted_proxies": "127.0.0.0/8"}))
    assert await network(trusting, value) is None
