"""Tokens in links: made from a key ring and an id, checked without a look-up or by their hash.

A survey token is 22 base62 digits (131 bits) of HMAC-SHA256(key, purpose ‖ invitation): any process derives it
again for a reminder, and only its SHA-256 is stored. The tokens of opt-outs, previews and cases carry their subject
themselves, signed, and never expire; so do the sheets of public links, the links that sign people in and the cookies
of the dashboard, whose age the page judges. Those of opt-outs are sealed as well: the id of a customer is a plain hash,
from which a phone number is found by trying all. Keyed hashes of addresses use the same ring.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from survey_service.models.ids import base62

_MAC_BYTES = 16
_KID_BYTES = 4
_MARK_BYTES = 8


@dataclass(frozen=True, slots=True)
class OptOutSubject:
    """Whom an unsubscribe token speaks for."""

    brand: str
    customer: str


@dataclass(frozen=True, slots=True)
class PreviewSubject:
    """What a preview token shows."""

    survey: str
    version: int
    language: str


@dataclass(frozen=True, slots=True)
class SheetSubject:
    """One form that a public link handed out, and when; `nonce` makes it another one than all others."""

    link: str
    nonce: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class SignInSubject:
    """Whom a mailed link signs in, and until when it does; times are kept to the second.

    `mark` is the keyring's of the address that it was mailed to: whoever has the id with another one is another person.
    """

    person: str
    mark: str
    until: datetime


@dataclass(frozen=True, slots=True)
class SessionSubject:
    """Who is signed in, one of our people or an API key by its id, and until when; `mark` as in their link."""

    kind: Literal["person", "key"]
    id: str
    mark: str
    until: datetime


def token_hash(token: str) -> str:
    """What is stored of a token and looked up: SHA-256, hex."""
    return hashlib.sha256(token.encode()).hexdigest()


class Keyring:
    """The service's secrets, the current one first; old ones stay until the last token made with them has expired."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret) < 16 for secret in secrets):
            raise ValueError("every secret needs at least 16 characters")
        self._keys = {_kid(secret): secret.encode() for secret in secrets}
        self.current = _kid(secrets[0])

    def survey_token(self, invitation: str, kid: str | None = None) -> str | None:
        """The token of an invitation under the key `kid` (default: the current one); None if that key is gone."""
        key = self._keys.get(kid or self.current)
        return None if key is None else base62(_mac(key, "survey", invitation))

    def opt_out_token(self, subject: OptOutSubject) -> str:
        """A self-verifying token for one person and brand, which tells nobody without the key who it is."""
        return self._seal("opt-out", subject.brand, subject.customer)

    def read_opt_out_token(self, token: str) -> OptOutSubject | None:
        """The subject of a genuine token; None for anything else, however it is broken."""
        # Links that were mailed before tokens were sealed keep working for as long as their key stays.
        parts = self._unseal("opt-out", token, 2) or self._read("opt-out", token, 2)
        return OptOutSubject(*parts) if parts else None

    def preview_token(self, subject: PreviewSubject) -> str:
        """A self-verifying token that opens one version of a survey without storing anything."""
        return self._sign("preview", subject.survey, str(subject.version), subject.language)

    def read_preview_token(self, token: str) -> PreviewSubject | None:
        """The subject of a genuine token; None for anything else."""
        parts = self._read("preview", token, 3)
        return PreviewSubject(parts[0], int(parts[1]), parts[2]) if parts else None

    def sheet_token(self, subject: SheetSubject) -> str:
        """A self-verifying token that a form of a public link carries; its time is kept to the second."""
        return self._sign("sheet", subject.link, subject.nonce, str(int(subject.issued_at.timestamp())))

    def read_sheet_token(self, token: str) -> SheetSubject | None:
        """The subject of a genuine token; None for anything else."""
        parts = self._read("sheet", token, 3)
        return SheetSubject(parts[0], parts[1], datetime.fromtimestamp(int(parts[2]), UTC)) if parts else None

    def case_token(self, case: str) -> str:
        """A self-verifying token by which the customer of a case says whether it is resolved."""
        return self._sign("case", case)

    def read_case_token(self, token: str) -> str | None:
        """The case of a genuine token; None for anything else."""
        parts = self._read("case", token, 1)
        return parts[0] if parts else None

    def sign_in_token(self, subject: SignInSubject) -> str:
        """A self-verifying token of a mailed link; whoever reads it judges its age."""
        return self._sign("sign-in", subject.person, subject.mark, _seconds(subject.until))

    def read_sign_in_token(self, token: str) -> SignInSubject | None:
        """The subject of a genuine token, however old; None for anything else."""
        parts = self._read("sign-in", token, 3)
        return SignInSubject(parts[0], parts[1], _instant(parts[2])) if parts else None

    def session_token(self, subject: SessionSubject) -> str:
        """A self-verifying token of a cookie; whoever reads it judges its age."""
        return self._sign("session", subject.kind, subject.id, subject.mark, _seconds(subject.until))

    def read_session_token(self, token: str) -> SessionSubject | None:
        """The subject of a genuine token, however old; None for anything else."""
        parts = self._read("session", token, 4)
        if not parts:
            return None
        return SessionSubject("key" if parts[0] == "key" else "person", parts[1], parts[2], _instant(parts[3]))

    def mark(self, address: str) -> str:
        """What a session or its link carries of an address: short, keyed, and the same however it is written."""
        return _mark(self._keys[self.current], address)

    def is_marked(self, address: str, mark: str) -> bool:
        """Whether a mark was made of this address, under whichever key."""
        return any(hmac.compare_digest(mark.encode(), _mark(key, address).encode()) for key in self._keys.values())

    def _sign(self, purpose: str, *parts: str) -> str:
        payload = "\0".join(parts)
        mac = _mac(self._keys[self.current], purpose, payload)[:_MAC_BYTES]
        return _written(bytes.fromhex(self.current) + mac + payload.encode())

    def _read(self, purpose: str, token: str, count: int) -> list[str] | None:
        if (taken := self._take(token)) is None:
            return None
        key, mac, body = taken
        return _genuine(key, mac, purpose, body, count)

    def _seal(self, purpose: str, *parts: str) -> str:
        """As `_sign`, and unreadable without the key: the MAC is the initial vector as well, as in SIV (RFC 5297)."""
        key, payload = self._keys[self.current], "\0".join(parts)
        mac = _mac(key, f"sealed {purpose}", payload)[:_MAC_BYTES]
        return _written(bytes.fromhex(self.current) + mac + _veil(key, mac, payload.encode()))

    def _unseal(self, purpose: str, token: str, count: int) -> list[str] | None:
        if (taken := self._take(token)) is None:
            return None
        key, mac, body = taken
        return _genuine(key, mac, f"sealed {purpose}", _veil(key, mac, body), count)

    def _take(self, token: str) -> tuple[bytes, bytes, bytes] | None:
        """The key, the MAC and the body of what may be a token; None for what cannot be one."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (UnicodeError, binascii.Error):
            return None
        if _written(raw) != token:  # another writing of the same bytes would be another token where one works once
            return None
        key = self._keys.get(raw[:_KID_BYTES].hex())
        return None if key is None else (key, raw[_KID_BYTES : _KID_BYTES + _MAC_BYTES], raw[_KID_BYTES + _MAC_BYTES :])

    def subject_hash(self, subject: str) -> str:
        """The keyed hash under which a suppression of `subject` (an address or a customer id) is stored today."""
        return _mac(self._keys[self.current], "suppression", subject).hex()

    def subject_hashes(self, subject: str) -> list[str]:
        """Every hash under which it may have been stored, one a key."""
        return [_mac(key, "suppression", subject).hex() for key in self._keys.values()]

    def internal_secret(self, purpose: str) -> str:
        """A secret between parts of this service, the same in every process: 64 hex digits."""
        return _mac(self._keys[self.current], "internal", purpose).hex()


def _genuine(key: bytes, mac: bytes, purpose: str, body: bytes, count: int) -> list[str] | None:
    """The parts of a body that has this MAC."""
    try:
        payload = body.decode()
    except UnicodeDecodeError:
        return None
    parts = payload.split("\0")
    genuine = hmac.compare_digest(mac, _mac(key, purpose, payload)[:_MAC_BYTES])
    return parts if genuine and len(parts) == count else None


def _veil(key: bytes, start: bytes, data: bytes) -> bytes:
    """The data under a key stream, HMAC-SHA256 of a counter; once more, and they are plain again."""
    blocks = (_mac(key, "veil", f"{start.hex()}\0{number}") for number in range(len(data) // 32 + 1))
    return bytes(one ^ other for one, other in zip(data, b"".join(blocks), strict=False))


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _seconds(instant: datetime) -> str:
    return str(int(instant.timestamp()))


def _instant(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _kid(secret: str) -> str:
    return hashlib.sha256(b"kid\0" + secret.encode()).digest()[:_KID_BYTES].hex()


def _mark(key: bytes, address: str) -> str:
    return _mac(key, "mark", address.lower())[:_MARK_BYTES].hex()


def _mac(key: bytes, purpose: str, subject: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{subject}".encode(), "sha256")
