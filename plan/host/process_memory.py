"""Host memory of one llama-server: what is not on the card, what it keeps of earlier requests, and the program itself.

Nothing is mapped (plan/engine/server.py), so all of it is the pod's own and counts against its limit.
"""

from dataclasses import dataclass, replace

from plan import config
from plan.card.model_memory import configured_serving
from plan.config.model import DEFAULT_BATCH
from plan.models.abilities import mode
from plan.models.gguf_facts import GgufFacts, Shape
from plan.models.lock import LockedModel
from plan.vram.bounds import bounded
from plan.vram.cache import cells, kv_bytes, state_bytes, tokens_at_once, window_bytes
from plan.vram.compute import compute_bytes
from plan.vram.drafts import blocks
from plan.vram.experts import computed_on_host, on_host
from plan.vram.layers import Lengths, lengths
from plan.vram.types import MIB, Serving, VramError

# Beside its buffers a CPU build took 25 MiB with a vocabulary of 262144 tokens (0.5.0, RssAnon). With a card there is
# the host's side of its context, and four buffers of 64 MiB through which a file goes there (load_all_data in
# src/llama-model-loader.cpp): public figures of two processes are 0.6 and 1.3 GB, with what their models leave here.
_PROGRAM_MIB, _PROGRAM_WITH_CARD_MIB = 128, 512
# From ggml-org/llama.cpp#25070 on --cache-ram is the most there is. Before, the newest prompt was kept however long it
# is, and saved before the older ones went. The oldest build with its words in a public log is this one.
STRICT_FROM = 10644
# A checkpoint has the window alone in this build, which was looked at; in an older one it may have all cells.
_WINDOW_ALONE = 11312


@dataclass(frozen=True, slots=True)
class HostMemory:
    """MiB. `model`: weights, cache and buffers that are not on a card; `prompts` and `checkpoints` of earlier turns.

    `experts` are those that `cpu_moe` keeps off the card, with the buffer in which the CPU computes them.
    """

    model: float
    prompts: float
    checkpoints: float
    program: float
    experts: float = 0

    @property
    def total(self) -> float:
        return self.model + self.experts + self.prompts + self.checkpoints + self.program


def makes_checkpoints(model: config.Model, files: LockedModel) -> bool:
    """Whether llama-server copies what a conversation cannot be taken back to: windows and recurrent states.

    Only for models that chat (0.5.0, tools/server/server-context.cpp); one of unknown lengths may have either.
    """
    if mode(model, files.gguf.shape) != "chat":
        return False
    known = _lengths(files.gguf, files.quant)
    return known is None or bool(known.sliding_window) or any(layer.recurrent for layer in known.layers)


def host_memory(
    model: config.Model, files: LockedModel, server: config.Server, prompts_mib: int, *, on_card: bool
) -> HostMemory:
    """What its process takes of the pod's memory at most; of an architecture without lengths, weights and settings.

    `prompts_mib` is its --cache-ram.
    """
    serving = configured_serving(model, files, server)
    of_model = _lengths(files.gguf, files.quant)
    rest = _on_card(of_model, serving) if on_card else _on_cpu(of_model, serving)
    one = replace(serving, total_tokens=model.request_tokens, parallel=1, unified=False, drafted=0, mtp=False)
    request = kv_bytes(of_model, one) + state_bytes(of_model, one) if of_model else 0
    # One more is taken before drafted tokens are checked, to go back to (0.5.0, spec_ckpt in server-context.cpp).
    copies = model.ctx_checkpoints + bool(serving.drafted)
    checkpoints = copies * _checkpoint(of_model, one) if makes_checkpoints(model, files) else 0
    drafts, of_request = _drafts(files, serving, one, on_card)
    weights = _weights(files.gguf, files.bytes_by_role, on_card)
    return HostMemory(
        model=(weights + rest + _outputs(files.gguf.shape, serving) + drafts) / MIB,
        # Only chats are saved, each with a copy of its checkpoints and of what its draft has of it.
        prompts=0
        if serving.embeds
        else _prompts_mib(prompts_mib, (request + of_request + checkpoints) / MIB, serving.build),
        checkpoints=checkpoints * model.parallel / MIB,
        program=_PROGRAM_WITH_CARD_MIB if on_card else _PROGRAM_MIB,
        experts=_experts(files.gguf, serving) / MIB if on_card else 0,
    )


def _experts(facts: GgufFacts, serving: Serving) -> int:
    """Bytes. They are read straight into that memory: nothing else holds a copy of them (load_all_data, as above)."""
    moved = on_host(facts.weights, serving) if facts.weights else 0
    return moved + computed_on_host(facts.shape, serving) if moved else 0


def _lengths(facts: GgufFacts, quant: str) -> Lengths | None:
    shape, weights = facts.shape, facts.weights
    try:
        return lengths(bounded(shape, weights, quant).most if weights else shape)
    except VramError:
        return None


def _drafts(files: LockedModel, serving: Serving, one: Serving, on_card: bool) -> tuple[int, int]:
    """Bytes that are here of what drafts for the model, and of its cache for one request."""
    alone, drafter = replace(serving, drafted=0, mtp=False, expert_layers=0), files.gguf.draft
    if serving.mtp:
        of_draft = blocks(files.gguf) if _lengths(files.gguf, files.quant) else None
        # Blocks of the model draft from its states, a row for each token of a batch (output_reserve).
        held = 4 * max(DEFAULT_BATCH, serving.ubatch) * (files.gguf.shape.embedding_length or 0)
        held += 0 if on_card or files.gguf.weights is None else files.gguf.weights.nextn_bytes
    elif drafter:
        of_draft = _lengths(drafter, "")
        held = _weights(drafter, {"model": files.bytes_by_role.get("draft", 0)}, on_card)
        held += _outputs(drafter.shape, alone)
    else:
        return 0, 0
    held += _on_card(of_draft, alone) if on_card else _on_cpu(of_draft, alone)
    return held, kv_bytes(of_draft, one) + state_bytes(of_draft, one) if of_draft else 0


def _weights(facts: GgufFacts, sizes: dict[str, int], on_card: bool) -> int:
    """Bytes. A model on the card leaves the embedding of its input here; without facts it is taken to leave nothing."""
    held = facts.weights
    if on_card:
        return held.input_bytes if held else 0
    whole = held.gpu_bytes + held.input_bytes if held else sizes.get("model", 0)
    return whole + sizes.get("mmproj", 0)


def _checkpoint(of_model: Lengths | None, one: Serving) -> int:
    """Bytes of one: the last cells of layers with a window, and the state of recurrent layers."""
    if of_model is None:
        return 0
    _, cells_kept = cells(of_model, one)
    kept = window_bytes(of_model, one)
    if cells_kept and one.build is not None and one.build >= _WINDOW_ALONE:
        kept = kept * min(of_model.sliding_window, cells_kept) // cells_kept
    return kept + state_bytes(of_model, one)


def _outputs(shape: Shape, serving: Serving) -> int:
    """Bytes of a row for each answer of a step: of the vocabulary, and where texts become vectors of these as well.

    For vectors and ranks llama-server reserves one for each token of a ubatch (0.5.0, src/llama-context.cpp,
    output_reserve).
    """
    vocabulary, width = shape.vocab_size or 0, shape.embedding_length or 0
    if serving.embeds:
        return 4 * tokens_at_once(serving) * (vocabulary + width)
    return 4 * serving.answers * vocabulary


def _on_card(of_model: Lengths | None, serving: Serving) -> int:
    """Bytes of the inputs of a graph that a card computes."""
    if of_model is None:
        return 0
    tokens, masks = tokens_at_once(serving), sum(cells(of_model, serving))
    return tokens * (2 * masks + 8 * of_model.width)


def _on_cpu(of_model: Lengths | None, serving: Serving) -> int:
    if of_model is None:
        return 0
    compute, _ = compute_bytes(of_model, serving)
    return kv_bytes(of_model, serving) + state_bytes(of_model, serving) + compute


def _prompts_mib(limit_mib: int, request_mib: float, build: int | None) -> float:
    """What saved prompts take, with the one that is being saved."""
    if limit_mib == 0 or (build is not None and build >= STRICT_FROM):
        return limit_mib
    return max(limit_mib, request_mib) + request_mib
