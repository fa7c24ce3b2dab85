"""The text of an SMS comes in; its encoding, length and number of billed segments go out, or the text in cheaper signs.

Alphabets and lengths: 3GPP TS 23.038 §6.2.1 (GSM 7-bit default alphabet and its extension table) and TS 23.040
§9.2.3.24.1 (a concatenated message gives 6 octets of each segment to its header).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"  # 0x1B, the escape to the extension table, is no sign of its own
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM7 = _BASIC | _EXTENSION

_FOLDED = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′‹›", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "•": "*",
        # NO-BREAK SPACE, EN QUAD to HAIR SPACE, NARROW NO-BREAK SPACE, MEDIUM MATHEMATICAL SPACE
        **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " "),
        # SOFT HYPHEN, ZERO WIDTH SPACE, WORD JOINER, ZERO WIDTH NO-BREAK SPACE
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    }
)


class Encoding(StrEnum):
    """How the text travels: one sign that is not in GSM-7 turns the whole message into UCS-2."""

    GSM7 = "GSM-7"  # 7 bits a sign, 14 for those of the extension table
    UCS2 = "UCS-2"  # 16 bits a sign, 32 outside the basic plane (sent as UTF-16)


# Units that fit when the message is one segment, and in each segment when it is more.
_ROOM = {Encoding.GSM7: (160, 153), Encoding.UCS2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs: `units` are septets in GSM-7 and 16-bit units in UCS-2; `count` segments are billed."""

    encoding: Encoding
    units: int
    count: int


def count_segments(text: str) -> Segments:
    """Count the segments of one message; neither an escaped sign nor a surrogate pair is split over two."""
    if _GSM7.issuperset(text):
        encoding, sizes = Encoding.GSM7, [2 if sign in _EXTENSION else 1 for sign in text]
    else:
        encoding, sizes = Encoding.UCS2, [2 if sign > "\uffff" else 1 for sign in text]
    alone, each = _ROOM[encoding]
    units = sum(sizes)
    return Segments(encoding, units, 1 if units <= alone else _pack(sizes, each))


def fold_typography(text: str) -> str:
    """Write typographic quotes, dashes, dots and spaces in GSM-7, if that keeps the whole text in it.

    Otherwise the text comes back as it is: it travels as UCS-2 anyway, where folding would only make it longer.
    """
    folded = unicodedata.normalize("NFC", text).translate(_FOLDED)
    return folded if _GSM7.issuperset(folded) else text


def _pack(sizes: list[int], room: int) -> int:
    """How many segments of `room` units hold signs of these sizes in their order."""
    count, free = 1, room
    for size in sizes:
        if size > free:
            count, free = count + 1, room
        free -= size
    return count
