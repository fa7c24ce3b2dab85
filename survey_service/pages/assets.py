"""Static files and a brand's colours come in; addresses, and the styles and scripts that stand in a page, go out."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from survey_service.models.colors import DARK_SURFACE, LIGHT_SURFACE, Palette, palette
from survey_service.models.fonts import FONT_STACKS, Font

STATIC_FOLDER = Path(__file__).parent / "static"

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SPACE = re.compile(r"\s*([{};])\s*|\s+")
_END_OF_ELEMENT = re.compile(r"</(?:style|script)|<!--", re.IGNORECASE)  # HTML standard, 4.12.1.3


@dataclass(frozen=True, slots=True)
class Inlined:
    """A style sheet or script of ours as it stands in a page, and the source that allows it in a policy (CSP 3)."""

    text: Markup
    source: str


@cache
def static_url(name: str) -> str:
    """Address of a file in `static/`; it changes with the content, so the answer may be cached for ever.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return f"/static/{name}?v={sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]}"


@cache
def inlined_file(name: str) -> Inlined:
    """A style sheet or script of `static/`, to stand in a page; style sheets lose their comments and indentation.

    Raises:
        FileNotFoundError: there is no such file.
    """
    content = (STATIC_FOLDER / name).read_text("utf-8")
    return inlined(_squeeze(content) if name.endswith(".css") else content)


@lru_cache(maxsize=1024)
def inlined(content: str) -> Inlined:
    """A style sheet or script, to stand in a page as it is; it must be ours, for nothing in it is escaped.

    Raises:
        ValueError: it would end its own element.
    """
    if _END_OF_ELEMENT.search(content):
        raise ValueError("a style sheet or script holds the end of its element")
    digest = b64encode(sha256(content.encode()).digest()).decode("ascii")
    return Inlined(Markup(content), f"'sha256-{digest}'")  # noqa: S704 -- our own files, and checked colours


@cache
def render_brand_css(accent: str, on_accent: str, font: Font = Font.SYSTEM) -> str:
    """The brand's colours and letters as custom properties, readable on the light and on the dark page.

    Raises:
        ValueError: a colour is not `#rrggbb`.
    """
    letters = "" if font is Font.SYSTEM else f";--font:{FONT_STACKS[font]}"
    light = _properties(palette(accent, on_accent, LIGHT_SURFACE)) + letters
    dark = _properties(palette(accent, on_accent, DARK_SURFACE))
    return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _properties(colors: Palette) -> str:
    return f"--accent:{colors.accent};--on-accent:{colors.on_accent};--accent-ink:{colors.ink}"


def _squeeze(css: str) -> str:
    """Our own style sheets hold no text in which white space or these signs would matter."""
    return _SPACE.sub(lambda match: match[1] or " ", _COMMENT.sub("", css)).strip()
