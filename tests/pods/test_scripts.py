"""The programs as a pod has them: the ConfigMap's content, laid out by the kubelet, under each supported Python."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.generate.pods_archive import archived, content, sources
from tests import stacks
from tests.conftest import Recorder
from tests.pods.bench import Bench
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


def mounted(recorder: Recorder, directory: Path) -> Path:
    """The ConfigMap of the dev stack as files behind two links each, which is how the kubelet mounts one."""
    run(stacks.raw("dev"))
    (data,) = (found for map_ in recorder.of("ConfigMap") if (found := map_.inputs.get("binaryData")))
    (directory / "..2026_11_22").mkdir(parents=True)
    (directory / "..data").symlink_to("..2026_11_22")
    for name, text in data.items():
        (directory / "..data" / name).write_bytes(base64.b64decode(text))
        (directory / name).symlink_to(f"..data/{name}")
    return directory / "pods.pyz"


@pytest.mark.parametrize("python", pythons())
def test_what_the_config_map_mounts_fetches_and_gates_under_this_python_without_site_packages(
    bench: Bench, recorder: Recorder, tmp_path: Path, python: str
) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    bench.script = mounted(recorder, tmp_path / "scripts")

    code, printed = bench.fetch(via=[python])

    assert code == 0, printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    assert bench.gate()[0] == 0


def test_the_config_map_holds_the_programs_of_the_repository_and_fits(recorder: Recorder, tmp_path: Path) -> None:
    script = mounted(recorder, tmp_path / "scripts")
    assert content(script.read_bytes()) == sources(), "run `make pods`"
    assert script.stat().st_size < 1 << 20, "the API server refuses larger ones"
    assert content(archived(sources())) == sources(), "what `make pods` writes is read back"


def test_a_job_s_manifest_is_one_that_the_fetcher_accepts(bench: Bench, recorder: Recorder) -> None:
    run(stacks.raw("dev"))
    job = next(job for job in recorder.of("Job") if job.name.startswith("fetch-"))
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    command, flag, text = container["args"]
    assert (command, flag) == ("fetch", "--manifest")
    bench.manifest = {**json.loads(text), "root": str(bench.root), "endpoint": bench.hub.endpoint, "margin_bytes": 0}

    assert bench.fetch()[0] == 66, "the test's hub has no such repository, and that is all that is wrong"
