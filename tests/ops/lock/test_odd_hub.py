"""A hub that answers with nonsense, or a portal in its place: a sentence that says who answered what."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ops import ggufs
from tests.ops.inside import Inside
from tests.ops.odd_server import answering

SHA, NAME = "ab" * 32, "a-Q4_K_M.gguf"
STACK = "config:\n  local-llm:stack:\n    models:\n      a: {repo: org/x, quant: Q4_K_M, context: 64}\n"


def sibling(name: Any = NAME, size: Any = 5, sha256: Any = SHA) -> dict[str, Any]:
    return {"rfilename": name, "size": size, "lfs": {"sha256": sha256, "size": size}}


def info(*siblings: Any, sha: Any = "0" * 40) -> bytes:
    return json.dumps({"sha": sha, "siblings": list(siblings)}).encode()


ODD: dict[str, tuple[bytes, str]] = {
    "a portal's page": (b"<!doctype html><title>Sign in</title>", "this is not JSON"),
    "nothing": (b"", "this is not JSON"),
    "null": (b"null", "it is a single value, not an object"),
    "a list": (b"[]", "it is a list, not an object"),
    "no keys": (b"{}", "sha: the key is missing"),
    "null in place of files": (b'{"sha": "0", "siblings": null}', "siblings: got nothing"),
    "a number in place of a file": (info(5), "siblings.0: got 5"),
    "a file without a name": (info({}), "siblings.0.rfilename: the key is missing"),
    "a name that is a list": (info(sibling(["x"])), "siblings.0.rfilename: got ['x']"),
    "no sha256": (info({"rfilename": NAME, "size": 5}), "publishes no sha256 of 'a-Q4_K_M.gguf'"),
    "an upper-case sha256": (info(sibling(sha256=SHA.upper())), "says sha256 'ABAB"),
    "a short sha256": (info(sibling(sha256="ab")), "says sha256 'ab'"),
    "a sha256 with an escape sequence": (info(sibling(sha256="\x1b[31m")), r"says sha256 '\x1b[31m'"),
    "a path out of the repository": (info(sibling(f"../{NAME}")), "../a-Q4_K_M.gguf"),
    "a path within another": (info(sibling(f"x/../../{NAME}")), "x/../../a-Q4_K_M.gguf"),
    "an absolute path": (info(sibling(f"/{NAME}")), "/a-Q4_K_M.gguf"),
    "a negative size": (info(sibling(size=-5)), "says size -5"),
    "a size in words": (info(sibling(size="many")), "siblings.0.size: got 'many'"),
    "a size of 400 digits": (info(sibling()).replace(b"5", b"7" * 400), "more than 64 digits"),
    "NaN": (info(sibling(size=float("nan"))), "NaN is not a number"),
    "20000 levels": (b'{"sha": ' + b"[" * 20000, "nested more than 64 levels deep"),
    "a key twice": (b'{"sha": "a", "sha": "b", "siblings": []}', "the key 'sha' is there twice"),
    "Latin-1": (b'{"sha": "\xe9"}', "byte 0xe9 of it is not UTF-8"),
    "17 MiB": (b" " * (17 << 20), "more than 16 MiB"),
    "parts 1 and 3 of 2": (
        info(*(sibling(f"a-Q4_K_M-0000{part}-of-00002.gguf") for part in (1, 3))),
        "has the parts 00001, 00003 of a-Q4_K_M-00001-of-00002.gguf, which has 2",
    ),
    "half of a surrogate pair": (info(sibling("a\ud800-Q4_K_M.gguf")), r"'a\ud800-Q4_K_M.gguf'"),
    "markup in a name": (info(sibling("[/red]-Q8_0\x1b[1m.gguf")), "there are Q8_0"),
    "markup alone": (info(sibling("[/red]\x1b[1m.gguf")), r"there are [/red]\x1b[1m.gguf"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
def test_a7_a_hubs_odd_answer_is_a_sentence_that_says_who_answered_what(inside: Inside, case: str) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_text(STACK)
    before = (inside.directory / "models.lock.yaml").read_bytes()
    content, said = ODD[case]

    with answering(content) as hub:
        inside.hub(hub.url)
        printed = inside.run("lock", "--stack", "t4", code=1)

    assert said in printed
    assert "org/x" in printed
    assert "next: " in printed
    assert (inside.directory / "models.lock.yaml").read_bytes() == before


@pytest.mark.parametrize("body", [b"null", b"[]", b"[" * 20000, b"\xff\xfe", b'{"error": {"a": 1}}', b"<html>"])
@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (404, "RepoNotFound", "there is no org/x at "),
        (404, "RevisionNotFound", "has no revision 'main'"),
        (403, "GatedRepo", "is gated"),
        (500, "", "answered HTTP 500"),
        (401, "", "or it is private"),
    ],
)
def test_a7_a_refusal_with_an_odd_page_is_still_that_refusal(
    inside: Inside, body: bytes, status: int, code: str, said: str
) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_text(STACK)

    with answering(body, status, X_Error_Code=code) as hub:
        inside.hub(hub.url)
        assert said in inside.run("lock", "--stack", "t4", code=1)


def test_a7_a_directory_with_parts_1_and_3_of_2_is_refused(inside: Inside) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_text(STACK)
    place = inside.directory / "org" / "x"
    place.mkdir(parents=True)
    for part in (1, 3):
        ggufs.write(place / f"a-Q4_K_M-0000{part}-of-00002.gguf")

    printed = inside.run("lock", "--stack", "t4", "--from", inside.directory, "--commit", "0" * 40, code=1)

    assert "has the parts 00001, 00003 of a-Q4_K_M-00001-of-00002.gguf, which has 2" in printed


@pytest.mark.parametrize("note", [b"\xff\xfe\x00", b"\xe9" * 100, b"\x80"])
def test_a4_a_note_of_the_hubs_library_that_is_no_text_is_refused(inside: Inside, note: bytes) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_text(STACK)
    place = inside.directory / "org" / "x"
    (place / ".cache/huggingface/download").mkdir(parents=True)
    ggufs.write(place / NAME, pairs={"context_length": 64})
    (place / ".cache/huggingface/download" / f"{NAME}.metadata").write_bytes(note)

    printed = inside.run("lock", "--stack", "t4", "--from", inside.directory, code=1)

    assert f"{NAME}.metadata, line 1" in printed


def test_a6_names_of_a_repository_are_printed_as_they_are(inside: Inside, tmp_path: Path) -> None:
    """`[/red]` was taken for markup, after the lock had been written."""
    (inside.directory / "Pulumi.t4.yaml").write_text(STACK)
    file = inside.directory / "org/x/[/red]:smile:-Q4_K_M.gguf"
    file.parent.mkdir(parents=True)
    ggufs.write(file, pairs={"context_length": 64})

    printed = inside.run("lock", "--stack", "t4", "--from", tmp_path, "--commit", "0" * 40, code=0)

    assert "[/red]:smile:-Q4_K_M.gguf" in printed
