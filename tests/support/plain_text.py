"""A page or a mail's HTML comes in; its structure, and the texts that a reader meets in it, go out."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

Structure = tuple[tuple[str, ...], ...]

_CODE = frozenset({"script", "style"})


@dataclass(frozen=True, slots=True)
class ReadPage:
    """`structure` is each element with the names of its attributes; `texts` are what is read, attributes included.

    `code` is what no reader sees: scripts, styles, comments and declarations.
    """

    structure: Structure
    texts: tuple[str, ...]
    code: tuple[str, ...]


def read_page(html: str) -> ReadPage:
    """What a browser would make of the page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return ReadPage(tuple(reader.structure), tuple(reader.texts), tuple(reader.code))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.structure: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.code: list[str] = []
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.structure.append((tag, *(name for name, _ in attrs)))
        self.texts += [value for _, value in attrs if value]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        self.structure.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        (self.code if self._open in _CODE else self.texts).append(data)

    def handle_comment(self, data: str) -> None:
        self.code.append(data)

    def handle_decl(self, decl: str) -> None:
        self.code.append(decl)

    def handle_pi(self, data: str) -> None:
        self.code.append(data)

    def unknown_decl(self, data: str) -> None:
        self.code.append(data)
