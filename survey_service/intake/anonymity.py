"""How an anonymous survey is to be asked comes in; what would tell who answers goes out as field problems. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from survey_service.errors import FieldProblem
from survey_service.models.delivery import ChannelName

RULE = "anonymous"


def channel_problem(pointer: str) -> FieldProblem:
    """A channel whose answers name who gives them."""
    message = "a text message names its sender: an anonymous survey is asked by email and web"
    return FieldProblem(pointer, RULE, message)


def asking_problems(channels: Sequence[ChannelName], incentive: str | None) -> Iterator[FieldProblem]:
    """Problems of asking by these channels, with this incentive."""
    for number, channel in enumerate(channels):
        if channel is ChannelName.SMS:
            yield channel_problem(f"/channels/{number}")
    if incentive is not None:
        yield FieldProblem("/incentive", RULE, "nobody is known who could be thanked for an anonymous answer")
