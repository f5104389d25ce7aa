"""llama.cpp's router serves embeddings and ranks as a stack says, and `ops verify` asks for them."""

import json
import os
import struct
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.tools import tools
from dev.tools.llama import SMOLLM2_FILES
from plan.base.names import slug
from plan.models import lock as locks
from plan.models.lock import Lock
from tests import stacks
from tests.gateway.router import running
from tests.gateway.test_names import KEY, asked
from tests.plans import made, renamed

EMBEDS, RANKS = "org/embed:V1", "rank"
RANK = 4  # LLAMA_POOLING_TYPE_RANK
TEXTS = ["The cat sleeps.", "A kitten naps.", "Rates rose."]


def with_pooling(file: Path, to: Path) -> Path:
    """A copy of a GGUF file whose header says that it ranks; the other key keeps its tensors at a multiple of 32."""
    data = file.read_bytes()
    rows = [("llama.pooling_type", RANK), ("test.14_letter", 0)]
    more = b"".join(struct.pack(f"<Q{len(key)}sII", len(key), key.encode(), 4, value) for key, value in rows)
    assert len(more) % 32 == 0
    (pairs,) = struct.unpack_from("<Q", data, 16)
    to.write_bytes(data[:16] + struct.pack("<Q", pairs + len(rows)) + more + data[24:])
    return to


def with_header(lock: Lock) -> Lock:
    entry = lock.models[RANKS]
    shape = entry.gguf.shape.model_copy(update={"pooling_type": RANK, "source": "header"})
    ranks = entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"shape": shape})})
    return Lock.model_construct(version=1, models={**lock.models, RANKS: ranks})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The router's URL, and a directory with the lock of what it serves."""
    tools.ensure("llama", "smollm2")
    place, smollm2 = tmp_path_factory.mktemp("router"), tools.path("smollm2") / SMOLLM2_FILES[0]
    keys = {"mode": "embedding", "pooling": "mean", "context": 512}
    raw, lock = renamed(EMBEDS, RANKS, stack="cpu", engine="llama-server", **keys)
    raw["models"][RANKS]["context"] = 512
    lock = with_header(lock)
    weights = {slug(EMBEDS): smollm2, RANKS: with_pooling(smollm2, place / "rank.gguf")}
    (place / "models.lock.yaml").write_text(locks.dump(lock))
    (place / "Pulumi.cpu.yaml").write_text(json.dumps({"config": {"local-llm:stack": raw}}))
    with running(place, made(raw, lock).server, weights, KEY) as url:
        yield url, place


def test_vectors_have_as_many_numbers_as_the_model_is_wide(served: tuple[str, Path]) -> None:
    url, _ = served

    answer = asked(f"{url}/embeddings", {"model": EMBEDS, "input": TEXTS})

    assert answer["model"] == EMBEDS
    assert [len(row["embedding"]) for row in answer["data"]] == [576] * 3  # type: ignore[attr-defined]


def test_documents_are_scored(served: tuple[str, Path]) -> None:
    url, _ = served

    answer = asked(f"{url}/rerank", {"model": RANKS, "query": "Who sleeps?", "documents": TEXTS})

    assert sorted(row["index"] for row in answer["results"]) == [0, 1, 2]  # type: ignore[attr-defined]


def test_a_text_longer_than_the_ubatch_is_refused_as_the_plan_says(served: tuple[str, Path]) -> None:
    url, _ = served

    with pytest.raises(urllib.error.HTTPError) as caught:
        asked(f"{url}/embeddings", {"model": EMBEDS, "input": "word " * 600})

    assert b"512" in caught.value.read()


def test_verify_asks_each_for_what_it_serves(served: tuple[str, Path]) -> None:
    url, place = served
    argv = [sys.executable, "-m", "ops", "verify", "--url", url, "--stack", "cpu", "--json"]
    env = {**os.environ, "PYTHONPATH": str(stacks.ROOT), "LOCAL_LLM_API_KEY": KEY}

    done = subprocess.run(argv, cwd=place, env=env, capture_output=True, text=True, check=False, timeout=300)

    checks = {row["model"]: row for row in json.loads(done.stdout)["checks"]}
    assert checks[EMBEDS]["check"] == "embedding"
    assert checks[EMBEDS]["ok"], checks[EMBEDS]
    assert checks[EMBEDS]["answer"].startswith("576 numbers; alike 0.")
    assert checks[RANKS]["check"] == "rerank"
    assert "HTTP" not in checks[RANKS]["wrong"], "it answered; weights that were never trained for it rank by chance"
