"""Tokens: what is genuine is read back; everything else, however close, is nobody's."""

from __future__ import annotations

import base64
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.models.ids import invitation_id
from survey_service.tokens import Keyring, OptOutSubject, PreviewSubject, SessionSubject, SignInSubject, token_hash

OLD, NEW = "the secret of last year", "the secret of this year"
RING = Keyring([NEW])
ROTATED = Keyring([NEW, OLD])
SUBJECT = OptOutSubject("acme", "cus_1")
PREVIEW = PreviewSubject("after-delivery", 3, "de")


def test_a_survey_token_is_22_base62_digits_that_any_process_derives_again() -> None:
    token = RING.survey_token("inv_1")
    assert token is not None
    assert len(token) == 22
    assert token.isascii()
    assert token.isalnum()
    assert Keyring([NEW]).survey_token("inv_1") == token
    assert RING.survey_token("inv_2") != token


@given(st.text(min_size=1), st.text(min_size=1))
def test_survey_tokens_of_two_invitations_differ(one: str, other: str) -> None:
    assert (RING.survey_token(one) == RING.survey_token(other)) is (one == other)


def test_another_secret_makes_another_survey_token() -> None:
    assert Keyring([OLD]).survey_token("inv_1") != RING.survey_token("inv_1")


def test_a_survey_token_is_derived_by_the_key_it_was_made_with_while_that_key_stays() -> None:
    before = Keyring([OLD])
    token = before.survey_token("inv_1")
    assert ROTATED.survey_token("inv_1", before.current) == token
    assert ROTATED.survey_token("inv_1") == RING.survey_token("inv_1") != token
    assert RING.survey_token("inv_1", before.current) is None


def test_what_is_stored_of_a_token_does_not_lead_back_to_it() -> None:
    token = RING.survey_token(invitation_id("evt_1", "trigger")) or ""
    assert len(token_hash(token)) == 64
    assert token not in token_hash(token)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.text(alphabet="abc-_é"))
def test_an_opt_out_token_says_who_and_for_which_brand(brand: str, customer: str) -> None:
    subject = OptOutSubject(brand, customer)
    assert RING.read_opt_out_token(RING.opt_out_token(subject)) == subject


@given(st.text(alphabet="abcdefgh", min_size=3, max_size=60))
def test_an_opt_out_token_tells_nobody_without_the_key_who_it_is(customer: str) -> None:
    token = RING.opt_out_token(OptOutSubject("acme", customer))
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"acme" not in raw
    assert customer.encode() not in raw
    assert RING.opt_out_token(OptOutSubject("acme", customer)) == token
    other = base64.urlsafe_b64decode(RING.opt_out_token(OptOutSubject("acme", customer + "x")) + "==")
    assert raw[20:24] != other[20:24], "no two are veiled alike"


def test_an_opt_out_link_that_was_mailed_before_tokens_were_sealed_keeps_working() -> None:
    assert RING.read_opt_out_token("1RsC1OYxXfCkn_OZAhRhZquu7gdhY21lAGN1c18x") == SUBJECT


def test_a_preview_token_says_what_is_shown() -> None:
    assert RING.read_preview_token(RING.preview_token(PREVIEW)) == PREVIEW


def test_self_verifying_tokens_outlive_a_rotation_until_their_key_is_gone() -> None:
    token = Keyring([OLD]).opt_out_token(SUBJECT)
    assert ROTATED.read_opt_out_token(token) == SUBJECT
    assert RING.read_opt_out_token(token) is None


def test_a_token_of_one_purpose_is_nothing_for_another() -> None:
    assert RING.read_preview_token(RING.opt_out_token(SUBJECT)) is None
    assert RING.read_opt_out_token(RING.preview_token(PREVIEW)) is None
    # Three parts of a preview could be read as two of an opt-out if the purpose were not signed.
    two_parts = RING.preview_token(PreviewSubject("acme", 1, ""))
    assert RING.read_opt_out_token(two_parts) is None


def test_a_case_token_says_which_case_and_nothing_else_does() -> None:
    assert RING.read_case_token(RING.case_token("cas_1")) == "cas_1"
    assert RING.read_case_token(RING.preview_token(PREVIEW)) is None
    assert RING.read_case_token(RING.opt_out_token(SUBJECT)) is None
    assert RING.read_opt_out_token(RING.case_token("acme\0cus_1")) is None


def test_a_session_and_its_link_are_marked_with_the_address_whatever_its_case_and_the_key() -> None:
    mark = Keyring([OLD]).mark("Ada@acme.example")
    link = SignInSubject("ada", mark, datetime(2026, 11, 22, tzinfo=UTC))
    session = SessionSubject("person", "ada", mark, link.until)
    assert RING.read_sign_in_token(RING.sign_in_token(link)) == link
    assert RING.read_session_token(RING.session_token(session)) == session
    assert ROTATED.is_marked("ada@ACME.example", mark)
    assert not ROTATED.is_marked("eve@acme.example", mark)
    assert not RING.is_marked("ada@acme.example", mark)


def test_every_cut_of_a_token_is_nobodys() -> None:
    token = RING.opt_out_token(SUBJECT)
    assert [cut for cut in range(len(token)) if RING.read_opt_out_token(token[:cut])] == []


def test_a_token_with_any_bit_turned_is_nobodys() -> None:
    token = RING.opt_out_token(SUBJECT)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place in range(len(raw)):
        for bit in range(8):
            turned = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
            forged = base64.urlsafe_b64encode(turned).rstrip(b"=").decode()
            assert RING.read_opt_out_token(forged) is None


@pytest.mark.parametrize("case", ["cas_1", "cas_12", "cas_123"])
def test_a_token_is_written_in_one_way(case: str) -> None:
    token = RING.case_token(case)
    others = [token[:-1] + last for last in string.ascii_letters + string.digits + "-_" if last != token[-1]]
    assert [text for text in (*others, f"{token}=", f"{token}==") if RING.read_case_token(text)] == []


@given(st.text())
def test_any_other_text_is_nobodys(text: str) -> None:
    assert RING.read_opt_out_token(text) is None
    assert RING.read_preview_token(text) is None


@pytest.mark.parametrize("token", ["", "=", "A", "AAAA=AAA", "AAAA AAAA", "ä" * 40, "\ud800", "A" * 10_000])
def test_hostile_tokens_are_nobodys(token: str) -> None:
    assert RING.read_opt_out_token(token) is None


@pytest.mark.parametrize("secrets", [[], [""], ["too short"], [NEW, "short"]])
def test_a_weak_secret_makes_no_ring(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        Keyring(secrets)


def test_an_address_is_found_under_every_key_it_may_have_been_hashed_with() -> None:
    hashed = Keyring([OLD]).subject_hash("ada@example.com")
    assert hashed in ROTATED.subject_hashes("ada@example.com")
    assert ROTATED.subject_hash("ada@example.com") == ROTATED.subject_hashes("ada@example.com")[0] != hashed
    assert hashed not in RING.subject_hashes("ada@example.com")
