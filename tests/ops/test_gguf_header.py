"""The header reader against files that the gguf package wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest

from ops import gguf_header


def write_model(path: Path, vocabulary: int = 10, context_first: bool = True) -> None:
    """A GGUF without tensors whose vocabulary stands after, or before, the context length."""
    writer = gguf.GGUFWriter(path, "gemma3")
    if context_first:
        writer.add_context_length(32768)
    writer.add_token_list([f"token {number}" for number in range(vocabulary)])
    writer.add_token_scores([0.5] * vocabulary)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    if not context_first:
        writer.add_context_length(32768)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def context(found: dict[str, Any]) -> list[str]:
    return ["general.architecture", f"{found.get('general.architecture')}.context_length"]


def reader(path: Path, asked: list[int]) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        asked.append(size)
        return path.read_bytes()[:size]

    return read


def test_reading_stops_as_soon_as_the_wanted_keys_are_there(tmp_path: Path) -> None:
    write_model(tmp_path / "a.gguf")
    found = gguf_header.read_facts(reader(tmp_path / "a.gguf", []), context)
    assert found == {"general.architecture": "gemma3", "gemma3.context_length": 32768}


def test_arrays_of_strings_and_numbers_are_stepped_over(tmp_path: Path) -> None:
    write_model(tmp_path / "a.gguf", context_first=False)
    found = gguf_header.read_facts(reader(tmp_path / "a.gguf", []), context)
    assert found["gemma3.context_length"] == 32768
    assert found["tokenizer.ggml.add_bos_token"] is True


def test_a_header_longer_than_the_first_read_is_asked_for_again_in_more_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_header, "FIRST_READ_BYTES", 256)
    write_model(tmp_path / "a.gguf", vocabulary=100, context_first=False)
    asked: list[int] = []
    found = gguf_header.read_facts(reader(tmp_path / "a.gguf", asked), context)
    assert found["gemma3.context_length"] == 32768
    assert asked[:3] == [256, 512, 1024]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>not found</html>", "begins with b'<htm'"),
        (b"GGUF\x00\x00\x00\x03" + bytes(40), "big-endian"),
        (b"GGUF\x03\x00\x00\x00" + bytes(8) + b"\x05" + bytes(7), "not complete"),
        (b"", "not complete"),
    ],
)
def test_what_is_no_header_is_refused_with_the_reason(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(gguf_header.HeaderError, match=said):
        gguf_header.read_facts(reader(tmp_path / "a.gguf", []), context)


def test_a_missing_key_ends_with_the_header(tmp_path: Path) -> None:
    write_model(tmp_path / "a.gguf")
    found = gguf_header.read_facts(reader(tmp_path / "a.gguf", []), lambda _: ["no.such.key"])
    assert found["general.architecture"] == "gemma3"
    assert "no.such.key" not in found
