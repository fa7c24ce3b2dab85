"""The plain text of a mail that answers another one comes in; what its author wrote goes out. Pure.

Clients quote in their own ways and languages: lines that begin with `>` below a line that says who wrote when, or the
old mail as it is below a few of its header fields. Whatever is not surely quoted stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LOOKED_AT = 400  # characters of a line
_WRAPPED = 3  # lines that a client may spread an attribution over
_HEADERS_WITHIN = 5  # lines that hold both the sender and the date of a quoted mail

# "On Mon, Nov 24, 2025 at 10:00 AM Acme <hello@acme.example> wrote:" in the words of Gmail, Apple Mail, Thunderbird,
# Yahoo and Outlook on phones.
_ATTRIBUTION = re.compile(
    r"""[>\s]{0,9}(?:
      On\ .{4,300}\ wrote
    | Am\ .{4,300}\ (?:schrieb|geschrieben)\b.{0,150}
    | .{0,150}\ schrieb\ am\ .{4,150}
    | Le\ .{4,300}\ a\ écrit
    | El\ .{4,300}\ escribió
    | Em\ .{4,300}\ escreveu
    | A\ .{4,300}\ escreveu
    | Op\ .{4,300}\ schreef\b.{0,150}
    | Il\ .{4,300}\ ha\ scritto
    | (?:في|بتاريخ)\ .{4,300}(?:كتب|كتابة\ ما\ يلي\ بواسطة).{0,200}
    )\s{0,3}:\s{0,9}""",
    re.VERBOSE | re.IGNORECASE,
)
_RULE = re.compile(
    r"""\s{0,9}(?:
      [-_]{2,20}\ ?(?:
        Original\ Message | Forwarded\ message | Ursprüngliche\ Nachricht | Originalnachricht
      | Weitergeleitete\ Nachricht | Message\ d['’]origine
      | Message\ original | Mensaje\ original | Mensagem\ original | الرسالة\ الأصلية
      )\ ?[-_]{2,20}
    )\s{0,9}""",
    re.VERBOSE | re.IGNORECASE,
)
_LONG_RULE = re.compile(r"\s{0,9}_{20,100}\s{0,9}")
_FROM = re.compile(r"[\s*]{0,9}(?:From|Von|De|Da|Van|من)[\s*]{0,3}:", re.IGNORECASE)
_DATE = re.compile(
    r"[\s*]{0,9}(?:Sent|Date|Gesendet|Datum|Envoyé|Enviado(?: el)?|Enviada?(?: em)?|Fecha|Data|Verzonden|Inviato"
    r"|تم الإرسال|تاريخ الإرسال|التاريخ)[\s*]{0,3}:",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"--\s{0,3}")
_FROM_A_PHONE = re.compile(
    r"""\s{0,9}(?:
      Sent\ from\ (?:my|Outlook|Yahoo|Mail|Proton).{0,80} | Get\ Outlook\ for\ .{0,60}
    | Von\ meine[mr]\ .{1,60}\ gesendet | Gesendet\ (?:von|mit|über)\ .{1,80}
    | Outlook\ für\ .{1,30}\ (?:beziehen|herunterladen).{0,60}
    | Envoyé\ (?:de|depuis|à\ partir\ de)\ .{1,80} | Téléchargez\ Outlook\ .{0,60} | Obtenir\ Outlook\ .{0,60}
    | Enviado\ (?:desde|do|de|a\ partir\ do)\ .{1,80} | Obtener\ Outlook\ .{0,60} | Obter\ o\ Outlook\ .{0,60}
    | (?:أُرسلت|أرسلت|تم\ الإرسال)\ من\ .{1,80}
    )\.?\s{0,9}""",
    re.VERBOSE | re.IGNORECASE,
)
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")


def own_words(text: str) -> str:
    """The text without quotations, without the signature below `--`, and without what a phone adds."""
    lines = text.replace("\r\n", "\n").split("\n")
    kept: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        if line.lstrip().startswith(">"):
            position += 1
        elif length := _attribution(lines, position):
            if not _is_quoted_below(lines, position + length):
                break  # the old mail stands below as it is
            position += length
        elif _begins_old_mail(lines, position) or _SIGNATURE.fullmatch(line):
            break
        else:
            if not _FROM_A_PHONE.fullmatch(line[:_LOOKED_AT]):
                kept.append(line.rstrip())
            position += 1
    return _BLANK_LINES.sub("\n\n", "\n".join(kept)).strip()


def _attribution(lines: Sequence[str], start: int) -> int:
    """How many lines from `start` on say who wrote the quoted mail and when; 0 for none."""
    joined = ""
    for length in range(1, _WRAPPED + 1):
        if start + length > len(lines) or not lines[start + length - 1].strip():
            return 0
        joined = f"{joined} {lines[start + length - 1].strip()}".strip()[:_LOOKED_AT]
        if joined.endswith(":") and any(sign.isdigit() for sign in joined) and _ATTRIBUTION.fullmatch(joined):
            return length
    return 0


def _is_quoted_below(lines: Sequence[str], start: int) -> bool:
    below = next((line for line in lines[start : start + 3] if line.strip()), "")
    return below.lstrip().startswith(">")


def _begins_old_mail(lines: Sequence[str], position: int) -> bool:
    """Whether the header fields of a quoted mail begin here, or the rule above them."""
    line = lines[position][:_LOOKED_AT]
    if _RULE.fullmatch(line):
        return True
    if _LONG_RULE.fullmatch(line):
        rest = [below for below in lines[position + 1 : position + 4] if below.strip()]
        return bool(rest) and _FROM.match(rest[0]) is not None
    other = _DATE if _FROM.match(line) else _FROM if _DATE.match(line) else None
    below = lines[position + 1 : position + _HEADERS_WITHIN]
    return other is not None and any(other.match(field[:_LOOKED_AT]) for field in below)
