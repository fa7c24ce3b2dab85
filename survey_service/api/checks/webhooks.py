"""A webhook's content, the people there are and what is wrong with its address come in; every problem is raised."""

from __future__ import annotations

from collections.abc import Container

from survey_service.api.checks.fields import Problems, condition_problems, refuse
from survey_service.errors import FieldProblem
from survey_service.models.webhook import WebhookContent
from survey_service.rules import RuleScope


def check_webhook(content: WebhookContent, people: Container[str], refused: str | None) -> None:
    """Refuse a webhook that could not be called; `people` are those that exist, `refused` is why its url may not be.

    Raises:
        InvalidInput: every problem, each with its pointer.
    """
    refuse(_problems(content, people, refused))


def _problems(content: WebhookContent, people: Container[str], refused: str | None) -> Problems:
    if refused is not None:
        yield FieldProblem("/url", "address", refused)
    for number, kind in enumerate(content.types):
        if kind in content.types[:number]:
            yield FieldProblem(f"/types/{number}", "unique", f"{kind} stands in the list already")
    yield from condition_problems("/condition", content.condition, RuleScope.WEBHOOK)
    for number, person in enumerate(content.alert):
        if person not in people:
            yield FieldProblem(f"/alert/{number}", "exists", "there is no person of that id")
