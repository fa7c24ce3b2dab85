"""`/callbacks/email/dsn`: a bounce or complaint as raw mail comes in; what was done about it goes out."""

from __future__ import annotations

from pydantic import BaseModel, Field

from channels.dsn import Action, NotAReport, parse_report
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.reading import read_body
from survey_service.delivery.news import Effect
from survey_service.delivery.reports import take_report
from survey_service.models.api_key import Scope

_RAW_MAIL = "The message as it arrived, headers and all, at most 1 MiB"
_ACCEPTS = {"message/rfc822": _RAW_MAIL, "application/octet-stream": _RAW_MAIL}


class ReportTaken(BaseModel):
    """What a report was about, and what holds because of it; sending it again answers the same."""

    delivery: str | None = Field(description="The delivery it is about; null where it names none of ours")
    action: Action | None = Field(description="What the report says; null where the message is no report")
    status: str | None = Field(description="The status by RFC 3463", examples=["5.1.1"])
    effects: list[Effect]


@endpoint(
    "POST",
    "/callbacks/email/dsn",
    tag="callbacks",
    scope=Scope.SUPPRESSIONS_WRITE,
    answers={202: ReportTaken},
    accepts=_ACCEPTS,
)
async def post_delivery_report(call: Call) -> Reply:
    """Hand over a bounce or spam complaint as raw mail.

    Meant for the mail system that takes the mail of a brand's `return_path`: a pipe posts each message with an API
    key of the scope `suppressions:write`, e.g. `curl --fail --data-binary @- -H 'Content-Type: message/rfc822' …`.
    Whatever is no report (an out-of-office note, spam) is taken as well, and nothing follows from it: the pipe has no
    use for an error that will never go away.
    """
    raw = await read_body(call.request, tuple(_ACCEPTS))
    try:
        report = parse_report(raw)
    except NotAReport:
        return Reply(ReportTaken(delivery=None, action=None, status=None, effects=[]), status=202)
    parts = call.parts
    taken = await take_report(report, parts.store, parts.silencing)
    answer = ReportTaken(
        delivery=taken.delivery, action=report.action, status=report.status or None, effects=list(taken.effects)
    )
    return Reply(answer, status=202)


ENDPOINTS = (post_delivery_report,)
