"""Names of static files and a brand's colours come in; cacheable addresses and style sheets go out."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from survey_service.models.colors import DARK_SURFACE, LIGHT_SURFACE, Palette, palette

STATIC_FOLDER = Path(__file__).parent / "static"


@cache
def static_url(name: str) -> str:
    """Address of a file in `static/`; it changes with the content, so the answer may be cached for ever.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return f"/static/{name}?v={_version((STATIC_FOLDER / name).read_bytes())}"


def brand_css_url(brand: str, css: str) -> str:
    """Address of a brand's style sheet; it changes with the colours."""
    return f"/static/brand/{brand}.css?v={_version(css.encode())}"


@cache
def render_brand_css(accent: str, on_accent: str) -> str:
    """The brand's colours as custom properties, with readable variants for the light and the dark page.

    Raises:
        ValueError: a colour is not `#rrggbb`.
    """
    light = _properties(palette(accent, on_accent, LIGHT_SURFACE))
    dark = _properties(palette(accent, on_accent, DARK_SURFACE))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _properties(colors: Palette) -> str:
    return f"--accent:{colors.accent};--on-accent:{colors.on_accent};--accent-ink:{colors.ink}"


def _version(content: bytes) -> str:
    return sha256(content).hexdigest()[:12]
