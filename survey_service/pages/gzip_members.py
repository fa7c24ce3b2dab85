"""A text whose constant pieces are known comes in; a gzip member goes out that costs no compressing per request.

Each constant piece is deflated once and ends with a full flush, so it stands at a byte boundary and refers to nothing
before it (RFC 1951, section 3.2; zlib's Z_FULL_FLUSH). What stands between two pieces is added as it is, in stored
blocks (section 3.2.4); header and trailer are those of RFC 1952, section 2.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

_HEADER = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255))  # deflate, no name, no time, best compression, unknown system
_TRAILER = struct.Struct("<II")  # CRC-32 and size of the text
_STORED = struct.Struct("<BHH")  # not the last block and not compressed; the length, and its ones' complement
_MOST_STORED = 0xFFFF
_BEST = 9


class GzipMember:
    """A text of constant pieces with a gap after each but the last one."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        *before, last = pieces
        deflated = [*(_deflated(piece, zlib.Z_FULL_FLUSH) for piece in before), _deflated(last, zlib.Z_FINISH)]
        self._start = _HEADER + deflated[0]
        self._start_crc = zlib.crc32(pieces[0])
        self._rest = list(zip(pieces[1:], deflated[1:], strict=True))
        self._size = sum(map(len, pieces))

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The member that holds the text with `values`, one a gap."""
        parts = [self._start]
        crc, size = self._start_crc, self._size
        for value, (piece, deflated) in zip(values, self._rest, strict=True):
            length = len(value)
            if length <= _MOST_STORED:
                parts += (_STORED.pack(0, length, length ^ _MOST_STORED), value, deflated)
            else:
                parts += (*_stored(value), deflated)
            crc = zlib.crc32(piece, zlib.crc32(value, crc))
            size += length
        parts.append(_TRAILER.pack(crc, size & 0xFFFFFFFF))
        return b"".join(parts)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client with this header reads gzip (RFC 9110, section 12.5.3); `*` alone is not taken for a yes."""
    for offer in accept_encoding[:500].split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip().lower() in {"gzip", "x-gzip"}:
            name, _, q = weight.partition("=")
            return name.strip().lower() != "q" or q.strip().strip("0.") != ""
    return False


def _deflated(piece: bytes, flush: int) -> bytes:
    packer = zlib.compressobj(_BEST, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(flush)


def _stored(value: bytes) -> Iterator[bytes]:
    for start in range(0, len(value), _MOST_STORED):
        part = value[start : start + _MOST_STORED]
        yield _STORED.pack(0, len(part), len(part) ^ _MOST_STORED)
        yield part
