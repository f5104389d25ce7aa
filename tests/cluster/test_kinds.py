"""Embeddings, ranks and drafted answers of real pods, through the Service; `ops verify` asks for what each serves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.tools import tools
from dev.tools.llama import SMOLLM2_FILES
from plan import config
from plan.base.names import slug
from tests.checkout import copy_to
from tests.cluster.embedded import INSTANCE, answered, dev, key, request, up
from tests.gateway.test_modes import TEXTS, with_pooling
from tests.oracle.drafts.served import LLAMA, write

VECTORS, RANKS, ALONE, DRAFTED = "Org/vectors.v1", "ranks", "alone", "drafted"
LARGE, SMALL = "pair-LARGE-F32.gguf", "draft/pair-DRAFT-F32.gguf"
PAIR = {"repo": "local/pair-GGUF", "context": 512, "args": {"threads": 1, "ignore-eos": True}}
FILE = "Vectors-135M-Q4_1.gguf"
MODELS: dict[str, dict[str, Any]] = {
    VECTORS: {"repo": "local/vectors-GGUF", "mode": "embedding", "pooling": "mean"},
    RANKS: {"repo": "local/ranks-GGUF", "mode": "rerank"},
}
PAIRS: dict[str, dict[str, Any]] = {
    ALONE: {**PAIR, "file": LARGE},
    DRAFTED: {**PAIR, "file": LARGE, "draft": {"file": SMALL, "max": 4}},
}


@pytest.fixture
def checkout(output: str, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001 - it is up
    """A copy of this checkout whose stack serves four more models, up; afterwards the cluster knows nothing of them."""
    copy_to(tmp_path)
    hub = INSTANCE.state / "hub"
    smollm2 = tools.path("smollm2") / SMOLLM2_FILES[0]
    for model in MODELS.values():
        (hub / model["repo"]).mkdir(parents=True)
    (hub / MODELS[VECTORS]["repo"] / FILE).symlink_to(smollm2)
    with_pooling(smollm2, hub / MODELS[RANKS]["repo"] / FILE)
    (hub / PAIR["repo"] / SMALL).parent.mkdir(parents=True)
    write(LLAMA, hub / PAIR["repo"] / LARGE, 1)
    write(LLAMA, hub / PAIR["repo"] / SMALL, 1)  # of the same weights, so that it drafts well
    served(tmp_path)
    yield tmp_path
    assert answered(up())
    for repo in {model["repo"] for model in (MODELS | PAIRS).values()}:
        shutil.rmtree(hub / repo)
    for model_id in MODELS | PAIRS:
        shutil.rmtree(INSTANCE.state / "models" / slug(model_id))


def served(checkout: Path) -> None:
    stack = checkout / "Pulumi.dev.yaml"
    content = yaml.safe_load(stack.read_text())
    for model_id, model in MODELS.items():
        usual = {"quant": "Q4_1", "context": 512, "args": {"threads": 1}}
        content["config"][config.KEY]["models"][model_id] = {**model, **usual}
    content["config"][config.KEY]["models"] |= PAIRS
    stack.write_text(yaml.safe_dump(content))
    env = {"HF_ENDPOINT": f"http://127.0.0.1:{INSTANCE.ports.hub}"}
    ops(checkout, "lock", "--update", *MODELS, *PAIRS, **env)
    done = dev("up", cwd=checkout)
    assert done.returncode == 0, done.stdout + done.stderr


def ops(checkout: Path, *arguments: str, **env: str) -> str:
    argv = [sys.executable, "-m", "ops", *arguments]
    done = subprocess.run(argv, cwd=checkout, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_answers_through_the_service_under_its_own_name(checkout: Path) -> None:
    secret = key()

    status, vectors = request("/v1/embeddings", secret, {"model": VECTORS, "input": TEXTS})
    assert status == 200, vectors
    assert vectors["model"] == VECTORS
    assert [len(row["embedding"]) for row in vectors["data"]] == [576] * 3
    status, ranks = request("/v1/rerank", secret, {"model": RANKS, "query": "Who sleeps?", "documents": TEXTS})
    assert status == 200, ranks
    assert sorted(row["index"] for row in ranks["results"]) == [0, 1, 2]

    url = f"http://127.0.0.1:{INSTANCE.ports.endpoint}/v1"
    argv = ["verify", "--url", url, "--stack", "dev", "--json", "--model", VECTORS]
    checks = json.loads(ops(checkout, *argv, LOCAL_LLM_API_KEY=secret))["checks"]
    assert [(row["model"], row["check"], row["ok"]) for row in checks] == [(VECTORS, "embedding", True)]

    asked = {"prompt": "Hello, world", "max_tokens": 48, "temperature": 0}
    answers = {}
    for model_id in PAIRS:
        status, answers[model_id] = request("/v1/completions", secret, {**asked, "model": model_id})
        assert status == 200, answers[model_id]
    alone, drafted = (answers[model_id]["choices"][0]["text"] for model_id in (ALONE, DRAFTED))
    assert drafted == alone, "a draft changes no answer"
    assert "draft_n" not in answers[ALONE]["timings"]
    timings = answers[DRAFTED]["timings"]
    assert timings["draft_n"] == timings["draft_n_accepted"] > 20
