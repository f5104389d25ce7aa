"""What is told of a compute buffer between the contexts for which it was measured."""

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from plan.vram.allocator.lines import at

Line = tuple[int, int]  # bytes for no cells, and for each
STEP = 256
LINES = st.tuples(st.integers(0, 2**28), st.integers(0, 2**14))
MORE = st.integers(0, 2**30)


def higher(*lines: Line) -> Callable[[int], int]:
    return lambda cells: max(base + each * cells for base, each in lines)


def measured(of: Callable[[int], int], *cells: int) -> list[tuple[int, int]]:
    return [(x, of(x)) for x in sorted(cells)]


def line(ends: Sequence[tuple[int, int]], cells: int) -> float:
    (x, value), (far, last) = ends
    return value + (last - value) * (cells - x) / (far - x)


@given(LINES, LINES, st.integers(0, 2**19), MORE)
def test_four_points_of_the_higher_of_two_lines_tell_all_the_others(
    one: Line, two: Line, cells: int, more: int
) -> None:
    of, first, last = higher(one, two), 1024, 2**18
    points = measured(of, first, first + STEP, last - STEP, last)
    # Where the bend is between the first two or the last two points, the line through them is neither of both.
    bends = [(one[0] - two[0]) / (two[1] - one[1])] if one[1] != two[1] else []
    if not any(first < bend < first + STEP or last - STEP < bend for bend in bends):
        assert at(points, max(first, cells)) == of(max(first, cells))
    assert at([*points, (last + STEP, of(last + STEP) + more)], cells) >= min(at(points, cells), points[-1][1])


@given(
    st.lists(st.tuples(st.integers(1, 2**19), st.integers(0, 2**34)), min_size=4, max_size=4, unique_by=lambda p: p[0])
)
def test_it_is_never_under_the_larger_of_the_two_lines_but_where_a_measured_point_is(
    points: list[tuple[int, int]],
) -> None:
    (first, second, third, last) = points = [
        *zip(sorted(x for x, _ in points), sorted(y for _, y in points), strict=True)
    ]
    for cells in range(second[0] + 1, third[0], max(1, (third[0] - second[0]) // 50)):
        lines = max(line((first, second), cells), line((third, last), cells))
        assert at(points, cells) >= min(lines, third[1]) - 1, "more than the next point no smaller context takes"


@given(
    st.lists(st.tuples(st.integers(1, 2**19), st.integers(0, 2**34)), min_size=1, max_size=8, unique_by=lambda p: p[0]),
    st.integers(0, 2**20),
    st.integers(0, 2**12),
)
def test_more_tokens_never_take_less_and_a_measured_point_takes_at_least_itself(
    points: list[tuple[int, int]], cells: int, more: int
) -> None:
    points = sorted(points)

    assert at(points, cells) <= at(points, cells + more)
    for x, value in points:
        assert at(points, x) == max(v for y, v in points if y <= x) >= value


def test_before_the_first_point_that_one_counts_and_one_alone_counts_for_all() -> None:
    assert at([(1024, 7), (1280, 9)], 256) == 7
    assert [at([(1024, 7)], cells) for cells in (256, 1024, 2**20)] == [7, 7, 7]


def test_a_buffer_that_shrinks_with_more_tokens_is_kept_level() -> None:
    assert [at([(256, 90), (512, 80), (768, 85)], cells) for cells in (300, 600, 768, 10**6)] == [90, 90, 90, 90]
