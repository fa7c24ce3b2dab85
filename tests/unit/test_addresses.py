from __future__ import annotations

import phonenumbers
import pytest

from survey_service.texts.addresses import (
    EMAIL_SHAPE,
    PHONE_SHAPE,
    AddressInvalid,
    email_key,
    mask_email,
    mask_phone,
    normalise_email,
    normalise_phone,
)


@pytest.mark.parametrize(
    ("raw", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Weber+Shop@EXAMPLE.Com", "Ada.Weber+Shop@example.com"),
        ("o'neil@acme.example", "o'neil@acme.example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_email_address_is_written_in_one_way(raw: str, email: str) -> None:
    assert normalise_email(raw) == email
    assert EMAIL_SHAPE.match(raw)
    assert EMAIL_SHAPE.match(email)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@example",
        "ada@localhost",
        "ada@[127.0.0.1]",
        "ada@@example.com",
        "ada@example.com\n",
        "ada\r\nBcc: eve@example.com",
        "ada\x00@example.com",
        " ada@example.com",
        "ada@example.com ",
        "Ada <ada@example.com>",
        "ada@example.com,eve@example.com",
        '"ada weber"@example.com',
        "ada..weber@example.com",
        ".ada@example.com",
        "ada@example..com",
        "ada@example.com.",
        "a" * 65 + "@example.com",
    ],
)
def test_what_is_no_email_address_is_refused_at_first_look_and_in_full(raw: str) -> None:
    with pytest.raises(AddressInvalid):
        normalise_email(raw)
    assert not EMAIL_SHAPE.match(raw)


@pytest.mark.parametrize("raw", ["ada@-example.com", "ada@x_y.example", "jürgen@example.com", "ada@example.invalid"])
def test_what_only_looks_like_an_email_address_is_refused_in_full(raw: str) -> None:
    assert EMAIL_SHAPE.match(raw)
    with pytest.raises(AddressInvalid):
        normalise_email(raw)


def test_the_case_of_an_email_address_makes_no_other_person() -> None:
    assert email_key(normalise_email("Ada@Example.com")) == email_key(normalise_email("ADA@example.COM"))


@pytest.mark.parametrize(
    ("raw", "region", "phone"),
    [
        ("+4915123456789", None, "+4915123456789"),
        ("+49 (0) 151 / 234-567.89", None, "+4915123456789"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("0049 151 23456789", "DE", "+4915123456789"),
        ("+1 201-555-0123", "DE", "+12015550123"),
    ],
)
def test_a_phone_number_is_written_in_e164(raw: str, region: str | None, phone: str) -> None:
    assert normalise_phone(raw, region) == phone
    assert PHONE_SHAPE.match(phone)


@pytest.mark.parametrize(
    ("raw", "region"),
    [
        ("", None),
        ("+", None),
        ("0151 23456789", None),
        ("0151 23456789", "XX"),
        ("+49", None),
        ("+493", None),
        ("+1-800-FLOWERS", None),
        ("+4915123456789;ext=5", None),
        ("tel:+4915123456789", None),
        ("++4915123456789", None),
        ("+4915123456789\n", None),
        ("٠١٥١٢٣٤٥٦٧٨٩", "DE"),
        ("110", "DE"),
        ("+" + "1" * 200, None),
    ],
)
def test_what_is_no_phone_number_is_refused(raw: str, region: str | None) -> None:
    with pytest.raises(AddressInvalid):
        normalise_phone(raw, region)
    assert not PHONE_SHAPE.match(raw)


@pytest.mark.parametrize("raw", ["+999123456789", "+4915123", "+12015550", "+447700900123"])
def test_what_only_looks_like_a_phone_number_is_refused_in_full(raw: str) -> None:
    assert PHONE_SHAPE.match(raw)
    with pytest.raises(AddressInvalid):
        normalise_phone(raw)


def test_the_mobile_numbers_of_every_country_fit_the_shape() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if example is not None:
            phone = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert PHONE_SHAPE.match(phone), phone
            assert normalise_phone(phone) == phone


def test_a_refusal_does_not_repeat_the_address() -> None:
    for refused in ("ada.weber@example", "ada..weber@example.com"):
        with pytest.raises(AddressInvalid) as refusal:
            normalise_email(refused)
        assert "weber" not in str(refusal.value)
    with pytest.raises(AddressInvalid) as refusal:
        normalise_phone("+4999912345")
    assert "99912345" not in str(refusal.value)


@pytest.mark.parametrize(
    ("email", "masked"), [("ada@example.com", "a•••@example.com"), ("a@b.example", "a•••@b.example"), ("ada", "•••")]
)
def test_logs_show_the_first_letter_and_the_domain(email: str, masked: str) -> None:
    assert mask_email(email) == masked


@pytest.mark.parametrize(("phone", "masked"), [("+4915123456789", "+49•••89"), ("+49", "•••"), ("", "•••")])
def test_logs_show_the_ends_of_a_phone_number(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked
