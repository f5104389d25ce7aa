"""Weights on real pods: a killed fetch goes on, a changed lock moves one model, wrong bytes never reach a server."""

import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster import kubectl
from dev.machine import daemons
from dev.machine.steps import DevError
from dev.pulumi.stackfile import ROOT
from plan import config
from plan.models import lock
from tests.checkout import copy_to
from tests.cluster.embedded import (
    INSTANCE,
    MODELS,
    NAMESPACE,
    answered,
    chat,
    dev,
    dev_pulumi,
    downloads,
    eventually,
    faults,
    get,
    key,
    pods,
    start,
    up,
)

Q3, Q4 = MODELS
SEGMENT = r"bytes=\d+-(?!0$)"  # a part of a file, not the one-byte question where it is
STREAMS = 4  # of one fetcher: pods/fetch/manifest.py
STORE = INSTANCE.state / "models"


@pytest.fixture
def checkout(output: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - it is up
    """A copy of this checkout, to change its lock; afterwards the cluster has what this one says again."""
    copy_to(tmp_path)
    yield tmp_path
    faults()
    up()


def relock(checkout: Path, **changes: Any) -> lock.LockedModel:
    """Give q4 the files of q3 in the copy, as another choice of quant would; returns what it had."""
    path = checkout / "models.lock.yaml"
    locked = lock.load(path.read_text())
    before, other = locked.models[Q4], locked.models[Q3]
    after = other.model_copy(update=changes)
    path.write_text(lock.dump(locked.model_copy(update={"models": {**locked.models, Q4: after}})))
    stack = checkout / "Pulumi.dev.yaml"
    content = yaml.safe_load(stack.read_text())
    content["config"][config.KEY]["models"][Q4]["quant"] = after.quant
    stack.write_text(yaml.safe_dump(content))
    return before


def forget(model: str) -> None:
    """Remove a model's files and its Job's record, as a person would who wants them fetched again."""
    files = lock.load((ROOT / "models.lock.yaml").read_text()).models[model].files
    shutil.rmtree(STORE / model)
    for file in files:
        for part in (STORE / ".blobs").glob(f"sha256-{file.sha256}*"):
            part.unlink()
    kubectl.kubectl(INSTANCE, "delete", "job", f"fetch-{model}", "-n", NAMESPACE)
    assert dev_pulumi("refresh", "--yes").returncode == 0


def fetchers() -> list[int]:
    inside = daemons.members(INSTANCE, "kubepods")
    return [pid for pid in inside if b"/opt/local-llm/pods.pyz\0fetch\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def uid(kind: str, name: str) -> str:
    return get(kind, name, "-n", NAMESPACE)["metadata"]["uid"]


def test_a_fetch_that_is_killed_goes_on_where_it_was_and_the_chat_works(output: str) -> None:  # noqa: ARG001
    forget(Q4)
    whole = lock.load((ROOT / "models.lock.yaml").read_text()).models[Q4].files[0]
    segments, arrive = -(-whole.size // (16 << 20)), STREAMS + 1
    begun = len(asked(whole.sha256))
    faults({"origin": "cdn", "range": SEGMENT, "skip": arrive, "stall_after": 0})
    running = start()
    journal = STORE / ".blobs" / f"sha256-{whole.sha256}.part.journal"
    eventually(lambda: len(journal.read_text().splitlines()) >= arrive)
    (pid,) = fetchers()

    os.kill(pid, signal.SIGKILL)
    faults()

    assert running.end() == 0, running.seen
    assert answered(running.seen)
    again = len(asked(whole.sha256)) - begun - segments
    assert 0 <= again <= STREAMS, "what had arrived is not asked for again, only what was on its way"
    assert STORE.joinpath(Q4, "current", "READY.json").exists()


def asked(sha256: str) -> list[str]:
    return [row["range"] for row in downloads() if sha256 in row["path"] and re.search(SEGMENT, row["range"] or "")]


def test_a_blob_corrupted_on_the_hub_fails_the_job_by_name_and_the_old_server_goes_on(output: str) -> None:  # noqa: ARG001
    served, secret = pods("server")[0]["metadata"]["uid"], key()
    file = lock.load((ROOT / "models.lock.yaml").read_text()).models[Q4].files[0]
    forget(Q4)
    faults({"origin": "cdn", "range": SEGMENT, "corrupt_at": file.size // 2})

    failed = dev("up")

    told = failed.stdout + failed.stderr
    assert failed.returncode == 1
    assert "Traceback" not in told
    assert f"model {Q4}" in told
    assert "exited with code 65" in told
    assert re.search(rf"{file.path}.*expected.*{file.sha256}.*got.*[0-9a-f]{{64}}", told), told
    assert not (STORE / Q4 / "current" / "READY.json").exists()
    (pod,) = pods("server")
    assert pod["metadata"]["uid"] == served
    assert chat(Q3, secret)[0] == 200

    faults()
    assert answered(up())


def test_a_lock_that_the_hub_does_not_follow_fails_the_job_and_the_old_server_goes_on(checkout: Path) -> None:
    served, secret = pods("server")[0]["metadata"]["uid"], key()
    good = lock.load((checkout / "models.lock.yaml").read_text()).models[Q3].files[0]
    wrong = good.model_copy(update={"sha256": "0" * 64})
    relock(checkout, files=(wrong,), gen=lock.generation([wrong]))

    failed = dev("up", cwd=checkout)

    assert failed.returncode == 1
    told = failed.stdout + failed.stderr
    assert "Traceback" not in told
    assert f"fetch-{Q4}" in told
    assert "exited with code 65" in told
    assert good.path in told or "model.gguf" in told
    assert wrong.sha256 in told, "what was expected"
    (pod,) = pods("server")
    assert pod["metadata"]["uid"] == served, "no weights, no rollout"
    assert chat(Q4, secret)[0] == 200


def test_a_changed_quant_moves_one_model_and_prune_takes_what_it_leaves(checkout: Path) -> None:
    jobs = {model: uid("job", f"fetch-{model}") for model in MODELS}
    before = relock(checkout)
    old = STORE / Q4 / before.gen
    assert (old / "READY.json").exists()
    prune_at_once(checkout)

    done = dev("up", cwd=checkout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert uid("job", f"fetch-{Q3}") == jobs[Q3], "its files did not change"
    assert uid("job", f"fetch-{Q4}") != jobs[Q4]
    finished = get("job", f"fetch-{Q4}", "-n", NAMESPACE)["status"]["completionTime"]
    (pod,) = [pod for pod in pods("server") if "deletionTimestamp" not in pod["metadata"]]
    assert finished <= pod["metadata"]["creationTimestamp"], "the old generation served until the new one was there"
    assert (old / "READY.json").exists(), "an old pod may still read it"

    assert prune("first") == "marked"
    assert old.exists(), "a day of grace begins when it is first seen"
    (marker,) = (path for path in old.iterdir() if path.name.startswith("."))
    content = json.loads(marker.read_text())
    marker.write_text(json.dumps({name: int(value) - 90_000 for name, value in content.items()}))
    assert prune("second") == "trashed"
    assert not old.exists()
    assert list((STORE / ".trash" / Q4).iterdir())
    assert chat(Q4, key())[0] == 200
    assert chat(Q3, key())[0] == 200


def prune_at_once(checkout: Path) -> None:
    stack = checkout / "Pulumi.dev.yaml"
    content = yaml.safe_load(stack.read_text())
    content["config"][config.KEY]["prune"] = {"mode": "trash"}
    stack.write_text(yaml.safe_dump(content))


def prune(name: str) -> str:
    """Run the CronJob's work now; what it did with q4's old generation."""
    job = f"prune-{name}"
    kubectl.kubectl(INSTANCE, "create", "job", job, "--from=cronjob/prune-weights", "-n", NAMESPACE)
    kubectl.kubectl(INSTANCE, "wait", "--for=condition=complete", f"job/{job}", "-n", NAMESPACE, "--timeout=300s")
    rows = [json.loads(line) for line in kubectl.kubectl(INSTANCE, "logs", f"job/{job}", "-n", NAMESPACE).splitlines()]
    kubectl.kubectl(INSTANCE, "delete", "job", job, "-n", NAMESPACE)
    kept = lock.load((ROOT / "models.lock.yaml").read_text()).models[Q4].gen
    (done,) = {row["done"] for row in rows if row["event"] == "generation" and row["gen"] == kept and row["id"] == Q4}
    return done


def metrics() -> dict[str, float]:
    """What the sidecar of the server's pod tells a scrape."""
    (pod,) = [pod for pod in pods("server") if "deletionTimestamp" not in pod["metadata"]]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:9401/proxy/metrics"
    lines = kubectl.kubectl(INSTANCE, "get", "--raw", path).splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def restart() -> None:
    """A new server pod, ready."""
    kubectl.kubectl(INSTANCE, "delete", "pod", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=server")
    kubectl.kubectl(INSTANCE, "rollout", "status", "deployment/llama-swap", "-n", NAMESPACE, "--timeout=300s")


def has(name: str, model: str, value: float) -> bool:
    try:
        return metrics()[f'local_llm_{name}{{model="{model}"}}'] == value
    except (DevError, KeyError):  # it has yet to listen
        return False


def test_weights_are_in_the_nodes_memory_and_a_flipped_byte_is_found_set_aside_and_repaired(output: str) -> None:  # noqa: ARG001
    file = lock.load((ROOT / "models.lock.yaml").read_text()).models[Q4].files[0]
    eventually(lambda: in_memory(Q4, file.size))
    blob = STORE / ".blobs" / f"sha256-{file.sha256}"
    flip(blob, file.size // 2)

    restart()

    eventually(lambda: has("weights_corrupt_total", Q4, 1))
    assert not blob.exists()
    assert list((STORE / ".quarantine").glob(f"sha256-{file.sha256}.*"))
    assert (STORE / Q4 / "current" / "WITHDRAWN.json").exists()

    restart()
    secret = key()
    assert chat(Q3, secret)[0] == 200, "one lost model holds nobody back"
    status, said = chat(Q4, secret)
    assert status >= 400
    assert Q4 in json.dumps(said), "who asks for it learns which model it is"

    shown = dev("preview")
    assert re.search(rf"model {Q4}: /models/{Q4}/\w+/READY.json is withdrawn.*; an `up` fetches it again", shown.stdout)
    mended = up()
    assert f"model {Q4}: " in mended
    assert answered(mended)
    assert (STORE / Q4 / "current" / "READY.json").exists()
    assert "fetches it" not in dev("preview").stdout


def in_memory(model: str, size: int) -> bool:
    """Whether all of it is resident. A busy machine takes back pages that were read; then a new pod reads again."""
    if has("weights_resident_bytes", model, size):
        return True
    if has("warm_complete", model, 1):
        print("read, and no longer resident:", metrics())
        restart()
    return False


def flip(path: Path, offset: int) -> None:
    mode = path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as content:
        content.seek(offset)
        (byte,) = content.read(1)
        content.seek(offset)
        content.write(bytes([byte ^ 1]))
    path.chmod(mode)
