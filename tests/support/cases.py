"""What tests of cases share: people, a rule that opens cases, and customers who are not happy."""

from __future__ import annotations

from typing import Any

from survey_service.models.case import Case
from survey_service.models.follow_up import FollowUpContent
from survey_service.models.person import PersonContent
from tests.support.pipeline import EVERYTHING, Pipeline, a_customer, an_event

RULE = "unhappy"
PLACE = "berlin-mitte"


def a_person(name: str = "mia", **changes: Any) -> PersonContent:
    """A manager of every touchpoint, who is told by mail."""
    fields = {"name": name.title(), "email": f"{name}@acme.example", "role": "manager"}
    return PersonContent.model_validate(fields | changes)


def a_rule(**changes: Any) -> FollowUpContent:
    """Opens a case for each six or less, due in two days; `case` changes its action."""
    case = {"title": "Unhappy customer", "due_within": "P2D", **changes.pop("case", {})}
    fields = {"name": "Unhappy customers", "on": "scored", "condition": "response.score <= 6.0", "case": case}
    return FollowUpContent.model_validate(fields | changes)


async def put_people(pipeline: Pipeline, **people: dict[str, Any]) -> None:
    """Store these people, each with the changes of `a_person`."""
    for name, changes in people.items():
        await pipeline.store.configuration.people.put(name, a_person(name, **changes))


async def put_rule(pipeline: Pipeline, name: str = RULE, **changes: Any) -> None:
    """Store a rule with the changes of `a_rule`."""
    await pipeline.store.configuration.follow_ups.put(name, a_rule(**changes))


async def invite(pipeline: Pipeline, event: str = "ord-1", customer: str = "ada", **data: Any) -> str:
    """Ask a customer about an order; the token of the survey."""
    posted = an_event(event, a_customer(customer), data={"touchpoint": PLACE, **data})
    await pipeline.handle(posted)
    decision = await pipeline.decision(event)
    invitation = await pipeline.store.invitations.get(decision.invitation or "")
    assert invitation is not None, decision
    url = pipeline.service.parts.direct.url_of(invitation)
    assert url is not None
    return url.rpartition("/")[2]


async def answer(pipeline: Pipeline, token: str, **form: str) -> None:
    """Submit one page, and do everything that follows from it."""
    await pipeline.service.parts.recording.submit_token(token, form)
    await pipeline.run()


async def unhappy(pipeline: Pipeline, event: str = "ord-1", customer: str = "ada", **data: Any) -> Case:
    """A customer gives a two; the case that follows."""
    await answer(pipeline, await invite(pipeline, event, customer, **data), nps="2", why="It was broken.")
    return next(case for case in await all_cases(pipeline) if case.customer_ref == f"c-{customer}")


async def all_cases(pipeline: Pipeline) -> tuple[Case, ...]:
    """Every case, newest first."""
    return (await pipeline.store.cases.page({}, EVERYTHING)).rows


async def the_case(pipeline: Pipeline) -> Case:
    """The only case."""
    (only,) = await all_cases(pipeline)
    return only
