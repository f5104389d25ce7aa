"""The streams of one download among themselves."""

import importlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

PODS = Path(__file__).parents[2] / "pods"


def test_a_stream_that_still_writes_when_another_fails_never_writes_into_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PODS))
    download, hub, manifest, report, slots, volume = map(
        importlib.import_module, ("download", "hub", "manifest", "report", "slots", "volume")
    )
    entered, late, written = threading.Event(), threading.Event(), threading.Event()

    class Failing(download.Download):
        def locate(self) -> tuple[str, bool]:
            return "", True

        def receive(self, fd: int, segment: Any) -> None:
            if segment.start == 0:
                assert entered.wait(300)
                raise OSError("no space left")
            entered.set()
            assert late.wait(300)
            os.pwrite(fd, b"late bytes", 0)
            written.set()

    row = {"path": "a.gguf", "size": 20, "sha256": "0" * 64, "link": "model.gguf"}
    names = {"id": "a", "gen": "0" * 12, "repo": "a/b", "commit": "0" * 40, "endpoint": "http://hub"}
    limits = {"streams": 2, "segment_bytes": 10, "attempts": 1, "backoff_s": 0.01}
    order = manifest.Manifest.parse(json.dumps({**names, **limits, "root": str(tmp_path), "files": [row]}))
    place, where = volume.Volume(order), hub.Hub(order.endpoint, "", order.stall_s)
    doomed = Failing(place, where, slots.Slots(order), order.files[0], report.Progress(60, 20))

    part = os.open(tmp_path / "part", os.O_RDWR | os.O_CREAT)
    with pytest.raises(OSError, match="no space left"):
        doomed.transfer(part)
    os.close(part)
    other = os.open(tmp_path / "termination-log", os.O_RDWR | os.O_CREAT)
    assert other == part, "the number is taken again, as in a process that opens its next file"
    late.set()
    assert written.wait(300)
    os.close(other)

    assert (tmp_path / "termination-log").read_bytes() == b""
