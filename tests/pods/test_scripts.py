"""The programs as a pod has them: the ConfigMap's content, laid out by the kubelet, under each supported Python."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.generate.pods_archive import archives
from tests import stacks
from tests.conftest import Engine
from tests.pods.bench import Bench
from tests.pods.programs import ARCHIVES
from tests.program.test_program import run


def pythons() -> list[str]:
    """The Pythons 3.11 to 3.13 of this machine that start."""
    names = [f"python3.{minor}" for minor in (11, 12, 13)]
    places = (None, "/usr/bin:/usr/local/bin")  # PATH, and what a version manager on PATH hides
    found = {sys.executable, *(path for name in names for place in places if (path := shutil.which(name, path=place)))}
    found |= {str(path) for name in names for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")}
    ask = ["-I", "-S", "-c", "import sys; print(sys.base_prefix)"]
    works = {path: subprocess.run([path, *ask], capture_output=True, text=True, check=False) for path in sorted(found)}
    prefixes = {answer.stdout: path for path, answer in works.items() if answer.returncode == 0}
    return sorted(prefixes.values())


def mounted(engine: Engine, directory: Path, name: str) -> Path:
    """A ConfigMap of the program as files behind two links each, which is how the kubelet mounts one."""
    (data,) = (map_.inputs["binaryData"] for map_ in engine.of("ConfigMap") if map_.name == f"{name}-scripts")
    (directory / "..2026_11_22").mkdir(parents=True)
    (directory / "..data").symlink_to("..2026_11_22")
    for file, text in data.items():
        (directory / "..data" / file).write_bytes(base64.b64decode(text))
        (directory / file).symlink_to(f"..data/{file}")
    return directory / "pods.pyz"


@pytest.mark.parametrize("python", pythons())
def test_what_the_config_maps_mount_fetches_and_gates_under_this_python_without_site_packages(
    bench: Bench, engine: Engine, tmp_path: Path, python: str
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    run(stacks.raw("dev"))
    places = {name: mounted(engine, tmp_path / name, ARCHIVES[name]) for name in ("fetch", "gate")}
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


def test_a_job_s_manifest_is_one_that_the_fetcher_accepts(bench: Bench, engine: Engine) -> None:
    run(stacks.raw("dev"))
    job = next(job for job in engine.of("Job") if job.name.startswith("fetch-"))
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    command, flag, text = container["args"]
    assert (command, flag) == ("fetch", "--manifest")
    bench.manifest = {**json.loads(text), "root": str(bench.root), "endpoint": bench.hub.endpoint, "margin_bytes": 0}

    assert bench.fetch()[0] == 66, "the test's hub has no such repository, and that is all that is wrong"
