"""A folded text comes in; the yes or the no that was meant and the comment beside it go out. Pure.

The words of all languages are read at once: none of them is a yes here and a no there. In doubt it is neither, as with
scores.
"""

from __future__ import annotations

import re

from survey_service.answering.numbers_in_words import CONNECTORS, OPENERS
from survey_service.answering.scores import EMOJI, END, SEPARATORS, any_of, comment_of
from survey_service.texts.folding import Folded

# By what they mean, 1 for yes. Lists are divided by white space; an underscore is a space within a phrase.
_SIGNS = {1: "👍👌✅✔", 0: "👎❌✖"}
_LETTERS = {1: "y j s", 0: "n"}  # "y" is also the Spanish "and": meant only alone or before a break
_PLAIN = {1: "yes yep yeah yup ja jep jup oui ouais sim نعم أجل بلى ايوه", 0: "nope nah nein"}  # a comment may follow
# Also other words ("si": if), or the beginning of something else ("no trouble at all", "nicht wirklich schlecht").
_CAREFUL = {
    1: """
    sí sure definitely absolutely totally of_course for_sure natürlich klar auf_jeden_fall ja_klar bien_sûr
    tout_à_fait claro claro_que_sí por_supuesto desde_luego com_certeza claro_que_sim بالتأكيد طبعا
    """,
    0: """
    no not_really not_at_all not_quite absolutely_not definitely_not of_course_not no_way
    nicht_wirklich gar_nicht überhaupt_nicht eher_nicht auf_keinen_fall natürlich_nicht
    non pas_vraiment pas_du_tout bien_sûr_que_non para_nada en_absoluto claro_que_no por_supuesto_que_no
    não de_jeito_nenhum nem_um_pouco claro_que_não لا كلا
    """,
}
# What begins a comment right after a careful word; after "no" nothing that Spanish or Portuguese would negate.
_OPENERS_AFTER_NO = """
i im ive its it's it was were we they you your my there this that not nothing still sorry
leider je c'est c'était pas lamentablemente infelizmente
"""
_OPENERS = {1: set(OPENERS.split()) - {"no", "not"}, 0: set(_OPENERS_AFTER_NO.split())}
_LEADS = """
hi hello hey well ok okay so honestly overall thanks i_would_say i'd_say id_say my_answer_is the_answer_is it's_a
a_clear a_big hallo also ich_würde_sagen ich_sage ein_klares bonjour je_dirais hola pues yo_diría olá oi eu_diria مرحبا
"""
_BECAUSE = [*CONNECTORS.split(), "لكن", "لان"]
_THANKS = """
thanks thank_you thx danke danke_schön vielen_dank merci gracias muchas_gracias obrigado obrigada شكرا
"""
_WORDS_BEFORE = 3  # a word of the other kind: "yes and no", "no, sorry, I meant yes"

_BREAK = r'(?: ?\.+(?! ?\d)| ?[,;:!?)"\]*=]+| ?\n| -|- |--| \()'  # "no. 1" is a number
_STANDS = rf"(?:{END}|{_BREAK}| ?[{EMOJI}])"


def _meaning(value: int) -> str:
    """A pattern for one word that means `value`, or several in a row."""
    letter, plain, careful = (any_of(words[value].split(), drawn_out=True) for words in (_LETTERS, _PLAIN, _CAREFUL))
    sign = f"[{_SIGNS[value]}][🏻-🏿]?"
    comment = any_of([*_BECAUSE, *_OPENERS[value]])
    last = f"(?:{sign}|{plain}|{letter}(?={_STANDS})|{careful}(?={_STANDS}| {comment}))"
    return f"(?:(?:{sign}|{plain}|{letter}|{careful})[ ,.!]{{0,3}})*{last}"


_OTHER_SIGNS = f"(?:(?![{''.join(_SIGNS.values())}])[{EMOJI}])"
_FIRST = re.compile(
    rf'(?:["(\[*.,!¡¿:;~ \n]|{_OTHER_SIGNS})*(?:{any_of(_LEADS.split())}(?: - |[ ,.:!\n"(*]*)){{0,4}}?'
    f"(?:(?P<no>{_meaning(0)})|(?P<yes>{_meaning(1)}))"
)
_MEANT = {value: re.compile(f"{_meaning(value)}(?={_STANDS}| {any_of(_BECAUSE)})") for value in (0, 1)}
_ONLY_THANKS = re.compile(any_of(_THANKS.split()) + END)
_WORD = re.compile(r"\w+")


def read_yes_or_no(folded: Folded) -> tuple[int, str | None] | None:
    """1 for yes or 0 for no, and the comment as written; None when it is neither for sure."""
    match = _FIRST.match(folded.text)
    if match is None:
        return None
    value = 0 if match["no"] else 1
    comment = folded.text[match.end() :].lstrip(SEPARATORS)
    declined = value == 0 and _ONLY_THANKS.match(comment)  # "no, thanks" turns the question down
    if declined or _taken_back(comment, 1 - value):
        return None
    return value, comment_of(folded.written(match.end()).lstrip(SEPARATORS))


def _taken_back(comment: str, other: int) -> bool:
    """Whether a word of the other kind follows at once."""
    found = _MEANT[other].search(comment)
    return found is not None and len(_WORD.findall(comment[: found.start()])) <= _WORDS_BEFORE
