from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import Hub
from tests.ops.desk import Desk
from tests.ops.inside import Inside


@pytest.fixture(autouse=True)
def no_llama_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command tells is not to depend on the llama-server of this machine; who needs one names it."""
    monkeypatch.setenv("LLAMA_SERVER", "none")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Hub(tmp_path / "hub") as hub:
        yield Desk(tmp_path, hub)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return Inside(tmp_path, monkeypatch, capsys)
