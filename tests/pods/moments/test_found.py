"""What interleavings have found, each played once by hand."""

import json
import time
from pathlib import Path

import pytest

from pods.volume.quarantine import quarantine
from pods.warm.state import File, Manifest, Model, State
from pods.warm.warm import _Warmer
from tests.pods.bench import SEGMENT, Bench

NO_LOCKS = """
def flock(fd, how): raise OSError(errno.ENOLCK, 'No locks available')
fcntl.flock = flock
"""


def test_a_wrong_byte_in_the_part_of_another_fetcher_is_taken_over_once_and_not_again(bench: Bench) -> None:
    """Both tries took it over, and the Job ended for good with the hub blamed."""
    content = bench.offer("a-Q4_K_M.gguf")
    part = bench.blob(0, ".part")
    part.parent.mkdir()
    part.write_bytes(b"wrong" + content[5:])
    bench.blob(0, ".part.journal").write_text(f"0 {SEGMENT}\n")
    assert time.time() - part.stat().st_mtime < 30, "somebody may still work on it"

    code, printed = bench.fetch(via=bench.python_where(NO_LOCKS))

    assert code == 0, printed
    assert '"corrupt"' in printed
    assert (bench.generation / "model.gguf").read_bytes() == content


REPLACED = """
def ioctl(target, request, source):
    with open({by_hand!r}, 'r+b') as file:
        file.write(b'wrong')
    os.replace({right!r}, {blob!r})
    raise OSError(errno.EOPNOTSUPP, 'no reflinks here')
fcntl.ioctl = ioctl
"""


def test_a_blob_that_another_fetcher_has_repaired_meanwhile_is_not_set_aside(bench: Bench) -> None:
    """It has another name, by which somebody writes into it while its bytes are copied; by then it is another file."""
    content = bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    blob, by_hand, right = bench.blob(), bench.root / "by-hand.gguf", bench.root / "right"
    by_hand.hardlink_to(blob)
    right.write_bytes(content)
    bench.hub.log.clear()

    patch = REPLACED.format(by_hand=str(by_hand), right=str(right), blob=str(blob))
    code, printed = bench.fetch(via=bench.python_where(patch))

    assert code == 0, printed
    assert by_hand.read_bytes() != content, "or nothing was tried"
    assert '"quarantined"' not in printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    assert bench.requests() == []


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_whole_blob_that_another_put_in_place_of_a_damaged_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Two of 5944 interleavings: it was set aside, and whoever had fetched it promised a file that was gone."""
    (tmp_path / ".blobs").mkdir()
    blob, new = tmp_path / ".blobs" / f"sha256-{'a' * 64}", tmp_path / "new"
    blob.write_bytes(b"damaged")
    new.write_bytes(b"whole")
    ready = tmp_path / "a" / ("0" * 12) / "READY.json"
    ready.parent.mkdir(parents=True)
    ready.write_text(json.dumps({"files": [{"sha256": "a" * 64, "size": 5}]}))
    judged = blob.stat()
    if when == "before":
        new.replace(blob)
    else:
        monkeypatch.setattr("pods.volume.quarantine.os.makedirs", lambda *_, **__: (tmp_path / ".quarantine").mkdir())
        monkeypatch.setattr("pods.volume.quarantine.time.time", lambda: new.replace(blob) and 7)

    assert not quarantine(str(tmp_path), "a" * 64, judged)

    assert blob.read_bytes() == b"whole"
    assert not list(tmp_path.glob(".quarantine/*"))
    assert ready.exists(), "what was promised of it is promised again"


def test_the_receipt_of_a_whole_blob_that_came_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".blobs").mkdir()
    blob, receipt = tmp_path / ".blobs" / f"sha256-{'a' * 64}", tmp_path / ".blobs" / f"sha256-{'a' * 64}.ok"
    blob.write_bytes(b"damaged")
    judged = blob.stat()

    def comes(*_: object, **__: object) -> None:
        blob.write_bytes(b"whole")
        receipt.write_text(json.dumps({"size": 5, "mtime_ns": blob.stat().st_mtime_ns}))

    monkeypatch.setattr("pods.volume.quarantine.say", comes)

    assert quarantine(str(tmp_path), "a" * 64, judged)
    assert receipt.exists()


def test_a_damaged_blob_is_set_aside_also_when_it_is_gone_already(tmp_path: Path) -> None:
    (tmp_path / ".blobs").mkdir()
    blob = tmp_path / ".blobs" / f"sha256-{'a' * 64}"
    blob.write_bytes(b"damaged")
    judged = blob.stat()

    assert quarantine(str(tmp_path), "a" * 64, judged)
    assert [it.read_bytes() for it in tmp_path.glob(".quarantine/*")] == [b"damaged"]
    assert quarantine(str(tmp_path), "a" * 64, judged)


def test_files_that_were_all_read_before_take_no_time_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One interleaving of 5944, on a clock that stood still: a division by zero ended the program."""
    model = Model("a", "0" * 12, 0, (File("model.gguf", 1, "a" * 64),))
    warmer = _Warmer(State(Manifest(str(tmp_path), 1, (model,)), 0))
    warmer.proved.add("a" * 64)
    monkeypatch.setattr("pods.warm.warm.time.monotonic", lambda: 7.0)

    assert warmer.read(model)
    assert model.complete
