"""Whom a comment praises: the event's agent, else the one person who is surely meant."""

from __future__ import annotations

import pytest

from survey_service.followup.praised import find_praised
from survey_service.models.person import Person

NAMES = {"g": "Grace Hopper", "j": "José Núñez", "a1": "Anna Berg", "a2": "Anna Tal", "w": "Will Smith", "li": "Bo Li"}
PEOPLE = {key: Person(id=key, name=name) for key, name in NAMES.items()}


@pytest.mark.parametrize(
    ("comment", "person"),
    [
        ("Grace was wonderful", "g"),
        ("thanks to grace hopper!", "g"),
        ("GRACE’S help saved us", "g"),
        ("Señor Nunez knew it all", "j"),
        ("josé was great", "j"),
        ("Anna was great", None),
        ("Anna Tal was great", "a2"),
        ("Anna Tal and Grace were great", "a2"),
        ("Grace and José were great", None),
        ("graceful and hopperlike", None),
        ("I will come again", None),
        ("Will Smith was kind", "w"),
        ("we were served by bo", None),
        ("Bo Li was kind", "li"),
        ("Hopper, Grace", "g"),
        ("all fine", None),
        ("", None),
    ],
)
def test_a_comment_names_one_person_or_nobody(comment: str, person: str | None) -> None:
    found = find_praised(comment, None, PEOPLE)
    assert (found.id if found else None) == person


@pytest.mark.parametrize(("agent", "person"), [("a1", "a1"), ("nobody", "g"), (None, "g"), (7, "g"), ({"id": 1}, "g")])
def test_the_agent_of_the_event_comes_first(agent: object, person: str) -> None:
    found = find_praised("Grace was wonderful", agent, PEOPLE)
    assert found is not None
    assert found.id == person


def test_who_left_is_praised_no_more() -> None:
    gone = {"g": PEOPLE["g"].model_copy(update={"active": False})}
    assert find_praised("Grace was wonderful", None, gone) is None
    assert find_praised("all fine", "g", gone) is None
