"""C11: figures that cannot be what each holder had of one card; each row was once written into a stack as peaks."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.base.errors import OpsError
from ops.calibrate import plausible
from ops.calibrate.nvidia_smi import Process
from ops.calibrate.plausible import Held
from ops.calibrate.prometheus import METRIC, Series
from plan.base import names
from plan.catalogue.cards import CARDS
from plan.text.url import parse_url
from tests import stacks
from tests.ops.calibrate.measured import HEAD, PODS, Prometheus
from tests.ops.inside import Inside

NAMESPACE = stacks.raw("t4")["namespace"]
SERVER = (NAMESPACE, f"{names.SERVER}-6d5f7c9b8-x2x4z")
IMMICH, IMMICH_SERVER, FRIGATE = list(PODS)[:3]
DOOM = ("games", "doom-7d4c9-x2x4z")
PER_PROCESS = ("--metric", "gpu_process_memory_mib")
CARD = CARDS["t4"]
TOGETHER, DIFFERENT = "MiB  together", "the whole card's, not each pod's"
Figures = Mapping[tuple[str, str], Any]


def calibrate(inside: Inside, *arguments: object, code: int) -> str:
    printed = inside.run("calibrate", "--stack", "t4", *arguments, code=code)
    unchanged = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_bytes()
    assert (inside.directory / "Pulumi.t4.yaml").read_bytes() == unchanged
    return printed


@pytest.mark.parametrize(
    ("highest", "now", "said"),
    [
        ({IMMICH: 9800, SERVER: 11900, FRIGATE: 10700}, {SERVER: 11900}, f"32400 {TOGETHER}"),
        ({IMMICH: 9800, FRIGATE: 10700}, {FRIGATE: 10}, f"20500 {TOGETHER}"),
        ({IMMICH: 7000, SERVER: 8361}, {}, f"15361 {TOGETHER}"),
        ({IMMICH: 5000, IMMICH_SERVER: 5200, FRIGATE: 5300}, {}, f"15500 {TOGETHER}"),
        ({IMMICH: 9800, SERVER: 11900}, {IMMICH: 9700, SERVER: 9800}, f"19500 {TOGETHER}"),
        ({IMMICH: 9800, IMMICH_SERVER: 9800, FRIGATE: 300}, {}, "have the same peak, 9800 MiB"),
        ({IMMICH: 2600, SERVER: 2600, FRIGATE: 300}, {}, f"immich-ml and {names.SERVER} have the same peak, 2600 MiB"),
        ({FRIGATE: 6000, IMMICH_SERVER: 6000, SERVER: 400}, {FRIGATE: 3}, "have the same peak, 6000 MiB"),
        ({IMMICH: 7100, FRIGATE: 900, DOOM: 7100}, {}, "immich-ml and games/doom-7d4c9-x2x4z have the same peak"),
        (
            {IMMICH: 4000, FRIGATE: 4100, DOOM: 9},
            {IMMICH: 3900, FRIGATE: 3900, DOOM: 1},
            "the same figure at this moment",
        ),
        (
            {IMMICH: 4000, SERVER: 4100, DOOM: 9},
            {DOOM: 3900, SERVER: 3900, IMMICH: 1},
            "the same figure at this moment",
        ),
        ({IMMICH: 15361, FRIGATE: 10}, {}, "no pod can hold more than the whole card"),
        ({IMMICH: 300, SERVER: 1900 * 2**20}, {}, "no pod can hold more than the whole card"),
    ],
)
def test_c11_figures_that_cannot_be_each_pods_own_are_refused_and_nothing_is_written(
    inside: Inside, prometheus: Prometheus, highest: Figures, now: Figures, said: str
) -> None:
    prometheus.highest, prometheus.now = highest, now

    printed = calibrate(inside, "--prometheus", prometheus.url, "--write", code=2)

    assert said in printed
    assert "15360 MiB  the card, gpu.model t4" in printed, "what they are held against is in the table"
    assert "--nvidia-smi card.csv" in printed or "whose name ends in _bytes" in printed, "the next step is named"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({IMMICH: 9800, SERVER: 11900}, f"21700 {TOGETHER}"),
        ({IMMICH: 4000, FRIGATE: 4000}, DIFFERENT),
        ({IMMICH: 15361}, "no pod can hold more"),
    ],
)
def test_c11_figures_of_one_moment_are_held_against_the_card_also_where_processes_are_measured(
    inside: Inside, prometheus: Prometheus, now: Figures, said: str
) -> None:
    prometheus.highest, prometheus.now = {IMMICH: 9800, SERVER: 11900, FRIGATE: 10700}, {**now, DOOM: 7}

    assert said in calibrate(inside, "--prometheus", prometheus.url, *PER_PROCESS, "--write", code=2)


@pytest.mark.parametrize(
    ("highest", "now", "more"),
    [
        ({IMMICH: 7000, SERVER: 8360}, {}, ()),
        # A CUDA context each, and nothing in it.
        ({IMMICH: 104, IMMICH_SERVER: 104, FRIGATE: 104, SERVER: 9000}, {}, ()),
        ({IMMICH: 9800, FRIGATE: 700, DOOM: 15000}, {}, ()),  # another node's, or another card's
        ({IMMICH: 9800, SERVER: 11900, FRIGATE: 10700}, {}, PER_PROCESS),  # true of each process, at different moments
        ({IMMICH: 9800, FRIGATE: 700, DOOM: 9800}, {}, PER_PROCESS),  # another card's process, by chance as large
        ({IMMICH: 9800, FRIGATE: 700, DOOM: 5}, {IMMICH: 9000, SERVER: 6360, FRIGATE: 0}, ()),
    ],
)
def test_figures_that_can_be_true_are_taken(
    inside: Inside, prometheus: Prometheus, highest: Figures, now: Figures, more: tuple[str, ...]
) -> None:
    prometheus.highest, prometheus.now = highest, now

    assert f"{highest[IMMICH]} MiB" in calibrate(inside, "--prometheus", prometheus.url, *more, code=0)


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        ([("llama-server", 9000), ("frigate", 6361)], f"15361 {TOGETHER}"),
        ([("llama-server", 15361)], f"15361 {TOGETHER}"),
        ([("llama-server", 6996), ("a", 8000), ("b", 8000)], "6996 MiB  llama-server (1)"),
        ([("llama-server", 20000), ("frigate", 1)], "1 MiB  frigate (2)"),
        ([("llama-server", 100), *[(f"p{at}", 700) for at in range(30)]], "12700 MiB  19 more"),
        ([("llama-server", 999999999), ("frigate", 999999999)], f"1999999998 {TOGETHER}"),
    ],
)
def test_processes_of_several_cards_or_of_another_one_are_refused(
    inside: Inside, processes: list[tuple[str, int]], said: str
) -> None:
    lines = [f"{pid}, {name}, {mib} MiB" for pid, (name, mib) in enumerate(processes, start=1)]
    (inside.directory / "list").write_text("\n".join([HEAD, *lines]))

    printed = calibrate(inside, "--nvidia-smi", "list", "--model", "qwen3-8b", "--write", code=2)

    assert said in printed
    assert "by its option -i" in printed


def held(figures: Mapping[str, int]) -> Held:
    return Held(figures, {})


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(0, 20000), min_size=1), st.booleans())
def test_what_is_taken_fits_the_card_and_nothing_above_a_context_is_the_same(
    figures: dict[str, int], of_device: bool
) -> None:
    series = Series(parse_url("http://h"), METRIC if of_device else "gpu_process_memory", "pod", 30)
    large = [mib for mib in figures.values() if mib > CARD.context_upper_mib]
    distinct = max(figures.values()) <= CARD.total_mib and len(large) == len({*large})
    together = sum(figures.values()) <= CARD.total_mib

    for highest, now, possible in (
        (held(figures), held({}), distinct and (together or not of_device)),
        (held({}), held(figures), distinct and together),
    ):
        if possible:
            plausible.require_pods(CARD, series, highest, now)
        else:
            with pytest.raises(OpsError, match=r"the card, gpu\.model t4"):
                plausible.require_pods(CARD, series, highest, now)


@given(st.lists(st.integers(0, 20000), min_size=1, max_size=30))
def test_a_list_of_processes_is_taken_exactly_where_it_fits_the_card(sizes: list[int]) -> None:
    processes = [Process(pid, f"p{pid}", mib) for pid, mib in enumerate(sizes)]
    if sum(sizes) <= CARD.total_mib:
        plausible.require_processes(CARD, processes)
        return
    with pytest.raises(OpsError) as caught:
        plausible.require_processes(CARD, processes)
    assert f"{sum(sizes)} {TOGETHER}" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 20
