"""Drawing: names, attributes and words come in; SVG elements go out as markup, with every value escaped. Pure."""

from __future__ import annotations

from markupsafe import Markup, escape

from survey_service.texts.printable import printable

Attribute = str | int | float


def element(name: str, *content: Markup, **attributes: Attribute) -> Markup:
    """One element; `class_` is `class`, `text_anchor` is `text-anchor`. Names are ours, values are anybody's."""
    written = Markup("").join(
        Markup(' {}="{}"').format(_attribute_name(key), _shown(value)) for key, value in attributes.items()
    )
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, Markup("").join(content))


def words(text: str) -> Markup:
    """Text of an element; signs that XML cannot hold are left out."""
    return escape(printable(text))


def chart(name: str, title: str, description: str, height: int, *content: Markup, kind: str) -> Markup:
    """A whole drawing, read out by its title and description; `name` is its own on the page."""
    return element(
        "svg",
        element("title", words(title), id=f"{name}-title"),
        element("desc", words(description), id=f"{name}-desc"),
        *content,
        class_=f"chart {kind}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        width="100%",
        height=height,
    )


def percent(share: float) -> str:
    """A share of the width, or of a square of 100 by 100 without the sign: 0.5 is `50%`."""
    return f"{number(100 * share)}%"


def number(value: float) -> str:
    """A coordinate in as few signs as matter."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _attribute_name(key: str) -> str:
    return key if key in _CAMEL else key.rstrip("_").replace("_", "-")


def _shown(value: Attribute) -> str:
    return printable(value) if isinstance(value, str) else number(value)


_CAMEL = frozenset({"viewBox", "preserveAspectRatio"})
