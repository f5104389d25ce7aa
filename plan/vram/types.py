"""Input and result types of the estimate of GPU memory."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

FigureSource = Literal["derived", "allocator", "measured", "bound"]
MIB = 2**20


class VramError(ValueError):
    """The memory of this model cannot be computed; the text says why and what helps, without a full stop."""


class UnmeasuredError(VramError):
    """The same, where llama.cpp's own allocator would tell it: `bin/local-llm lock` asks that one."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How llama-server serves a model: `total_tokens` is the context of all slots together; `ubatch` in tokens.

    `build` is llama.cpp's number, the 10524 of b10524; None where it is not known. `embeds`: it serves embeddings or
    ranks, not chats. `unified`: the slots share one cache of `total_tokens`, in place of an equal part of it each. Of
    its first `expert_layers` layers the experts are not on the card. `drafted` are tokens that a slot checks at a time
    beside its next one, `mtp`: blocks of the model itself draft them.
    """

    total_tokens: int
    kv_type: str = "f16"
    parallel: int = 1
    ubatch: int = 512
    image_max_tokens: int = 1024
    build: int | None = None
    embeds: bool = False
    unified: bool = False
    expert_layers: int = 0
    drafted: int = 0
    mtp: bool = False

    @property
    def answers(self) -> int:
        """Rows of logits that a step of all slots has at most: a slot's next token, and one for each drafted."""
        return self.parallel * (1 + self.drafted)

    @property
    def states(self) -> int:
        """Copies of a recurrent state for each slot; with `mtp` one to go back to for each drafted token."""
        return 1 + (self.drafted if self.mtp else 0)

    @property
    def streams(self) -> int:
        """Caches that are kept apart."""
        return 1 if self.unified else self.parallel


class Parts(NamedTuple):
    """What a model's graph takes beside the weights, bytes; `more` may come on top of them.

    `weights` are at least so many. `notes` say what a reader has to know of the figures, `bounds` why they may be too
    high.
    """

    kv: int
    state: int
    compute: int
    source: FigureSource
    more: int = 0
    weights: int = 0
    notes: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where the memory goes, MiB. `upper_mib` is what a budget counts with; `source` is the weakest of the parts'.

    Parts of a draft are those of the small model, or of the model's own blocks that draft. `host_experts_mib` are not
    on the card, and in no other figure.
    """

    weights_mib: float
    kv_mib: float
    state_mib: float
    compute_mib: float
    mmproj_weights_mib: float
    mmproj_compute_mib: float
    context_mib: float
    upper_mib: float
    source: FigureSource
    notes: tuple[str, ...] = ()
    host_experts_mib: float = 0
    draft_weights_mib: float = 0
    draft_cache_mib: float = 0  # with its state, where it has one
    draft_compute_mib: float = 0

    @property
    def draft_mib(self) -> float:
        return self.draft_weights_mib + self.draft_cache_mib + self.draft_compute_mib

    @property
    def total_mib(self) -> float:
        return (
            self.draft_mib
            + self.weights_mib
            + self.kv_mib
            + self.state_mib
            + self.compute_mib
            + self.mmproj_weights_mib
            + self.mmproj_compute_mib
            + self.context_mib
        )
