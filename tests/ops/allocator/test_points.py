"""Which contexts llama.cpp's allocator is asked about, until the points tell all others."""

from bisect import bisect_right

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.allocator.log import Told
from ops.allocator.measure import Measured, Way, points
from ops.allocator.question import Question
from plan.models.gguf_facts import Shape
from plan.vram.allocator.lines import at
from plan.vram.types import Serving

MIB = 2**20
LAST = 2**17


def qwen(cells: int) -> int:
    """Qwen3 8B with a q8_0 cache: activations and a mask, then the copy of one layer's keys and values."""
    return max(96 * MIB + 1024 * cells, 36 * MIB + 5120 * cells)


def nemo(cells: int) -> int:
    """Mistral Nemo likewise: the smallest ubatch has its room in holes, the next one needs some of its own."""
    return qwen(cells) + (10 * MIB if cells > 512 else 0)


def test_two_lines_take_four_points_and_a_question_in_each_gap() -> None:
    asked: list[int] = []

    found = points(lambda cells: asked.append(cells) or qwen(cells), 512, LAST, [])

    assert [cells for cells, _ in found] == [512, 1536, LAST - 1024, LAST]
    assert len(asked) == 7, "whether the lines tell what is between"


def test_a_context_that_is_served_is_a_point_only_where_the_lines_do_not_tell_it() -> None:
    assert len(points(qwen, 512, LAST, [16384, 32768])) == 4
    assert 65536 in dict(points(lambda cells: qwen(cells) + (5 * MIB if cells == 65536 else 0), 512, LAST, [65536]))


def test_a_jump_between_the_first_two_points_does_not_tilt_the_line_of_all_others() -> None:
    found = points(nemo, 512, LAST, [])

    assert all(nemo(cells) <= at(found, cells) <= 1.03 * nemo(cells) for cells in range(768, LAST + 1, 256))


@given(st.lists(st.tuples(st.integers(2, 512), st.integers(0, 20)), max_size=4))
@example([(3, 20), (7, 0), (200, 20)])
def test_it_ends_with_few_points_and_is_never_less_than_any_that_was_asked(steps: list[tuple[int, int]]) -> None:
    """Whatever an allocator says: here it jumps up, at any multiple of 256."""
    jumps = sorted((cells * 256, mib) for cells, mib in steps)
    asked: dict[int, int] = {}

    def of(cells: int) -> int:
        asked[cells] = 64 * MIB + 1024 * cells + MIB * sum(mib for _, mib in jumps[: bisect_right(jumps, (cells, 99))])
        return asked[cells]

    found = points(of, 512, LAST, [8192])

    assert len(found) <= len(asked) <= 60
    assert all(at(found, cells) >= value - MIB // 50 for cells, value in asked.items())


def test_a_model_of_a_short_context_has_fewer_points() -> None:
    assert [cells for cells, _ in points(qwen, 512, 512, [512])] == [512]
    assert [cells for cells, _ in points(qwen, 512, 768, [])] == [512, 768]


@pytest.mark.parametrize(
    ("trained", "parallel", "served", "most"),
    [
        (32768, 4, 8192, 32768),
        (10**7, 1, 8192, 2**22),
        (10**7, 256, 8192, 2**14),
        (8192, 1, 40000, 40192),
        (None, 2, 300, 512),
    ],
)
def test_the_longest_context_asked_about_leaves_the_host_its_memory(
    trained: int | None, parallel: int, served: int, most: int
) -> None:
    asked: list[int] = []

    def told(question: Question) -> Told:
        asked.append(question.total_tokens // parallel)
        return Told(1, (), 0, 1)

    shape = Shape(architecture="llama", context_length=trained, source="header")
    assert Measured(told, shape, Way(Serving(0, parallel=parallel), (served,))).compute().points
    assert max(asked) == most
