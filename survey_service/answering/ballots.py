"""Ballots: an answer to an anonymous survey comes in; the little that is kept of it goes out. Pure.

This is the one place that says what an anonymous response is made of. While it waits in its box it says the day on
which it came; together with others it leaves as a response, which says when all of them left. See docs/anonymous.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson

from survey_service.answering.occasions import Occasion
from survey_service.models.ballot import Ballot
from survey_service.models.delivery import ChannelName
from survey_service.models.ids import hashed_id
from survey_service.models.invitation import Invitation
from survey_service.models.outbox import NewsType, news_of, outbox_with
from survey_service.models.response import Response
from survey_service.models.survey import Survey
from survey_service.rules.variables import variables_of

FEWEST = 3  # answers that leave together at least: of two people each would know the other's
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# What ballots of one box share: all that is kept, but for what was said.
_SHARED = ("survey", "survey_version", "brand", "trigger", "link", "touchpoint", "dimensions")
_SAID = ("status", "finished_by", "metric", "scale", "score", "scores", "measures", "asked", "answers", "comment")
_KEPT = ("id", *_SHARED, *_SAID)


def ballot_occasion(invitation: Invitation, sheet: str) -> Occasion:
    """What is answered on the form `sheet`: neither its id nor its facts lead to the invitation, or to whom it invites.

    Conditions see answers alone. The dimensions of an anonymous survey are not the person's (`checks/anonymity.py`).
    """
    return Occasion(
        response=hashed_id("rsp", "ballot", sheet),
        language=invitation.language,
        channel=ChannelName.WEB,
        facts={
            "trigger": invitation.trigger,
            "touchpoint": invitation.touchpoint,
            "dimensions": invitation.dimensions,
        },
        variables=variables_of(None),
    )


def ballot_of(response: Response, survey: Survey, now: datetime) -> Ballot:
    """What waits in the box; `submissions` tell an answer that is sent again, until it is complete."""
    return Ballot.model_validate(
        {
            **_kept(response, survey.default_language),
            "revision": response.revision,
            "submissions": response.submissions,
            "started_at": _day(now),
            "finished_at": _day(now) if response.finished_at else None,
            # Who may still go on is looked at on a day, not so many hours after they began.
            "due_at": _day(response.due_at) + _DAY if response.due_at else next_hour(now),
            "box": _box_of(response),
        }
    )


def counted(ballot: Ballot, now: datetime) -> Response:
    """A ballot as it leaves its box at `now`, together with others."""
    scored = [NewsType.RESPONSE_SCORED] if ballot.score is not None else []
    news = [news_of(ballot.id, kind, now) for kind in (*scored, NewsType.RESPONSE_FINISHED)]
    instants = {"outbox": outbox_with(*news), "started_at": now, "finished_at": now}
    return Response.model_validate({**_kept(ballot, ballot.language), **instants})


def next_hour(now: datetime) -> datetime:
    """The first full hour after `now`."""
    return now.replace(minute=0, second=0, microsecond=0) + _HOUR


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _kept(response: Response, language: str) -> dict[str, Any]:
    # The person's language and channel stand with the invitation: here they are the same for everybody.
    return {name: getattr(response, name) for name in _KEPT} | {"language": language, "channel": ChannelName.WEB.value}


def _box_of(response: Response) -> str:
    shared = response.model_dump(include=set(_SHARED))
    return hashed_id("box", orjson.dumps(shared, option=orjson.OPT_SORT_KEYS).decode())
