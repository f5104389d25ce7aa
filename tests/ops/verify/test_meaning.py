"""`ops verify` asks a model of mode embedding or rerank what only a well one answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plan.models import lock as locks
from tests import stacks
from tests.ops.endpoint import Answer, Endpoint, ranks, running, says, vectors
from tests.ops.verify.test_verify import verify
from tests.plan.models.entries import with_entry, with_facts

ID = "qwen3-8b"
NEAR, ALSO, FAR = [1.0, 0.1, 0.0], [0.9, 0.2, 0.1], [0.0, 0.2, 1.0]
GOOD = {"embedding": vectors(NEAR, ALSO, FAR), "rerank": ranks(-9.0, 3.5, -11.0)}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running({}) as endpoint:
        yield endpoint


def asked(endpoint: Endpoint, place: Path, pooling: int, answer: Answer, code: int = 0) -> tuple[dict[str, Any], str]:
    """The one check of a model whose header says that pooling, and what was told besides."""
    lock = with_entry(ID, with_facts(shape={"source": "header", "pooling_type": pooling}))
    (place / "models.lock.yaml").write_text(locks.dump(lock))
    (place / "Pulumi.t4.yaml").write_text((stacks.EXAMPLE / "Pulumi.t4.yaml").read_text())
    endpoint.models = {ID: answer}
    said, told = verify(endpoint, "--model", ID, "--json", code=code, cwd=place)
    (row,) = json.loads(said)["checks"]
    return row, told


@pytest.mark.parametrize(("pooling", "mode"), [(1, "embedding"), (3, "embedding"), (4, "rerank")])
def test_a_well_model_is_asked_once_for_what_it_serves(
    endpoint: Endpoint, tmp_path: Path, pooling: int, mode: str
) -> None:
    row, _ = asked(endpoint, tmp_path, pooling, GOOD[mode])

    assert (row["check"], row["ok"], row["tokens_per_s"]) == (mode, True, None)
    assert row["answer"] in ("3 numbers; alike 0.99, unlike 0.15", "-9.00, 3.50, -11.00")
    (body,) = endpoint.asked
    assert len(body.get("input") or body["documents"]) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (vectors(NEAR, FAR, ALSO), "two sentences that mean the same are no nearer to each other"),
        (vectors(NEAR, NEAR, NEAR), "two sentences that mean the same are no nearer"),
        (vectors(NEAR, ALSO), "2 vectors for 3 sentences"),
        (vectors(NEAR, ALSO, FAR, FAR), "4 vectors for 3 sentences"),
        (vectors(NEAR, ALSO, [1.0]), "3 vectors for 3 sentences, or of several lengths"),
        (vectors([0.0] * 3, ALSO, FAR), "a vector of zeros, or of no numbers"),
        (vectors([], [], []), "a vector of zeros, or of no numbers"),
        (says("Paris."), "an answer that is not a list of vectors"),
        (lambda _: (501, b'{"error": "this server does not support embeddings"}'), "HTTP 501"),
        (lambda _: (200, b'{"data": [{"index": 0, "embedding": "AAAA"}]}'), "not a list of vectors"),
        (lambda _: (200, b'{"data": [{"index": 0, "embedding": [NaN]}]}'), "a list of vectors"),
    ],
)
def test_vectors_that_are_none_or_say_nothing_are_told(
    endpoint: Endpoint, tmp_path: Path, answer: Answer, said: str
) -> None:
    row, told = asked(endpoint, tmp_path, 3, answer, code=1)

    assert said in row["wrong"]
    assert "next: " in told


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ranks(3.0, 2.0, 1.0), "document 0 is ranked before the one that answers the query"),
        (ranks(-3.0, -2.0, -1.0), "document 2 is ranked before"),
        (ranks(1.0, 2.0), "2 scores for 3 documents"),
        (ranks(), "0 scores for 3 documents"),
        (says("Paris."), "an answer that is not a list of ranks"),
        (vectors(NEAR, ALSO, FAR), "an answer that is not a list of ranks"),
        (lambda _: (501, b"{}"), "HTTP 501"),
    ],
)
def test_ranks_in_another_order_are_told(endpoint: Endpoint, tmp_path: Path, answer: Answer, said: str) -> None:
    row, _ = asked(endpoint, tmp_path, 4, answer, code=1)

    assert said in row["wrong"]


def test_the_stack_says_it_where_the_header_does_not(endpoint: Endpoint, tmp_path: Path) -> None:
    raw = yaml.safe_load((stacks.EXAMPLE / "Pulumi.t4.yaml").read_text())
    raw["config"]["local-llm:stack"]["models"][ID] |= {"mode": "embedding", "pooling": "last"}
    (tmp_path / "Pulumi.t4.yaml").write_text(yaml.safe_dump(raw))
    (tmp_path / "models.lock.yaml").write_text((stacks.EXAMPLE / "models.lock.yaml").read_text())
    endpoint.models = {ID: GOOD["embedding"]}

    said, _ = verify(endpoint, "--stack", "t4", "--model", ID, "--json", cwd=tmp_path)

    assert [row["check"] for row in json.loads(said)["checks"]] == ["embedding"]
