"""Mails as the customers' server took them come in; what a customer sees of them goes out."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

from tests.support.smtp_server import ReceivedMail, ScriptedSmtpServer
from tests.support.waiting import PATIENCE


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, read."""

    to: str
    message_id: str
    subject: str
    text: str
    html: str

    @property
    def survey_url(self) -> str:
        """The survey's address, from the plain text."""
        found = re.search(r"^https?://\S+/s/\w+$", self.text, re.MULTILINE)
        assert found, self.text
        return found[0]

    @property
    def links(self) -> list[str]:
        """Every address that the HTML part links to, each once."""
        return links_in(self.html)


def read_letter(mail: ReceivedMail) -> Letter:
    """The parts of a mail that people read."""
    message = message_from_bytes(mail.content, policy=default)
    assert isinstance(message, EmailMessage)
    (recipient,) = mail.recipients
    subject, message_id = str(message["Subject"]), str(message["Message-ID"])
    return Letter(recipient, message_id, subject, _part(message, "plain"), _part(message, "html"))


async def letters_at(server: ScriptedSmtpServer, count: int) -> list[Letter]:
    """Every mail that the server took, as soon as there are `count`."""
    await server_until(server, lambda: len(server.mails) >= count)
    return [read_letter(mail) for mail in server.mails]


async def server_until(server: ScriptedSmtpServer, holds: Callable[[], bool], within: float = PATIENCE) -> None:
    """Wait for a condition on the server, but not for ever."""
    try:
        async with asyncio.timeout(within):
            await server.until(holds)
    except TimeoutError:
        last = "\n".join(server.commands[-40:])
        raise AssertionError(
            f"not within {within:.0f} s: {len(server.mails)} mails, {server.hanging} held\n{last}"
        ) from None


def message_ids(mails: Iterable[ReceivedMail]) -> dict[str, set[str]]:
    """Every Message-ID that each recipient has seen."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for letter in map(read_letter, mails):
        found[letter.to].add(letter.message_id)
    return dict(found)


def links_in(html: str) -> list[str]:
    """Every address that a page links to, each once, in order."""
    reader = _LinkReader()
    reader.feed(html)
    return list(dict.fromkeys(reader.links))


class _LinkReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        href = dict(attributes).get("href")
        if tag == "a" and href:
            self.links.append(href)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""
