"""SMS segments against published cases, and signs folded into GSM-7.

The cases with repeated digits, the emoji, the flag and the accented letters are those of Twilio's own segment
calculator (github.com/TwilioDevEd/message-segment-calculator, tests/index.test.js); the alphabet is 3GPP TS 23.038.
"""

from __future__ import annotations

import pytest

from survey_service.texts.segments import Encoding, Segments, count_segments, fold_typography

DIGITS = "1234567890"
TAIL = "234567890" + DIGITS * 20  # what follows the first sign in the published cases
EXTENSION = "\f^{}\\[~]|€"


@pytest.mark.parametrize(
    ("text", "units", "count"),
    [
        (DIGITS * 16, 160, 1),
        (DIGITS * 16 + "1", 161, 2),
        (DIGITS * 30 + "123456", 306, 2),
        (DIGITS * 30 + "1234567", 307, 3),
        ("\rabcde\r\n123", 11, 1),
        ("", 0, 1),
    ],
)
def test_gsm_text_has_160_septets_alone_and_153_in_company(text: str, units: int, count: int) -> None:
    assert count_segments(text) == Segments(Encoding.GSM7, units, count)


@pytest.mark.parametrize(
    ("text", "units", "count"),
    [
        ("😜" + TAIL[:68], 70, 1),
        ("😜" + TAIL[:69], 71, 2),
        ("😜" + TAIL[:132], 134, 2),
        ("😜" + TAIL[:133], 135, 3),
        ("🇮🇹" + TAIL[:66], 70, 1),
        ("🇮🇹" + TAIL[:67], 71, 2),
        ("🏳️‍🌈" + TAIL[:64], 70, 1),
        ("🏳️‍🌈" + TAIL[:65], 71, 2),
        ("😀" + "]" * 68, 70, 1),
        ("😀" + "]" * 69, 71, 2),
    ],
)
def test_other_text_has_70_units_alone_and_67_in_company(text: str, units: int, count: int) -> None:
    assert count_segments(text) == Segments(Encoding.UCS2, units, count)


@pytest.mark.parametrize("sign", EXTENSION)
def test_a_sign_of_the_extension_table_takes_two_septets(sign: str) -> None:
    assert count_segments(sign + DIGITS * 15 + DIGITS[:8]) == Segments(Encoding.GSM7, 160, 1)
    assert count_segments(sign + DIGITS * 15 + DIGITS[:9]) == Segments(Encoding.GSM7, 161, 2)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 152 + "€" + "a" * 152, 3),  # 306 septets, but the escape would end the first segment
        ("a" * 151 + "€" + "a" * 153, 2),
        ("ł" * 66 + "😀" + "ł" * 66, 3),  # 134 units, but the pair would lie on the border
        ("ł" * 65 + "😀" + "ł" * 67, 2),
    ],
)
def test_no_sign_is_split_over_two_segments(text: str, count: int) -> None:
    assert count_segments(text).count == count


@pytest.mark.parametrize("letter", "ÁÚúçíÍóÓ")
def test_letters_that_gsm_lacks_make_the_whole_text_ucs2(letter: str) -> None:
    assert count_segments(letter * 70) == Segments(Encoding.UCS2, 70, 1)
    assert count_segments(letter * 71) == Segments(Encoding.UCS2, 71, 2)
    assert count_segments(DIGITS * 16 + letter).encoding is Encoding.UCS2


def test_the_alphabet_has_127_signs_and_ten_more() -> None:
    gsm = [sign for sign in map(chr, range(0x10000)) if count_segments(sign).encoding is Encoding.GSM7]
    assert len(gsm) == 127 + 10
    assert {sign for sign in gsm if count_segments(sign).units == 2} == set(EXTENSION)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("How’s it? “Fine” – or ‘not’ …", "How's it? \"Fine\" - or 'not' ..."),
        ("„Gut“ — «très» ‹bien›", '"Gut" - "très" \'bien\''),
        ("10\u202f€\u00a0off\u2009now", "10 € off now"),
        ("Post\u00adfach\u200b 7 \ufeff", "Postfach 7 "),
        ("caffe\u0300 and u\u0308ber", "caffè and über"),
        ("5 − 3 • one‑way", "5 - 3 * one-way"),
        ("{{kept}} ^as~ is|€", "{{kept}} ^as~ is|€"),
    ],
)
def test_typography_is_folded_into_gsm(text: str, folded: str) -> None:
    assert fold_typography(text) == folded
    assert count_segments(folded).encoding is Encoding.GSM7


@pytest.mark.parametrize("text", ["Как дела? «Хорошо» – …", "“Great” 😀…", "ça va “bien”", "👩‍👩‍👧 – ok", "می‌خواهم…"])
def test_a_text_that_stays_outside_gsm_is_left_as_it_is(text: str) -> None:
    assert fold_typography(text) == text
