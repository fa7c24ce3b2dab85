"""A delivery that confirms a call goes in; its mail, its calendar file and its text message come out. Pure.

Times are those of the customer's zone, else of the brand's, as the delivery's language writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from channels.base import Attachment
from survey_service.calendars.zones import zone
from survey_service.delivery.email_layout import EmailBrand, EmailView
from survey_service.models.brand import Brand
from survey_service.models.delivery import AgreedCall, ChannelName
from survey_service.models.invitation import Invitation
from survey_service.texts.calendar_file import CALENDAR_TYPE, CalendarEntry, write_calendar
from survey_service.texts.locales import text_direction
from survey_service.texts.moments import day_of, short_day_of, time_in_zone, time_of
from survey_service.texts.printable import one_line
from survey_service.texts.segments import fold_typography
from survey_service.texts.words import Words, words_in

CALENDAR_NAME = "call.ics"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is confirmed, by whom and to whom; `invitation` is None for somebody who came by a public link."""

    call: AgreedCall
    brand: Brand
    invitation: Invitation | None
    language: str

    @property
    def subject(self) -> str:
        """The subject of the mail."""
        day, time = (write(self.call.at, self._zone, self.language) for write in (short_day_of, time_of))
        return one_line(self._words("We call you on {day} at {time}.", day=day, time=time))

    def view(self, unsubscribe_url: str) -> EmailView:
        """The mail."""
        words, call, name = self._words, self.call, self._name
        day, time = (write(call.at, self._zone, self.language) for write in (day_of, time_in_zone))
        contact = one_line(self.brand.contact or "")
        length = words.count("It takes {n} minute.", "It takes {n} minutes.", call.minutes)
        number = words("We call {phone}.", phone=self._written(call.phone)) if call.phone else ""
        details = (
            f"{length} {number}",
            words("About: {about}", about=call.about) if call.about else "",
            words("The entry for your calendar is attached."),
            words("If the time does not suit you any more, tell us: {contact}", contact=contact) if contact else "",
        )
        return EmailView(
            brand=EmailBrand.of(self.brand),
            lang=self.language,
            preheader=details[0],
            headline=words("We call you on {day} at {time}.", day=day, time=time),
            why=words("You get this message because you asked {brand} for a call.", brand=self.brand.name),
            unsubscribe_url=unsubscribe_url,
            greeting=words("Hello {name},", name=name) if name else words("Hello,"),
            details=tuple(detail for detail in details if detail),
            signed_by=self.brand.signed_by,
        )

    def calendar(self, uid: str, written_at: datetime, organizer: str) -> Attachment:
        """The entry for the customer's calendar: the same bytes on every try; `organizer` is a bare address."""
        call, brand = self.call, self.brand.name
        lines = (
            self._words("We call {phone}.", phone=call.phone) if call.phone else "",
            self._words("About: {about}", about=call.about) if call.about else "",
            self.brand.contact or "",
        )
        entry = CalendarEntry(
            uid=uid,
            stamp=written_at,
            begin=call.at,
            end=call.at + timedelta(minutes=call.minutes),
            summary=self._words("Call from {brand}", brand=brand),
            description="\n".join(line for line in lines if line),
            organizer=brand,
            organizer_address=organizer,
        )
        return Attachment(CALENDAR_NAME, CALENDAR_TYPE, write_calendar(entry))

    def text_message(self) -> str:
        """The text message; the first one to a customer says how to stop (CTIA Messaging Principles, section 5.1)."""
        day, time = (write(self.call.at, self._zone, self.language) for write in (short_day_of, time_in_zone))
        sentence = self._words("We call you on {day} at {time}.", day=day, time=time)
        texted = self.invitation is not None and ChannelName.SMS in self.invitation.channels
        end = "" if texted else " " + self._words("STOP to opt out")
        return fold_typography(one_line(f"{self.brand.name}: {sentence}{end}"))

    @property
    def _words(self) -> Words:
        return words_in(self.language)

    @property
    def _zone(self) -> ZoneInfo:
        own = self.invitation.recipient.timezone if self.invitation else None
        return zone(own or self.brand.timezone)

    @property
    def _name(self) -> str | None:
        recipient = self.invitation.recipient if self.invitation else None
        return (recipient.first_name or recipient.name) if recipient else None

    def _written(self, phone: str) -> str:
        """The number, isolated where its sign would move to the other end of it (UAX #9, section 2.4)."""
        return f"\u2066{phone}\u2069" if text_direction(self.language) == "rtl" else phone
