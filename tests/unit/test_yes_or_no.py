"""Yes and no as people text them, with and without a comment, and what is neither."""

from __future__ import annotations

import pytest

from survey_service.answering.replies import OffScale, OptOut, Reading, Score, Words, read_reply
from survey_service.models.survey import YES_NO, Scale

SCALE = Scale(0, 1, YES_NO)
YES = [
    "yes", "Yes!", "YES.", "y", "Y", "yep", "yeah", "Yesss", "yes yes yes", "(yes)", '"Yes"', "ＹＥＳ",
    "hi, yes", "I'd say yes", "Well, yes", "absolutely", "Of course!", "ja", "Ja klar", "JA!", "jep",
    "auf jeden Fall", "sí", "Si", "SI", "claro que sí", "por supuesto", "oui", "Oui !", "bien sûr", "sim",
    "SIM", "com certeza", "نعم", "نعم!", "أجل", "1", "1.", "١", "1/1", "👍", "👍🏽", "👍👍👍", "✅", "✔️",
    "yes 👍", "😀 yes",
]  # fmt: skip
NO = [
    "no", "No.", "n", "N", "nope", "nah", "noooo", "no no no", "no, nope", "'no'", "not really",
    "Not at all!", "No way", "absolutely not", "nein", "Nein!", "nicht wirklich", "NO", "claro que no",
    "non", "pas du tout", "não", "nao", "NÃO", "de jeito nenhum", "لا", "لا.", "كلا", "0", "٠", "0/1", "👎",
    "👎🏿", "❌",
]  # fmt: skip
COMMENTED = [
    ("yes, but slow", 1, "but slow"),
    ("yes but slow", 1, "but slow"),
    ("Yes it was great", 1, "it was great"),
    ("yes, no complaints", 1, "no complaints"),
    ("yes no problem", 1, "no problem"),
    ("yes, 10/10", 1, "10/10"),
    ("👍 great service", 1, "great service"),
    ("1, but slow", 1, "but slow"),
    ("no, still waiting", 0, "still waiting"),
    ("no because nobody called", 0, "because nobody called"),
    ("no it was late", 0, "it was late"),
    ("No - 2 hours late", 0, "2 hours late"),
    ("No, 2 hours late", 0, "2 hours late"),
    ("No\nnobody called", 0, "nobody called"),
    ("0: nobody called", 0, "nobody called"),
    ("👎 too slow", 0, "too slow"),
    ("Ja, danke", 1, "danke"),
    ("ja alles super", 1, "alles super"),
    ("nein leider nicht", 0, "leider nicht"),
    ("sí, todo bien", 1, "todo bien"),
    ("si todo bien", 1, "todo bien"),
    ("no, fue lento", 0, "fue lento"),
    ("oui mais un peu long", 1, "mais un peu long"),
    ("non c'était lent", 0, "c'était lent"),
    ("sim, obrigada", 1, "obrigada"),
    ("não, demorou", 0, "demorou"),
    ("نعم، لكن بطيء", 1, "لكن بطيء"),
    ("لا، كان بطيئًا", 0, "كان بطيئًا"),
]
NEITHER = [
    "yes and no", "yes/no", "yes or no?", "yes, no", "no, sorry, I meant yes", "ja und nein", "jein",
    "sí y no", "oui et non", "👍👎", "no thanks", "No, thank you", "nein, danke", "no, gracias",
    "no problem", "No problems at all", "no doubt", "No. 1!", "n/a", "no-one helped", "non stop",
    "non-stop fun", "no me quejo", "no estuvo mal", "não foi ruim", "لا بأس", "y la comida estaba fría",
    "si hubieran llegado a tiempo", "das ist ja schlecht", "maybe", "OK", "one", "uno", "9/10", "yesterday",
    "nobody came", "", "🤷",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [*((text, 1) for text in YES), *((text, 0) for text in NO)])
def test_a_yes_is_one_and_a_no_is_nothing_in_every_language(text: str, value: int) -> None:
    assert read_reply(text, SCALE, []) == Score(value)
    assert read_reply(text, SCALE, ["en", "de", "es", "fr", "pt", "ar"]) == Score(value)


@pytest.mark.parametrize(("text", "value", "comment"), COMMENTED)
def test_what_is_said_behind_it_is_the_comment(text: str, value: int, comment: str) -> None:
    assert read_reply(text, SCALE, ["en"]) == Score(value, comment)


@pytest.mark.parametrize("text", NEITHER)
def test_what_is_neither_for_sure_stays_words(text: str) -> None:
    reading = read_reply(text, SCALE, ["en", "es"])
    assert isinstance(reading, Words)
    assert reading.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2", OffScale(2)),
        ("10", OffScale(10)),
        ("stop", OptOut()),
        ("No, stop", OptOut()),
        ("No, please stop making us queue", Score(0, "please stop making us queue", mentions_stop=True)),
    ],
)
def test_other_numbers_and_stops_are_told_apart(text: str, expected: Reading) -> None:
    assert read_reply(text, SCALE, ["en"]) == expected


@pytest.mark.parametrize("text", ["yes", "no", "👍", "نعم"])
def test_on_a_scale_of_numbers_a_yes_is_a_word(text: str) -> None:
    assert read_reply(text, Scale(0, 10, "0-10"), ["en"]) == Words(text)
