"""A desk and a Prometheus for each test of `ops calibrate`."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.calibrate.measured import Desk, Prometheus


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
