"""One field's value and its pointer come in; each rule that it breaks comes out as a field problem."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from channels.mime import split_mailbox
from survey_service.calendars import WindowsInvalid, is_zone, parse_windows
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.rules import RuleInvalid, RuleScope, compile_rule
from survey_service.texts.addresses import AddressInvalid, normalise_email
from survey_service.texts.printable import printable

MAX_NAME = 100

_RESOURCE_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_LINE_BREAKS = re.compile("[\t\n\u2028\u2029]")
_URL = re.compile(r"https?://[^\s<>\"\\^`{|}]+")

Problems = Iterator[FieldProblem]


def refuse(problems: Iterable[FieldProblem]) -> None:
    """Raise InvalidInput with all of the problems, if there are any."""
    if found := list(problems):
        raise InvalidInput(found)


def check_resource_id(name: str, pointer: str = "/id") -> None:
    """Refuse an id that a survey, trigger or brand cannot have; raises InvalidInput."""
    if not _RESOURCE_ID.fullmatch(name):
        message = "is 1 to 100 of a-z, 0-9, dot, hyphen and underscore, beginning with a letter or digit"
        raise InvalidInput.at(pointer, "id", message)


def check_touchpoint_id(name: str, pointer: str = "/id") -> None:
    """Refuse an id that a touchpoint cannot have (events name it: any printable text will do); raises InvalidInput."""
    if not 1 <= len(name) <= MAX_NAME or not name.strip() or list(line_problems(pointer, name)):
        raise InvalidInput.at(pointer, "id", f"is 1 to {MAX_NAME} printable characters in one line")


def line_problems(pointer: str, text: str | None) -> Problems:
    """A text that stands in one line or in a header holds nothing that would break out of it."""
    if text is not None and (_LINE_BREAKS.search(text) or printable(text) != text):
        yield FieldProblem(pointer, "control_character", "must not hold line breaks or other control characters")


def text_problems(pointer: str, text: str) -> Problems:
    """A text of several lines holds line breaks, and nothing else that cannot be shown."""
    if printable(text) != text.replace("\r\n", "\n"):
        yield FieldProblem(pointer, "control_character", "must not hold control characters but line breaks")


def zone_problems(pointer: str, name: str | None) -> Problems:
    """A time zone has a name in the IANA database."""
    if name is not None and not is_zone(name):
        yield FieldProblem(pointer, "timezone", "is not a zone of the IANA database, such as Europe/Berlin")


def address_problems(pointer: str, address: str | None) -> Problems:
    """An address is one plain `local@domain`."""
    if address is not None:
        try:
            normalise_email(address)
        except AddressInvalid as error:
            yield FieldProblem(pointer, "email", f"is not an email address: {error}")


def sender_problems(pointer: str, sender: str | None) -> Problems:
    """A sender is an address, or `Name <address>`."""
    if sender is not None:
        yield from line_problems(pointer, sender)
        yield from address_problems(pointer, split_mailbox(sender)[1])


def url_problems(pointer: str, url: str | None) -> Problems:
    """A web address names a host and holds nothing that would have to be escaped."""
    if url is not None and not (_URL.fullmatch(url) and _host(url)):
        yield FieldProblem(pointer, "url", "is not a web address, such as https://acme.example/privacy")


def window_problems(pointer: str, windows: Mapping[str, Sequence[str]]) -> Problems:
    """Windows of the week can be read, and do not overlap."""
    try:
        parse_windows(windows)
    except WindowsInvalid as error:
        key = error.key.replace("~", "~0").replace("/", "~1")
        yield FieldProblem(f"{pointer}/{key}" if key else pointer, "windows", error.message)


def condition_problems(pointer: str, condition: str | None, scope: RuleScope) -> Problems:
    """A condition is a CEL expression that is true or false; the message says at which line and column it is not."""
    if condition is not None:
        try:
            compile_rule(condition, scope)
        except RuleInvalid as error:
            yield FieldProblem(pointer, "condition", str(error))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
