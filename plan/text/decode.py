"""Bytes from outside as text: UTF-8 with or without a BOM, or UTF-16 with one. Nothing else is guessed at."""

import re
from dataclasses import dataclass

from plan.text import limits
from plan.text.errors import Source, TextError

_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text, with its line ends as they were met; `encode` writes an edited one back in the same manner."""

    text: str
    encoding: str
    bom: bytes

    def encode(self, text: str) -> bytes:
        return self.bom + text.encode(self.encoding)


def decode(content: bytes, source: Source) -> Decoded:
    """The text of a file or an answer; raises TextError."""
    if len(content) > limits.BYTES:
        raise TextError(source, f"it has more than {limits.BYTES >> 20} MiB")
    bom = next((bom for bom in _BOMS if content.startswith(bom)), b"")
    encoding, rest = _BOMS.get(bom, "utf-8"), content[len(bom) :]
    try:
        return Decoded(rest.decode(encoding), encoding, bom)
    except UnicodeDecodeError as error:
        before = rest[: error.start].decode(encoding, errors="replace")
        name = encoding[:6].upper().rstrip("-")
        rule = f"byte 0x{rest[error.start]:02x} of it is not {name}: save it as UTF-8"
        raise TextError(source, rule, before.count("\n") + 1) from None


def text_of(content: bytes | str, source: Source) -> str:
    """The text, which may be decoded already; raises TextError, also for the marks of a merge that nobody finished."""
    if isinstance(content, str) and len(content) > limits.BYTES:
        raise TextError(source, f"it has more than {limits.BYTES >> 20} MiB")
    text = content if isinstance(content, str) else decode(content, source).text
    if ("<<<<<<<" in text or ">>>>>>>" in text) and (mark := re.search(r"(?m)^(<{7}|>{7})(?=[ \r\n]|\Z)", text)):
        rule = f"an unresolved merge conflict begins or ends here, with {mark[0]}: keep one side and remove the marks"
        raise TextError(source, rule, text.count("\n", 0, mark.start()) + 1)
    return text
