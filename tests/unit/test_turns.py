"""Turns: what an incoming text is taken for, by where its conversation stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from survey_service.answering.replies import Help, OffScale, OptIn, OptOut, Reading, Score, Words
from survey_service.answering.turns import (
    Ask,
    Correct,
    GiveHelp,
    GiveLink,
    KeepNote,
    Situation,
    StopWriting,
    TakeAnswer,
    Turn,
    WriteAgain,
    next_turn,
)
from survey_service.models.brand import Brand
from survey_service.models.response import AnswerValue
from survey_service.models.survey import Survey
from survey_service.texts.dialogue import (
    correction_text,
    finished_text,
    help_text,
    link_text,
    more_text,
    opening_text,
    question_text,
    thanks_text,
    welcome_text,
)
from survey_service.texts.segments import Encoding, count_segments
from tests.support.factories import NOON

NPS = {
    "id": "nps",
    "kind": "nps",
    "text": {"en": "How likely are you to recommend us?"},
    "low_label": {"en": "not at all"},
    "high_label": {"en": "very"},
}
WHY = {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?"}}
FIX = {"id": "fix", "kind": "text", "text": {"en": "What to fix?"}, "show_if": "answers.nps <= 6.0"}
CSAT = {"id": "csat", "kind": "csat", "text": {"en": "How was the service?"}}
SOLVED = {"id": "solved", "kind": "csat", "scale": "yes-no", "text": {"en": "Did we solve it?"}}
LINE = {"id": "line", "kind": "line", "text": {"en": "In a few words?"}}
TOPIC = {"id": "topic", "kind": "choice", "text": {"en": "About what?"}, "options": [{"id": "a", "text": {"en": "A"}}]}


def survey(*questions: dict[str, Any], primary: str = "nps") -> Survey:
    fields = {
        "_id": "s:1",
        "survey": "s",
        "version": 1,
        "name": "S",
        "brand": "acme",
        "primary": primary,
        "questions": questions,
        "created_at": NOON,
    }
    return Survey.model_validate(fields)


ASKED = Situation(survey(NPS, WHY, FIX))
SCORED = replace(ASKED, answers={"nps": 9}, asked=("nps",))
LOW = replace(ASKED, answers={"nps": 3, "why": "late"}, asked=("nps", "why"))
OVER = replace(SCORED, asked=("nps", "why"))
NOTHING = Situation()


def turn(situation: Situation, reading: Reading, text: str = "as written") -> Turn:
    return next_turn(situation, reading, text)


def taken(found: Turn) -> tuple[list[str], dict[str, AnswerValue], str | None]:
    assert isinstance(found, TakeAnswer)
    return [question.id for question in found.page], dict(found.answers), found.note


@pytest.mark.parametrize("situation", [NOTHING, ASKED, SCORED, LOW, OVER, replace(ASKED, silenced=True)])
def test_a_stop_and_a_call_for_help_come_before_any_answer(situation: Situation) -> None:
    assert turn(situation, OptOut()) == StopWriting()
    assert turn(situation, Help()) == GiveHelp()


def test_start_is_obeyed_where_the_person_was_out_and_is_a_word_elsewhere() -> None:
    assert turn(replace(SCORED, silenced=True), OptIn(), "START") == WriteAgain()
    assert turn(replace(NOTHING, silenced=True), OptIn(), "START") == WriteAgain()
    assert taken(turn(SCORED, OptIn(), "yes")) == (["why"], {"why": "yes"}, None)
    assert turn(NOTHING, OptIn(), "START") == KeepNote("START")


def test_a_yes_that_looks_like_the_wish_to_come_back_answers_a_yes_or_no_question() -> None:
    asked = Situation(survey(SOLVED, WHY, primary="solved"))
    assert taken(turn(asked, OptIn(), "YES")) == (["solved"], {"solved": 1}, None)
    assert taken(turn(asked, OptIn(), "Yes, at last")) == (["solved", "why"], {"solved": 1, "why": "at last"}, None)
    assert isinstance(turn(asked, OptIn(), "START"), Correct)
    assert turn(replace(asked, silenced=True), OptIn(), "YES") == WriteAgain()
    assert isinstance(turn(ASKED, OptIn(), "YES"), Correct)


def test_a_score_answers_the_metric_question() -> None:
    assert taken(turn(ASKED, Score(9))) == (["nps"], {"nps": 9}, None)


def test_a_comment_beside_the_score_answers_the_first_text_question() -> None:
    assert taken(turn(ASKED, Score(3, "late"))) == (["nps", "why"], {"nps": 3, "why": "late"}, None)


def test_a_comment_goes_to_a_text_question_that_the_score_calls_for() -> None:
    situation = Situation(survey(NPS, FIX))
    assert taken(turn(situation, Score(3, "late"))) == (["nps", "fix"], {"nps": 3, "fix": "late"}, None)
    assert taken(turn(situation, Score(9, "fine"))) == (["nps"], {"nps": 9}, "fine")


def test_a_comment_that_no_question_asks_for_becomes_a_note() -> None:
    assert taken(turn(Situation(survey(NPS)), Score(9, "great"))) == (["nps"], {"nps": 9}, "great")


def test_whatever_is_said_to_a_text_question_is_its_answer() -> None:
    assert taken(turn(SCORED, Words("9 reasons"))) == (["why"], {"why": "9 reasons"}, None)
    assert taken(turn(LOW, Words("👍"))) == (["fix"], {"fix": "👍"}, None)


def test_a_short_answer_is_one_line_and_what_is_longer_is_kept_as_well() -> None:
    asked = replace(ASKED, survey=survey(NPS, LINE), answers={"nps": 9}, asked=("nps",))
    assert taken(turn(asked, Words("so\n quick"))) == (["line"], {"line": "so quick"}, None)
    long = "word " * 60 + "end"
    assert taken(turn(asked, Words(long))) == (["line"], {"line": long[:199]}, long)
    begun = replace(ASKED, survey=survey(NPS, LINE))
    assert taken(turn(begun, Score(9, long))) == (["nps", "line"], {"nps": 9, "line": long[:199]}, long)


def test_what_only_the_page_can_ask_is_passed_over() -> None:
    situation = Situation(survey(TOPIC, NPS))
    assert taken(turn(situation, Score(9))) == (["nps"], {"nps": 9}, None)
    assert turn(replace(situation, answers={"nps": 9}, asked=("nps",)), Words("A")) == KeepNote("A")


def test_the_primary_question_is_asked_first_wherever_it_stands() -> None:
    situation = Situation(survey(WHY, CSAT, NPS))
    assert taken(turn(situation, Score(9, "great")))[0] == ["nps", "why"]
    after = replace(situation, answers={"nps": 9, "why": "great"}, asked=("nps", "why"))
    assert taken(turn(after, Score(4))) == (["csat"], {"csat": 4}, None)


@pytest.mark.parametrize("reading", [Words("what is this"), Words(""), Words("👍"), OffScale(11)])
def test_what_is_not_understood_is_corrected_once_then_gets_the_link_then_is_kept(reading: Words | OffScale) -> None:
    assert turn(ASKED, reading) == Correct(ASKED.survey.questions[0] if ASKED.survey else None)
    assert turn(replace(ASKED, misread=1), reading) == GiveLink()
    kept = reading.text if isinstance(reading, Words) else "11"
    for misread in (2, 3, 100):
        assert turn(replace(ASKED, misread=misread), reading) == KeepNote(kept)


def test_a_score_is_understood_after_any_number_of_misreadings() -> None:
    assert taken(turn(replace(ASKED, misread=7), Score(8)))[1] == {"nps": 8}


def test_a_picture_does_not_answer_a_text_question() -> None:
    assert isinstance(turn(SCORED, Words("")), Correct)


def test_what_comes_after_the_end_is_kept_as_it_was_said() -> None:
    assert turn(OVER, Words("one more thing")) == KeepNote("one more thing")
    assert turn(NOTHING, Score(9, "sure")) == KeepNote("9 sure")


def test_after_a_newer_conversation_only_a_score_goes_to_an_older_one() -> None:
    older = replace(ASKED, newer_ended=True)
    assert turn(older, Words("thanks a lot")) == KeepNote("thanks a lot")
    assert taken(turn(older, Score(7)))[1] == {"nps": 7}


@pytest.mark.parametrize("reading", [Words(""), Words("hello"), OffScale(12)])
def test_a_keyword_without_a_score_gets_the_question(reading: Words | OffScale) -> None:
    begun = replace(ASKED, begun=True)
    assert isinstance(turn(begun, reading), Ask)
    assert taken(turn(begun, Score(9, "fast")))[1] == {"nps": 9, "why": "fast"}


def same(text: str) -> str:
    return text


def replies(language: str) -> list[str]:
    """One of each kind, about questions in English."""
    brand = Brand.model_validate({"_id": "acme", "name": "Acme", "contact": "help@acme.example"})
    asked = survey(NPS, SOLVED, WHY)
    scale, yes_or_no, _ = asked.questions
    url = "https://survey.example/s/" + "x" * 22
    said = [
        *(question_text(question, asked, language, same) for question in (scale, yes_or_no)),
        *(opening_text(question, asked, brand, language, same) for question in (scale, yes_or_no)),
        *(correction_text(question, asked, language, same) for question in asked.questions),
        *(
            f"{thanks_text(asked, score, language, same)} {more_text(url, n, language)}"
            for score in (3, 8, 9)
            for n in (1, 2)
        ),
        link_text(url, language),
        help_text(brand, language),
        welcome_text(brand, language),
    ]
    return [finished_text(text, language, with_way_out=False) for text in said]


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "pt", "xx"])
def test_every_reply_is_one_segment_of_plain_signs(language: str) -> None:
    for reply in replies(language):
        counted = count_segments(reply)
        assert (counted.encoding, counted.count) == (Encoding.GSM7, 1), reply


def test_a_reply_in_arabic_is_two_segments_at_most() -> None:
    for reply in replies("ar"):
        assert count_segments(reply).count <= 2, reply


def test_whoever_speaks_of_stopping_is_told_how() -> None:
    assert finished_text("Why?", "en", with_way_out=True) == "Why? To get no more messages, reply STOP."
    assert finished_text("Warum – …?", "de", with_way_out=False) == "Warum - ...?"


def test_help_names_the_brand_and_the_next_best_way_to_a_person() -> None:
    brand = Brand.model_validate({"_id": "acme", "name": "Acme"})
    assert help_text(brand, "en") == "Acme asks how it went. To get no more messages, reply STOP."
    reached = brand.model_copy(update={"reply_to": "help@acme.example"})
    assert "Kontakt: help@acme.example." in help_text(reached, "de")
