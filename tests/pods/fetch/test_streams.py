"""The streams of one download among themselves."""

import os
import threading
from pathlib import Path

import pytest

from pods.fetch.connection import Routes
from pods.fetch.hub import Hub
from pods.fetch.manifest import File, Manifest
from pods.fetch.model_on_volume import Volume
from pods.fetch.part import Part, Segment
from pods.fetch.streams import Streams


def test_a_stream_that_still_writes_when_another_fails_never_writes_into_another_file(tmp_path: Path) -> None:
    entered, late, written = threading.Event(), threading.Event(), threading.Event()

    class Failing(Streams):
        def _receive(self, part: Part, run: list[Segment]) -> None:
            if run[0].start == 0:
                assert entered.wait(300)
                raise OSError("no space left")
            entered.set()
            assert late.wait(300)
            os.pwrite(part.fd, b"late bytes", 0)
            written.set()

        def _locate(self) -> tuple[str, bool]:
            return "", True

    file = File("a.gguf", 20, "0" * 64, "model.gguf")
    asked = Manifest(
        "http://hub.invalid", str(tmp_path), "a", "0" * 12, "a/b", "0" * 40, (file,), streams=2, segment_bytes=10
    )
    part = Part.take(Volume(asked), file)
    assert part
    doomed = Failing(asked, Hub(asked, "", Routes(asked, {})), file, part, "")
    doomed.start()
    with pytest.raises(OSError, match="no space left"):
        doomed.wait(part.segments[0], lambda: None)
    number = part.fd
    part.close()
    other = os.open(tmp_path / "termination-log", os.O_RDWR | os.O_CREAT)
    assert other == number, "the number is taken again, as in a process that opens its next file"
    late.set()
    assert written.wait(300)
    os.close(other)

    assert (tmp_path / "termination-log").read_bytes() == b""
