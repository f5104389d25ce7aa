"""GGUF headers byte by byte, as no library writes them: cut anywhere, counts without end, types that do not fit."""

import struct
from collections.abc import Iterator, Sequence
from functools import partial

from ops.gguf import facts
from ops.gguf.header import Header, read_header
from tests.corpus.case import Case
from tests.corpus.entries.headers import GOOD
from tests.corpus.place import Place

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_WHOLE = (0, 1, 2, 3, 4, 5, 10, 11)  # kinds that hold whole numbers
_COUNTS = (2**64 - 1, 2**63, 2**63 - 1, 2**62 + 7, 2**32, 2**31, 10**7, 0)
_Q4_K, _F32, _Q6_K = 12, 0, 14
# Name, shape and kind, and bytes, which are whole blocks of 32.
_TENSORS = (
    ("token_embd.weight", (256, 10), _Q4_K, 1440),
    ("blk.0.attn_norm.weight", (256,), _F32, 1024),
    ("output.weight", (256, 16), _Q6_K, 3360),
)


def text(value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(key: str, value: float, kind: int = 4) -> bytes:
    return text(key) + struct.pack(f"<I{_SCALARS[kind]}", kind, value)


def said(key: str, value: str | bytes) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def several(key: str, kind: int, count: int, content: bytes = b"") -> bytes:
    return text(key) + struct.pack("<IIQ", 9, kind, count) + content


def tensor(name: str | bytes, shape: Sequence[int], kind: int, offset: int) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def pairs(architecture: str = "llama") -> list[bytes]:
    tokens = several("tokenizer.ggml.tokens", 8, 10, b"".join(text(f"t{number}") for number in range(10)))
    own = [scalar(f"{architecture}.{key}", value) for key, value in GOOD.items()]
    return [said("general.architecture", architecture), *own, tokens]


def table() -> list[bytes]:
    offsets = [sum(size for *_, size in _TENSORS[:number]) for number in range(len(_TENSORS))]
    return [tensor(*it[:3], offset) for it, offset in zip(_TENSORS, offsets, strict=True)]


def written(
    keys: Sequence[bytes], tensors: Sequence[bytes], version: int = 3, *, order: str = "<", room: int = 8000
) -> bytes:
    """A file with this header, and zeros in place of its tensors."""
    head = b"GGUF" + struct.pack(f"{order}IQQ", version, len(tensors), len(keys))
    return head + b"".join(keys) + b"".join(tensors) + bytes(room)


def read(*files: bytes) -> None:
    """As `ops fit --gguf` and `ops lock` read the parts of a model."""
    headers: list[Header] = [read_header(lambda start, end, file=file: file[start:end], len(file)) for file in files]
    facts.facts(headers, None)


def cases(place: Place) -> Iterator[Case]:
    del place
    good, head = written(pairs(), table()), written(pairs(), table(), room=0)
    yield Case("GGUF bytes", "a good one", partial(read, good), "accepted")
    for at in range(len(head)):
        yield Case("GGUF bytes", f"cut at {at}", partial(read, good[:at]), "refused")
        count = _COUNTS[at % len(_COUNTS)]
        there = good[:at] + struct.pack("<Q", count) + good[at + 8 :]
        yield Case("GGUF bytes", f"{count} at {at}", partial(read, there))
    for name, file in _wrong():
        yield Case("GGUF bytes", name, partial(read, file), "refused")
    for name, parts in _splits():
        yield Case("GGUF parts", name, partial(read, *parts), "refused")
    yield Case("GGUF parts", "good ones", partial(read, *_split((0, 2), (1, 2))), "accepted")


def _wrong() -> Iterator[tuple[str, bytes]]:
    keys, tensors = pairs(), table()
    for version in (0, 1, 4, 2**31, 3 << 24, 3 << 16):
        yield f"version {version}", written(keys, tensors, version)
    yield "big-endian", written(keys, tensors, order=">")
    yield "a key twice", written([*keys, keys[1]], tensors)
    yield "a key twice, once as a list", written([*keys, several("llama.block_count", 4, 1, bytes(4))], tensors)
    yield "a list twice", written([*keys, keys[-1]], tensors)
    yield "a key without a name", written([*keys, scalar("", 1)], tensors)
    yield "no keys", written([], tensors)
    yield "no tensors", written(keys, [])
    yield "a tensor twice", written(keys, [*tensors, tensor("output.weight", (32,), _F32, 5824)])
    yield "a tensor's name of 64 bytes", written(keys, [tensor("x" * 64, (32,), _F32, 0)])
    yield "tensors that overlap", written(keys, [*tensors[:1], tensor("b", (32,), _F32, 32)])
    yield "a gap between tensors", written(keys, [*tensors[:1], tensor("b", (32,), _F32, 1472)])
    yield "a tensor off its alignment", written(keys, [tensor("b", (32,), _F32, 8)])
    yield "a file without its tensors", written(keys, tensors, room=0)
    for shape in ((2**63, 1), (2**62, 2**62, 2**62, 2**62), (2**64 - 256, 2)):
        yield f"a tensor of {shape}", written(keys, [tensor("b", shape, _F32, 0)])
    for value, kind in ((0, 4), (24, 4), (32, 10), (32.0, 6), (True, 7), (2**31, 4)):
        room = 10_000
        yield (
            f"alignment {value} of kind {kind}",
            written([*keys, scalar("general.alignment", value, kind)], tensors[:2], room=room),
        )
    for kind in (9, 13, 2**31, 2**32 - 1):
        yield f"a list of kind {kind}", written([*keys, several("a", kind, 3, bytes(200))], tensors)
    for kind in (0, 4, 8, 10):
        for count in _COUNTS[:-1]:
            yield f"{count} of kind {kind}", written([*keys, several("a", kind, count)], tensors)
    for length in _COUNTS[:-1]:
        long = text("a") + struct.pack("<IQ", 8, length)
        yield f"a text of {length}", written([*keys, long], tensors)
        one = several("a", 8, 2, struct.pack("<Q", length))
        yield f"a list with a text of {length}", written([*keys, one], tensors)
        yield f"{length} tensors", b"GGUF" + struct.pack("<IQQ", 3, length, 0) + bytes(800)
    yield from _types()
    for name, raw in OTHERS.items():
        yield f"not GGUF: {name}", raw


def _types() -> Iterator[tuple[str, bytes]]:
    """Every key that has a number, with what is none."""
    tensors = table()
    for number, key in enumerate(GOOD, start=1):
        for kind in (6, 7, 12):
            keys = pairs()
            keys[number] = scalar(f"llama.{key}", 1, kind)
            yield f"{key} of kind {kind}", written(keys, tensors)
        for other in (
            said(f"llama.{key}", "4"),
            several(f"llama.{key}", 6, 1, bytes(4)),
            several(f"llama.{key}", 7, 1, b"\1"),
        ):
            keys = pairs()
            keys[number] = other
            yield f"{key} is {other[-16:]!r}", written(keys, tensors)
    for other in (scalar("general.architecture", 1), several("general.architecture", 8, 1, text("llama"))):
        yield f"an architecture {other[-9:]!r}", written([other, *pairs()[1:]], tensors)


def _split(*numbers: tuple[int, int], total: int = 3) -> tuple[bytes, ...]:
    """Parts that say so of themselves: each its number and how many there are; the tensors one after another."""
    files: list[bytes] = []
    for number, (said_number, said_count) in enumerate(numbers):
        keys = pairs() if number == 0 else [said("general.architecture", "llama")]
        keys += [
            scalar("split.no", said_number, 2),
            scalar("split.count", said_count, 2),
            scalar("split.tensors.count", total, 5),
        ]
        held = _TENSORS[:2] if number == 0 else _TENSORS[2:]
        tensors = [tensor(*it[:3], sum(size for *_, size in held[:at])) for at, it in enumerate(held)]
        files.append(written(keys, tensors))
    return tuple(files)


def _splits() -> Iterator[tuple[str, tuple[bytes, ...]]]:
    good = _split((0, 2), (1, 2))
    yield "in the wrong order", good[::-1]
    yield "the first one twice", (good[0], good[0])
    yield "the second one twice", (good[1], good[1])
    yield "the first alone", good[:1]
    yield "the second alone", good[1:]
    yield "one of three", _split((0, 3), (1, 3))
    yield "two that count differently", _split((0, 2), (1, 3))
    yield "two of the same number", _split((0, 2), (0, 2))
    yield "numbers from 1", _split((1, 2), (2, 2))
    yield "a tensor too few", _split((0, 2), (1, 2), total=4)
    whole = written(pairs(), table())
    yield "two whole files", (whole, whole)
    yield (
        "of another model",
        (
            good[0],
            written([said("general.architecture", "llama"), scalar("split.no", 5, 2)], [tensor("x", (32,), 0, 0)]),
        ),
    )


OTHERS = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"d" * 64 + b"\nsize 5\n",
    "a page": b"<!doctype html><title>Sign in</title>",
    "PyTorch": b"PK\x03\x04" + bytes(100),
    "safetensors": struct.pack("<Q", 20) + b'{"a":{"dtype":"F32"}}',
    "before GGUF": b"tjgg" + bytes(100),
    "before that": b"ggjt" + bytes(100),
    "backwards": b"FUGG" + bytes(100),
    "lower case": b"gguf" + bytes(100),
    "an escape": b"\x1b[31m" * 20,
    "JSON": b'{"error": "not found"}',
    "zeros": bytes(200),
}
