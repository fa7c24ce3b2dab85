"""Composing: a delivery with its survey, brand and invitation goes in; the finished message comes out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import quote

from channels.base import EmailMessage, Message, SmsMessage
from channels.mime import encode_address, split_mailbox
from survey_service.delivery.email_layout import EmailBrand, EmailView, render_email
from survey_service.delivery.sms_text import opens_conversation, write_sms
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Survey
from survey_service.texts.filling import Links, filler, why_we_ask
from survey_service.texts.locales import localised
from survey_service.texts.printable import one_line
from survey_service.texts.sentences import time_hint
from survey_service.texts.words import words_in
from survey_service.tokens import Keyring, OptOutSubject, PreviewSubject


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a message is made of; `invitation` is None for a test message.

    Where `rehearsed`, nobody is written to: links lead to a preview, and nothing can be answered or ended with them.
    """

    delivery: Delivery
    survey: Survey
    brand: Brand
    invitation: Invitation | None
    rehearsed: bool = False


class Composer:
    """Writes messages; knows the keys of the links and what they start with."""

    def __init__(self, keyring: Keyring, base_url: str, default_sender: str) -> None:
        self._keyring = keyring
        self._base_url = base_url
        self._default_sender = default_sender

    def compose(self, draft: Draft) -> Message:
        """The message of a delivery on its channel: the same on every try.

        Raises:
            ValueError: the key that made the invitation's token is gone, or the brand has no usable sender.
        """
        if draft.delivery.text is not None:
            return self.written(draft.delivery, draft.delivery.text)
        return self.compose_sms(draft) if draft.delivery.channel is ChannelName.SMS else self.compose_email(draft)

    def compose_sms(self, draft: Draft) -> SmsMessage:
        """The text message of a delivery.

        Raises:
            ValueError: the key that made the invitation's token is gone.
        """
        survey_url, opt_out_url = self._links(draft)
        fill = filler(draft.brand, draft.survey, draft.invitation, Links(survey_url, opt_out_url))
        text = write_sms(
            draft.survey,
            draft.brand.name,
            draft.delivery.language,
            fill,
            survey_url,
            is_first=opens_conversation(draft.delivery, draft.invitation),
            is_test=draft.invitation is None,
        )
        return self.written(draft.delivery, text)

    def written(self, delivery: Delivery, text: str) -> SmsMessage:
        """A text message whose words are given: they are sent as they are."""
        url = f"{self._base_url}/callbacks/twilio/status/{delivery.id}"
        return SmsMessage(delivery=delivery.id, recipient=delivery.to, text=text, status_url=url)

    def marker(self, draft: Draft) -> str | None:
        """What no message about another invitation holds: the token of the link; None for one without a link.

        Words that were written for one occasion have none: such texts follow one another within seconds.
        """
        if draft.invitation is None or draft.delivery.text is not None:
            return None
        token = self._keyring.survey_token(draft.invitation.id, draft.invitation.token.kid)
        return token if token is not None and token in self.compose_sms(draft).text else None

    def compose_email(self, draft: Draft) -> EmailMessage:
        """The mail of a delivery: the same bytes on every try.

        Raises:
            ValueError: the key that made the invitation's token is gone, or the brand has no usable sender.
        """
        survey_url, opt_out_url = self._links(draft)
        fill = filler(draft.brand, draft.survey, draft.invitation, Links(survey_url, opt_out_url))
        sender = self._sender(draft.brand)
        domain = encode_address(split_mailbox(sender)[1]).rpartition("@")[2]
        body = render_email(self._view(draft, fill, survey_url, opt_out_url))
        return EmailMessage(
            delivery=draft.delivery.id,
            sender=sender,
            recipient=draft.delivery.to,
            subject=self._subject(draft, fill),
            text=body.text,
            html=body.html,
            message_id=f"<{draft.delivery.id}@{domain}>",
            reply_to=draft.brand.reply_to,
            return_path=_verp(draft.brand.return_path, draft.delivery.id),
            headers={
                # RFC 8058; the address is answered to a POST alone.
                "List-Unsubscribe": f"<{opt_out_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Auto-Submitted": "auto-generated",  # RFC 3834
            },
        )

    def _links(self, draft: Draft) -> tuple[str, str]:
        invitation = draft.invitation
        if invitation is None or draft.rehearsed:
            shown = PreviewSubject(draft.survey.survey, draft.survey.version, draft.delivery.language)
            preview = f"{self._base_url}/preview/{self._keyring.preview_token(shown)}"
            return preview, preview
        token = self._keyring.survey_token(invitation.id, invitation.token.kid)
        if token is None:
            raise ValueError("the key that made this invitation's link is no longer in SURVEY_SECRET")
        opt_out = self._keyring.opt_out_token(OptOutSubject(invitation.brand, invitation.customer))
        return f"{self._base_url}/s/{token}", f"{self._base_url}/u/{opt_out}"

    def _sender(self, brand: Brand) -> str:
        name, address = split_mailbox(brand.email_from or self._default_sender)
        if "@" not in address:
            raise ValueError("the sender is not an email address")
        return f'"{quote(name or brand.name)}" <{address}>'

    def _subject(self, draft: Draft, fill: Callable[[str], str]) -> str:
        language, default = draft.delivery.language, draft.survey.default_language
        words = words_in(language)
        texts = draft.survey.messages.email.subject
        subject = fill(localised(texts, language, default)[0]) if texts else words("How did we do?")
        subject = one_line(subject)
        return f"[{words('Test')}] {subject}" if draft.invitation is None else subject

    def _view(self, draft: Draft, fill: Callable[[str], str], survey_url: str, opt_out_url: str) -> EmailView:
        survey, brand = draft.survey, draft.brand
        language, default = draft.delivery.language, survey.default_language
        words = words_in(language)
        question = survey.primary_question
        scale = question.scale
        low, high = question.low_label, question.high_label
        intro = survey.messages.email.intro
        first_page = [entry.kind for entry in survey.questions if entry.show_if is None]
        hint = time_hint(first_page, words)
        name = (draft.invitation.recipient.first_name or draft.invitation.recipient.name) if draft.invitation else None
        return EmailView(
            brand=EmailBrand(
                name=brand.name,
                accent=brand.colors.accent,
                on_accent=brand.colors.on_accent,
                postal_address=brand.postal_address,
                logo_url=brand.logo_url,
                privacy_url=brand.privacy_url,
            ),
            lang=language,
            preheader=hint,
            question=fill(localised(question.text, language, default)[0]),
            button=(words("Answer"), survey_url),
            why=why_we_ask(draft.invitation, brand, language),
            unsubscribe_url=opt_out_url,
            greeting=words("Hello {name},", name=name) if name else words("Hello,"),
            intro=fill(localised(intro, language, default)[0]) if intro else "",
            scale=tuple((str(value), f"{survey_url}?score={value}") for value in scale.values) if scale else (),
            low_label=fill(localised(low, language, default)[0]) if low else None,
            high_label=fill(localised(high, language, default)[0]) if high else None,
            tap_hint=words("Tap a number"),
            signed_by=brand.signed_by,
        )


def _verp(return_path: str | None, delivery: str) -> str | None:
    """Variable envelope return path: the bounce tells which delivery it is about."""
    if return_path is None:
        return None
    local, _, domain = return_path.rpartition("@")
    return f"{local}+{delivery}@{domain}"
