"""A survey's replies by score and our people come in; every rule that they break comes out as a field problem."""

from __future__ import annotations

from collections.abc import Container

from survey_service.api.checks.fields import Problems
from survey_service.errors import FieldProblem
from survey_service.models.survey import ScoreReply, SurveyContent


def reply_problems(content: SurveyContent, people: Container[str]) -> Problems:
    """Problems of the replies, but for their texts; `people` are the ids of those that exist."""
    for number, reply in enumerate(content.replies):
        pointer = f"/replies/{number}"
        yield from _range_problems(pointer, reply, content)
        for earlier, other in enumerate(content.replies[:number]):
            if reply.low <= other.high and other.low <= reply.high:
                message = f"fits scores that replies/{earlier} fits too: only one of them could be given"
                yield FieldProblem(f"{pointer}/low", "overlap", message)
        if reply.person is not None and not reply.send:
            yield FieldProblem(f"{pointer}/person", "send", "signs the message: it needs `send`")
        if reply.person is not None and reply.person not in people:
            yield FieldProblem(f"{pointer}/person", "exists", "there is no person of that id")


def _range_problems(pointer: str, reply: ScoreReply, content: SurveyContent) -> Problems:
    primary = next((question for question in content.questions if question.id == content.primary), None)
    scale = primary.metric if primary else None
    for name, score in (("low", reply.low), ("high", reply.high)):
        if scale is not None and score not in scale.values:
            message = f"{score} is not on the scale of the primary question, {scale.low} to {scale.high}"
            yield FieldProblem(f"{pointer}/{name}", "scale", message)
    if reply.high < reply.low:
        message = f"{reply.high} is less than low, {reply.low}: no score lies between"
        yield FieldProblem(f"{pointer}/high", "order", message)
