"""The most tokens a model could be served with in the memory that is left."""

from collections.abc import Callable

from plan.vram.estimate import Breakdown, VramError

STEP = 256  # llama.cpp pads a context to this many cells (src/llama-context.cpp)


def largest_context(estimate: Callable[[int], Breakdown], limit_mib: float, trained: int) -> int | None:
    """The largest multiple of 256 up to `trained` tokens whose upper bound is at most `limit_mib`, or None.

    `estimate` takes the tokens of one request; memory must not shrink with them. Where it
    raises VramError, the context does not fit.
    """
    fits, too_many = 0, trained // STEP + 1
    while too_many - fits > 1:
        steps = (fits + too_many) // 2
        fits, too_many = (steps, too_many) if _fits(estimate, steps * STEP, limit_mib) else (fits, steps)
    return fits * STEP or None


def _fits(estimate: Callable[[int], Breakdown], context: int, limit_mib: float) -> bool:
    try:
        return estimate(context).upper_mib <= limit_mib
    except VramError:
        return False
