"""`/v1/topics` and `/v1/metrics/phrases`: in and out, every rule with its pointer, and whose words are counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.api_key import Scope
from survey_service.models.topic import MAX_TOPICS
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.comments import put_topics, read_comments
from tests.support.content import put_survey
from tests.support.figures import START, answered, count_answers, load
from tests.support.hostile import HOSTILE, LONG
from tests.support.problems import assert_problem, pointers
from tests.support.service import ApiClient, api_client

PATH = "/v1/topics/waiting"
WAITING: dict[str, Any] = {
    "name": {"en": "Waiting", "de-AT": "Warten"},
    "words": {"en": ["wait*", "too long"], "de": ["wart*"]},
}
PHRASES = "/v1/metrics/phrases"


async def test_a_topic_is_created_read_replaced_listed_and_deleted(api: ApiClient) -> None:
    first = await api.put(PATH, json=WAITING)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    assert (await first.json()).items() >= {**WAITING, "id": "waiting", "revision": 1}.items()
    again = await api.put(PATH, json=WAITING)
    assert (again.status, again.headers["ETag"]) == (200, '"1"')
    changed = await api.put(PATH, json={**WAITING, "name": {"en": "Queues"}}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    await assert_problem(await api.put(PATH, json=WAITING, headers={"If-Match": '"1"'}), 412, "precondition_failed")
    assert (await api.get(PATH, headers={"If-None-Match": '"2"'})).status == 304
    assert [row["id"] for row in (await (await api.get("/v1/topics")).json())["data"]] == ["waiting"]
    assert (await api.delete(PATH)).status == 204
    body = await assert_problem(await api.get(PATH), 404, "not_found")
    assert body["detail"] == "there is no topic waiting"


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"name": {}}, "/name", None),
        ({"name": {"en": ""}}, "/name/en", None),
        ({"name": {"en": " "}}, "/name/en", "blank"),
        ({"name": {"en": "x" * 61}}, "/name/en", None),
        ({"name": {"en": "a\nb"}}, "/name/en", "control_character"),
        ({"name": {"xx": "Waiting"}}, "/name/xx", "language"),
        ({"words": {}}, "/words", None),
        ({"words": {"en": []}}, "/words/en", None),
        ({"words": {"xx": ["wait"]}}, "/words/xx", "language"),
        ({"words": {"en": ["wait"] + [f"word{n}" for n in range(200)]}}, "/words/en", None),
        ({"words": {"en": ["wait", ""]}}, "/words/en/1", None),
        ({"words": {"en": ["x" * 61]}}, "/words/en/0", None),
        ({"words": {"en": ["wait", "…"]}}, "/words/en/1", "empty"),
        ({"words": {"en": ["a b c d e"]}}, "/words/en/0", "length"),
        ({"words": {"en": ["wait", "w*"]}}, "/words/en/1", "wildcard"),
        ({"words": {"en": ["*ing"]}}, "/words/en/0", "wildcard"),
        ({"words": {"en": ["wait\u202e"]}}, "/words/en/0", "control_character"),
        ({"words": {"de": ["spät", "warten", "SPAT"]}}, "/words/de/2", "unique"),
        ({"words": {"de": ["warten"], "en": ["staff"]}}, "/words/en/0", "unique"),
        ({"score": 1}, "/score", None),
    ],
)
async def test_a_topic_that_breaks_a_rule_is_refused_at_that_field(
    api: ApiClient, changes: dict[str, Any], pointer: str, rule: str | None
) -> None:
    await api.put("/v1/topics/staff", json={"name": {"en": "Staff"}, "words": {"en": ["staff", "wait staff"]}})
    body = await assert_problem(await api.put(PATH, json={**WAITING, **changes}), 422, "invalid")
    assert pointer in pointers(body) or any(each.startswith(f"{pointer}/") for each in pointers(body)), body
    if rule:
        assert rule in {problem["rule"] for problem in body["errors"]}
    assert (await api.get(PATH)).status == 404


async def test_a_word_of_another_topic_is_refused_by_its_name_and_a_phrase_is_not(api: ApiClient) -> None:
    await api.put(PATH, json=WAITING)
    other = {"name": {"en": "App"}, "words": {"en": ["app", "Wait*"], "de": ["app"]}}
    body = await assert_problem(await api.put("/v1/topics/app", json=other), 422, "invalid")
    assert pointers(body) == {"/words/en/1"}
    assert "waiting" in body["errors"][0]["message"]
    norwegian = {"name": {"en": "Queue"}, "words": {"no": ["kø"]}}
    assert (await api.put("/v1/topics/queue", json=norwegian)).status == 201
    other["words"] = {"nb": ["app", "Kø"]}
    body = await assert_problem(await api.put("/v1/topics/app", json=other), 422, "invalid")
    assert pointers(body) == {"/words/nb/1"}
    other["words"] = {"en": ["app", "wait* app"], "fr": ["wait*"]}
    assert (await api.put("/v1/topics/app", json=other)).status == 201
    assert (await api.put(PATH, json=WAITING)).status == 200  # its own words are no others'


async def test_there_are_so_many_topics_and_no_more(api: ApiClient, store: Store) -> None:
    await put_topics(store, {f"topic-{number}": {"en": [f"word{number}"]} for number in range(MAX_TOPICS)})
    body = await assert_problem(await api.put(PATH, json=WAITING), 422, "invalid")
    assert pointers(body) == {"/id"}
    assert (await api.put("/v1/topics/topic-1", json=WAITING)).status == 200


@pytest.mark.parametrize("text", [*HOSTILE.values(), *LONG.values()])
async def test_hostile_words_are_refused_or_kept_as_they_are(api: ApiClient, text: str) -> None:
    content = {"name": {"en": text}, "words": {"en": [text]}}
    answer = await api.put(PATH, json=content)
    if answer.status == 201:
        assert (await (await api.get(PATH)).json()).items() >= content.items()
    else:
        assert pointers(await assert_problem(answer, 422, "invalid")) <= {"/name/en", "/words/en/0"}


async def test_reading_and_writing_need_their_scopes(parts: Parts) -> None:
    async with api_client(parts, Scope.CONFIG_READ) as reader:
        assert (await reader.get("/v1/topics")).status == 200
        await assert_problem(await reader.put(PATH, json=WAITING), 403, "forbidden")
        await assert_problem(await reader.get(PHRASES, params={"metric": "nps"}), 403, "forbidden")
    async with api_client(parts, Scope.METRICS_READ) as stranger:
        await assert_problem(await stranger.get("/v1/topics"), 403, "forbidden")
        assert (await stranger.get(PHRASES, params={"metric": "nps"})).status == 200


async def test_rows_and_exports_show_what_was_found(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    await put_topics(store)
    row = answered(1, comment="The staff let us wait for an hour in a queue.", dimensions={"topics": "mine"})
    await store.responses.save(row)
    await read_comments(store)
    (shown,) = (await (await api.get("/v1/responses")).json())["data"]
    assert (shown["comment_language"], shown["topics"]) == ("en", ["staff", "waiting"])
    assert shown["dimension_topics"] == "mine"
    csv = await (await api.get("/v1/responses/export", params={"format": "csv"})).text()
    assert '"[""staff"",""waiting""]"' in csv


# --- phrases


@pytest.fixture
async def office(store: Store) -> None:
    """Detractors who wait, promoters who do not, in two languages and places."""
    await put_topics(store)
    rows = []
    for number in range(12):
        sad = number % 2 == 0
        rows.append(
            answered(
                number,
                START + timedelta(hours=number),
                {"nps": 2 if sad else 10, "csat": 1 if sad else 5},
                comment="A very long waiting time at the gate!" if sad else "Friendly crew, and always on schedule.",
                customer=f"cus_{number}",
                touchpoint="berlin" if number < 6 else "hamburg",
                language="en",
                dimensions={"agent": "a-1"},
            )
        )
    rows += [
        answered(20 + n, comment="Die Wartezeit am Schalter war furchtbar lang.", scores={"nps": 0}) for n in range(4)
    ]
    rows += [answered(30 + n, comment="I am Ada and I write often", customer="cus_ada") for n in range(9)]
    rows.append(answered(40, comment="a very long waiting time at the gate", suspect="burst"))
    await load(store, rows)
    await store.database["responses"].update_many({}, {"$set": {"reading": {"due_at": START}}})
    await read_comments(store)
    await count_answers(store)


async def phrases(api: ApiClient, **query: Any) -> dict[str, Any]:
    answer = await api.get(PHRASES, params={"metric": "nps", **query})
    assert answer.status == 200, await answer.text()
    return dict(await answer.json())


def texts(body: dict[str, Any]) -> dict[str, int]:
    return {row["phrase"]: row["n"] for row in body["data"]}


@pytest.mark.parametrize(
    ("query", "found", "comments"),
    [
        ({"band": "detractors"}, {"long waiting time": 6, "waiting time at": None, "Wartezeit am Schalter": 4}, 10),
        ({"band": "detractors", "comment_language": "de"}, {"Wartezeit am Schalter": 4}, 4),
        ({"band": "promoters"}, {"Friendly crew": 6, "always on schedule": 6, "Ada": None}, 15),
        ({"band": "passives"}, {}, 0),
        ({"touchpoint": "berlin", "band": "detractors"}, {"long waiting time": 3}, 3),
        ({"agent": "a-1", "touchpoint": "berlin", "band": "detractors"}, {"long waiting time": None}, 3),
        ({"topic": "staff"}, {"Friendly crew": 6, "long waiting time": None}, 6),
        ({"metric": "csat", "band": "others"}, {"long waiting time": 6}, 6),
        ({"metric": "csat", "band": "satisfied", "question": "csat"}, {"Friendly crew": 6}, 6),
        ({"question": "csat"}, {}, 0),
        ({"metric": "ces"}, {}, 0),
        ({"from": "2025-11-03T16:00:00Z", "band": "detractors"}, {"long waiting time": 3}, 3),
        ({"to": "2025-11-03T16:00:00Z", "band": "detractors"}, {"long waiting time": 3}, 7),
    ],
)
async def test_phrases_are_those_of_the_answers_that_match(
    api: ApiClient, office: None, query: dict[str, str], found: dict[str, int | None], comments: int
) -> None:
    body = await phrases(api, **query)
    assert (body["comments"], body["all_read"]) == (comments, True)
    shown = texts(body)
    assert {phrase: shown.get(phrase) for phrase in found} == found
    assert bool(shown) is any(found.values())
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


async def test_what_one_person_writes_again_and_again_is_not_shown(api: ApiClient, office: None) -> None:
    assert not [phrase for phrase in texts(await phrases(api, limit="1000")) if "Ada" in phrase or "often" in phrase]


async def test_phrases_come_in_pages(api: ApiClient, office: None) -> None:
    whole = (await phrases(api))["data"]
    page = await phrases(api, limit="2")
    found = page["data"]
    while page["next"]:
        page = await (await api.get(page["next"].removeprefix("http://service.test"))).json()
        found += page["data"]
    assert found == whole
    assert len(whole) > 4


async def test_only_so_many_of_the_newest_comments_are_read(
    api: ApiClient, office: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("survey_service.api.phrases.MOST_READ", 5)
    body = await phrases(api, band="detractors")
    assert (body["comments"], body["all_read"], texts(body)) == (5, False, {"long waiting time": 5, "gate": 5})


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"band": "easy"}, "/band"),
        ({"metric": "csat", "band": "detractors"}, "/band"),
        ({"band": "angry"}, "/band"),
        ({"metric": "love"}, "/metric"),
        ({"group_by": "topic"}, "/group_by"),
        ({"where": "tier:gold"}, "/where"),
        ({"cursor": "x"}, "/cursor"),
    ],
)
async def test_a_question_that_cannot_be_asked_is_refused_at_that_field(
    api: ApiClient, query: dict[str, str], pointer: str
) -> None:
    body = await assert_problem(await api.get(PHRASES, params={"metric": "nps", **query}), 422, "invalid")
    assert pointers(body) == {pointer}
