"""The streams of one download among themselves."""

import os
import threading
from pathlib import Path

import pytest

from pods.core.report import Progress
from pods.fetch.connection import Routes
from pods.fetch.download import Download, Segment
from pods.fetch.hub import Hub
from pods.fetch.manifest import File, Manifest
from pods.fetch.model_on_volume import Volume
from pods.fetch.slots import Slots


def test_a_stream_that_still_writes_when_another_fails_never_writes_into_another_file(tmp_path: Path) -> None:
    entered, late, written = threading.Event(), threading.Event(), threading.Event()

    class Failing(Download):
        def resume(self, fd: int, segment_bytes: int) -> None:  # noqa: ARG002 - the shape of the original
            self.segments = [Segment(0, 10, done=False), Segment(10, 10, done=False)]

        def receive(self, fd: int, segment: Segment) -> None:
            if segment.start == 0:
                assert entered.wait(300)
                raise OSError("no space left")
            entered.set()
            assert late.wait(300)
            os.pwrite(fd, b"late bytes", 0)
            written.set()

        def locate(self) -> tuple[str, bool]:
            return "", True

    file = File("a.gguf", 20, "0" * 64, "model.gguf")
    asked = Manifest(
        "http://hub.invalid", str(tmp_path), "a", "0" * 12, "a/b", "0" * 40, (file,), streams=2, segment_bytes=10
    )
    doomed = Failing(Volume(asked), Hub(asked, "", Routes(asked, {})), Slots(asked), file, Progress(600, 20))

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
