"""What people write back: scores as they are really typed, in five languages, and what is no score."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.answering.forms import MAX_TEXT
from survey_service.answering.numbers_in_words import NUMBERS
from survey_service.answering.replies import (
    Help,
    OffScale,
    OptIn,
    OptOut,
    Reading,
    Score,
    Words,
    keyword_key,
    read_keyword,
    read_reply,
)
from survey_service.models.survey import YES_NO, Scale

NPS, CSAT, CES = Scale(0, 10, "0-10"), Scale(1, 5, "1-5"), Scale(1, 7, "1-7")
UP_TO_TEN = Scale(1, 10, "1-10")
SCALES = (NPS, CSAT, UP_TO_TEN, Scale(0, 1, YES_NO), CES)
EVERY_SCALE = (*SCALES, None)
EVERY_LANGUAGE = tuple(NUMBERS)


def words(text: str, *, mentions_stop: bool = False) -> Words:
    return Words(text, mentions_stop)


# What came, by the survey's language and the score it gives.
SCORES: dict[tuple[str, int], list[str]] = {
    ("en", 0): ["0", "Zero."],
    ("en", 1): ["One"],
    ("en", 6): ["My score is 6"],
    ("en", 7): ["Id give you a solid 7", "probably 7"],
    ("en", 8): ["I'd say 8", "I’d say an 8.", "Score: 8"],
    ("en", 9): [
        "9", " 9 ", "9!", "9.", "9?", "9!!!", "09", "9/10", "9 / 10", "9 /10!!", "9\\10", "(9)", '"9"', "“9”",
        "'9'", "*9*", "９", "٩", "۹", "९", "٩/١٠", "𝟗", "9️⃣", "9️⃣/🔟", "⑨", "\u200f9\u200f", "\u2067٩\u2069",
        "\u200b9\ufeff", "\u202e9\u202c", "9\u00a0", "9\r\n", "👍 9", "9 :)", "nine", "NINE!", "ｎｉｎｅ",
        "9 out of 10", "Nine out of ten", "9 of 10", "9 points", "I would give it a 9 out of 10", "hi, 9",
    ],
    ("en", 10): [
        "10", "10/10.", "１０", "1️⃣0️⃣", "🔟", "10 :-D", "ten/10", "It's a 10!", "Definitely a ten", "Yes 10",
        "Thanks, a perfect 10!",
    ],
    ("de", 0): ["null"],
    ("de", 1): ["eins"],
    ("de", 2): ["Zwo"],
    ("de", 5): ["Fünf", "FUENF", "funf"],
    ("de", 7): ["von mir eine 7"],
    ("de", 8): ["8 Punkte", "Ich würde sagen: 8"],
    ("de", 9): ["neun", "9 von 10", "neun von zehn", "9 von 10 Punkten", "eine 9", "Ich gebe euch eine 9"],
    ("de", 10): ["Ne glatte 10!", "Eine klare Zehn"],
    ("es", 0): ["cero"],
    ("es", 1): ["uno"],
    ("es", 3): ["tres"],
    ("es", 7): ["Mi puntuación es 7"],
    ("es", 8): ["Diría que un 8", "diria que 8", "8 puntos"],
    ("es", 9): ["nueve", "NUEVE", "9 de 10", "9 sobre 10", "nueve de diez", "un 9"],
    ("es", 10): ["¡10!", "Un diez", "Le doy un 10"],
    ("fr", 0): ["zéro", "ZERO"],
    ("fr", 1): ["un"],
    ("fr", 7): ["Ma note est 7"],
    ("fr", 8): ["Je dirais 8"],
    ("fr", 9): ["neuf", "9 sur 10", "neuf sur dix", "je vous mets un 9", "ma note : 9/10"],
    ("fr", 10): ["10 !", "Merci, 10"],
    ("pt", 1): ["um"],
    ("pt", 3): ["três", "tres"],
    ("pt", 7): ["7 pontos"],
    ("pt", 8): ["Minha nota é 8"],
    ("pt", 9): ["nove", "9 em 10", "Eu daria 9"],
    ("pt", 10): ["DEZ", "dez de dez", "nota 10", "Nota dez!"],
    ("pt-BR", 7): ["sete"],
}  # fmt: skip

# (the survey's language, what came, the score, the comment)
COMMENTED: list[tuple[str, str, int, str]] = [
    ("en", "9👍", 9, "👍"),
    ("en", "9 😀😀", 9, "😀😀"),
    ("en", "10 <3", 10, "<3"),
    ("en", "10 because the crew was lovely", 10, "because the crew was lovely"),
    ("en", "ten because the crew was lovely", 10, "because the crew was lovely"),
    ("en", "9 - great crew", 9, "great crew"),
    ("en", "9 – great crew", 9, "great crew"),
    ("en", "9-- great crew", 9, "great crew"),
    ("en", "9, great crew!", 9, "great crew!"),
    ("en", "9. Great crew", 9, "Great crew"),
    ("en", "9: great crew", 9, "great crew"),
    ("en", "9... could be better", 9, "could be better"),
    ("en", "9\ngreat crew\nlate bus", 9, "great crew\nlate bus"),
    ("en", "9 great crew", 9, "great crew"),
    ("en", "10 thank you so much", 10, "thank you so much"),
    ("en", "3 it was dirty", 3, "it was dirty"),
    ("en", "2 very slow service", 2, "very slow service"),
    ("en", "8 but the food was cold", 8, "but the food was cold"),
    ("en", "10/10 would recommend", 10, "would recommend"),
    ("en", "9/10 friendly staff", 9, "friendly staff"),
    ("en", "seven, a bit slow", 7, "a bit slow"),
    ("en", "9, open 24/7 and always friendly", 9, "open 24/7 and always friendly"),
    ("en", "10 because 2 of your drivers stayed late", 10, "because 2 of your drivers stayed late"),
    ("en", "6 - waited 2 hours for a bag", 6, "waited 2 hours for a bag"),
    ("en", "Great crew! 9", 9, "Great crew!"),
    ("en", "Loved it - 10", 10, "Loved it"),
    ("en", "Lovely people, I'd say 9.", 9, "Lovely people"),
    ("en", "The staff was amazing 10/10", 10, "The staff was amazing"),
    ("en", "10 from me!", 10, "from me!"),
    ("en", "8 (a bit slow)", 8, "(a bit slow)"),
    ("en", "so friendly 😀 10", 10, "so friendly 😀"),
    ("en", "9, it's 5pm & <b>{{customer.email}}</b> $where", 9, "it's 5pm & <b>{{customer.email}}</b> $where"),
    ("de", "10 weil alles geklappt hat", 10, "weil alles geklappt hat"),
    ("de", "Eine 9, weil es schnell ging", 9, "weil es schnell ging"),
    ("de", "zehn, super Team", 10, "super Team"),
    ("de", "9 sehr nette Mitarbeiter", 9, "sehr nette Mitarbeiter"),
    ("de", "3. Leider viel zu spät", 3, "Leider viel zu spät"),
    ("de", "Alles bestens, 10", 10, "Alles bestens"),
    ("es", "10 porque fueron muy amables", 10, "porque fueron muy amables"),
    ("es", "9 muy buen servicio", 9, "muy buen servicio"),
    ("es", "10, todo perfecto ¡gracias!", 10, "todo perfecto ¡gracias!"),
    ("es", "Excelente atención. 10", 10, "Excelente atención."),
    ("fr", "10 parce que l'équipe est top", 10, "parce que l'équipe est top"),
    ("fr", "9 très bon accueil", 9, "très bon accueil"),
    ("fr", "8, un peu d'attente", 8, "un peu d'attente"),
    ("fr", "Super équipe ! 10", 10, "Super équipe !"),
    ("fr", "2 car j'ai attendu une heure", 2, "car j'ai attendu une heure"),
    ("pt", "10 porque adorei o atendimento", 10, "porque adorei o atendimento"),
    ("pt", "9 ótimo atendimento", 9, "ótimo atendimento"),
    ("pt", "10, muito obrigada", 10, "muito obrigada"),
]

# Words, because no number is surely a score.
NO_SCORES: dict[str, list[str]] = {
    "en": [
        "9.5", "9,5", "9½", "8-9", "8 - 9", "7/8", "7 or 8", "7, maybe 8", "9. Sorry, I meant 10", "8 9",
        "between 7 and 8", "more than 5", "not 9", "4/5", "5 stars", "⭐⭐⭐⭐⭐", "9/10 food, 3/10 service",
        "Service 9/10, food 3/10", "at 10:30", "10:30", "9am", "9 pm", "9h30", "2024", "10/10/2024", "2024-10-09",
        "020 7946 0958", "+44 20 7946 0958", "$9", "€9", "9€", "9,99 €", "10%", "100%", "8+", "007", "9e0", "1st",
        "3x", "2 hours late", "2-hour delay", "3 people were rude", "9 out of 10 people", "10 minutes", "Gate 9",
        "Row 10 was cold", "one bad driver", "zero problems", "1. the food 2. the staff", "great", "No. 1", "9 (or 10)",
        "Very good thanks", "Yes", "neun", "um, not sure", "- 9", "{{9}}", "{{customer.email}}", "$where",
        '{"$gt": 9}', "=9+1", "…", "?!", "👍", "😀😀😀",
    ],
    "de": [
        "ein klares Ja", "Note 1", "Null Probleme", "7 oder 8", "7 bis 8", "3. Mai", "2. Versuch hat geklappt",
        "10.12.", "8 Uhr", "9 Euro", "2 Stunden gewartet", "Acht Leute vor mir", "Schalter Nr. 5", "ca. 9",
    ],
    "es": ["un gran equipo", "entre 7 y 8", "7 o 8", "2 horas de espera", "muy bien"],
    "fr": ["un bon service", "7 ou 8", "Très, très bien", "2 heures de retard"],
    "pt": ["um ótimo serviço", "7 a 8", "2 horas de atraso", "muito bom"],
    "ar": ["تسعة"],
    "ja": ["九"],
}  # fmt: skip

OFF_SCALE: list[tuple[Scale, str, int]] = [
    (NPS, "11", 11),
    (NPS, "-1", -1),
    (NPS, "−1", -1),
    (NPS, "100", 100),
    (NPS, "11/10", 11),
    (NPS, "I'd say 12", 12),
    (NPS, "11 because you are the best", 11),
    (CSAT, "0", 0),
    (CSAT, "9", 9),
    (CSAT, "ten", 10),
    (CES, "8", 8),
    (CES, "zero", 0),
    (UP_TO_TEN, "0", 0),
    (UP_TO_TEN, "I'd say 11", 11),
]


@pytest.mark.parametrize(("language", "value", "text"), [(*key, text) for key in SCORES for text in SCORES[key]])
def test_a_score_is_understood(language: str, value: int, text: str) -> None:
    assert read_reply(text, NPS, [language]) == Score(value)


@pytest.mark.parametrize(("language", "text", "value", "comment"), COMMENTED)
def test_a_score_is_understood_with_what_was_said_beside_it(language: str, text: str, value: int, comment: str) -> None:
    assert read_reply(text, NPS, [language]) == Score(value, comment)


@pytest.mark.parametrize(("language", "text"), [(key, text) for key in NO_SCORES for text in NO_SCORES[key]])
def test_what_is_not_surely_a_score_stays_words(language: str, text: str) -> None:
    assert read_reply(text, NPS, [language]) == Words(text)


@pytest.mark.parametrize(("scale", "text", "value"), OFF_SCALE)
def test_a_number_outside_the_scale_is_told_apart(scale: Scale, text: str, value: int) -> None:
    assert read_reply(text, scale, ["en"]) == OffScale(value)


@pytest.mark.parametrize(
    ("scale", "text", "expected"),
    [
        (CSAT, "5", Score(5)),
        (CSAT, "4/5", Score(4)),
        (CSAT, "four out of five", Score(4)),
        (CSAT, "5 stars", Score(5)),
        (CSAT, "5 Sterne, gerne wieder", Score(5, "gerne wieder")),
        (CSAT, "4⭐", Score(4)),
        (CSAT, "4/10", Words("4/10")),
        (UP_TO_TEN, "10/10", Score(10)),
        (UP_TO_TEN, "nine out of ten, friendly crew", Score(9, "friendly crew")),
        (UP_TO_TEN, "5 stars", Words("5 stars")),
        (CES, "7/7", Score(7)),
        (CES, "6 - easy", Score(6, "easy")),
        (CES, "5 stars", Words("5 stars")),
        (None, "9", Words("9")),
        (None, "  the queue  ", Words("the queue")),
    ],
)
def test_each_question_reads_by_its_own_scale(scale: Scale | None, text: str, expected: Reading) -> None:
    assert read_reply(text, scale, EVERY_LANGUAGE) == expected


@pytest.mark.parametrize("language", NUMBERS)
def test_every_number_is_known_in_words_with_and_without_accents_and_in_capitals(language: str) -> None:
    for value, spellings in enumerate(NUMBERS[language].split()):
        for word in spellings.split("/"):
            for written in (word, word.upper(), word.capitalize() + "!"):
                assert read_reply(written, NPS, [language]) == Score(value), written
                assert read_reply(written, NPS, EVERY_LANGUAGE) == Score(value), written


@pytest.mark.parametrize("scale", SCALES)
def test_every_number_of_a_scale_is_read_from_its_figure(scale: Scale) -> None:
    for value in scale.values:
        arabic = "".join(chr(0x660 + int(digit)) for digit in str(value))
        assert read_reply(f"{value}", scale, []) == read_reply(arabic, scale, []) == Score(value)
        assert read_reply(f"{value}/{scale.high}", scale, []) == Score(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("please stop making us queue", words("please stop making us queue", mentions_stop=True)),
        ("the bus didn't stop", words("the bus didn't stop", mentions_stop=True)),
        ("I had to cancel my flight", words("I had to cancel my flight", mentions_stop=True)),
        ("end of story: 3", words("end of story: 3", mentions_stop=True)),
        ("2, the bus didn't stop", Score(2, "the bus didn't stop", mentions_stop=True)),
        ("11, I could not stop smiling", OffScale(11, mentions_stop=True)),
        ("9, great weekend", Score(9, "great weekend")),
    ],
)
def test_a_stop_word_in_a_comment_is_pointed_out(text: str, expected: Reading) -> None:
    assert read_reply(text, NPS, EVERY_LANGUAGE) == expected


@pytest.mark.parametrize("scale", EVERY_SCALE)
@pytest.mark.parametrize(
    ("text", "expected"), [("Stop!", OptOut()), ("No, stop", OptOut()), ("START", OptIn()), ("help", Help())]
)
def test_commands_come_before_answers_whatever_was_asked(scale: Scale | None, text: str, expected: Reading) -> None:
    assert read_reply(text, scale, []) == expected


@pytest.mark.parametrize("text", ["", "   ", "\r\n", "\u200b\u200e", "\x00\x07"])
def test_a_message_without_text_is_empty_words(text: str) -> None:
    reading = read_reply(text, NPS, EVERY_LANGUAGE)
    assert isinstance(reading, Words)
    assert not reading.text.strip("\u200b\u200e")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MITTE 9", ("MITTE", "9")),
        ("mitte 9/10 great crew", ("MITTE", "9/10 great crew")),
        ("Mitte: 9", ("MITTE", "9")),
        ("'Mitte' 9", ("MITTE", "9")),
        ("MITTE\n9", ("MITTE", "9")),
        ("MITTE", ("MITTE", "")),
        ("ＭＩＴＴＥ ９", ("MITTE", "９")),
        ("Köln 10", ("KOLN", "10")),
        ("Gate7 10", ("GATE7", "10")),
        ("\u200fmitte\u200f 9", ("MITTE", "9")),
        ("9 MITTE", None),
        ("M 9", None),
        ("", None),
        ("👍", None),
        ("x" * 21 + " 9", None),
        ("$where 9", None),
    ],
)
def test_a_keyword_is_the_first_word(text: str, expected: tuple[str, str] | None) -> None:
    assert read_keyword(text) == expected
    if expected is not None:
        assert keyword_key(expected[0]) == expected[0]


def test_a_registered_keyword_is_compared_as_it_would_be_read() -> None:
    assert keyword_key("Köln") == keyword_key("KO\u0308LN") == "KOLN"


# Runs that a backtracking pattern would choke on, and marks whose sorting would be quadratic.
HOSTILE = [
    " ", ".", "9", "9 ", "9.", "9!", "-", "- ", "(", "\n", "\n9", "!9 ", "/", " 9/", "👍", "9👍", "ﷺ", "\u0301̣",
    "i ", "i, ", ".i say ", "one ", "stop ", "stop. ", "never ", "never me ", "ne ", "no … ", "9 of 10 ", "{{x}}",
    "\ud800", "\u202e", "a-", "'", "stop-", "eine ", "ok,,,,", "no ", "yes, ", "n. ", "👍no ", "hi, ",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("tail", ["", "9"])
def test_ten_kilobytes_of_anything_are_read_to_a_bounded_result(unit: str, tail: str) -> None:
    body = unit * (10_000 // len(unit))
    for text, scale in itertools.product((body + tail, "9" + body, "no " + body), (NPS, SCALES[3])):
        reading = read_reply(text, scale, EVERY_LANGUAGE)
        if isinstance(reading, Words):
            assert len(reading.text) <= MAX_TEXT
        read_keyword(text)


def test_only_what_an_answer_may_hold_is_kept() -> None:
    assert read_reply("9, " + "x" * 10_000, NPS, ["en"]) == Score(9, "x" * (MAX_TEXT - 3))


# Text made of what the grammar knows, beside any text at all.
FRAGMENTS = st.sampled_from([
    "9", "10", "11", "-1", "/", ".", "!", "-", "\n", "(", "stop", "STOP", "please", "no", "more", "texts",
    "cancel", "end", "start", "help", "nine", "ten", "un", "tres", "out", "of", "von", "i'd", "say", "eine",
    "because", "great", "people", "🔟", "👍", "⭐", "<3", "{{x}}", "$where", "٩", "５", "½", "\u200f", "\u0301", "ne",
    "…", "mehr", ",", "yes", "no", "ja", "não", "لا", "👎", "and", "thanks",
])  # fmt: skip


@given(st.text() | st.lists(FRAGMENTS, max_size=30).map(" ".join), st.sampled_from(EVERY_SCALE))
def test_no_text_breaks_the_reading(text: str, scale: Scale | None) -> None:
    reading = read_reply(text, scale, EVERY_LANGUAGE)
    values = scale.values if scale else ()
    match reading:
        case Score(value, comment):
            assert value in values
            assert comment is None or comment.strip() == comment != ""
        case OffScale(value):
            assert value not in values
        case Words(kept):
            assert kept == kept.strip()
    read_keyword(text)


@given(st.integers(0, 10), st.text(alphabet=st.characters(categories=["Zs", "Cf", "Mn"]), max_size=20))
def test_nothing_invisible_hides_a_score(value: int, unseen: str) -> None:
    assert read_reply(f"{unseen}{value}{unseen}", NPS, ["en"]) == Score(value)
