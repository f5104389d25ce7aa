"""What the cluster does to the machine it runs on: kernel settings, mounts, the disk."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dev.cluster import host
from dev.cluster.disk import require_space
from dev.machine.instance import Instance
from dev.machine.steps import DevError


def test_a_directory_is_never_deleted_through_a_mount_even_when_named_by_a_link(tmp_path: Path) -> None:
    models, volume = tmp_path / "models", tmp_path / "state" / "kubelet" / "pods" / "with space" / "volume"
    for directory in (models, volume):
        directory.mkdir(parents=True)
    (models / "weights.gguf").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "state")
    subprocess.run(["mount", "--bind", models, volume], check=True)

    host.remove(tmp_path / "link" / "kubelet")

    assert not (tmp_path / "state" / "kubelet").exists()
    assert (models / "weights.gguf").read_text() == "precious"


def test_a_disk_that_a_person_mounted_for_the_models_stays_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "RUN", tmp_path)
    monkeypatch.setattr("dev.machine.instance.STATE", tmp_path)
    instance = Instance("t-disk")
    own, theirs = instance.state / "kubelet" / "volume", instance.state / "models"
    for directory in (own, theirs):
        directory.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)

    host.clean(instance)

    assert not own.is_mount()
    assert theirs.is_mount()
    host.remove(instance.state)


def test_the_last_node_to_go_restores_the_kernel_settings_of_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "RUN", tmp_path)
    monkeypatch.setattr(host, "SETTINGS", tmp_path / "sys")
    panic = tmp_path / "sys" / "kernel" / "panic"
    for name in host.TUNABLES:
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text("0")
    first, second = Instance("t-first"), Instance("t-second")

    host.remember(first)
    panic.write_text("10")  # as its kubelet does
    host.remember(second)
    host.clean(first)
    assert panic.read_text() == "10", "the second node's kubelet would find its setting gone"
    host.clean(second)

    assert panic.read_text() == "0"


def test_a_disk_that_is_too_full_is_refused_with_its_path_and_both_figures(tmp_path: Path) -> None:
    free_gib = shutil.disk_usage(tmp_path).free / 2**30

    with pytest.raises(DevError) as refused:
        require_space(tmp_path / "not" / "yet", needed_gib=free_gib + 1000)

    assert f"the disk under {tmp_path}/not/yet is too full" in str(refused.value)
    assert f"{free_gib + 1000:.1f} GiB needed" in str(refused.value)
    assert "make clean" in str(refused.value)
    require_space(tmp_path, needed_gib=0.001)
