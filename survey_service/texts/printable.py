"""Any text comes in; the same text without what a screen cannot show, or what would turn other text round, goes out."""

from __future__ import annotations

import re

# C0 and C1 controls, lone surrogates and noncharacters have no place in HTML or mail (HTML standard, 13.2.3.5);
# embeddings and overrides (UAX #9, 2.1 and 2.2) would reverse what stands after them: isolates and marks stay.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(text: str) -> str:
    """`text` with LF line ends and nothing unshowable; emoji and right-to-left writing are untouched."""
    if text.isprintable():
        return text
    return _UNSHOWABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """`printable` text with every run of white space as one space."""
    return " ".join(printable(text).split())
