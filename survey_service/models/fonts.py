"""The name of a typeface comes in; a stack of fonts that devices have already goes out, so that no page fetches one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Font(StrEnum):
    """The character of a brand's letters."""

    SYSTEM = "system"  # what the device itself is written in
    HUMANIST = "humanist"  # sans serif, close to handwriting
    GEOMETRIC = "geometric"  # sans serif, from circles and straight lines
    ROUNDED = "rounded"  # sans serif with soft ends
    SERIF = "serif"  # as books are set
    DIDONE = "didone"  # serif with thick and thin strokes, as in fashion magazines
    SLAB = "slab"  # serif with heavy feet
    MONO = "mono"  # every letter equally wide


_EMOJI = '"Apple Color Emoji","Segoe UI Emoji","Noto Color Emoji"'

# Each names fonts of Apple's, of Windows and of Android or Linux; what none of them can write falls back by itself.
FONT_STACKS: Mapping[Font, str] = MappingProxyType(
    {
        name: f"{fonts},{_EMOJI}"
        for name, fonts in {
            Font.SYSTEM: 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif',
            Font.HUMANIST: 'Optima,Candara,"Gill Sans Nova","Gill Sans","Noto Sans",sans-serif',
            Font.GEOMETRIC: '"Avenir Next",Avenir,"Century Gothic","URW Gothic",Montserrat,sans-serif',
            Font.ROUNDED: 'ui-rounded,"SF Pro Rounded","Arial Rounded MT Bold",Nunito,Comfortaa,sans-serif',
            Font.SERIF: 'ui-serif,"New York","Iowan Old Style",Georgia,Cambria,"Noto Serif",serif',
            Font.DIDONE: 'Didot,"Bodoni 72","Bodoni MT","Playfair Display","Noto Serif Display",serif',
            Font.SLAB: 'Rockwell,"Rockwell Nova","Roboto Slab","DejaVu Serif","Sitka Small",serif',
            Font.MONO: 'ui-monospace,Menlo,Consolas,"Roboto Mono","DejaVu Sans Mono",monospace',
        }.items()
    }
)
"""The value of `font-family` for each name."""
