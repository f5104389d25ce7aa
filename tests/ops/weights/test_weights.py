"""`ops weights` as a person runs it, on a volume made by hand and one that a real fetch filled."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plan.models import lock as locks
from plan.models.gguf_facts import GgufFacts, Shape
from plan.models.lock import Lock, LockedFile, LockedModel, generation
from tests.pods.shelf import Shelf, gen, sha

ROOT = Path(__file__).parents[3]


class Desk:
    """A directory with stack files and a lock, and a volume."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.shelf = directory, Shelf(directory / "volume")
        self.models: dict[str, LockedModel] = {}

    def lock(self, model_id: str, content: bytes, *stacks: str) -> str:
        """Lock a model of one file, for these stacks; its generation."""
        file = LockedFile(role="model", path="a-Q4_K_M.gguf", size=len(content), sha256=sha(content))
        facts = {"repo": "org/a-GGUF", "revision": "main", "commit": "0" * 40, "quant": "Q4_K_M"}
        gguf = GgufFacts(shape=Shape(architecture="llama", source="header"))
        self.models[model_id] = LockedModel(**facts, gen=generation((file,)), files=(file,), gguf=gguf)
        (self.directory / "models.lock.yaml").write_text(locks.dump(Lock(version=1, models=self.models)))
        for stack in stacks:
            config = self.directory / f"Pulumi.{stack}.yaml"
            head = "config:\n  local-llm:stack:\n    namespace: llm\n    models:\n"
            known = config.read_text() if config.exists() else head
            config.write_text(known + f"      {model_id}: {{repo: org/a-GGUF, quant: Q4_K_M, context: 64}}\n")
        return self.models[model_id].gen

    def weights(self, *arguments: str, code: int = 0) -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        argv = [sys.executable, "-m", "ops", "weights", *arguments]
        ran = subprocess.run(
            argv, cwd=self.directory, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    def json(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self.weights("--root", "volume", "--json", *arguments))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Model a for two stacks, b for one; an older generation of a, a blob of nobody, something in the trash."""
    desk = Desk(tmp_path)
    for model_id, content, stacks in (("a", b"new", ("dev", "prod")), ("b", b"other", ("dev",))):
        number = int(desk.lock(model_id, content, *stacks), 16)
        desk.shelf.model(model_id, number, content, age_s=90000)
    desk.shelf.model("a", 1, b"older", age_s=400000, unused_s=200000)
    desk.shelf.blob(b"nobody's", 5, ".part")
    desk.shelf.throw_away(desk.shelf.blob(b"thrown away"), 100000)
    (desk.shelf.root / "notes.txt").write_text("mine")
    return desk


def test_it_tells_who_needs_what_and_what_prune_would_free(desk: Desk) -> None:
    before = desk.shelf.tree()
    found = desk.json()
    assert desk.shelf.tree() == before
    rows = {(it["id"], it["gen"]): it for it in found["generations"]}
    a = rows["a", desk.models["a"].gen]
    assert (a["state"], a["stacks"], a["bytes"], a["ready"]) == ("kept", ["dev", "prod"], 3, True)
    assert 0 <= a["age_s"] - 90000 < 600
    older = rows["a", gen(1)]
    assert (older["state"], older["stacks"], older["bytes"]) == ("due", [], 5)
    assert [it["sha256"] for it in found["blobs"]] == [sha(b"nobody's")]
    assert [it["path"] for it in found["unknown"]] == ["notes.txt"]
    assert [it["state"] for it in found["aside"]] == ["expired"]
    assert found["summary"]["would_free_bytes"] == len(b"older") + len(b"thrown away")


def test_a_model_whose_file_is_gone_is_named_with_the_command_that_fetches_it_again(desk: Desk) -> None:
    assert [it["lost"] for it in desk.json()["generations"]] == [[], [], []]
    (desk.shelf.root / ".blobs" / f"sha256-{sha(b'new')}").unlink()
    (desk.shelf.root / ".blobs" / f"sha256-{sha(b'older')}").unlink()

    assert {it["gen"]: it["lost"] for it in desk.json()["generations"] if it["id"] == "a"} == {
        desk.models["a"].gen: [sha(b"new")],
        gen(1): [sha(b"older")],
    }
    printed = desk.weights("--root", "volume")
    assert "kept, lost 1 of its files" in printed
    assert printed.count("a: `kubectl delete job fetch-a -n llm`, then `pulumi up --refresh`") == 1, "not the older one"


def test_one_stack_needs_only_its_own(desk: Desk) -> None:
    states = {it["id"]: it["state"] for it in desk.json("--stack", "prod")["generations"] if it["gen"] != gen(1)}
    assert states == {"a": "kept", "b": "unused"}


def test_the_report_and_prune_itself_agree(desk: Desk) -> None:
    promised = desk.json("--stack", "dev")["summary"]
    keep = [("a", int(desk.models["a"].gen, 16), b"new"), ("b", int(desk.models["b"].gen, 16), b"other")]
    summary = desk.shelf.prune("delete", *keep, grace_s=86400)[-1]
    assert summary["due_bytes"] == promised["due_bytes"]
    assert summary["freed_bytes"] == promised["expired_bytes"]


def test_the_table_can_be_read(desk: Desk) -> None:
    printed = desk.weights("--root", "volume")
    assert f"sha256-{sha(b'nobody' + bytes([39]) + b's')}" in printed
    for words in ("dev, prod", "due, unused for 2 d", "(set aside)", "(not ours)", "never removed", "fetching, .part"):
        assert words in printed
    assert "prune: 0.0 MiB are due for the trash" in printed


@pytest.mark.parametrize("arguments", [("--root", "."), ()], ids=["another directory", "none"])
def test_where_no_volume_is_it_names_the_command_for_the_cluster(desk: Desk, arguments: tuple[str, ...]) -> None:
    said = desk.weights("--stack", "dev", *arguments, code=1)
    assert "`kubectl create job -n llm --from=cronjob/prune-weights weights-report`" in said
    assert "`kubectl logs -n llm -f job/weights-report`" in said


def test_a_directory_of_ours_that_cannot_be_read_is_an_error_and_not_an_empty_volume(desk: Desk) -> None:
    if os.getuid() != 0:
        pytest.skip("another owner's directory needs root")
    (desk.shelf.root / ".blobs").chmod(0)
    argv = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", sys.executable, "-m", "ops"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    os.chown(desk.shelf.root / ".blobs", 65532, 65532)
    ran = subprocess.run(
        [*argv, "weights", "--root", "volume"], cwd=desk.directory, env=env, capture_output=True, text=True, check=False
    )
    (desk.shelf.root / ".blobs").chmod(0o755)
    assert ran.returncode == 1, ran.stdout
    assert "cannot be read" in ran.stderr
    assert "as the user to whom the files belong" in ran.stderr
