"""What a change of a pod's program changes: the archives that carry it, and the objects that mount those."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dev.generate.pods_archive import archived, archives, content, sources
from dev.machine.steps import DevError
from tests import stacks
from tests.recorded import render

FETCHER = {"fetch"}
PRUNER = {"prune"}
SERVER = {"server"}
ADVERTISER = {"advertiser"}
VOLUME = FETCHER | PRUNER | SERVER
EVERY = VOLUME | ADVERTISER
CARRIED_BY = {
    "__init__": EVERY,
    "advertise/__init__": ADVERTISER,
    "advertise/advertise": ADVERTISER,
    "advertise/cluster_api": ADVERTISER,
    "archives/__init__": set[str](),
    "archives/advertiser": ADVERTISER,
    "archives/fetch": FETCHER,
    "archives/prune": PRUNER,
    "archives/server": SERVER,
    "core/__init__": EVERY,
    "core/bearer": FETCHER | ADVERTISER,
    "core/command": EVERY,
    "core/json_text": EVERY,
    "core/metrics": SERVER | ADVERTISER,
    "core/report": EVERY,
    "core/shape": EVERY,
    "fetch/__init__": FETCHER,
    "fetch/adopt": FETCHER,
    "fetch/connection": FETCHER,
    "fetch/download": FETCHER,
    "fetch/fetch": FETCHER,
    "fetch/hub": FETCHER,
    "fetch/manifest": FETCHER,
    "fetch/model_on_volume": FETCHER,
    "fetch/part": FETCHER,
    "fetch/proxy": FETCHER,
    "fetch/slots": FETCHER,
    "fetch/streams": FETCHER,
    "fetch/wire": FETCHER,
    "gate/__init__": SERVER,
    "gate/gate": SERVER,
    "prune/__init__": PRUNER,
    "prune/judgement": PRUNER,
    "prune/prune": PRUNER,
    "prune/trash": PRUNER,
    "volume/__init__": VOLUME,
    "volume/complete": SERVER,
    "volume/files": FETCHER | PRUNER,
    "volume/inventory": PRUNER | SERVER,
    "volume/listing": PRUNER | SERVER,
    "volume/parts": FETCHER | PRUNER,
    "volume/quarantine": VOLUME,
    "warm/__init__": SERVER,
    "warm/pagecache": SERVER,
    "warm/state": SERVER,
    "warm/warm": SERVER,
}
FETCHES = {f"stage-1/60-job-fetch-{model_id}.yaml" for model_id in stacks.raw("t4")["models"]}
MOUNTED_BY = {
    "advertiser": {"stage-1/70-deployment-gpumem-advertise.yaml"},
    "fetch": FETCHES,
    "prune": {"stage-2/50-cronjob-prune-weights.yaml"},
    "server": {"stage-2/70-deployment-llama-swap.yaml"},
}


def test_the_archives_hold_the_programs_of_the_repository_and_fit() -> None:
    assert archives().keys() == MOUNTED_BY.keys()
    for name, archive in archives().items():
        assert content(archive.read_bytes()) == sources(name), "run `make pods`"
        assert archive.stat().st_size < 1 << 20, "the API server refuses larger ones"


def test_equal_programs_make_equal_archives(checkout: Path) -> None:
    for name in MOUNTED_BY:
        first, second = archived(sources(name)), archived(sources(name, checkout))
        assert first == second, "the same files at another place and time"
        assert content(first) == sources(name), "what is written is read back"


def test_a_traceback_of_an_archive_names_the_file_and_the_line(tmp_path: Path) -> None:
    files = {**sources("fetch"), "pods/core/report.py": b"\n\nraise OSError('no such thing')\n"}
    (tmp_path / "pods.pyz").write_bytes(archived(files))

    ran = subprocess.run(
        [sys.executable, "-I", "-S", "pods.pyz"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 'File "pods.pyz/pods/core/report.py", line 3, in <module>' in ran.stderr


def test_a_change_of_a_program_changes_the_archives_of_the_pods_that_run_it_alone(checkout: Path) -> None:
    programs = {
        file: str(file.relative_to(checkout / "pods").with_suffix("")) for file in checkout.rglob("pods/**/*.py")
    }
    for file, program in programs.items():
        file.write_text(f"{file.read_text()}CHANGED = '{program}'\n")

    written = {name: content(archived(sources(name, checkout))).values() for name in MOUNTED_BY}

    changed = {
        program: {
            name for name, files in written.items() if any(f"CHANGED = '{program}'".encode() in it for it in files)
        }
        for program in programs.values()
    }
    assert changed == CARRIED_BY


@pytest.mark.parametrize("name", sorted(MOUNTED_BY))
def test_a_changed_sentence_of_a_program_changes_no_archive(checkout: Path, name: str) -> None:
    before = archived(sources(name, checkout))
    for file in checkout.rglob("pods/**/*.py"):
        file.write_text(file.read_text().rstrip("\n") + "  # and why\n")

    assert archived(sources(name, checkout)) == before


@pytest.mark.parametrize("name", sorted(MOUNTED_BY))
@pytest.mark.usefixtures("recorder")
def test_another_archive_changes_its_config_map_and_the_pods_that_mount_it_alone(checkout: Path, name: str) -> None:
    program = checkout / "__main__.py"
    before = render(everything(), program=program)
    (checkout / "pods" / "archives" / f"{name}.pyz").write_bytes(b"another archive")
    after = render(everything(), program=program)

    assert before.keys() == after.keys()
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {f"stage-1/40-configmap-{name}-scripts.yaml", *MOUNTED_BY[name]}


def test_a_program_that_imports_what_no_pod_has_is_refused(checkout: Path) -> None:
    gate = checkout / "pods" / "gate" / "gate.py"
    gate.write_text("import yaml\n" + gate.read_text())

    with pytest.raises(DevError, match=r"pods/archives/server.py comes to import yaml, which no pod has"):
        sources("server", checkout)


def everything() -> dict[str, Any]:
    """The stack t4, with every kind of pod there is."""
    raw = stacks.raw("t4")
    raw["gpu"]["memory"] = {"resource": "viktorbarzin.me/gpumem", "budget_mib": 14000, "advertise": "managed"}
    return raw


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the program and its pods are made of."""
    shutil.copy(stacks.ROOT / "__main__.py", tmp_path)
    shutil.copy(stacks.EXAMPLE / "models.lock.yaml", tmp_path)
    shutil.copytree(stacks.ROOT / "pods", tmp_path / "pods", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path
