"""The programs as a pod has them: the ConfigMap's content, laid out by the kubelet, under each supported Python."""

import base64
import json
from pathlib import Path

import pytest

from dev.generate.pods_archive import archived, content, sources
from ops.render.recorder import Recorder
from tests import stacks
from tests.pods.bench import Bench
from tests.pods.pythons import pythons
from tests.recorded import run


def mounted(recorder: Recorder, directory: Path) -> Path:
    """The ConfigMap of the stack cpu as files behind two links each, which is how the kubelet mounts one."""
    run(stacks.raw("cpu"))
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
    run(stacks.raw("cpu"))
    job = next(job for job in recorder.of("Job") if job.name.startswith("fetch-"))
    (container,) = job.inputs["spec"]["template"]["spec"]["containers"]
    command, flag, text = container["args"]
    assert (command, flag) == ("fetch", "--manifest")
    bench.manifest = {**json.loads(text), "root": str(bench.root), "endpoint": bench.hub.endpoint, "margin_bytes": 0}

    assert bench.fetch()[0] == 66, "the test's hub has no such repository, and that is all that is wrong"
