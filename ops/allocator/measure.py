"""The table of figures that the lock keeps for a model: a few questions to llama.cpp's allocator for each way to serve.

The RPC client asks for a size once for all results of one form, whatever they are computed from. So in a model whose
layers with a window have the same heads as the others it may forget the copies of a longer quantized cache; there it is
asked with caches of the whole context everywhere, and what their larger masks take is subtracted.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise

from pydantic import ValidationError

from ops.allocator import log
from ops.allocator.program import Program
from ops.allocator.question import AllocatorError, HeaderFile, Question, ask, model
from ops.gguf.header import Header
from plan.config import total_tokens
from plan.models.allocator.figures import Allocator, Cache, Compute
from plan.models.gguf_facts import Shape
from plan.text.errors import in_words, steps
from plan.text.show import path as path_of
from plan.text.show import show
from plan.vram.allocator.lines import Points, at
from plan.vram.cache import element_bytes, padded, slot_cells, tokens_at_once, window_cells
from plan.vram.types import MIB, Serving

Ask = Callable[[Question], log.Told]
_STEP = 256  # cells: llama.cpp pads a context to so many
_APART = 1024  # cells between points that draw a line: two digits of a MiB tell no steeper or flatter one by then
_MASK_BYTES = 2
# Keys and values of a head come in so many numbers at least, which the two digits of a log's MiB tell apart.
_GRAIN, _BLOCK = 8, 32
_DOUBT = MIB // 50  # of the difference of two figures that have two digits
_OVER, _ENOUGH = 1.02, 16
# For each cell of all slots llama-server keeps some fifty bytes of host memory; beyond so many the last line goes on.
_CELLS_MAX = 1 << 22


@dataclass(frozen=True, slots=True)
class Way:
    """A way to serve a model: `serving`, with each of `contexts`, the tokens of one request.

    `flags` are those of embeddings and ranking.
    """

    serving: Serving
    contexts: tuple[int, ...]
    flags: tuple[str, ...] = ()


def measure(
    program: Program, files: Sequence[HeaderFile], header: Header, shape: Shape, ways: Sequence[Way]
) -> Allocator:
    """What llama.cpp's allocator says of a model served in these ways; raises AllocatorError.

    `header` is that of its first file, from which its `shape` is.
    """
    with model(files) as path:
        asked = cache(partial(ask, program, path, overrides(header)))
        try:
            measured = [Measured(asked, shape, way) for way in ways]
            return Allocator(
                build=program.build,
                weights_mib=max(row.told.weights_mib for row in measured),
                caches=_together([row.caches for row in measured]),
                draft_cell_elements=next(filter(None, (row.draft_cell_elements for row in measured)), None),
                state_bytes=max(row.state_bytes for row in measured),
                compute=tuple(row.compute() for row in measured),
            )
        except ValidationError as error:
            first = error.errors()[0]
            what = f"{path_of(steps(first))} {show(first['input'])}"
            raise AllocatorError(f"llama-server says what cannot be, {what}: {in_words(first, 'it is')}") from None


def overrides(header: Header) -> tuple[str, ...]:
    """Values for --override-kv that save llama-server from reading the vocabulary: only its length counts."""
    table = header.tensors.get("token_embd.weight")
    if table is None or len(table.shape) < 2:
        return ()
    architecture = header.pairs["general.architecture"]
    return ("tokenizer.ggml.model=str:no_vocab", f"{architecture}.vocab_size=int:{table.shape[1]}")


class Measured:
    """One way to serve, asked about at its longest context first: that tells the caches, and which have a window."""

    def __init__(self, asked: Callable[[Question], log.Told], shape: Shape, way: Way) -> None:
        self.asked, self.way, self.serving = asked, way, way.serving
        trained = min(shape.context_length or 0, _CELLS_MAX // way.serving.parallel)
        self.last = padded(max(trained, *way.contexts))
        self.told = asked(self._question(self.last))
        window = shape.sliding_window or 0
        self.caches = tuple(_cache(cache, self._at(self.last), window) for cache in self.told.caches)
        self.state_bytes = -(-self.told.state // (way.serving.parallel * way.serving.states))

    @property
    def draft_cell_elements(self) -> int | None:
        """What the cache of the blocks that draft holds of each token; raises AllocatorError for another than one."""
        if (draft := self.told.draft) is None:
            return None
        found = [_cache(it, self._at(self.last), 0) for it in draft.caches]
        if len(found) != 1 or found[0].window or draft.state:
            raise AllocatorError("llama-server says another cache than one of the whole context for what drafts")
        return found[0].cell_elements

    def compute(self) -> Compute:
        """The row of the table."""
        serving, served = self.serving, [slot_cells(self._at(context)) for context in self.way.contexts]
        windows = [window_cells(cache.window, self._at(self.last)) for cache in self.caches if cache.window]
        first = min(max(padded(serving.ubatch), *windows, _STEP), self.last)  # from here on every window is full
        return Compute.model_validate(
            {
                "kv_type": serving.kv_type,
                "ubatch": serving.ubatch,
                "parallel": serving.parallel,
                "embeds": serving.embeds,
                "unified": serving.unified,
                "drafts": serving.drafted if serving.mtp else 0,
                "points": points(self._bytes, first, self.last, served),
                "draft_points": points(self._draft_bytes, first, self.last, served) if serving.mtp else (),
            }
        )

    def _bytes(self, cells: int) -> int:
        windows = [cache.window for cache in self.caches if cache.window]
        if not windows or self.serving.kv_type == "f16":
            return self.told.compute if cells == self.last else self.asked(self._question(cells)).compute
        serving = self._at(cells)
        told = self.asked(replace(self._question(cells), whole_windows=True))
        larger = sum(cells - window_cells(window, serving) for window in windows)
        return told.compute - _MASK_BYTES * tokens_at_once(serving) * larger

    def _draft_bytes(self, cells: int) -> int:
        draft = self.asked(self._question(cells)).draft
        return draft.compute if draft else 0

    def _at(self, context: int) -> Serving:
        total = total_tokens(context, self.serving.parallel, unified=self.serving.unified)
        return replace(self.serving, total_tokens=total)

    def _question(self, cells: int) -> Question:
        serving = self._at(cells)
        flags = (*self.way.flags, *(("--kv-unified",) if serving.unified else ()))
        drafts = serving.drafted if serving.mtp else 0
        return Question(serving.total_tokens, serving.kv_type, serving.parallel, serving.ubatch, flags, drafts=drafts)


def points(bytes_at: Callable[[int], int], first: int, last: int, served: Iterable[int]) -> Points:
    """Points from which plan/ tells what `bytes_at` says of any cells from `first` to `last`, and exactly of `served`.

    The first two and the last two draw the lines; then it is asked in every gap, and where the lines tell another
    figure that is one more point.
    """
    ends = [cells for cells in (first, first + _APART, last - _APART, last) if first <= cells <= last]
    asked = {cells: bytes_at(cells) for cells in ends}
    found = dict(asked)

    def is_told(cells: int, over: float = _OVER) -> bool:
        """Whether the points there are tell it, at most `over` times; if not, it is one of them from now on."""
        if cells not in asked:
            asked[cells] = bytes_at(cells)
        value, by_lines = asked[cells], at(sorted(found.items()), cells)
        if not value - _DOUBT <= by_lines <= value * over + _DOUBT:
            found[cells] = value
        return cells not in found

    for cells in served:
        if first <= cells <= last:
            is_told(cells, over=1)
    gaps = list(pairwise(sorted(found)))
    while gaps and len(found) < _ENOUGH:
        low, high = gaps.pop()
        middle = round(math.sqrt(low * high) / _STEP) * _STEP
        if low < middle < high and not is_told(middle):
            gaps += [(low, middle), (middle, high)]
    while not all(is_told(cells) for cells in sorted(asked.keys() - found.keys())):
        pass  # a new point has tilted the lines of its neighbours
    return tuple(sorted(found.items()))


def _together(rows: Sequence[tuple[Cache, ...]]) -> tuple[Cache, ...]:
    """The caches by what each way to serve tells of them: of windows that padding hides the longest counts."""
    if len({tuple((cache.cell_elements, bool(cache.window)) for cache in row) for row in rows}) > 1:
        raise AllocatorError("llama-server says another cache of one way to serve than of the next")
    return tuple(max(caches, key=lambda cache: cache.window) for caches in zip(*rows, strict=True))


def _cache(told: log.Cache, serving: Serving, window: int) -> Cache:
    """What a cache holds of each token, and how long it is; raises AllocatorError for one that is not understood.

    `window` is the one that the header tells, if any. Another one is not told: only how it was padded.
    """
    whole = slot_cells(serving)
    if told.streams != serving.streams or not 0 < told.cells <= whole:
        raise AllocatorError(f"llama-server says a cache of {told.cells} cells and {told.streams} slots")
    cells = told.cells * told.streams
    grain = _GRAIN if serving.kv_type == "f16" else _BLOCK
    elements = round(told.bytes * _BLOCK / element_bytes(_BLOCK, serving.kv_type) / cells / grain) * grain
    if elements < 1 or abs(element_bytes(elements * cells, serving.kv_type) - told.bytes) > _DOUBT:
        raise AllocatorError(f"llama-server says {told.bytes / MIB:.2f} MiB for a cache of {cells} cells")
    if told.cells == whole:
        return Cache(cell_elements=elements)
    if not window or window_cells(window, serving) != told.cells:
        window = max(
            1, (told.cells - min(serving.ubatch, serving.total_tokens)) // (serving.parallel // serving.streams)
        )
    return Cache(window=window, cell_elements=elements)
