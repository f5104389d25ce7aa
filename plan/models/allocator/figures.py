"""Figures of llama.cpp's allocator for one model, as `bin/local-llm lock` measures them without a card.

The cache grows with each cell, a compute buffer in straight lines; so a few of its points tell the rest. What they were
measured for is told by each row; plan/vram/allocator reckons with them.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from plan.base.frozen import Frozen
from plan.config.numbers import Build, Requests, Tokens

_POINTS_MAX, _ROWS_MAX, _CACHES_MAX = 256, 64, 16  # most rows have four points
Bytes = Annotated[int, Field(ge=0, le=2**50)]
Elements = Annotated[int, Field(gt=0, le=2**32 - 1)]
Point = Annotated[tuple[Tokens, Bytes], Field(strict=False)]


class Cache(Frozen):
    """A cache of keys and values: `cell_elements` numbers for each token that it holds, of all its layers together.

    It holds the whole context, or `window` tokens and those that are computed at once.
    """

    window: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    cell_elements: Elements


class Compute(Frozen):
    """The compute buffer of one way to serve: `points` are the cells of one slot and bytes on the card, by cells.

    `parallel` are slots, `ubatch` tokens; `embeds`: it serves embeddings or ranks; `unified`: the slots share one
    cache, and `points` are its cells. `drafts` are tokens that blocks of the model itself draft at a time, and
    `draft_points` are of the compute buffer of these blocks.
    """

    kv_type: Literal["f16", "q8_0", "q4_0"]
    ubatch: Tokens
    parallel: Requests = 1
    embeds: bool = False
    unified: bool = False
    drafts: Annotated[int, Field(ge=0, le=1024)] = 0
    points: Annotated[tuple[Point, ...], Field(strict=False, min_length=1, max_length=_POINTS_MAX)]
    draft_points: Annotated[tuple[Point, ...], Field(strict=False, max_length=_POINTS_MAX)] = ()

    @property
    def serves(self) -> tuple[str, int, int, bool, bool, int]:
        """What it was measured for; no two rows have the same."""
        return self.kv_type, self.ubatch, self.parallel, self.embeds, self.unified, self.drafts


class Allocator(Frozen):
    """`build` is the llama.cpp that was asked, the 10524 of b10524. `state_bytes` of recurrent layers for each slot.

    `weights_mib` of tensors on the card, rounded down, check those that the header tells. `draft_cell_elements` are
    those that the cache of the model's own blocks has for each token, where they draft and are among the weights.
    """

    build: Build
    weights_mib: Annotated[int, Field(ge=0, le=2**30)]
    caches: Annotated[tuple[Cache, ...], Field(strict=False, max_length=_CACHES_MAX)] = ()
    state_bytes: Bytes = 0
    draft_cell_elements: Elements | None = None
    compute: Annotated[tuple[Compute, ...], Field(strict=False, min_length=1, max_length=_ROWS_MAX)]

    def faults(self) -> Iterator[tuple[str, object, str]]:
        """Key, value there, and in words what it should be: what no allocator can have said."""
        rows = [row.serves for row in self.compute]
        for number, row in enumerate(self.compute):
            if rows.index(row.serves) != number:
                yield (
                    f"compute.{number}",
                    row.serves,
                    "Another row has the same kv_type, ubatch, parallel, embeds, unified and drafts",
                )
            for name, points in (("points", row.points), ("draft_points", row.draft_points)):
                cells = [point[0] for point in points]
                if cells != sorted(set(cells)):
                    yield f"compute.{number}.{name}", cells, "Each point has more cells than the one before it"
