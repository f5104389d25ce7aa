"""Which processes are an instance's, found by their cgroup."""

import os
import shutil
from pathlib import Path

import pytest

from dev.machine import daemons
from dev.machine.instance import Instance


@pytest.fixture
def vanishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hierarchy with two containers, one of which takes its cgroup away in the moment in which it is looked into."""
    pods = tmp_path / Instance("t-daemons").cgroup / "kubepods"
    for container in ("a-ends", "b-stays"):
        (pods / container / "inner").mkdir(parents=True)
    (pods / "b-stays" / "cgroup.procs").write_text("1234567\n")
    scandir = os.scandir

    def ends_first(path: str | Path | int):
        if not isinstance(path, int) and Path(path).name == "a-ends":
            shutil.rmtree(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", ends_first)
    monkeypatch.setattr(daemons, "_HIERARCHY", tmp_path)
    return pods


def test_a_container_that_ends_while_processes_are_looked_for_hides_none_of_the_others(vanishing: Path) -> None:
    assert daemons.members(Instance("t-daemons")) == {1234567}
    assert not (vanishing / "a-ends").exists(), "the fault did not happen, so nothing was proved"
