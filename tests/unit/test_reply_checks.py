"""A survey's replies by score: what could not be given to anybody is refused, each with its pointer."""

from __future__ import annotations

from typing import Any

import pytest

from survey_service.api.checks import check_survey
from survey_service.errors import InvalidInput
from tests.support.pipeline import a_survey


def a_reply(low: int = 0, high: int = 6, **changes: Any) -> dict[str, Any]:
    return {"low": low, "high": high, "text": {"en": "Sorry, {{customer.first_name|there}}"}, **changes}


def problems(*replies: dict[str, Any]) -> set[tuple[str, str]]:
    try:
        check_survey(a_survey(replies=replies), {"acme"}, {"p-1"})
    except InvalidInput as error:
        return {(problem.pointer, problem.rule) for problem in error.problems}
    return set()


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([a_reply(), a_reply(7, 8), a_reply(9, 10, send=True, person="p-1")], set()),
        ([a_reply(-1, 11)], {("/replies/0/low", "scale"), ("/replies/0/high", "scale")}),
        ([a_reply(6, 5)], {("/replies/0/high", "order")}),
        ([a_reply(0, 6), a_reply(6, 8)], {("/replies/1/low", "overlap")}),
        ([a_reply(send=True, person="gone")], {("/replies/0/person", "exists")}),
        ([a_reply(person="p-1")], {("/replies/0/person", "send")}),
        ([a_reply(text={"de": "Danke"})], {("/replies/0/text", "default_language")}),
        ([a_reply(text={"en": "{{secret}}"})], {("/replies/0/text/en", "placeholder")}),
        ([a_reply(text={"en": "Hi", "xx": "Hi"})], {("/replies/0/text/xx", "language")}),
    ],
)
def test_replies_cover_the_scale_once_and_can_be_said(
    replies: list[dict[str, Any]], expected: set[tuple[str, str]]
) -> None:
    assert problems(*replies) == expected


@pytest.mark.parametrize(("score", "index"), [(0, 0), (6, 0), (7, None), (9, 1), (10, 1), (None, None)])
def test_a_reply_is_chosen_by_the_score(score: int | None, index: int | None) -> None:
    survey = a_survey(replies=(a_reply(0, 6), a_reply(9, 10)))
    assert survey.reply_to(score) == (None if index is None else survey.replies[index])
