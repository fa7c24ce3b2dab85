"""What the demo's invented passengers answer: a flight comes in; how it was comes out, or that nobody says. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

ANSWERING = 45  # of a hundred passengers
COMMENTING = 60  # of a hundred of those
_BY_DELAY = ((-10, 10), (5, 9), (20, 8), (45, 6), (90, 3))  # up to so many minutes late: about this number
_WORST = 1
_JITTER = (-2, -1, -1, 0, 0, 0, 0, 1, 1, 2)

_PRAISE = {
    "en": (
        "On time, and the crew was lovely.",
        "Friendly staff at the gate and a smooth boarding.",
        "We landed early, everything was easy.",
        "Clean cabin and a very kind crew.",
    ),
    "de": ("Pünktlich und sehr freundliches Personal.", "Schnelles Boarding, saubere Kabine."),
    "es": ("Puntual y con personal muy amable.", "Embarque rápido y cabina limpia."),
}
_SO_SO = {
    "en": (
        "Fine, but boarding took long.",
        "The queue at the gate was long, the flight itself was fine.",
        "Good crew, small seats.",
    ),
    "de": ("In Ordnung, aber das Boarding hat lange gedauert.", "Enge Sitze, sonst gut."),
    "es": ("Bien, pero el embarque tardó mucho.", "Asientos pequeños, lo demás bien."),
}
_BLAME = {
    "en": (
        "We were late and nobody told us why.",
        "Waited at the gate for ages without any information.",
        "The delay made me miss my connection, and the staff could not help.",
        "Late again. The queue at the gate was a mess.",
    ),
    "de": (
        "Große Verspätung, und niemand hat uns etwas gesagt.",
        "Lange gewartet, keine Information am Gate.",
    ),
    "es": ("Mucho retraso y nadie nos informó.", "Esperamos mucho en la puerta sin información."),
}
_WISH = {
    "en": "Tell us earlier when a flight is late.",
    "de": "Früher Bescheid sagen, wenn sich ein Flug verspätet.",
    "es": "Avisar antes cuando un vuelo se retrasa.",
}


def answers_to(event: Mapping[str, Any]) -> list[dict[str, str]]:
    """The forms that a passenger sends, one a page; none for those who do not answer, and for cancelled flights.

    The same flight is always answered alike: what looks like chance is a digest of its id.
    """
    dice = hashlib.sha256(event["id"].encode()).digest()
    delay = event["data"]["arrival_delay_minutes"]
    if delay is None or dice[0] % 100 >= ANSWERING:
        return []
    usual = next((number for minutes, number in _BY_DELAY if delay <= minutes), _WORST)
    score = min(max(usual + _JITTER[dice[1] % len(_JITTER)], 0), 10)
    language = event["data"]["customer"]["locale"][:2]
    words = _PRAISE if score >= 9 else _SO_SO if score >= 7 else _BLAME
    page = {"nps": str(score)}
    if dice[2] % 100 < COMMENTING:
        page["why"] = _one_of(words[language], dice[3])
    return [page, {"fix": _WISH[language] if dice[4] % 2 else ""}] if score <= 6 else [page]


def _one_of(sentences: Sequence[str], die: int) -> str:
    return sentences[die % len(sentences)]
