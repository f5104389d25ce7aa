"""What one model of a stack takes of the card as it is configured, and with how much context it would still fit."""

from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.catalogue.card import Card
from plan.models.abilities import mode
from plan.models.engine_builds import EXPERTS, image_build
from plan.models.lock import LockedModel
from plan.vram.calibration import calibrated
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from plan.vram.largest_context import largest_context, most
from plan.vram.types import UnmeasuredError

Locked = Mapping[str, LockedModel]


def breakdown(model_id: str, stack: config.Stack, locked: Locked, card: Card) -> Breakdown:
    """Where the model's memory goes; raises ConfigError where that cannot be computed."""
    model = stack.models[model_id]
    try:
        return _memory(model, locked[model_id], stack.server, card)
    except VramError as error:
        got = f"{locked[model_id].gguf.shape.architecture} with context {model.request_tokens}"
        lock = f"`bin/local-llm lock --update {model_id}`, on a machine with a llama-server, tells it too."
        also = f" {lock}" if isinstance(error, UnmeasuredError) else ""
        raise ConfigError(f"{config.KEY}.models.{model_id}", got, f"{error}.{also}") from None


def most_tokens(model_id: str, stack: config.Stack, locked: Locked, card: Card, room_mib: int) -> int | None:
    """The largest `context` with which the model takes at most `room_mib`; None where it fits with none of use."""
    model, files, server = stack.models[model_id], locked[model_id], stack.server

    def at(request_tokens: int) -> Breakdown:
        return _memory(model.model_copy(update={"request_tokens": request_tokens}), files, server, card)

    largest = largest_context(at, room_mib, files.gguf.shape.context_length or model.request_tokens)
    return largest if largest and largest >= _least_tokens(model, server) else None


def most_requests(model_id: str, stack: config.Stack, locked: Locked, card: Card, room_mib: int) -> int | None:
    """The largest `parallel` with which the model takes at most `room_mib`; None where one request is too much."""
    model = stack.models[model_id]

    def fits(parallel: int) -> bool:
        try:
            asked = _memory(model.model_copy(update={"parallel": parallel}), locked[model_id], stack.server, card)
        except VramError:
            return False
        return asked.upper_mib <= room_mib

    return most(fits, model.parallel) or None


def least_experts(model_id: str, stack: config.Stack, locked: Locked, card: Card, room_mib: int) -> int | None:
    """Of how many first layers the experts have to stay off the card, so that it takes at most `room_mib` of it.

    None where even all of them are not enough, and where nothing of them is known or the image's build has no flag.
    """
    model, files, build = stack.models[model_id], locked[model_id], image_build(stack.server.image)
    layers = len(files.gguf.weights.expert_bytes) if files.gguf.weights else 0
    if not layers or (build is not None and build < EXPERTS.first):
        return None

    def fits(on_card: int) -> bool:
        moved = model.model_copy(update={"cpu_moe": layers - on_card})
        try:
            return _memory(moved, files, stack.server, card).upper_mib <= room_mib
        except VramError:
            return False

    kept = most(fits, layers - 1)
    return layers - kept if kept or fits(0) else None


def _least_tokens(model: config.Model, server: config.Server) -> int:
    """What plan/ refuses a smaller context for: an image, thoughts or an answer that are allowed have no room in it."""
    image = server.image_max_tokens + 1 if model.has_projector else 0
    thoughts = (model.thinking_tokens or 0) + 1
    if model.reasoning != "off" and model.max_output_tokens is None:
        thoughts *= 2  # the contract speaks of half the context then (plan/models/thinking.py)
    return max(image, thoughts, model.max_output_tokens or 0)


def _memory(model: config.Model, files: LockedModel, server: config.Server, card: Card) -> Breakdown:
    """The memory of a model that is configured so; raises VramError where that is unknown."""
    sizes = files.bytes_by_role

    def derived(serving: Serving) -> Breakdown:
        return estimate(files.gguf, sizes, serving, card, files.quant)

    return calibrated(derived, configured_serving(model, files, server), model.measured, "mmproj" in sizes)


def configured_serving(model: config.Model, files: LockedModel, server: config.Server) -> Serving:
    """How llama-server is told to serve it."""
    return Serving(
        total_tokens=model.total_tokens,
        kv_type=model.kv_type,
        parallel=model.parallel,
        ubatch=model.ubatch,
        image_max_tokens=server.image_max_tokens,
        build=image_build(server.image),
        embeds=mode(model, files.gguf.shape) != "chat",
        unified=model.kv_unified and model.parallel > 1,
        expert_layers=model.expert_layers,
        drafted=model.drafting.most if model.drafting else 0,
        mtp=model.mtp,
    )
