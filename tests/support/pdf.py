"""A PDF of one page comes in; its size and the letters that it shows go out, read without a PDF library.

Letters are drawn as numbers; each font's ToUnicode map (ISO 32000-1, 9.10.3) says what they stand for.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)
_DRAWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_PAIR = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]{4})>")
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One letter, and the shape of it that is drawn: an Arabic one has several."""

    letter: str
    shape: tuple[str, int]


@dataclass(frozen=True, slots=True)
class ReadPdf:
    """`size` in millimetres; `drawn` is in the order of drawing, each line from left to right."""

    size: tuple[int, int]
    drawn: tuple[Drawn, ...]

    @property
    def text(self) -> str:
        """The letters without spaces."""
        return "".join(one.letter for one in self.drawn if not one.letter.isspace())


def read_pdf(content: bytes) -> ReadPdf:
    """Read a PDF as fpdf2 writes it."""
    objects = dict(_OBJECT.findall(content))
    (page,) = (body for body in objects.values() if b"/Type /Page\n" in body)
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", content)
    fonts = {name: _letters(objects, number) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", content)}
    (contents,) = re.findall(rb"/Contents (\d+) 0 R", page)
    drawn: list[Drawn] = []
    font = b""
    for name, raw in _DRAWN.findall(zlib.decompress(_stream(objects[contents]))):
        font = name or font
        numbers = _ESCAPED.sub(lambda match: _CONTROLS.get(match[1], match[1]), raw)
        for place in range(0, len(numbers), 2):
            number = int.from_bytes(numbers[place : place + 2], "big")
            drawn.append(Drawn(fonts[font][number], (font.decode(), number)))
    width, height = (round(float(side) / 72 * 25.4) for side in box)
    return ReadPdf((width, height), tuple(drawn))


def _letters(objects: dict[bytes, bytes], font: bytes) -> dict[int, str]:
    (number,) = re.findall(rb"/ToUnicode (\d+) 0 R", objects[font])
    return {int(shape, 16): chr(int(letter, 16)) for shape, letter in _PAIR.findall(_stream(objects[number]))}


def _stream(body: bytes) -> bytes:
    found = _STREAM.search(body)
    assert found is not None
    return found[1]
