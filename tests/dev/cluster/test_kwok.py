"""kwok's start: it may panic, and is started again."""

from pathlib import Path

import pytest

from dev.cluster import service
from dev.cluster.played import kwok
from dev.machine.instance import Instance
from dev.machine.steps import DevError


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    (tmp_path / "stages").mkdir()
    return tmp_path


@pytest.mark.parametrize(("panics", "starts"), [(0, 1), (2, 3)])
def test_a_kwok_that_panics_at_its_start_is_started_again(
    programs: Path, monkeypatch: pytest.MonkeyPatch, panics: int, starts: int
) -> None:
    tried: list[str] = []

    def run(*_: object) -> None:
        tried.append("kwok")
        if len(tried) <= panics:
            raise DevError("kwok is not up: panic", "read its log")

    monkeypatch.setattr(service, "run", run)
    kwok.start(Instance("t-kwok"), programs)
    assert len(tried) == starts


def test_one_that_never_comes_up_is_told(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object) -> None:
        raise DevError("kwok is not up: panic", "read its log")

    monkeypatch.setattr(service, "run", run)
    with pytest.raises(DevError, match="panic"):
        kwok.start(Instance("t-kwok"), programs)
