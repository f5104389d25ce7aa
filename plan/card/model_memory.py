"""What one model of a stack takes of the card as it is configured, and with how much context it would still fit."""

from collections.abc import Callable, Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.models.engine_builds import image_build
from plan.models.lock import LockedModel
from plan.vram.calibration import calibrated
from plan.vram.cards import Card
from plan.vram.estimate import Breakdown, Serving, VramError, estimate
from plan.vram.largest_context import largest_context

Locked = Mapping[str, LockedModel]


def breakdown(model_id: str, stack: config.Stack, locked: Locked, card: Card) -> Breakdown:
    """Where the model's memory goes; raises ConfigError where that cannot be computed."""
    tokens = stack.models[model_id].request_tokens
    try:
        return _estimator(model_id, stack, locked, card)(tokens)
    except VramError as error:
        got = f"{locked[model_id].gguf.shape.architecture} with context {tokens}"
        raise ConfigError(f"{config.KEY}.models.{model_id}", got, f"{error}.") from None


def most_tokens(model_id: str, stack: config.Stack, locked: Locked, card: Card, room_mib: int) -> int | None:
    """The largest `context` with which the model takes at most `room_mib`; None where it fits with none."""
    model = stack.models[model_id]
    trained = locked[model_id].gguf.shape.context_length or model.request_tokens
    largest = largest_context(_estimator(model_id, stack, locked, card), room_mib, trained)
    # One image may fill that many tokens, and plan/engine/flags.py refuses a context without room for an answer.
    too_small = stack.server.image_max_tokens if model.mmproj else 0
    return largest if largest and largest > too_small else None


def _estimator(model_id: str, stack: config.Stack, locked: Locked, card: Card) -> Callable[[int], Breakdown]:
    """A function from the tokens of one request to the model's memory; it raises VramError where that is unknown."""
    model, files = stack.models[model_id], locked[model_id]
    sizes, build = files.bytes_by_role, image_build(stack.server.image)

    def derived(serving: Serving) -> Breakdown:
        return estimate(files.gguf, sizes, serving, card, files.quant)

    def at(request_tokens: int) -> Breakdown:
        serving = Serving(
            total_tokens=config.total_tokens(request_tokens, model.parallel),
            kv_type=model.kv_type,
            parallel=model.parallel,
            ubatch=model.ubatch,
            image_max_tokens=stack.server.image_max_tokens,
            build=build,
        )
        return calibrated(derived, serving, model.measured, "mmproj" in sizes)

    return at
