"""`/sandbox`: what would have gone out, as a mail client shows it, with the way it came. Exists only where it is on."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as MAIL_POLICY  # noqa: N812 -- a constant of the standard library

import orjson
from aiohttp import web

from survey_service.models.base import Stored
from survey_service.pages.responses import html_response
from survey_service.pages.sandbox_door import for_insiders
from survey_service.pages.sandbox_look import (
    SANDBOX_MAIL_POLICY,
    SANDBOX_POLICY,
    MailPart,
    SandboxCounts,
    SandboxMailView,
    SandboxMessageView,
    SandboxStepView,
    SandboxView,
    render_sandbox,
)
from survey_service.parts import PARTS, Parts
from survey_service.store.sandbox import SandboxMail

_LISTED = 100
_PARTS: dict[str, MailPart] = {"html": "html", "text": "text", "headers": "headers"}


async def show_sandbox(request: web.Request) -> web.Response:
    """The inbox; `mail` opens one, `view` chooses its part."""
    parts = request.app[PARTS]
    mails = await parts.store.sandbox.newest(_LISTED)
    chosen = request.query.get("mail") or (mails[0].id if mails else None)
    opened = await parts.store.sandbox.get(chosen) if chosen else None
    kinds = await parts.store.deliveries.kinds([mail.delivery for mail in mails if mail.delivery])
    view = SandboxView(
        mails=tuple(_listed(mail, kinds) for mail in mails),
        counts=SandboxCounts(**await parts.store.counts()),
        selected=await _opened(parts, opened, kinds) if opened else None,
        part=_PARTS.get(request.query.get("view", ""), "html"),
    )
    return html_response(render_sandbox(view), policy=SANDBOX_POLICY)


async def show_mail_html(request: web.Request) -> web.Response:
    """The HTML part alone, for the frame."""
    mail = await request.app[PARTS].store.sandbox.get(request.match_info["mail"])
    if mail is None:
        raise web.HTTPNotFound
    return html_response(_body(_parsed(mail), "html"), policy=SANDBOX_MAIL_POLICY)


def _listed(mail: SandboxMail, kinds: Mapping[str, str]) -> SandboxMailView:
    kind = kinds.get(mail.delivery or "", "mail")
    return SandboxMailView(mail.id, kind, mail.recipient, mail.subject, mail.received_at)


async def _opened(parts: Parts, mail: SandboxMail, kinds: Mapping[str, str]) -> SandboxMessageView:
    message = _parsed(mail)
    return SandboxMessageView(
        mail=_listed(mail, kinds),
        sender=mail.sender,
        text=_body(message, "plain"),
        headers=tuple((name, str(value)) for name, value in message.items()),
        steps=await origin_of(parts, mail.delivery) if mail.delivery else (),
    )


async def origin_of(parts: Parts, delivery_id: str) -> tuple[SandboxStepView, ...]:
    """Event, decision, invitation and delivery: why this message exists."""
    delivery = await parts.store.deliveries.get(delivery_id)
    if delivery is None:
        return ()
    steps = [
        SandboxStepView(
            "Delivery",
            f"{delivery.kind.value} by {delivery.channel.value}: {delivery.state.value}",
            (("Attempts", str(delivery.attempts)), ("Id", delivery.id)),
            _document(delivery),
        )
    ]
    invitation = await parts.store.invitations.get(delivery.invitation) if delivery.invitation else None
    if invitation is not None:
        survey = f"{invitation.survey}, version {invitation.survey_version}"
        facts = (("Survey", survey), ("Id", invitation.id))
        steps.append(SandboxStepView("Invitation", invitation.state.value, facts, _document(invitation)))
    event = await parts.store.events.get(invitation.event.key) if invitation and invitation.event else None
    if event is not None:
        for decision in event.decisions:
            reason = f": {decision.reason.value}" if decision.reason else ""
            trigger = (("Trigger", f"{decision.trigger}, version {decision.trigger_version}"),)
            steps.append(SandboxStepView("Decision", f"{decision.outcome.value}{reason}", trigger))
        origin = (("Source", event.source), ("Id", event.event_id), ("Key", event.id))
        steps.append(SandboxStepView("Event", event.type, origin, _document(event)))
    return tuple(reversed(steps))


def _document(row: Stored) -> str:
    document = row.model_dump(mode="json", exclude={"lease", "claim", "deaths", "token", "schema_version"})
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _parsed(mail: SandboxMail) -> EmailMessage:
    return message_from_bytes(mail.raw, policy=MAIL_POLICY)


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    return str(part.get_content()) if part is not None else ""


ROUTES = (
    web.get("/sandbox", for_insiders(show_sandbox)),
    web.get("/sandbox/mail/{mail}/html", for_insiders(show_mail_html)),
)
