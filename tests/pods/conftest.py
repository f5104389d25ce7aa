from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import Hub
from tests.pods.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Hub(tmp_path / "hub") as hub:
        yield Bench(tmp_path, hub)
