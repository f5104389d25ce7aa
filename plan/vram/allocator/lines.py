"""A compute buffer between the contexts for which it was measured.

A graph takes the most that is alive at once, in one layer or another, and each of them grows by as much with every
cell: so between two points the buffer follows the line of those before, and then the steeper one of those after.
`bin/local-llm lock` asks in between, and adds a point where that is not what llama.cpp's allocator says.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

Points = Sequence[tuple[int, int]]  # cells of one slot, bytes; by cells


def at(points: Points, cells: int) -> int:
    """Bytes for so many cells: the higher of the lines through two points before and through two after, rounded up.

    It is never less than a point of fewer cells and never more than the next point, for more tokens never take less.
    Before the first point that one counts; after the last the line through the last two goes on.
    """
    rising = list(zip((x for x, _ in points), accumulate((value for _, value in points), max), strict=True))
    after = bisect_right(rising, cells, key=lambda point: point[0])
    if after == 0:
        return rising[0][1]
    if after == len(rising):
        return _line(rising[-2:], cells)
    low, high = rising[after - 1], rising[after]
    if low[0] == cells:
        return low[1]
    before = rising[after - 2 : after] if after > 1 else (low, high)
    beyond = rising[after : after + 2] if after + 1 < len(rising) else (low, high)
    return min(max(_line(before, cells), _line(beyond, cells), low[1]), high[1])


def _line(ends: Points, cells: int) -> int:
    """The line through the first and the last of `ends`; level through one alone."""
    (x, value), (far, last) = ends[0], ends[-1]
    return value if x == far else value - (last - value) * (x - cells) // (far - x)
