"""Composing: a delivery with its survey, brand and invitation goes in; the finished message comes out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import quote

from channels.base import Attachment, EmailMessage, Message, SmsMessage
from channels.mime import encode_address, split_mailbox
from survey_service.delivery.confirmation import Confirmation
from survey_service.delivery.email_layout import EmailBrand, EmailView, render_email
from survey_service.delivery.letters import Letter
from survey_service.delivery.sms_text import opens_conversation, write_sms
from survey_service.models.brand import Brand
from survey_service.models.delivery import ChannelName, Delivery
from survey_service.models.invitation import Invitation
from survey_service.models.survey import Look, Question, Survey
from survey_service.texts.filling import Links, filler, why_we_ask
from survey_service.texts.locales import localised
from survey_service.texts.printable import one_line
from survey_service.texts.sentences import anonymity_sentence, time_hint
from survey_service.texts.thanking import offer_unless_named
from survey_service.texts.words import Words, words_in
from survey_service.tokens import Keyring, OptOutSubject, PreviewSubject

_FACES = ("😞", "🙁", "😐", "🙂", "😀")


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a message is made of; `invitation` is None for a test message or, rehearsed, a preview.

    Where `rehearsed`, nobody is written to: links lead to a preview, and nothing can be answered or ended with them.
    """

    delivery: Delivery
    survey: Survey
    brand: Brand
    invitation: Invitation | None
    rehearsed: bool = False

    @property
    def confirmation(self) -> Confirmation | None:
        """What the message confirms; None for one that asks."""
        row = self.delivery
        return Confirmation(row.call, self.brand, self.invitation, row.language) if row.call is not None else None

    @property
    def is_preview(self) -> bool:
        """Whether it is looked at without being about anybody."""
        return self.rehearsed and self.invitation is None

    def mark(self, words: Words) -> str:
        """What tells it apart from a message to a customer; empty for one."""
        if self.invitation is not None:
            return ""
        return words("Preview") if self.rehearsed else words("Test")


@dataclass(frozen=True, slots=True)
class _Mail:
    """What tells one mail from another; `sender_name` and `opt_out_url` where it has them."""

    subject: str
    view: EmailView
    attachments: tuple[Attachment, ...] = ()
    sender_name: str | None = None
    opt_out_url: str | None = None


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
            return self.compose_letter(Letter(draft.delivery, draft.brand))
        return self.compose_sms(draft) if draft.delivery.channel is ChannelName.SMS else self.compose_email(draft)

    def compose_letter(self, letter: Letter) -> Message:
        """The message of a delivery that was written for one occasion: its words as they are, the same on every try.

        Raises:
            ValueError: the brand has no usable sender.
        """
        row = letter.delivery
        if row.channel is ChannelName.SMS:
            return self.written(row, letter.text_message())
        opt_out_url = None
        if row.customer is not None and not letter.is_to_people:
            opt_out_url = self._opt_out_link(OptOutSubject(row.brand, row.customer))
        mail = _Mail(letter.subject, letter.view(opt_out_url), sender_name=letter.sender_name, opt_out_url=opt_out_url)
        return self._as_sent(
            row, letter.brand, mail, answers_to=None if letter.is_to_people else letter.brand.answers_to
        )

    def compose_sms(self, draft: Draft) -> SmsMessage:
        """The text message of a delivery.

        Raises:
            ValueError: the key that made the invitation's token is gone.
        """
        if draft.confirmation is not None:
            return self.written(draft.delivery, draft.confirmation.text_message())
        survey_url = self._survey_url(draft)
        fill = filler(draft.brand, draft.survey, draft.invitation, Links(survey_url, self._opt_out_url(draft)))
        text = write_sms(
            draft.survey,
            draft.brand.name,
            draft.delivery.language,
            fill,
            survey_url,
            is_first=opens_conversation(draft.delivery, draft.invitation),
            mark=draft.mark(words_in(draft.delivery.language)),
            offer=offer_unless_named(draft.invitation, (draft.survey.primary_question.text,), draft.delivery.language),
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
        if draft.invitation is None or draft.delivery.text is not None or draft.delivery.call is not None:
            return None
        token = self._keyring.survey_token(draft.invitation.id, draft.invitation.token.kid)
        return token if token is not None and token in self.compose_sms(draft).text else None

    def compose_email(self, draft: Draft) -> EmailMessage:
        """The mail of a delivery: the same bytes on every try.

        Raises:
            ValueError: the key that made the invitation's token is gone, or the brand has no usable sender.
        """
        opt_out_url = self._opt_out_url(draft)
        mail = self._confirming(draft, opt_out_url) or self._asking(draft, opt_out_url)
        # A mail that comes back names its sender: it cannot answer an anonymous survey.
        answers_to = None if draft.survey.anonymous else draft.brand.answers_to
        return self._as_sent(draft.delivery, draft.brand, mail, answers_to=answers_to)

    def _as_sent(self, row: Delivery, brand: Brand, mail: _Mail, *, answers_to: str | None) -> EmailMessage:
        sender = self._sender(brand, mail.sender_name)
        body = render_email(mail.view)
        headers = {"Auto-Submitted": "auto-generated"}  # RFC 3834
        if mail.opt_out_url is not None:
            # RFC 8058; the address is answered to a POST alone.
            opt_out = {
                "List-Unsubscribe": f"<{mail.opt_out_url}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }
            headers = {**opt_out, **headers}
        return EmailMessage(
            delivery=row.id,
            sender=sender,
            recipient=row.to,
            subject=mail.subject,
            text=body.text,
            html=body.html,
            message_id=f"<{row.id}@{encode_address(split_mailbox(sender)[1]).rpartition('@')[2]}>",
            reply_to=_with_delivery(answers_to, row.id) or brand.reply_to,
            return_path=_with_delivery(brand.return_path, row.id),
            headers=headers,
            attachments=mail.attachments,
        )

    def _survey_url(self, draft: Draft) -> str:
        if draft.invitation is None or draft.rehearsed:
            return self._preview_url(draft)
        token = self._keyring.survey_token(draft.invitation.id, draft.invitation.token.kid)
        if token is None:
            raise ValueError("the key that made this invitation's link is no longer in SURVEY_SECRET")
        return f"{self._base_url}/s/{token}"

    def _opt_out_url(self, draft: Draft) -> str:
        if draft.invitation is None or draft.rehearsed:
            return self._preview_url(draft)
        return self._opt_out_link(OptOutSubject(draft.invitation.brand, draft.invitation.customer))

    def _opt_out_link(self, subject: OptOutSubject) -> str:
        return f"{self._base_url}/u/{self._keyring.opt_out_token(subject)}"

    def _preview_url(self, draft: Draft) -> str:
        shown = PreviewSubject(draft.survey.survey, draft.survey.version, draft.delivery.language)
        return f"{self._base_url}/preview/{self._keyring.preview_token(shown)}"

    def _sender(self, brand: Brand, person: str | None = None) -> str:
        name, address = split_mailbox(brand.email_from or self._default_sender)
        if "@" not in address:
            raise ValueError("the sender is not an email address")
        return f'"{quote(one_line(person) if person else name or brand.name)}" <{address}>'

    def _confirming(self, draft: Draft, opt_out_url: str) -> _Mail | None:
        told, row = draft.confirmation, draft.delivery
        if told is None:
            return None
        organizer = encode_address(split_mailbox(self._sender(draft.brand))[1])
        entry = told.calendar(row.id, row.created_at, organizer)
        return _Mail(told.subject, told.view(opt_out_url), (entry,), opt_out_url=opt_out_url)

    def _asking(self, draft: Draft, opt_out_url: str) -> _Mail:
        survey_url = self._survey_url(draft)
        fill = filler(draft.brand, draft.survey, draft.invitation, Links(survey_url, opt_out_url))
        view = self._view(draft, fill, survey_url, opt_out_url)
        return _Mail(self._subject(draft, fill), view, opt_out_url=opt_out_url)

    def _subject(self, draft: Draft, fill: Callable[[str], str]) -> str:
        language, default = draft.delivery.language, draft.survey.default_language
        words = words_in(language)
        texts = draft.survey.messages.email.subject
        subject = fill(localised(texts, language, default)[0]) if texts else words("How did we do?")
        subject = one_line(subject)
        mark = draft.mark(words)
        return f"[{mark}] {subject}" if mark else subject

    def _view(self, draft: Draft, fill: Callable[[str], str], survey_url: str, opt_out_url: str) -> EmailView:
        survey, brand = draft.survey, draft.brand
        language, default = draft.delivery.language, survey.default_language
        words = words_in(language)
        question = survey.primary_question
        # An address with a score in it would say to whoever logs it what its owner chose.
        cells = () if survey.anonymous else _cells(question, words)
        promise = anonymity_sentence(words) if survey.anonymous else ""
        scale = question.metric if cells else None
        named = scale is not None and not scale.is_yes_or_no  # yes and no name themselves
        low, high = (question.low_label, question.high_label) if named else (None, None)
        intro = survey.messages.email.intro
        offer = offer_unless_named(draft.invitation, (survey.messages.email.subject, intro, question.text), language)
        first_page = [entry.kind for entry in survey.questions if entry.show_if is None]
        name = (draft.invitation.recipient.first_name or draft.invitation.recipient.name) if draft.invitation else None
        return EmailView(
            brand=EmailBrand.of(brand),
            lang=language,
            preheader=time_hint(first_page, words),
            headline=fill(localised(question.text, language, default)[0]),
            button=(words("Answer"), survey_url),
            why=words("This is a preview: nothing is stored.")
            if draft.is_preview
            else why_we_ask(draft.invitation, brand, language),
            unsubscribe_url=opt_out_url,
            greeting=words("Hello {name},", name=name) if name else words("Hello,"),
            intro=fill(localised(intro, language, default)[0]) if intro else "",
            scale=tuple((label, f"{survey_url}?score={value}") for label, value in cells),
            low_label=fill(localised(low, language, default)[0]) if low else None,
            high_label=fill(localised(high, language, default)[0]) if high else None,
            details=tuple(detail for detail in (offer, promise) if detail),
            tap_hint=words("Tap a number") if named and question.look is Look.NUMBERS else words("Tap your answer"),
            signed_by=brand.signed_by,
        )


def _cells(question: Question, words: Words) -> list[tuple[str, int]]:
    """What stands on each button of the scale, and the score that it means; a number is told by no drawing alone."""
    scale = question.metric
    if scale is None:
        return []
    if scale.is_yes_or_no:
        return [(words("Yes"), 1), (words("No"), 0)]
    if question.look is Look.STARS:
        return [(f"{value} ★", value) for value in scale.values]
    if question.look is Look.FACES and len(scale.values) == len(_FACES):
        return [(f"{value} {face}", value) for value, face in zip(scale.values, _FACES, strict=True)]
    return [(str(value), value) for value in scale.values]


def _with_delivery(address: str | None, delivery: str) -> str | None:
    """The address with the delivery in it (`+dlv_…`): what comes to it tells which mail it is about."""
    if address is None:
        return None
    local, _, domain = address.rpartition("@")
    return f"{local}+{delivery}@{domain}"
