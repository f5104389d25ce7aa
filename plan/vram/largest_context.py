"""The most tokens, or requests at a time, that a model could be served with in the memory that is left."""

from collections.abc import Callable

from plan.vram.estimate import Breakdown, VramError

STEP = 256  # llama.cpp pads a context to this many cells (src/llama-context.cpp)
LEAST = 2048  # tokens; with less there is no room for a question with its system prompt, and an answer


def largest_context(estimate: Callable[[int], Breakdown], limit_mib: float, trained: int) -> int | None:
    """The largest multiple of 256 up to `trained` tokens whose upper bound is at most `limit_mib`.

    None where that is below 2048, unless the model was trained for no more. `estimate` takes the tokens of one request;
    memory must not shrink with them. Where it raises VramError, the context does not fit.
    """
    found = STEP * most(lambda steps: _fits(estimate, steps * STEP, limit_mib), trained // STEP)
    return found if found >= max(STEP, min(LEAST, trained // STEP * STEP)) else None


def most(fits: Callable[[int], bool], limit: int) -> int:
    """The largest number from 1 to `limit` for which `fits` is true, as it is for all smaller ones; 0 without any."""
    found, too_many = 0, limit + 1
    while too_many - found > 1:
        middle = (found + too_many) // 2
        found, too_many = (middle, too_many) if fits(middle) else (found, middle)
    return found


def _fits(estimate: Callable[[int], Breakdown], context: int, limit_mib: float) -> bool:
    try:
        return estimate(context).upper_mib <= limit_mib
    except VramError:
        return False
