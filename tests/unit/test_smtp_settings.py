"""SMTP URLs are read whole or refused with a reason, and the password never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from channels.smtp_settings import Security, SmtpSettings, parse_smtp_url

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("smtp://mail.example.com", SmtpSettings("mail.example.com", 25)),
        ("smtp+starttls://mail.example.com", SmtpSettings("mail.example.com", 587, Security.STARTTLS)),
        ("smtps://mail.example.com", SmtpSettings("mail.example.com", 465, Security.TLS)),
        ("smtp://[::1]:1025/", SmtpSettings("::1", 1025)),
        (
            "smtps://jane%40example.com:p%2F%3A%40%3F%23ss@mail.example.com:2465",
            SmtpSettings("mail.example.com", 2465, Security.TLS, "jane@example.com", "p/:@?#ss"),
        ),
        (
            "smtp://localhost:25?connections=3&timeout=2.5&verify=false&cafile=/etc/ca.pem&hello=app.example.com",
            SmtpSettings(
                "localhost",
                25,
                connections=3,
                connect_timeout=2.5,
                command_timeout=2.5,
                verify=False,
                cafile=Path("/etc/ca.pem"),
                hello="app.example.com",
            ),
        ),
    ],
)
def test_a_url_names_server_security_login_and_options(url: str, settings: SmtpSettings) -> None:
    assert parse_smtp_url(url) == settings


def test_a_timeout_never_shortens_the_wait_for_acceptance() -> None:
    usual = SmtpSettings("localhost", 25).acceptance_timeout
    assert parse_smtp_url("smtp://localhost?timeout=1").acceptance_timeout == usual
    assert parse_smtp_url("smtp://localhost?timeout=900").acceptance_timeout == 900


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (f"http://user:{SECRET}@mail.example.com", "scheme must be one of smtp, smtp\\+starttls, smtps"),
        (f"user:{SECRET}@mail.example.com", "scheme"),
        ("", "scheme"),
        (f"smtp://user:{SECRET}@", "host is missing"),
        (f"smtp://user:{SECRET}@mail example", "host is missing or malformed"),
        (f"smtp://user:{SECRET}@mail.example.com:smtp", "port cannot be read"),
        (f"smtp://user:{SECRET}@mail.example.com:99999", "port cannot be read"),
        (f"smtp://user:{SECRET}@mail.example.com:0", "port must be from 1"),
        (f"smtp://user:{SECRET}/x@mail.example.com", "percent-encode"),
        (f"smtp://user:25/{SECRET}@mail.example.com", "percent-encode"),
        (f"smtp://user:x[{SECRET}@mail.example.com", "percent-encode"),
        (f"smtp://user:25#{SECRET}@mail.example.com", "percent-encode"),
        (f"smtp://user:25?{SECRET}@mail.example.com", "unknown option|percent-encode"),
        (f"smtp://:{SECRET}@mail.example.com", "user and password"),
        ("smtp://user@mail.example.com", "user and password"),
        (f"smtp://user:{SECRET}@mail.example.com?{SECRET}=1", "unknown option; there are connections, timeout"),
        ("smtp://mail.example.com?connections=0", "connections must be a whole number"),
        ("smtp://mail.example.com?connections=many", "connections must be a whole number"),
        ("smtp://mail.example.com?timeout=0", "timeout must be a number of seconds above 0"),
        ("smtp://mail.example.com?timeout=nan", "timeout must be a number of seconds above 0"),
        ("smtp://mail.example.com?verify=maybe", "verify must be true or false"),
        ("smtp://mail.example.com?cafile=", "cafile must be a path"),
        ("smtp://mail.example.com?hello=a%20b", "hello must be a host name"),
    ],
)
def test_a_bad_url_is_refused_without_showing_the_password(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as refused:
        parse_smtp_url(url)
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_settings_do_not_show_the_password() -> None:
    assert SECRET not in repr(parse_smtp_url(f"smtp://user:{SECRET}@localhost"))
