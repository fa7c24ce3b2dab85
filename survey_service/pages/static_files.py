"""`/static/…`: style sheets and scripts, under addresses that change with their content and may be kept for ever.

An address names the version that its page was made with. Where that is the one we have, the answer is immutable; else,
as between two versions of the service, caches have to ask each time (RFC 9111, section 5.2.2; RFC 8246).
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from mimetypes import guess_type

from aiohttp import web

from survey_service.pages.assets import STATIC_FOLDER, static_url
from survey_service.pages.gzip_members import accepts_gzip

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "public, no-cache"
_BEST = 9


@dataclass(frozen=True, slots=True)
class _Variant:
    """One encoding of a file; each has a strong validator of its own (RFC 9110, section 8.8.3.3)."""

    body: bytes
    etag: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _File:
    url: str  # with the version
    plain: _Variant
    gzipped: _Variant | None  # None where it would not be smaller


async def get_static(request: web.Request) -> web.Response:
    """One of the packaged files, compressed for whom it helps; 304 where the caller has it."""
    file = _files().get(request.match_info["name"])
    if file is None:
        raise web.HTTPNotFound
    packed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    variant = file.gzipped if packed and file.gzipped else file.plain
    headers = {**variant.headers, "Cache-Control": _FOR_EVER if request.path_qs == file.url else _ASK_EACH_TIME}
    if any(known.value in {variant.etag, "*"} for known in request.if_none_match or ()):
        return web.Response(status=304, headers={name: headers[name] for name in ("Cache-Control", "ETag", "Vary")})
    return web.Response(body=variant.body, headers=headers)


@cache
def _files() -> dict[str, _File]:
    return {path.name: _read(path.name) for path in STATIC_FOLDER.iterdir() if path.is_file()}


def _read(name: str) -> _File:
    content = (STATIC_FOLDER / name).read_bytes()
    packed = gzip.compress(content, _BEST, mtime=0)
    return _File(
        url=static_url(name),
        plain=_variant(name, content, {}),
        gzipped=_variant(name, packed, {"Content-Encoding": "gzip"}) if len(packed) < len(content) else None,
    )


def _variant(name: str, body: bytes, headers: dict[str, str]) -> _Variant:
    etag = sha256(body).hexdigest()[:16]
    kind = guess_type(name)[0] or "application/octet-stream"
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    common = {
        "Content-Type": kind + charset,
        "ETag": f'"{etag}"',
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    return _Variant(body, etag, common | headers)


ROUTES = (web.get("/static/{name}", get_static),)
