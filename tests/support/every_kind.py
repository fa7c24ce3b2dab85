"""A survey with a question of every kind, in the languages of the interface, for tests that look at all of them."""

from __future__ import annotations

from typing import Any

LANGUAGES = ("en", "de", "es", "fr", "pt", "ar")

# As each language would say it; what is missing falls back to English on purpose.
_QUESTION = {
    "en": "How likely are you to recommend us?",
    "de": "Wie wahrscheinlich empfehlen Sie uns weiter?",
    "es": "¿Qué probabilidad hay de que nos recomiende?",
    "fr": "Quelle est la probabilité que vous nous recommandiez ?",
    "pt": "Qual a probabilidade de nos recomendar?",
    "ar": "ما مدى احتمال أن توصي بنا؟",
}


def _options(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "text": {"en": name.capitalize(), "de": f"{name.capitalize()} (de)"}} for name in names]


EVERY_KIND: dict[str, Any] = {
    "name": "Every kind",
    "brand": "acme",
    "primary": "nps",
    "questions": [
        {"id": "nps", "kind": "nps", "text": _QUESTION, "low_label": {"en": "Not at all likely"}}
        | {"high_label": {"en": "Extremely likely"}},
        {"id": "why", "kind": "text", "required": False, "text": {"en": "Why?", "de": "Warum?", "ar": "لماذا؟"}},
        {"id": "numbers", "kind": "csat", "text": {"en": "How was the room?"}},
        {"id": "stars", "kind": "csat", "look": "stars", "text": {"en": "How was the view?"}},
        {"id": "faces", "kind": "csat", "look": "faces", "text": {"en": "How was our staff?"}},
        {"id": "ten", "kind": "csat", "scale": "1-10", "text": {"en": "How was breakfast?"}},
        {"id": "solved", "kind": "csat", "scale": "yes-no", "text": {"en": "Did we solve it?"}},
        {"id": "ces", "kind": "ces", "text": {"en": "Acme made it easy for me to get help."}},
        {
            "id": "purpose",
            "kind": "choice",
            "text": {"en": "What did you come for?"},
            "options": _options("work", "fun"),
        },
        {"id": "liked", "kind": "choices", "required": False, "text": {"en": "What did you like?"}}
        | {"options": _options("food", "staff", "place")},
        {"id": "dish", "kind": "line", "required": False, "text": {"en": "Which dish did you have?"}},
        {"id": "call", "kind": "call", "required": False, "text": {"en": "Shall we call you?"}}
        | {"call": {"windows": {"mon-sun": ["00:00-24:00"]}, "minutes": 30, "notice": "PT1H", "days": 2, "most": 4}},
        {"id": "quote", "kind": "consent", "required": False, "text": {"en": "You may quote me."}},
        {"id": "fix", "kind": "text", "required": False, "text": {"en": "What should we fix first?"}}
        | {"show_if": "answers.nps <= 6.0 && 'food' in answers.liked"},
    ],
}
