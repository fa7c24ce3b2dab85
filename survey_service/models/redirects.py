"""Where a brand sends people after their thanks, and a score, come in; the first place that fits goes out. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Literal

from pydantic import Field

from survey_service.models.base import Noun
from survey_service.models.survey import CsatScale, Localised, Question, QuestionKind, Scale, scale_of

RedirectMetric = Literal["nps", "csat", "ces"]

# No user, no port, and a host in ASCII alone: every reader of an address agrees on where it leads.
_ADDRESS = re.compile(r"https://((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9])(?:[/?#][!-~]*)?")
_UNSAFE = re.compile(r"[\"'<>\\^`{|}]")
_WILDCARD = "*."


class Redirect(Noun):
    """One place to go on to, for the scores from `low` to `high`."""

    metric: RedirectMetric | None = Field(
        default=None,
        description="The metric of the survey's primary question; null: any, whatever the score. To ask only happy "
        "customers for a public review breaks the rules of several review sites: ask everybody there",
    )
    scale: CsatScale | None = Field(default=None, description="Of a csat question; null: 1-5")
    low: int | None = Field(default=None, description="The lowest score that it is for; null: the end of the scale")
    high: int | None = Field(default=None, description="The highest score that it is for; null: the end of the scale")
    url: str = Field(max_length=2000, description="An https address on a host that SURVEY_REDIRECT_HOSTS allows")
    label: Localised = Field(description="What the link says, in one line")
    at_once: bool = Field(default=False, description="Whether people are taken there without a click")

    @property
    def measured_on(self) -> Scale | None:
        """The scale that `low` and `high` are numbers of; None where any score will do."""
        return scale_of(QuestionKind(self.metric), self.scale) if self.metric else None

    def fits(self, question: Question, score: int | None) -> bool:
        """Whether it is for this score on the scale of `question`."""
        scale = self.measured_on
        if scale is None:
            return True
        if score is None or question.kind != self.metric or question.metric != scale:
            return False
        low = scale.low if self.low is None else self.low
        high = scale.high if self.high is None else self.high
        return low <= score <= high


def redirect_for(
    redirects: Sequence[Redirect], question: Question, score: int | None, allowed: Collection[str]
) -> Redirect | None:
    """The first redirect for a score of the primary `question` whose host is in `allowed`; None where none fits."""
    return next((row for row in redirects if row.fits(question, score) and leads_to(row.url, allowed)), None)


def host_of(url: str) -> str | None:
    """The host of an address that people may be sent to; None for anything but a plain https address."""
    match = _ADDRESS.fullmatch(url)
    return match[1] if match and not _UNSAFE.search(url) else None


def leads_to(url: str, allowed: Collection[str]) -> bool:
    """Whether an address leads to one of the hosts: `acme.example`, or `*.acme.example` for all below it."""
    host = host_of(url)
    if host is None:
        return False
    parents = (host[place + 1 :] for place, sign in enumerate(host) if sign == ".")
    return host in allowed or any(_WILDCARD + parent in allowed for parent in parents)
