"""The chunks of a PNG file, without decoding the picture (PNG specification, third edition, 5.3 and 11.3; stdlib)."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Container, Iterator
from typing import BinaryIO

from .packing import inflate

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_chunks(file: BinaryIO, kinds: Container[bytes], limit: int, until: bytes = b"IEND"
                ) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of a PNG's chunks of these kinds; the others are passed over unread.

    Args:
        limit: bytes that one of them may hold.
        until: kind of the chunk at which to stop.

    Raises:
        ValueError, struct.error: if it is no PNG, is cut off or damaged, or a chunk is too large.
    """
    if file.read(8) != SIGNATURE:
        raise ValueError("not a PNG file")
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind in (until, b"IEND"):
            return
        if kind not in kinds:
            file.seek(length + 4, os.SEEK_CUR)
            continue
        if length > limit:
            raise ValueError(f"its chunk {kind.decode('ascii', 'replace')} is too large")
        data, (crc,) = file.read(length), struct.unpack(">I", file.read(4))
        if zlib.crc32(kind + data) != crc:
            raise ValueError(f"its chunk {kind.decode('ascii', 'replace')} is damaged")
        yield kind, data


def read_texts(file: BinaryIO, keywords: Container[str], limit: int) -> dict[str, str]:
    """The texts in front of a PNG's picture that have these keywords, the first of each.

    Raises:
        ValueError, struct.error: as `read_chunks`.
    """
    texts: dict[str, str] = {}
    for _, data in read_chunks(file, (b"iTXt",), limit, until=b"IDAT"):
        name, _, rest = data.partition(b"\0")
        keyword = name.decode("latin-1")
        if keyword not in keywords or keyword in texts:
            continue
        # Whether it is compressed, how, language and translated keyword, both closed by a NUL, then the text.
        parts = rest[2:].split(b"\0", 2)
        if len(rest) < 2 or len(parts) < 3:
            raise ValueError("its text is damaged")
        texts[keyword] = (inflate(parts[2], limit) if rest[0] else parts[2]).decode("utf-8")
    return texts


def text_chunk(keyword: str, text: str) -> bytes:
    """An uncompressed text as a whole iTXt chunk."""
    body = b"iTXt" + keyword.encode("latin-1") + b"\0" * 5 + text.encode("utf-8")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def without_texts(png: bytes, keywords: Container[str]) -> bytes:
    """A PNG file without its texts (iTXt) of these keywords.

    Raises:
        ValueError, struct.error: if it is no PNG or is cut off.
    """
    if png[:8] != SIGNATURE:
        raise ValueError("not a PNG file")
    kept, place, kind = [SIGNATURE], 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", png, place)
        chunk = png[place:place + 12 + length]
        if len(chunk) < 12 + length:
            raise ValueError("it is cut off")
        if kind != b"iTXt" or chunk[8:-4].partition(b"\0")[0].decode("latin-1") not in keywords:
            kept.append(chunk)
        place += len(chunk)
    return b"".join(kept)
