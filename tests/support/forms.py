"""A page of ours comes in; what its form would send by itself, and what the page says, go out."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class ReadPage:
    """`fields` are what the form sends as it stands, `error` is what is said above it, `links` lead elsewhere."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    questions: set[str] = field(default_factory=set)
    error: str = ""
    text: str = ""
    links: list[str] = field(default_factory=list)
    refresh: str = ""
    lang: str = ""


def read_page(html: str) -> ReadPage:
    """Read a whole page."""
    reader = _Reader()
    reader.feed(html)
    reader.page.text = " ".join(reader.page.text.split())
    reader.page.error = " ".join(reader.page.error.split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = ReadPage()
        self._writing: str | None = None  # the text area that is open
        self._silent = False  # inside a style or a script
        self._alert = 0  # how deep inside an alert

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.page.lang = given.get("lang", "")
        elif tag == "form":
            self.page.action = given["action"]
        elif tag == "a":
            self.page.links.append(given["href"])
        elif tag == "meta" and given.get("http-equiv") == "refresh":
            self.page.refresh = given["content"]
        elif tag in {"style", "script"}:
            self._silent = True
        elif tag in {"input", "textarea"} and "name" in given:
            self._field(tag, given)
        if tag == "div" and (self._alert or given.get("role") == "alert"):
            self._alert += 1

    def _field(self, tag: str, given: dict[str, str]) -> None:
        name = given["name"]
        if not name.startswith("_"):
            self.page.questions.add(name)
        if tag == "textarea":
            self._writing = name
            self.page.fields[name] = ""
        elif given.get("type") not in {"radio", "checkbox"} or "checked" in given:
            self.page.fields[name] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._writing = None
        elif tag in {"style", "script"}:
            self._silent = False
        elif tag == "div" and self._alert:
            self._alert -= 1

    def handle_data(self, data: str) -> None:
        if self._writing is not None:
            self.page.fields[self._writing] += data if self.page.fields[self._writing] else data.removeprefix("\n")
        elif not self._silent:
            self.page.text += f" {data}"
            if self._alert:
                self.page.error += f" {data}"
