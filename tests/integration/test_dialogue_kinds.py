"""Conversations by SMS about every kind of question: yes or no, up to ten, and what is left to the page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from survey_service.models.inbound import InboundResult
from survey_service.models.response import FinishedBy, ResponseStatus
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from tests.support.pipeline import BASE_URL, NAME
from tests.support.texting import Texting, a_long_survey

LANGUAGES = ("en", "de", "es", "fr", "pt", "ar")
SOLVED = {"id": "solved", "kind": "csat", "scale": "yes-no", "text": dict.fromkeys(LANGUAGES, "OK?")}
WHY = {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?"}}
TOPIC = {
    "id": "topic",
    "kind": "choice",
    "text": {"en": "What was it about?"},
    "options": [{"id": "time", "text": {"en": "Time"}}, {"id": "staff", "text": {"en": "Staff"}}],
}
NEWS = {"id": "news", "kind": "consent", "required": False, "text": {"en": "May we write to you?"}}


def about(*questions: dict[str, Any]) -> SurveyContent:
    """A survey of these questions; the first is the primary one."""
    return a_long_survey(questions=questions, primary=questions[0]["id"])


async def page_url(texting: Texting) -> str:
    return f"{BASE_URL}/s/{await texting.pipeline.token()}"


@pytest.mark.parametrize(
    ("locale", "asked", "said", "score", "reply"),
    [
        ("en", "Reply yes or no.", "Yep", 1, "Thank you. We are glad that it went well."),
        ("de", "Antworten Sie mit Ja oder Nein.", "nein", 0, "Danke, dass Sie es uns sagen."),
        ("es-MX", "Responda SI o NO.", "sí", 1, "Gracias. Nos alegra que haya ido bien."),
        ("fr", "Répondez oui ou non.", "non", 0, "Merci de nous l'avoir dit."),
        ("pt-BR", "Responda SIM ou NAO.", "não", 0, "Obrigado por nos contar."),
        ("ar", "يرجى الرد بنعم أو لا.", "نعم", 1, "شكرًا لك."),
    ],
)
async def test_a_yes_or_no_is_asked_and_understood_in_every_language(
    texting: Texting, locale: str, asked: str, said: str, score: int, reply: str
) -> None:
    await texting.configure(about(SOLVED))
    await texting.ask(locale=locale)
    assert asked in texting.heard()[-1]
    (answer,) = await texting.say(said)
    assert answer.startswith(reply)
    found = await texting.response()
    assert (found.score, found.scale, found.metric, found.status) == (score, "yes-no", "csat", ResponseStatus.FINISHED)


async def test_a_comment_behind_the_yes_is_taken_at_once(texting: Texting) -> None:
    await texting.configure(about(SOLVED, WHY))
    await texting.ask()
    assert await texting.say("yes, but slow") == ["Thank you. We are glad that it went well."]
    assert (await texting.response()).answers == {"solved": 1, "why": "but slow"}


async def test_what_is_no_yes_and_no_no_is_asked_again(texting: Texting) -> None:
    await texting.configure(about(SOLVED, WHY))
    await texting.ask()
    assert await texting.say("yes and no") == ["Sorry, we did not understand that. Please reply yes or no."]
    assert await texting.say("7") == [f"Perhaps it is easier here: {await page_url(texting)}"]
    assert await texting.say("No.") == ["Why?"]


async def test_a_yes_that_the_provider_took_for_the_wish_to_come_back_is_an_answer(texting: Texting) -> None:
    await texting.configure(about(SOLVED, WHY))
    await texting.ask()
    assert await texting.say("YES", opt_out_type="START") == ["Why?"]
    assert (await texting.response()).answers == {"solved": 1}
    assert await texting.results() == [InboundResult.ANSWERED]
    await texting.say("STOP", opt_out_type="STOP")
    assert await texting.say("YES", opt_out_type="START") == []
    assert (await texting.results())[-1] is InboundResult.OPTED_IN


async def test_a_scale_up_to_ten_begins_at_one(texting: Texting) -> None:
    csat = {"id": "csat", "kind": "csat", "scale": "1-10", "text": {"en": "How was it?"}}
    await texting.configure(about(csat))
    await texting.ask()
    assert "Reply 1-10." in texting.heard()[-1]
    hint = "Please reply with a number from 1 to 10."
    assert await texting.say("0") == [f"Sorry, we did not understand that. {hint}"]
    assert await texting.say("ten out of ten") == ["Thank you. We are glad that it went well."]
    assert (await texting.response()).scale == "1-10"


async def test_a_required_question_that_only_the_page_can_ask_gets_its_link_beside_the_thanks(texting: Texting) -> None:
    await texting.configure(about(SOLVED, TOPIC, WHY))
    await texting.ask()
    url = await page_url(texting)
    assert await texting.say("no") == ["Why?"]
    thanks = "Thank you for telling us. We are sorry that it did not go well."
    assert await texting.say("Nobody called") == [f"{thanks} One more question here: {url}"]
    assert (await texting.response()).status is ResponseStatus.PARTIAL
    assert await texting.say("By the way, thanks") == []
    assert await texting.notes() == ["By the way, thanks"]

    recording = texting.pipeline.service.parts.recording
    assert (await recording.submit_token(url.rpartition("/")[2], {"topic": "staff"})).taken
    found = await texting.response()
    assert (found.status, found.channel) == (ResponseStatus.FINISHED, "sms")
    assert found.answers == {"solved": 0, "why": "Nobody called", "topic": "staff"}


async def test_several_questions_for_the_page_are_counted(texting: Texting) -> None:
    await texting.configure(about(SOLVED, TOPIC, NEWS))
    await texting.ask()
    (reply,) = await texting.say("yes")
    assert reply.endswith(f"2 more questions here: {await page_url(texting)}")


async def test_what_is_left_only_for_those_who_like_costs_no_second_step_and_ends_by_itself(texting: Texting) -> None:
    await texting.configure(about(SOLVED, NEWS))
    await texting.ask()
    assert await texting.say("yes") == ["Thank you. We are glad that it went well."]
    assert (await texting.response()).status is ResponseStatus.PARTIAL
    texting.pipeline.pass_time(timedelta(days=1, minutes=1))
    await texting.pipeline.run()
    found = await texting.response()
    assert (found.status, found.finished_by) == (ResponseStatus.FINISHED, FinishedBy.TIMEOUT)
    assert found.answers == {"solved": 1}


async def test_a_keyword_takes_a_yes_and_asks_for_one(texting: Texting) -> None:
    await texting.configure(about(SOLVED, WHY, TOPIC))
    content = TouchpointContent(name="Berlin Mitte", keyword="MITTE", keyword_survey=NAME)
    await texting.store.configuration.touchpoints.put("berlin-mitte", content)
    (reply,) = await texting.say("Mitte yes, friendly")
    found = await texting.response()
    assert (found.touchpoint, found.answers) == ("berlin-mitte", {"solved": 1, "why": "friendly"})
    assert reply == f"Thank you. We are glad that it went well. One more question here: {await page_url(texting)}"
    assert await texting.say("MITTE") == ["Acme: OK? Reply yes or no. STOP to opt out"]
