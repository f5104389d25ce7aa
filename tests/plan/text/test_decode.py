"""Bytes from outside: every encoding that a file has by accident is read or refused, and written back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.config.stack_file import PurePath, StackFileError, configuration
from plan.models import lock
from plan.text.decode import decode
from plan.text.errors import Source, TextError
from tests import stacks

SOURCE = Source("a file", "save it again")
TEXT = "a: é\r\nb: 1\nc: 2\r"
WRITTEN = {
    "UTF-8": TEXT.encode(),
    "UTF-8 with a BOM": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16, little-endian": b"\xff\xfe" + TEXT.encode("utf-16-le"),
    "UTF-16, big-endian": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "nothing": b"",
    "a BOM alone": b"\xef\xbb\xbf",
}


@pytest.mark.parametrize("encoding", WRITTEN)
def test_a4_a_text_is_decoded_and_written_back_byte_for_byte(encoding: str) -> None:
    content = WRITTEN[encoding]

    read = decode(content, SOURCE)

    assert read.text in (TEXT, "")
    assert read.encode(read.text) == content


@given(st.binary(max_size=40))
def test_a4_any_bytes_are_text_or_refused_with_a_line(content: bytes) -> None:
    try:
        read = decode(content, SOURCE)
    except TextError as error:
        assert "a file, line " in error.what  # noqa: PT017 - which of both is the question
    else:
        assert read.encode(read.text) == content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 1\nb: \xe9\n", "a file, line 2: byte 0xe9 of it is not UTF-8: save it as UTF-8"),
        (b"\x80", "line 1: byte 0x80"),
        (b"a\n\n\xed\xa0\x80", "line 3: byte 0xed"),
        (b"\xff\xfea", "line 1: byte 0x61 of it is not UTF-16"),
        (b"\xfe\xff\xd8\x00\x00\x20", "is not UTF-16"),
        (b"a: \xc3", "line 1: byte 0xc3"),
        (b" " * (17 << 20), "more than 16 MiB"),
    ],
)
def test_a4_another_encoding_is_refused_with_its_line(content: bytes, said: str) -> None:
    with pytest.raises(TextError) as error:
        decode(content, SOURCE)

    assert said in error.value.what


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a4_a_stack_file_and_a_lock_of_another_editor_mean_the_same(encoding: str, line_end: str) -> None:
    file, locked = (stacks.EXAMPLE / name for name in ("Pulumi.t4.yaml", "models.lock.yaml"))
    stack, models = (it.read_text().replace("\n", line_end).encode(encoding) for it in (file, locked))

    assert configuration(stack, PurePath("x")) == configuration(file.read_bytes(), PurePath("x"))
    assert lock.load(models) == lock.load(locked.read_bytes())


def test_a4_a_stack_file_in_latin_1_is_refused_by_name() -> None:
    with pytest.raises(StackFileError, match=r"^Pulumi\.x\.yaml, line 2: byte 0xe9"):
        configuration("config:\n  é: 1".encode("latin-1"), PurePath("Pulumi.x.yaml"))
