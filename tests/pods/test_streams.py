"""The streams of one download among themselves."""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest


def test_a_stream_that_still_writes_when_another_fails_never_writes_into_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "pods"))
    import download

    entered, late, written = threading.Event(), threading.Event(), threading.Event()

    class Failing(download.Download):
        def resume(self, fd: int, segment_bytes: int) -> None:  # noqa: ARG002 - the shape of the original
            self.segments = [download.Segment(0, 10, done=False), download.Segment(10, 10, done=False)]

        def receive(self, fd: int, segment: Any) -> None:
            if segment.start == 0:
                assert entered.wait(300)
                raise OSError("no space left")
            entered.set()
            assert late.wait(300)
            os.pwrite(fd, b"late bytes", 0)
            written.set()

    monkeypatch.setattr(download, "persist", lambda _manifest, work, *_: work())
    doomed: Any = object.__new__(Failing)
    doomed.error, doomed.turn = None, threading.Condition()
    doomed.show = lambda: None
    doomed.manifest = type("Manifest", (), {"streams": 2, "segment_bytes": 10})()
    doomed.locate = _resolved

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
    for name in ("download", "hub", "manifest", "report", "volume"):
        sys.modules.pop(name, None)


def _resolved() -> tuple[str, bool]:
    return "", True
