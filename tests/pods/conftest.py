from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import Hub
from tests.pods.bench import Bench
from tests.pods.shelf import OLD_S, Shelf, gen
from tests.pods.warm.warming import Warm


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Hub(tmp_path / "hub") as hub:
        yield Bench(tmp_path, hub)


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    warm = Warm(Shelf(tmp_path / "shelf"), tmp_path / "log")
    yield warm
    if warm.process:
        warm.process.kill()
        warm.process.wait()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A model whose generation 2 is kept (NEW) and whose generation 1 is not."""
    shelf = Shelf(tmp_path / "volume")
    shelf.model("a", 1, b"old bytes", b"common", age_s=OLD_S)
    shelf.model("a", 2, b"new", b"common", age_s=OLD_S)
    (shelf.root / "a" / "current").symlink_to(gen(2))
    return shelf
