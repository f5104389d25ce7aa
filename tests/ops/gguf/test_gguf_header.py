"""The header reader against files that the gguf package wrote, and against files that nobody should have written."""

import struct
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.gguf import header as gguf_header
from ops.gguf.header import Header, HeaderError, read_header
from plan.models import ggml_types
from tests.ops import ggufs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.gguf"


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A whole small file: header and zeros."""
    (file,) = ggufs.write(tmp_path_factory.mktemp("whole") / "a.gguf", pairs={"block_count": 1})
    return file.read_bytes()


def reader(data: bytes, asked: list[tuple[int, int]] | None = None) -> Callable[[int, int], bytes]:
    def read(start: int, end: int) -> bytes:
        if asked is not None:
            asked.append((start, end))
        return data[start:end]

    return read


def header_of(data: bytes) -> Header:
    return read_header(reader(data), len(data))


def test_the_table_of_types_is_that_of_the_gguf_package() -> None:
    theirs = {kind.value: (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert theirs == ggml_types.BLOCKS, "a wrong size is a wrong sum of memory"


def test_scalars_strings_and_short_arrays_are_kept_and_long_arrays_are_counted(path: Path) -> None:
    pairs = {
        "context_length": 32768,
        "attention.x": 0.5,
        "attention.head_count_kv": [8, 0, 8],
        "flags.x": [True, False],
    }
    ggufs.write(path, pairs={f"llama.{key}": value for key, value in pairs.items()}, vocabulary=2000)
    header = header_of(path.read_bytes())
    assert {key: header.pairs[f"llama.{key}"] for key in pairs} == {
        **pairs,
        "attention.head_count_kv": (8, 0, 8),
        "flags.x": (True, False),
    }
    assert header.pairs["general.architecture"] == "llama"
    assert header.lengths["tokenizer.ggml.tokens"] == header.lengths["tokenizer.ggml.scores"] == 2000
    assert header.pairs.keys().isdisjoint({"tokenizer.ggml.tokens", "tokenizer.ggml.scores"}), "megabytes, no fact"


def test_every_tensor_s_bytes_come_from_its_shape_and_type(path: Path) -> None:
    tensors = {f"t{kind.value}": ((256, 3, 2), kind) for kind in gguf.GGML_QUANT_SIZES}
    ggufs.write(path, tensors=tensors)
    found = header_of(path.read_bytes()).tensors
    assert {name: tensor.size_bytes for name, tensor in found.items()} == {
        name: ggufs.bytes_of({name: tensor}) for name, tensor in tensors.items()
    }
    assert all(
        tensor.shape == (256, 3, 2) and f"t{gguf.GGMLQuantizationType[tensor.type]}" == name
        for name, tensor in found.items()
    )


def test_a_longer_header_is_asked_for_in_growing_pieces_and_no_byte_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_header, "FIRST_READ_BYTES", 256)
    ggufs.write(path, vocabulary=100)
    data, asked = path.read_bytes(), list[tuple[int, int]]()
    header = read_header(reader(data, asked), len(data))
    assert list(header.tensors) == list(ggufs.DENSE)
    assert asked[:3] == [(0, 256), (256, 512), (512, 1024)]
    assert asked[-1][1] < len(data), "the weights are not asked for"


def test_a_header_without_end_is_given_up_at_the_limit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gguf_header.LIMIT_BYTES == 64 << 20
    monkeypatch.setattr(gguf_header, "FIRST_READ_BYTES", 256)
    monkeypatch.setattr(gguf_header, "LIMIT_BYTES", 1000)
    ggufs.write(path, vocabulary=100)
    data, asked = path.read_bytes(), list[tuple[int, int]]()
    with pytest.raises(HeaderError, match=r"not complete in the first 1000 bytes|ends before 1000"):
        read_header(reader(data, asked), len(data))
    assert asked[-1][1] <= 1000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html>not found</html>", "begins with '<htm'"),
        (b"GGUF\x00\x00\x00\x03" + bytes(40), "big-endian"),
        (b"GGUF\x03\x00\x00\x00" + bytes(8) + b"\x05" + bytes(7), "not complete in the first 24 bytes"),
        (b"", "not complete"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "claims 1152921504606846976 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "1152921504606846976 keys"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 60), "a length in it leads to byte"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"a", 77), "value type 77"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"a", 9, 9, 1), "value type 9"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"a", 9, 4, 1 << 60), "a length in it leads to byte"),
    ],
)
def test_what_is_no_header_is_refused_with_the_reason(data: bytes, said: str) -> None:
    asked: list[tuple[int, int]] = []
    with pytest.raises(HeaderError, match=said):
        read_header(reader(data, asked), len(data))
    assert len(asked) == 1, "nobody downloads 64 MiB to learn that it is nonsense"


def tensor(name: str, *shape: int, kind: int = 0, offset: int = 0) -> bytes:
    row = struct.pack(f"<Q{len(name)}sI{len(shape)}Q", len(name), name.encode(), len(shape), *shape)
    return row + struct.pack("<IQ", kind, offset)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([tensor("a", 32, kind=99)], "tensor a has type id 99, which plan/models/ggml_types.py does not know"),
        ([tensor("a", 33, kind=8)], "rows of 33, which are not whole blocks of Q8_0"),
        ([tensor("a")], "tensor a has 0 dimensions"),
        ([tensor("a", 1, 1, 1, 1, 1)], "tensor a has 5 dimensions"),
        ([tensor("a", 8), tensor("b", 8)], "tensor b begins at 0, the one before it ends at 32"),
        ([tensor("a", 8), tensor("b", 8, offset=64)], "tensor b begins at 64"),
        ([tensor("a", 1 << 40)], "its tensors need .* bytes, the file has"),
    ],
)
def test_a_tensor_table_that_cannot_be_right_is_refused(table: list[bytes], said: str) -> None:
    data = b"GGUF" + struct.pack("<IQQ", 3, len(table), 0) + b"".join(table) + bytes(200)
    with pytest.raises(HeaderError, match=said):
        header_of(data)


@given(st.data())
def test_a_file_that_was_cut_or_damaged_anywhere_is_read_or_refused_and_never_a_surprise(
    content: bytes, data: st.DataObject
) -> None:
    spoilt = bytearray(content)
    at = data.draw(st.integers(0, len(content) - 1))
    cut = data.draw(st.booleans())
    spoilt[at:] = b"" if cut else bytes([data.draw(st.integers(0, 255))]) + spoilt[at + 1 :]
    try:
        header_of(bytes(spoilt))
    except HeaderError:
        return
    assert not cut or at >= len(content) - 32, "only padding may be missing"
