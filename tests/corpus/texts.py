"""Text that is damaged, hostile or only written elsewhere: changes of the bytes of a file or an answer."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

Change = Callable[[random.Random, bytes], bytes]
ODD_BYTES = (
    b"\x1b[31m", b"\0", b"\xff", b"\xed\xa0\x80", b"\r", b"\r\n", b"\x85", b"\xef\xbb\xbf", "\u202e".encode(),
    "\u2028".encode(),
    b"\t", b"{", b"[", b"]", b"}", b":", b"- ", b"#", b"&a ", b"*a", b"!!int x",
    b"!!python/object/apply:os.system ['id']",
    b"!!binary aGk=", b"!!timestamp 2026-01-01", b"!!set {a}", b"? ", b"---\n", b"...\n", b"%YAML 9.9\n", b"<<: ",
    b"'", b'"', b"|", b">",
    b"0x_", b"2099-02-30", b"2099-12-31", b"1" * 5000, b"[" * 3000, b"{a: " * 2000, b".inf", b".nan", b"1:30:00", b"=",
    b"~", b"`", b"@",
    b"<<<<<<< HEAD\n", b"\n=======\n", b"\n>>>>>>> theirs\n", b"null", b"true", b"\xc3", b"1e999", b"-0", b"\\ud800",
    b"\\u0000",
)  # fmt: skip
BOMB = b"\n".join(
    [b'a0: &a0 ["x","x","x","x","x","x","x","x","x"]']
    + [b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)]
)
PAGE = b"<!DOCTYPE html><html><head><title>Log in \x1b[31m</title></head><body>portal</body></html>"
WHOLE: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" ",
    "a newline": b"\n",
    "NUL": b"\0",
    "bytes": bytes(range(256)),
    "a page": PAGE,
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "many digits": b"1" * 6000,
    "a text": b'"text"',
    "an empty list": b"[]",
    "an empty mapping": b"{}",
    "deep lists": b"[" * 20_000,
    "deep lists, closed": b"[" * 20_000 + b"]" * 20_000,
    "deep mappings": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "deep blocks": b"".join(b" " * n + b"a:\n" for n in range(800)),
    "deep dashes": b"- " * 20_000 + b"a",
    "an alias bomb": BOMB,
    "a cyclic list": b"&a [*a]",
    "a cyclic mapping": b"&a {b: *a}",
    "a cyclic value at the key": b"config: {local-llm:stack: &a {namespace: *a}}",
    "an alias bomb at the key": BOMB + b"\nconfig: {local-llm:stack: {namespace: *a11}}",
    "a bomb of models": BOMB + b"\nversion: 1\nmodels: *a11",
    "an unknown alias": b"*nobody",
    "two documents": b"a: 1\n---\nb: 2\n",
    "a tag": b"!!python/object/apply:os.system ['id']",
    "a merge key": b"a: &a {b: 1}\nc: {<<: *a}\n<<: [*a, *a]\n",
    "a merge of nothing": b"<<: 3\n",
    "a mapping as a key": b"? {a: b}\n: c\n",
    "a list as a key": b"? [a, b]\n: c\n",
    "a cyclic key": b"? &a [*a]\n: c\n",
    "UTF-16 without a mark": '{"a": 1}'.encode("utf-16-le"),
    "half a UTF-16": '{"a": 1}'.encode("utf-16")[:-1],
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a lone surrogate": b'{"a": "\\ud800"}',
    "one long line": b"a: " + b"x" * 3_000_000,
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(20_000)),
    "one key many times": b"k: 1\n" * 5_000,
    "many empty lists": b"[" + b"[]," * 100_000 + b"[]]",
    "many anchors": b"".join(b"- &a%d x\n" % n for n in range(10_000)),
    "an archive": b"PK\x03\x04" + bytes(100),
    "gzip": b"\x1f\x8b\x08" + bytes(100),
}  # fmt: skip


def _cut(rng: random.Random, text: bytes) -> bytes:
    return text[: rng.randrange(len(text))]


def _inserted(rng: random.Random, text: bytes) -> bytes:
    where = rng.randrange(len(text))
    return text[:where] + rng.choice(ODD_BYTES) + text[where:]


def _overwritten(rng: random.Random, text: bytes) -> bytes:
    where, odd = rng.randrange(len(text)), rng.choice(ODD_BYTES)
    return text[:where] + odd + text[where + rng.randint(1, 12) :]


def _flipped(rng: random.Random, text: bytes) -> bytes:
    spoilt = bytearray(text)
    for _ in range(rng.randint(1, 4)):
        spoilt[rng.randrange(len(text))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def _value(rng: random.Random, text: bytes) -> bytes:
    """What stands after a colon becomes something else."""
    lines = text.split(b"\n")
    number = rng.choice([n for n, line in enumerate(lines) if b": " in line] or [0])
    key, colon, _ = lines[number].partition(b": ")
    lines[number] = key + (colon or b": ") + rng.choice(ODD_BYTES)
    return b"\n".join(lines)


def _line_twice(rng: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    number = rng.randrange(len(lines))
    return b"\n".join([*lines[:number], lines[number], *lines[number:]])


def _line_moved(rng: random.Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randint(0, len(lines)), line)
    return b"\n".join(lines)


def _merged(rng: random.Random, text: bytes) -> bytes:
    """As a merge of two branches leaves it."""
    lines = text.split(b"\n")
    number = rng.randrange(len(lines))
    theirs = [b"<<<<<<< HEAD", lines[number], b"=======", lines[number], b">>>>>>> theirs"]
    return b"\n".join([*lines[:number], *theirs, *lines[number + 1 :]])


def _encoded(rng: random.Random, text: bytes) -> bytes:
    said = text.decode(errors="replace") + rng.choice(("", "# é\n", "\n"))
    encoding = rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"))
    return said.encode(encoding, "replace")


def _line_ends(rng: random.Random, text: bytes) -> bytes:
    return text.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\r", b"\x85", "\u2028".encode(), b"\r\r\n")))


def _joined(rng: random.Random, text: bytes) -> bytes:
    return text + rng.choice((text, BOMB, b"\n---\n" + text, b"\n" + PAGE, b"\n\0", b"\n\x1b[31m"))


CHANGES: tuple[Change, ...] = (
    _cut, _inserted, _inserted, _overwritten, _overwritten, _flipped, _value, _value, _value, _line_twice, _line_moved,
    _merged,
    _encoded, _line_ends, _joined,
)  # fmt: skip


def changed(seed: str, text: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    """So many texts that differ from this one, with words for it; WHOLE ones first."""
    yield from WHOLE.items()
    rng = random.Random(seed)  # noqa: S311 - the same texts in every run
    for number in range(count):
        change = rng.choice(CHANGES)
        yield f"{change.__name__.strip('_')} {number}", change(rng, text)


def as_json(value: Any) -> bytes:
    """With NaN, and with surrogates as they can be written: as foreign programs do it."""
    return json.dumps(value).encode()


def as_yaml(value: Any) -> bytes:
    """JSON is YAML, but for DEL, C1 and the like, which are escaped here anyway."""
    return json.dumps(value).replace("\x7f", "\\u007f").encode()
