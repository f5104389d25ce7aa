"""Names on a volume that act on a terminal, and files on it that are nonsense."""

import os

import pytest

from tests.ops.inside import Inside
from tests.pods.json_cases import REFUSED
from tests.pods.shelf import Shelf

NAMES = [b"[red]", b"a\x1b[31mb", b"\xff\xfe", "a\u202eb".encode(), b"a\nb", b":smile:", b"a\tb", b"\x9b1m", b"x" * 255]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["table", "json"])
def test_a6_a_name_on_a_volume_is_shown_escaped(inside: Inside, name: bytes, options: tuple[str, ...]) -> None:
    shelf = Shelf(inside.directory / "volume")
    shelf.model("a", 1, b"some")
    for place in (shelf.root, shelf.root / "a", shelf.root / ".blobs"):
        (place / os.fsdecode(name)).write_bytes(b"mine")

    printed = inside.run("weights", "--root", "volume", *options, code=0)

    shown = repr(os.fsdecode(name))[1:-1]
    assert shown[:20] in printed or (options and "unknown" in printed)


@pytest.mark.parametrize("case", sorted(REFUSED.keys() - {"17 MiB"}))
def test_a7_a_ready_file_that_cannot_be_read_is_told(inside: Inside, case: str) -> None:
    shelf = Shelf(inside.directory / "volume")
    shelf.model("a", 1, b"some")
    (ready,) = shelf.root.glob("a/*/READY.json")
    ready.chmod(0o644)
    ready.write_bytes(REFUSED[case][0])

    assert "READY.json" in inside.run("weights", "--root", "volume", code=0)
