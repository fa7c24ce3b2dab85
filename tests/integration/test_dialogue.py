"""Whole conversations by SMS, over the real SDK: answers, corrections, opt-outs, keywords."""

from __future__ import annotations

from datetime import timedelta

import pytest

from survey_service.models.delivery import ChannelName, DeliveryState
from survey_service.models.inbound import InboundResult
from survey_service.models.invitation import InvitationState
from survey_service.models.response import ResponseStatus
from survey_service.models.suppression import SuppressionReason
from survey_service.models.touchpoint import TouchpointContent
from survey_service.tokens import OptOutSubject
from tests.support.pipeline import BASE_URL, NAME, a_brand, a_customer, an_event
from tests.support.texting import ADA, BOB, Texting, a_long_survey


@pytest.mark.parametrize(
    ("locale", "lines"),
    [
        (
            "en-GB",
            [
                ("nine", "Why?"),
                ("It was quick.", "Thank you. We are glad that it went well."),
            ],
        ),
        (
            "de-DE",
            [
                ("zwei!", "Warum?"),
                ("zu spät", "Was sollen wir ändern?"),
                (
                    "Pünktlich sein",
                    "Danke, dass Sie es uns sagen. Es tut uns leid, dass es nicht gut gelaufen ist.",
                ),
            ],
        ),
        ("es", [("nueve", "Por qué?"), ("rápido", "Gracias. Nos alegra que haya ido bien.")]),
    ],
)
async def test_a_conversation_goes_question_by_question_to_the_thanks(
    texting: Texting, locale: str, lines: list[tuple[str, str]]
) -> None:
    await texting.ask(locale=locale)
    for said, reply in lines:
        assert await texting.say(said) == [reply]
    found = await texting.response()
    assert (found.status, found.channel, found.language) == (ResponseStatus.FINISHED, "sms", locale[:2])
    assert found.score == (2 if locale == "de-DE" else 9)
    assert found.comment == lines[1][0]
    assert list(found.texts) == [row.id for row in await texting.texts()]
    assert (await texting.pipeline.invitation()).state is InvitationState.FINISHED
    assert set(await texting.results()) == {InboundResult.ANSWERED}


async def test_a_comment_beside_the_score_is_taken_at_once(texting: Texting) -> None:
    await texting.ask()
    assert await texting.say("10 because you were so quick") == ["Thank you. We are glad that it went well."]
    found = await texting.response()
    assert found.answers == {"nps": 10, "why": "because you were so quick"}
    assert found.status is ResponseStatus.FINISHED


async def test_the_surveys_own_thanks_end_the_conversation(texting: Texting) -> None:
    await texting.configure(a_long_survey(thanks={"en": "{{customer.first_name|You}}, you are great!"}))
    await texting.ask(first_name="{{brand.name}}")
    assert await texting.say("9, fine") == ["{{brand.name}}, you are great!"]


async def test_a_comment_that_nothing_asks_for_is_kept_as_a_note(texting: Texting) -> None:
    (nps, *_) = a_long_survey().questions
    await texting.configure(a_long_survey(questions=(nps.model_dump(),)))
    await texting.ask()
    await texting.say("9 - love it")
    assert (await texting.response()).answers == {"nps": 9}
    assert await texting.notes() == ["love it"]


async def test_what_is_not_understood_is_corrected_once_then_gets_the_link_then_silence(texting: Texting) -> None:
    await texting.ask()
    hint = "Please reply with a number from 0 to 10."
    assert await texting.say("hmm, let me think") == [f"Sorry, we did not understand that. {hint}"]
    assert await texting.say("👍") == [f"Perhaps it is easier here: {BASE_URL}/s/{await texting.pipeline.token()}"]
    assert await texting.say("42") == []
    assert await texting.notes() == ["42"]
    assert await texting.say("8") == ["Why?"]
    assert await texting.results() == [
        InboundResult.CORRECTED,
        InboundResult.LINKED,
        InboundResult.NOTED,
        InboundResult.ANSWERED,
    ]


async def test_what_comes_after_the_end_is_kept_as_a_note(texting: Texting) -> None:
    await texting.ask()
    await texting.say("9, fine")
    assert await texting.say("By the way: 4 stars for the driver") == []
    assert await texting.notes() == ["By the way: 4 stars for the driver"]
    assert (await texting.response()).answers == {"nps": 9, "why": "fine"}


async def test_a_note_keeps_the_touchpoint_of_the_message_that_it_replies_to(texting: Texting) -> None:
    munich = an_event("ord-1", a_customer("ada", phone=ADA), data={"touchpoint": "munich"})
    await texting.pipeline.handle(munich)
    await texting.say("9, fine")
    await texting.say("Leave the next one with my neighbour")
    (person,) = await texting.pipeline.customers()
    assert [(note.touchpoint, note.by_customer) for note in person.notes] == [("munich", ChannelName.SMS)]


async def test_a_picture_without_text_is_no_answer(texting: Texting) -> None:
    await texting.ask()
    (correction,) = await texting.say("", media=1)
    assert correction.startswith("Sorry")
    assert await texting.say("9") == ["Why?"]
    assert await texting.say("", media=2) == [
        f"Perhaps it is easier here: {BASE_URL}/s/{await texting.pipeline.token()}"
    ]


async def test_a_reply_goes_to_the_latest_open_invitation(texting: Texting) -> None:
    await texting.ask("ord-1")
    texting.pipeline.pass_time(timedelta(days=1))
    await texting.ask("ord-2")
    await texting.say("9, fine")
    found = await texting.response()
    assert found.event is not None
    assert found.event.id == "ord-2"
    assert await texting.say("thanks again") == []
    assert await texting.say("3, too late") == ["What should we fix?"]
    events = {row.event.id: row.score for row in await texting.pipeline.responses() if row.event}
    assert events == {"ord-1": 3, "ord-2": 9}


async def test_a_text_goes_on_where_the_page_stopped_and_the_page_where_the_text_stopped(texting: Texting) -> None:
    await texting.ask()
    recording = texting.pipeline.service.parts.recording
    token = await texting.pipeline.token()
    assert (await recording.submit_token(token, {"nps": "4", "why": "late"})).taken
    assert await texting.say("Be on time") == ["Thank you for telling us. We are sorry that it did not go well."]
    found = await texting.response()
    assert (found.answers, found.channel) == ({"nps": 4, "why": "late", "fix": "Be on time"}, "sms")

    await texting.ask("ord-2", BOB)
    await texting.say("4", BOB)
    visit = await recording.look((await _url(texting, BOB)).rpartition("/")[2])
    assert [question.id for question in recording.page_of(visit)] == ["why"]


async def _url(texting: Texting, phone: str) -> str:
    rows = await texting.pipeline.invitations()
    row = next(row for row in rows if row.recipient.phone == phone)
    return texting.pipeline.service.parts.direct.url_of(row) or ""


# Opting out


@pytest.mark.parametrize("said_before", [[], ["9"], ["what?"], ["9, fine"]])
@pytest.mark.parametrize("stop", ["STOP", "please stop texting me", "Baja", "9. STOP"])
async def test_a_stop_is_obeyed_at_every_point_and_nothing_is_replied(
    texting: Texting, said_before: list[str], stop: str
) -> None:
    await texting.ask()
    for text in said_before:
        await texting.say(text)
    assert await texting.say(stop) == []
    reason = SuppressionReason.STOP
    assert await texting.suppressions() == {("person", "acme", reason), ("address", "acme", reason)}
    before = texting.heard()
    await texting.ask("ord-2")
    assert texting.heard() == before
    assert (await texting.pipeline.decision("ord-2")).reason == "suppressed"


async def test_a_stop_cancels_the_reply_that_still_waits(texting: Texting) -> None:
    await texting.ask()
    await texting.receive("9")
    await texting.receive("STOP")
    (dialogue,) = [loop for loop in texting.pipeline.service.worker.loops if loop.stage.name == "dialogue"]
    await dialogue.run_until_idle()
    await texting.pipeline.run()
    assert len(texting.heard()) == 1
    assert [row.state for row in await texting.replies()] == [DeliveryState.CANCELLED]
    assert (await texting.response()).score == 9


async def test_a_stop_of_somebody_unknown_holds_for_every_brand(texting: Texting) -> None:
    assert await texting.say("Stop!", BOB) == []
    assert await texting.suppressions() == {("address", "*", SuppressionReason.STOP)}
    await texting.ask(phone=BOB)
    assert texting.heard(BOB) == []


async def test_a_stop_word_in_a_comment_stays_a_comment_and_the_reply_says_how_to_stop(texting: Texting) -> None:
    await texting.ask()
    (reply,) = await texting.say("2, please stop making us queue")
    assert reply == "What should we fix? To get no more messages, reply STOP."
    assert (await texting.response()).comment == "please stop making us queue"
    assert await texting.suppressions() == set()


async def test_start_brings_back_whom_their_own_word_silenced_and_says_so_once(texting: Texting) -> None:
    await texting.ask()
    await texting.say("STOP")
    assert await texting.say("START") == [
        "Acme: you will get messages from us again. To get no more messages, reply STOP."
    ]
    assert await texting.suppressions() == set()
    await texting.ask("ord-2")
    assert "Would you recommend Acme?" in texting.heard()[-1]
    assert await texting.say("START") != ["Acme: you will get messages from us again."]


async def test_start_lifts_no_bounce_and_no_other_brands_silence(texting: Texting) -> None:
    await texting.ask()
    customer = (await texting.pipeline.invitation()).customer
    opting_out = texting.pipeline.service.parts.opting_out
    await opting_out.opt_out(OptOutSubject("other", customer))
    await opting_out.opt_out(OptOutSubject("acme", customer), SuppressionReason.MANUAL)
    before = await texting.suppressions()
    await texting.say("START")
    assert await texting.suppressions() == before


async def test_the_providers_own_opt_out_handling_is_followed_and_nothing_is_answered_twice(texting: Texting) -> None:
    await texting.ask()
    assert await texting.say("Arret", opt_out_type="STOP") == []
    assert len(await texting.suppressions()) == 2
    assert await texting.say("START", opt_out_type="START") == []
    assert await texting.suppressions() == set()
    assert await texting.say("HELP", opt_out_type="HELP") == []
    assert await texting.results() == [InboundResult.OPTED_OUT, InboundResult.OPTED_IN, InboundResult.HELPED]


async def test_help_says_who_writes_and_how_to_reach_a_person(texting: Texting) -> None:
    help_text = "Acme asks how it went. Contact: help@acme.example. To get no more messages, reply STOP."
    assert await texting.say("HELP", BOB) == [help_text]
    await texting.ask(locale="de")
    (reply,) = await texting.say("Info")
    assert reply.startswith("Acme fragt, wie es war. Kontakt: help@acme.example.")
    assert await texting.say("9") == ["Warum?"]


async def test_help_for_a_stranger_stays_silent_where_several_brands_might_be_meant(texting: Texting) -> None:
    await texting.store.configuration.brands.put("other", a_brand(name="Other"))
    assert await texting.say("HELP", BOB) == []
    assert await texting.results() == [InboundResult.HELPED]


# Keywords


async def put_keyword(texting: Texting, keyword: str = "MITTE") -> None:
    content = TouchpointContent(name="Berlin Mitte", keyword=keyword, keyword_survey=NAME)
    await texting.store.configuration.touchpoints.put("berlin-mitte", content)


async def test_a_keyword_begins_an_answer_without_invitation_or_question(texting: Texting) -> None:
    await put_keyword(texting)
    assert await texting.say("Mitte 9") == ["Why?"]
    assert await texting.say("quick") == ["Thank you. We are glad that it went well."]
    found = await texting.response()
    assert (found.touchpoint, found.score, found.comment, found.channel) == ("berlin-mitte", 9, "quick", "sms")
    assert (found.event, found.trigger, found.status) == (None, None, ResponseStatus.FINISHED)
    (person,) = await texting.pipeline.customers()
    assert person.keys == (f"phone:{ADA}",)
    texting.pipeline.pass_time(timedelta(days=8))
    await texting.pipeline.run()
    assert len(texting.heard()) == 2


async def test_a_keyword_alone_gets_the_question_once(texting: Texting) -> None:
    await put_keyword(texting)
    assert await texting.say("MITTE") == ["Acme: Would you recommend Acme? Reply 0-10. STOP to opt out"]
    assert await texting.say("7 because of the queue") == ["Thank you. This helps us to do better next time."]
    assert (await texting.response()).score == 7


async def test_a_keyword_in_the_middle_of_a_comment_is_part_of_it(texting: Texting) -> None:
    await put_keyword(texting)
    await texting.ask()
    await texting.say("9")
    assert await texting.say("Mitte is my favourite shop") == ["Thank you. We are glad that it went well."]
    assert (await texting.response()).comment == "Mitte is my favourite shop"


async def test_a_keyword_with_a_score_begins_anew_in_the_middle_of_a_conversation(texting: Texting) -> None:
    await put_keyword(texting)
    await texting.ask()
    assert await texting.say("mitte 3") == ["Why?"]
    (found,) = await texting.pipeline.responses()
    assert found.touchpoint == "berlin-mitte"


async def test_a_stop_behind_a_keyword_is_a_stop(texting: Texting) -> None:
    await put_keyword(texting)
    assert await texting.say("MITTE STOP") == []
    assert await texting.results() == [InboundResult.OPTED_OUT]
    assert await texting.pipeline.invitations() == ()


async def test_a_stranger_without_a_command_gets_no_answer(texting: Texting) -> None:
    assert await texting.say("hello?", BOB) == []
    assert await texting.results() == [InboundResult.UNKNOWN_SENDER]
