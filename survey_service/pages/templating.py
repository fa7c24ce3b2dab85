"""A template's name and values come in; a page as text goes out, with every value escaped."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from survey_service.pages.assets import inlined, inlined_file, static_url
from survey_service.texts.locales import text_direction
from survey_service.texts.printable import printable
from survey_service.texts.words import words_in


def render_page(template: str, *, lang: str, **values: object) -> str:
    """The page in the language `lang`; templates say `_("English sentence")` for the interface's words."""
    page = _ENVIRONMENT.get_template(template)
    return page.render(lang=lang, dir=text_direction(lang), _=words_in(lang), **values)


def _shown(value: object) -> object:
    """What an expression yields, as it may stand on a page; markup of our own macros passes."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.filters["printable"] = printable
_ENVIRONMENT.globals.update(static_url=static_url, inlined=inlined, inlined_file=inlined_file)
