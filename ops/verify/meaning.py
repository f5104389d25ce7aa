"""What is asked of a model that does not chat, and whether it puts near what means the same, and first what answers."""

import math
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from ops.verify.questions import WEIGHTS, Fault

_NEAR = ("The cat sleeps on the warm sofa.", "A kitten is napping on the couch.")
_FAR = "The central bank raised interest rates by half a percent."
_QUERY = "What is the capital of France?"
_DOCUMENTS = ("Bread is baked in an oven.", "Paris is the capital of France.", "The moon moves the tides of the sea.")
_RIGHT = 1


class _Vector(BaseModel):
    index: int
    embedding: list[float]


class Vectors(BaseModel):
    """An answer of /v1/embeddings."""

    data: list[_Vector]


class _Rank(BaseModel):
    index: int
    relevance_score: float


class Ranks(BaseModel):
    """An answer of /v1/rerank."""

    results: list[_Rank]


EMBEDDING: tuple[str, dict[str, Any]] = ("embeddings", {"input": [*_NEAR, _FAR]})
RERANK: tuple[str, dict[str, Any]] = ("rerank", {"query": _QUERY, "documents": list(_DOCUMENTS)})


def of_vectors(answer: Vectors) -> tuple[str, Fault | None]:
    """What was seen in a few words, and what is wrong with it: two sentences alike and one that is not."""
    by_index = {row.index: row.embedding for row in answer.data}
    if sorted(by_index) != [0, 1, 2] or len({len(vector) for vector in by_index.values()}) != 1:
        return "", Fault(f"{len(answer.data)} vectors for 3 sentences, or of several lengths", WEIGHTS)
    one, two, other = (by_index[number] for number in range(3))
    if not all(map(_is_vector, (one, two, other))):
        return "", Fault("a vector of zeros, or of no numbers", WEIGHTS)
    near, far = _cosine(one, two), max(_cosine(one, other), _cosine(two, other))
    said = f"{len(one)} numbers; alike {near:.2f}, unlike {far:.2f}"
    wrong = "two sentences that mean the same are no nearer to each other than to a third"
    return said, None if near > far else Fault(wrong, WEIGHTS)


def of_ranks(answer: Ranks) -> tuple[str, Fault | None]:
    """What was seen in a few words, and what is wrong with it: one document answers the query."""
    scores = {row.index: row.relevance_score for row in answer.results}
    if sorted(scores) != [0, 1, 2] or not all(map(math.isfinite, scores.values())):
        return "", Fault(f"{len(answer.results)} scores for 3 documents, or none that is a number", WEIGHTS)
    first = max(scores, key=lambda index: scores[index])
    said = ", ".join(f"{scores[index]:.2f}" for index in range(3))
    wrong = f"document {first} is ranked before the one that answers the query"
    return said, None if first == _RIGHT else Fault(wrong, WEIGHTS)


def _is_vector(numbers: Sequence[float]) -> bool:
    return bool(numbers) and all(map(math.isfinite, numbers)) and any(numbers)


def _cosine(one: Sequence[float], two: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True)) / (math.hypot(*one) * math.hypot(*two))
