"""A text in several languages and its pointer come in; each rule that it breaks comes out as a field problem."""

from __future__ import annotations

from collections.abc import Mapping

from survey_service.api.checks.fields import Problems, line_problems, text_problems
from survey_service.errors import FieldProblem
from survey_service.texts.locales import LANGUAGE_NAMES
from survey_service.texts.placeholders import PlaceholderInvalid, allowed_name, parse

LONGEST_LINE = 200


def translation_problems(
    pointer: str, texts: Mapping[str, str], *, single_line: bool, default: str | None = None
) -> Problems:
    """Every translation can be shown, and its placeholders filled; one is in the `default` language, if there is any.

    A `single_line` is short and holds no line break.
    """
    if default is not None and default not in texts:
        yield FieldProblem(pointer, "default_language", f"has no text in the default language, {default}")
    for language, text in texts.items():
        where = f"{pointer}/{language}"
        yield from language_problems(where, language)
        yield from line_problems(where, text) if single_line else text_problems(where, text)
        if single_line and len(text) > LONGEST_LINE:
            yield FieldProblem(where, "length", f"has {len(text)} characters; one line may have {LONGEST_LINE}")
        if not text.strip():
            yield FieldProblem(where, "blank", "has nothing to read")
        try:
            parse(text, allowed_name)
        except PlaceholderInvalid as error:
            yield FieldProblem(where, "placeholder", str(error))


def language_problems(pointer: str, language: str) -> Problems:
    """A language is one that has a name."""
    if language not in LANGUAGE_NAMES:
        yield FieldProblem(pointer, "language", "is not a known language, such as de or pt-BR")
