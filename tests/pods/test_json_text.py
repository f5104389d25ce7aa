"""JSON from outside is read, or refused in words, whatever it is: manifests, READY.json, receipts, turns, answers."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pods.core import json_text
from pods.core.bearer import flaw
from pods.core.report import printable
from pods.fetch import slots
from pods.volume import complete, files, inventory, quarantine
from tests.pods.json_cases import READ, REFUSED

GEN = "0123456789ab"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a7_what_is_json_is_read(case: str) -> None:
    content, value = READ[case]

    assert value is None or json_text.parse(content) == value


@pytest.mark.parametrize("case", REFUSED)
def test_a7_what_is_not_is_refused_in_words(case: str) -> None:
    content, said = REFUSED[case]

    with pytest.raises(ValueError, match=r".") as refused:
        json_text.parse(content)

    assert said in str(refused.value)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


@given(value=st.dictionaries(st.text(), VALUES), indent=st.sampled_from([None, 1]), ascii_alone=st.booleans())
def test_whatever_json_writes_is_read_back(value: dict[str, Any], indent: int | None, ascii_alone: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_alone)

    assert json_text.parse(text) == value


@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        json_text.parse(content)
    except ValueError as error:
        refused: type | None = type(error)
    else:
        refused = None

    assert refused in (None, ValueError), "in a codec's or a parser's own words"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


ODD: dict[str, Callable[[Path], None]] = {
    "20000 lists": text("[" * 20000),
    "a key twice": text('{"gen": 1, "gen": 2, "files": [], "files": []}'),
    "null": text("null"),
    "a list": text("[]"),
    "no keys": text("{}"),
    "wrong types": text('{"gen": {}, "files": {"a": 1}, "since": [], "size": "x", "id": null}'),
    "files of wrong types": text('{"files": [1, null, [], {"sha256": []}]}'),
    "400 digits": text(f'{{"files": [{{"sha256": "a", "size": {"7" * 400}}}], "since": {"7" * 400}}}'),
    "NaN": text('{"files": [{"sha256": "a", "size": NaN}], "since": NaN}'),
    "Latin-1": lambda path: path.write_bytes(b'{"gen": "\xe9"}') and None,
    "nothing": text(""),
    "a FIFO": fifo,
    "a directory": lambda path: path.mkdir(),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_a7_an_odd_ready_file_or_marker_or_turn_ends_nobody(odd: str, tmp_path: Path) -> None:
    directory = tmp_path / "a" / GEN
    directory.mkdir(parents=True)
    (tmp_path / ".blobs").mkdir()
    for path in (directory / "READY.json", directory / inventory.MARKER, tmp_path / "turn"):
        ODD[odd](path)

    (lack,) = complete.lacks(str(tmp_path), "a", GEN, [("model.gguf", 1)])
    found = inventory.scan(str(tmp_path))
    quarantine.restore(str(tmp_path), lambda *_: True)
    holders = slots._holders([str(tmp_path / "turn")])

    assert "READY.json" in lack or "model.gguf" in lack
    assert all(it.since is None for it in found.generations)
    assert holders == [f"{tmp_path}/turn: somebody"]


def test_a_file_with_something_odd_in_it_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "READY.json"
    path.write_text('{"a": 1, "a": 1}')

    files.replace(str(path), {"a": 1})

    assert json_text.read(str(path)) == {"a": 1}
    assert path.read_text().count("a") == 1


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("hf_x ", "a space at its end"),
        ("hf_x\n", "a line break at its end"),
        ("hf_x\r\n", "a line break at its end"),
        ("hf_x \n", "a space at its end"),
        (" hf_x", "a space at its beginning"),
        ("\thf_x", "a tab at its beginning"),
        ("hf x", "a space in its middle"),
        ("hf\nx", "a line break in its middle"),
        ("hf_x\0", "a control character at its end"),
        ("hf_\x1b[1mx", "a control character in its middle"),
        ("hf_é", "a character beyond ASCII at its end"),
        ("hf_\udcff", "a character beyond ASCII at its end"),
        ("\ufeffhf_x", "a character beyond ASCII at its beginning"),
        ("hf_\N{CYRILLIC SMALL LETTER A}x", "a character beyond ASCII in its middle"),
    ],
)
def test_b1_what_is_wrong_with_a_token_is_said_without_a_word_of_it(token: str, said: str) -> None:
    assert flaw(token) == said


def test_a6_what_a_program_ends_with_shows_what_a_terminal_would_act_on() -> None:
    assert printable("a\x1b[31mb\n\u202ec\ud800é") == "a\\x1b[31mb\\n\\u202ec\\ud800é"
