"""Another engine image or flag on the real cluster: what the image does not know stops the rollout, not the server."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import kubectl
from dev.images import images, oci
from plan import config
from tests.checkout import copy_to
from tests.cluster.embedded import (
    EVERY_MODEL,
    INSTANCE,
    MODELS,
    NAMESPACE,
    Watch,
    answered,
    chat,
    dev,
    dev_pulumi,
    get,
    key,
    pods,
    up,
)

Q3, Q4 = MODELS
# An older build, as far as one flag is concerned.
_OLDER = """\
#!/bin/sh
for word; do
    [ "$word" != --cache-ram ] || { echo "error: invalid argument: $word" >&2; exit 1; }
done
exec /app/newer "$@"
"""


@pytest.fixture
def checkout(output: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - it is up
    """A copy of this checkout, to change its stack; afterwards an `up` of this one is all the repair it takes."""
    copy_to(tmp_path)
    yield tmp_path
    assert answered(up())
    preview = dev_pulumi("preview", "--expect-no-changes")
    assert preview.returncode == 0, preview.stdout + preview.stderr


@pytest.fixture
def older_image(output: str, tmp_path: Path) -> str:  # noqa: ARG001 - containerd runs
    """The runtime image with an engine that refuses a flag of every model; its reference."""
    runtime, layout = images.prepare()["runtime"], INSTANCE.state / "older-image"
    manifest = _blob(runtime, oci.digest_of(runtime))
    script = tmp_path / "llama-server"
    script.write_text(_OLDER)
    changed = INSTANCE.state / "older.tar"
    oci.write_layer(changed, {"/app/llama-server": script, "/app/newer": _engine()})
    layers = [INSTANCE.state / layer["digest"] for layer in manifest["layers"]]
    for layer in layers:
        layer.write_bytes((runtime / "blobs" / "sha256" / layer.name.partition(":")[2]).read_bytes())
    oci.write_layout(layout, [*layers, changed], _blob(runtime, manifest["config"]["digest"])["config"])
    for used in (*layers, changed):
        os.unlink(used)
    images._import(INSTANCE, "older", layout)
    return images._reference("older", layout)


def _blob(layout: Path, digest: str) -> dict[str, Any]:
    return json.loads((layout / "blobs" / "sha256" / digest.partition(":")[2]).read_text())


def _engine() -> Path:
    from dev.tools import tools

    return tools.path("llama") / "llama-server"


def change(checkout: Path, **parts: dict[str, Any]) -> None:
    stack = checkout / "Pulumi.dev.yaml"
    content = yaml.safe_load(stack.read_text())
    value = content["config"][config.KEY]
    for name, part in parts.items():
        (value["models"][Q4] if name == "q4" else value[name]).update(part)
    stack.write_text(yaml.safe_dump(content))


def refused(checkout: Path) -> str:
    """What an `up` says that must fail before the server is touched, which goes on answering."""
    (before,), secret = pods("server"), key()
    deployment = get("deployment", "llama-swap", "-n", NAMESPACE)["spec"]

    failed = dev("up", cwd=checkout)

    told = failed.stdout + failed.stderr
    assert failed.returncode == 1, told
    assert "Traceback" not in told
    (pod,) = pods("server")
    assert pod["metadata"]["uid"] == before["metadata"]["uid"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    assert get("deployment", "llama-swap", "-n", NAMESPACE)["spec"] == deployment
    assert chat(Q3, secret)[0] == chat(Q4, secret)[0] == 200
    return told


def test_the_image_of_a_stack_that_is_up_was_tried_for_real(output: str) -> None:  # noqa: ARG001
    (pod,) = pods("preflight")
    assert pod["status"]["phase"] == "Succeeded"
    log = kubectl.kubectl(INSTANCE, "logs", pod["metadata"]["name"], "-n", NAMESPACE)
    assert "knows the flags of 3 models and reads its configuration" in log


def test_an_image_that_does_not_know_a_flag_is_refused_and_the_old_pod_serves(checkout: Path, older_image: str) -> None:
    change(checkout, server={"image": older_image})

    told = refused(checkout)

    assert f"model {Q3}: llama-server (build unknown) of {older_image} refuses its flags: " in told
    assert "error: invalid argument: --cache-ram (and those of 2 more); correct args or" in told
    assert "set server.image to one that knows all its flags" in told


def test_a_value_that_the_engine_cannot_read_is_refused_by_model_and_the_old_pod_serves(checkout: Path) -> None:
    change(checkout, q4={"args": {"temp": "hot"}})

    told = refused(checkout)

    assert f"model {Q4}: llama-server" in told
    assert 'error while handling argument "--temp"' in told
    assert f"model {Q3}:" not in told


def test_every_model_that_is_up_answers_a_question_whose_answer_is_known(output: str) -> None:  # noqa: ARG001
    secret = key()

    with Watch() as watch:
        done = dev("verify")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Paris") == len(EVERY_MODEL)
    assert done.stdout.count(" ok ") == 2 * len(EVERY_MODEL)
    assert secret not in done.stdout + done.stderr
    assert any(b"ops\0verify" in line for line in watch.seen), "the process was seen"
    assert not [line for line in watch.seen if secret.encode() in line]
