"""The HTML body of a mail comes in; what a person wrote there goes out as text, without what their client quoted.

Linear in the length of the markup, whatever it holds: nothing is parsed, tags are only told from text.
"""

from __future__ import annotations

import re
from html import unescape

# Where clients begin the quoted mail: Gmail and Apple Mail, Yahoo, Outlook on the web, Outlook, Thunderbird.
_QUOTED = re.compile(
    r"""<blockquote\b|<[^<>]{0,200}\b(?:class|id)\s{0,3}=\s{0,3}["']?(?:gmail_quote|gmail_attr|yahoo_quoted|moz-cite-prefix
    |appendonsend|divRplyFwdMsg|OLK_SRC_BODY_SECTION|protonmail_quote)|<hr\b""",
    re.IGNORECASE | re.VERBOSE,
)
_UNSEEN_BEGINS = re.compile(r"<(style|script|head|title)\b|<!--", re.IGNORECASE)
_BREAK = re.compile(r"<br\b[^<>]*>|</(?:p|div|tr|li|h[1-6])\s*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_SPACE = re.compile(r"[ \t\r\n\u00a0]+")
_BLANK_LINES = re.compile(r"\n{3,}")


def text_of_html(html: str) -> str:
    """What stands before the quoted mail, one line a block."""
    seen = _without_unseen(html)
    quoted = _QUOTED.search(seen)
    own = _SPACE.sub(" ", seen[: quoted.start()] if quoted else seen)
    lines = unescape(_TAG.sub("", _BREAK.sub("\n", own))).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in lines)).strip()


def _without_unseen(html: str) -> str:
    """The markup without styles, scripts, comments and the head; one that never ends hides the rest."""
    kept, position, lower = [], 0, html.lower()
    while found := _UNSEEN_BEGINS.search(html, position):
        kept.append(html[position : found.start()])
        end = lower.find(f"</{found[1].lower()}" if found[1] else "-->", found.end())
        if end < 0:
            return "".join(kept)
        position = end if found[1] else end + len("-->")
    kept.append(html[position:])
    return "".join(kept)
