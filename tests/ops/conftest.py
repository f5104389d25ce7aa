from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import Hub
from tests.ops.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Hub(tmp_path / "hub") as hub:
        yield Desk(tmp_path, hub)
