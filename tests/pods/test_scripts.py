"""The programs as a pod has them: the ConfigMap's content, laid out by the kubelet, under each supported Python."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dev.generate.pods_archive import archives
from ops.render.recorder import Recorder
from tests import stacks
from tests.pods.bench import Bench
from tests.pods.programs import ARCHIVES
from tests.pods.pythons import pythons
from tests.recorded import run


def mounted(recorder: Recorder, directory: Path, name: str) -> Path:
    """A ConfigMap of the program as files behind two links each, which is how the kubelet mounts one."""
    (data,) = (map_.inputs["binaryData"] for map_ in recorder.of("ConfigMap") if map_.name == f"{name}-scripts")
    (directory / "..2026_11_22").mkdir(parents=True)
    (directory / "..data").symlink_to("..2026_11_22")
    for file, text in data.items():
        (directory / "..data" / file).write_bytes(base64.b64decode(text))
        (directory / file).symlink_to(f"..data/{file}")
    return directory / "pods.pyz"


@pytest.mark.parametrize("python", pythons())
def test_what_the_config_maps_mount_fetches_and_gates_under_this_python_without_site_packages(
    bench: Bench, recorder: Recorder, tmp_path: Path, python: str
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    run(stacks.raw("cpu"))
    places = {name: mounted(recorder, tmp_path / name, ARCHIVES[name]) for name in ("fetch", "gate")}
    bench.program = places.__getitem__

    code, printed = bench.fetch(via=[python])

    assert code == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    assert bench.gate()[0] == 0


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("command", sorted(ARCHIVES))
def test_each_program_runs_from_its_archive_alone(tmp_path: Path, command: str, python: str) -> None:
    archive = shutil.copy(archives()[ARCHIVES[command]], tmp_path / "pods.pyz")

    argv = [python, "-I", "-S", archive, command, "--manifest", "{}"]
    ran = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 78, ran.stdout + ran.stderr
    assert "the manifest is unusable" in ran.stdout


def test_a_job_s_manifest_is_one_that_the_fetcher_accepts(bench: Bench, recorder: Recorder) -> None:
    run(stacks.raw("cpu"))
    job = next(job for job in recorder.of("Job") if job.name.startswith("fetch-"))
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    command, flag, text = container["args"]
    assert (command, flag) == ("fetch", "--manifest")
    bench.manifest = {**json.loads(text), "root": str(bench.root), "endpoint": bench.hub.endpoint, "margin_bytes": 0}

    assert bench.fetch()[0] == 66, "the test's hub has no such repository, and that is all that is wrong"
