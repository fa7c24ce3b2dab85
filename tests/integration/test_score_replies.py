"""What a survey says to a score stands on the page at once, and leaves as a message once, in a person's name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.delivery import Delivery, DeliveryKind, DeliveryState
from survey_service.models.outbox import NewsType, news_of, outbox_change
from survey_service.wiring import create_app
from tests.support.cases import answer, invite, put_people
from tests.support.pipeline import NAME, Pipeline, a_survey
from tests.support.service import ApiClient, client_of
from tests.support.texting import Texting, a_long_survey

REPLIES = (
    {"low": 0, "high": 6, "text": {"en": "Sorry, {{customer.first_name|you}}. Mia calls you."}, "send": True}
    | {"person": "mia"},
    {"low": 9, "high": 10, "text": {"en": "Lovely, {{customer.first_name|you}}.", "de": "Schön!"}},
)


@pytest.fixture(autouse=True)
async def configured(pipeline: Pipeline) -> None:
    await pipeline.configure()
    await put_people(pipeline, mia={})
    await pipeline.store.configuration.surveys.put(
        NAME, a_survey(replies=REPLIES, thanks={"en": "Thanks, all of you."})
    )


@pytest.fixture
async def web(pipeline: Pipeline) -> AsyncIterator[ApiClient]:
    async with client_of(create_app(pipeline.service.parts)) as client:
        yield client


async def replies(pipeline: Pipeline) -> list[Delivery]:
    return [row for row in await pipeline.deliveries() if row.kind is DeliveryKind.CASE_REPLY]


@pytest.mark.parametrize(("score", "said"), [("10", "Lovely, Ada."), ("8", "Thanks, all of you.")])
async def test_the_page_says_at_once_what_fits_the_score(
    pipeline: Pipeline, web: ApiClient, score: str, said: str
) -> None:
    token = await invite(pipeline)
    page = await web.post(f"/s/{token}", data={"nps": score})
    assert said in await page.text()
    await pipeline.run()
    assert await replies(pipeline) == []


async def test_the_message_leaves_once_the_answer_is_finished_in_the_persons_name(pipeline: Pipeline) -> None:
    token = await invite(pipeline)
    await answer(pipeline, token, nps="3", why="Broken.")
    assert await replies(pipeline) == []  # one more question is open
    await answer(pipeline, token, fix="The box.")
    (row,) = await replies(pipeline)
    assert (row.state, row.person, row.to) == (DeliveryState.SENT, "mia", "ada@example.com")
    letter = pipeline.letters()[-1]
    assert letter.subject == "Thank you for your answer"
    assert "Sorry, Ada. Mia calls you.\n\nMia\nAcme" in letter.text


async def test_what_is_told_twice_is_replied_to_once(pipeline: Pipeline) -> None:
    token = await invite(pipeline)
    await answer(pipeline, token, nps="3")
    await answer(pipeline, token, fix="")
    (response,) = await pipeline.responses()
    again = outbox_change(news_of(response.id, NewsType.RESPONSE_FINISHED, response.started_at))
    await pipeline.store.database["responses"].update_one({"_id": response.id}, again)
    await pipeline.run()
    assert len(await replies(pipeline)) == 1
    assert len(pipeline.letters()) == 2


async def test_who_stops_in_the_middle_is_replied_to_when_time_is_up(pipeline: Pipeline) -> None:
    await answer(pipeline, await invite(pipeline), nps="3")
    pipeline.pass_time(timedelta(days=1, minutes=1))
    await pipeline.run()
    assert [row.state for row in await replies(pipeline)] == [DeliveryState.SENT]


async def test_no_message_answers_a_machine(pipeline: Pipeline) -> None:
    token = await invite(pipeline)
    await answer(pipeline, token, nps="3")
    await pipeline.store.database["responses"].update_one({}, {"$set": {"suspect": "too_fast"}})
    pipeline.pass_time(timedelta(days=1, minutes=1))
    await pipeline.run()
    assert await replies(pipeline) == []


async def test_a_conversation_by_text_says_it_in_its_last_message_alone(texting: Texting) -> None:
    changes: dict[str, Any] = {"replies": REPLIES}
    await texting.configure(a_long_survey(**changes))
    await put_people(texting.pipeline, mia={})
    await texting.ask()
    await texting.say("3")
    await texting.say("broken")
    said = await texting.say("the box")
    assert [text for text in said if text.startswith("Sorry, ")] == said
    assert len(said) == 1
    assert await replies(texting.pipeline) == []
