"""A delivery that was written for one occasion comes in; the view of its mail, or its text message, goes out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from survey_service.delivery.email_layout import EmailBrand, EmailView
from survey_service.models.brand import Brand
from survey_service.models.delivery import TO_PEOPLE, Delivery, DeliveryKind
from survey_service.models.person import Person
from survey_service.texts.printable import one_line, printable
from survey_service.texts.segments import fold_typography
from survey_service.texts.words import Words, words_in

_PREVIEW = 100  # characters of a preheader
_SUBJECT = 200  # characters of a subject that is made of the first line


@dataclass(frozen=True, slots=True)
class Letter:
    """What was written in the name of a brand, and of `writer` where that is one of our people."""

    delivery: Delivery
    brand: Brand
    writer: Person | None = None

    @property
    def is_to_people(self) -> bool:
        """Whether one of our own people reads it: they cannot opt out of their work."""
        return self.delivery.kind in TO_PEOPLE

    @property
    def sender_name(self) -> str | None:
        """Who writes, where that is a person: "Ada Weber, Acme"."""
        return f"{self.writer.name}, {self.brand.name}" if self.writer and not self.is_to_people else None

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        return one_line(self.delivery.subject or self._text.partition("\n")[0][:_SUBJECT]) or one_line(self.brand.name)

    def view(self, unsubscribe_url: str | None) -> EmailView:
        """The mail; its words stand as they were written."""
        button, signed_by = self.delivery.button, self.writer.name if self.writer else self.brand.signed_by
        return EmailView(
            brand=EmailBrand.of(self.brand),
            lang=self.delivery.language,
            preheader=one_line(self._text)[:_PREVIEW],
            headline="",
            letter="" if self.delivery.report else self._text,
            report=self.delivery.report,
            button=(button.label, button.url) if button else None,
            why=_why(self.delivery.kind, self.brand, words_in(self.delivery.language)),
            unsubscribe_url=unsubscribe_url,
            signed_by=None if self.is_to_people else signed_by,
        )

    def text_message(self) -> str:
        """The text message, in signs that keep it cheap."""
        button = self.delivery.button
        return fold_typography(f"{self._text} {button.url}" if button else self._text)

    @property
    def _text(self) -> str:
        return printable(self.delivery.text or "").strip()


def _why(kind: DeliveryKind, brand: Brand, words: Words) -> str:
    """Why this person gets it."""
    if kind in TO_PEOPLE:
        return words("You get this message because you take care of customers of {brand}.", brand=brand.name)
    return words("You get this message because of your answer to {brand}.", brand=brand.name)
