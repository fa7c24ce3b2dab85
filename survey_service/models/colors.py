"""A brand's two colours come in; readable palettes for light and dark surfaces go out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LIGHT_SURFACE = "#ffffff"
DARK_SURFACE = "#1b1e23"
TEXT_CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text against its background
SHAPE_CONTRAST = 3.0  # WCAG 2.2, 1.4.11: a control against its background

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_BLACK, _WHITE = "#111418", "#ffffff"
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours for one surface, each `#rrggbb`: a filled area, the text on it, and the accent as text or outline."""

    accent: str
    on_accent: str
    ink: str


@lru_cache(maxsize=1024)
def palette(accent: str, on_accent: str, surface: str) -> Palette:
    """The brand's colours, moved only as far as they must to be readable on `surface`.

    Raises:
        ValueError: a colour is not `#rrggbb`, so it cannot carry anything else into a style sheet.
    """
    filled = _readable(accent, surface, SHAPE_CONTRAST) if surface == DARK_SURFACE else _checked(accent)
    text = _checked(on_accent)
    if contrast(filled, text) < TEXT_CONTRAST:
        text = max(_WHITE, _BLACK, key=lambda color: contrast(filled, color))
    return Palette(filled, text, _readable(accent, surface, TEXT_CONTRAST))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _readable(color: str, surface: str, ratio: float) -> str:
    """The nearest mix of `color` with white or black that reaches `ratio` on `surface`."""
    target = _WHITE if _luminance(surface) < 0.5 else "#000000"
    mixes = (_mix(color, target, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if contrast(mix, surface) >= ratio)


def _mix(color: str, other: str, share: float) -> str:
    channels = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in channels)


def _luminance(color: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2, "relative luminance")."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(_checked(color)[1:])
    return red, green, blue


def _checked(color: str) -> str:
    if not _HEX.fullmatch(color):
        raise ValueError("a colour is written as #rrggbb")
    return color
