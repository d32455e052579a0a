"""The mark that says a picture or video has been altered by software.

Pictures carry it as an XMP packet, whose `Iptc4xmpExt:DigitalSourceType` is the IPTC term "composite with trained
algorithmic media" (cv.iptc.org/newscodes/digitalsourcetype), and beside it as PNG text, EXIF, TIFF tags or EXR
attributes; videos carry it as container metadata.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from ..errors import SourceError

SOFTWARE = "Understudy"
STATEMENT = "Algorithmically altered: faces in this picture were replaced by Understudy."
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP_KEY = "XML:com.adobe.xmp"  # the keyword that the XMP specification, part 3, reserves for PNG

_NAMESPACE = "https://understudy.invalid/ns/1.0/"
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="{SOFTWARE}" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{STATEMENT}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_mark() -> dict[str, str]:
    """Text entries for `images.write_png`."""
    return {"Software": SOFTWARE, "Comment": STATEMENT, XMP_KEY: _XMP}


def xmp_packet(entries: dict[str, str] | None = None) -> str:
    """The mark as an XMP packet that also carries entries of ours, for formats without text of their own."""
    if not entries:
        return _XMP
    ours = "".join(f"\n understudy:{name}={quoteattr(value)}" for name, value in entries.items())
    return _XMP.replace(' xmp:CreatorTool=', f' xmlns:understudy="{_NAMESPACE}"{ours}\n xmp:CreatorTool=', 1)


def xmp_entries(packet: str) -> dict[str, str]:
    """The entries of ours in an XMP packet; none where it is somebody else's or damaged."""
    if "<!DOCTYPE" in packet or "<!ENTITY" in packet:
        return {}
    try:
        root = ElementTree.fromstring(packet.strip().strip("\0").encode())
    except (ElementTree.ParseError, ValueError):
        return {}
    head = f"{{{_NAMESPACE}}}"
    return {name.removeprefix(head): value for element in root.iter() for name, value in element.attrib.items()
            if name.startswith(head)}


def video_mark() -> dict[str, str]:
    """Container metadata for a video."""
    return {"comment": STATEMENT, "description": STATEMENT, "encoder": SOFTWARE}


def text_chunks(text: dict[str, str]) -> bytes:
    """PNG `iTXt` chunks (uncompressed, UTF-8; PNG specification 11.3.3.4), ready to stand after IHDR."""
    chunks = b""
    for key, value in text.items():
        keyword = key.encode("latin-1")
        if not 1 <= len(keyword) <= 79:
            raise ValueError(f"a PNG keyword has 1 to 79 bytes: {key!r}")
        body = b"iTXt" + keyword + b"\0\0\0\0\0" + value.encode("utf-8")
        chunks += (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return chunks


def insert_text(png: bytes, text: dict[str, str]) -> bytes:
    """An encoded PNG with text entries added behind its header."""
    if not text:
        return png
    header_end = len(_SIGNATURE) + 25  # IHDR is always first: 4 length + 4 type + 13 data + 4 checksum
    return png[:header_end] + text_chunks(text) + png[header_end:]


def read_text(path: Path | str) -> dict[str, str]:
    """The `iTXt` and `tEXt` entries before the picture data of a PNG file; reads no pixels.

    Raises:
        SourceError: not a PNG file, or a damaged one.
    """
    entries: dict[str, str] = {}
    try:
        with open(path, "rb") as file:
            if file.read(8) != _SIGNATURE:
                raise SourceError(f"Not a PNG file: {path}", "Choose a picture that Understudy has written")
            while True:
                head = file.read(8)
                if len(head) < 8 or head[4:] in (b"IDAT", b"IEND"):
                    return entries
                body = file.read(int.from_bytes(head[:4], "big"))
                file.seek(4, 1)
                if head[4:] == b"iTXt":
                    keyword, _, rest = body.partition(b"\0")
                    compressed, value = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
                    entries[keyword.decode("latin-1")] = (zlib.decompress(value) if compressed else value).decode()
                elif head[4:] == b"tEXt":
                    keyword, _, value = body.partition(b"\0")
                    entries[keyword.decode("latin-1")] = value.decode("latin-1")
    except (OSError, ValueError, zlib.error) as error:
        raise SourceError(f"Cannot read {path} ({error})", "Check the file, or make it again") from error


def is_marked(path: Path | str) -> bool:
    """Whether a PNG file carries the mark."""
    return SOURCE_TYPE in read_text(path).get(XMP_KEY, "")
