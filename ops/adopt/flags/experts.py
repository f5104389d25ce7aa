"""Experts that a command keeps off the card."""

from collections.abc import Mapping

from ops.adopt.draft import Draft
from ops.adopt.flags.given import Given
from ops.adopt.flags.sizes import whole_number
from plan.config.numbers import LAYERS_MAX

# How people wrote it before --cpu-moe (ggml-org/llama.cpp#14992): patterns of all experts and of nothing else.
_ALL = frozenset(
    f"{pattern}=CPU"
    for pattern in (
        "exps", "_exps", ".*exps", ".*_exps.*", "ffn_.*_exps", ".ffn_.*_exps", ".ffn_.*_exps.", ".ffn_.*_exps.weight",
        ".ffn_(up|down|gate)_exps", ".ffn_(up|down|gate)_exps.", ".ffn_(gate|up|down)_exps.",
        ".ffn_(up|down|gate)_exps.*", "blk.*.ffn_.*_exps", "blk..*.ffn_.*_exps.", "blk.[0-9]+.ffn_.*_exps.",
        ".ffn_(up|down|gate|gate_up)_(ch|)exps",
    )
)  # fmt: skip


def take(flags: Mapping[str, Given], draft: Draft) -> None:
    """Write `cpu_moe`: --n-cpu-moe with more layers than a model can have says the same as --cpu-moe."""
    rest = dict(flags)
    moved, layers = rest.pop("override-tensor", None), whole_number(rest, "n-cpu-moe", draft)
    if moved and (moved.value or "").replace("\\", "") in _ALL:
        rest["override-tensor"] = moved
    elif moved:
        draft.leave(
            moved, "There is no key for it: `cpu_moe` keeps experts off the card, of the first layers or of all"
        )
    if layers is not None and layers < 0:
        draft.leave(rest.pop("n-cpu-moe"), "It takes a number of layers")
    elif "n-cpu-moe" in rest and layers is None:
        del rest["n-cpu-moe"]
    if not rest:
        return
    whole = {*rest} != {"n-cpu-moe"} or (layers or 0) > LAYERS_MAX
    if whole or layers:
        draft.carry("cpu_moe", "all" if whole else layers, *rest.values())
    else:
        draft.needless(*rest.values())
