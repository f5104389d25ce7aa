"""C11: an exporter that gives every pod the whole card's figure; each row was once written into a stack as peaks."""

from collections.abc import Mapping

import pytest

from plan.base import names
from tests import stacks
from tests.ops.calibrate.measured import PODS, Desk, Prometheus

NAMESPACE = stacks.raw("t4")["namespace"]
SERVER = (NAMESPACE, f"{names.SERVER}-6d5f7c9b8-x2x4z")
IMMICH, IMMICH_SERVER, FRIGATE = list(PODS)[:3]
PER_PROCESS = ("--metric", "gpu_process_memory_mib")
BOTH = "the peaks are {} MiB together"


@pytest.mark.parametrize(
    ("highest", "now", "said"),
    [
        ({IMMICH: 9800, SERVER: 11900, FRIGATE: 10700}, {SERVER: 11900}, BOTH.format(32400)),
        ({IMMICH: 9800, FRIGATE: 10700}, {FRIGATE: 10}, BOTH.format(20500)),
        ({IMMICH: 7000, SERVER: 8361}, {}, BOTH.format(15361)),
        ({IMMICH: 9800, IMMICH_SERVER: 9800, FRIGATE: 300}, {}, "have the same peak, 9800 MiB"),
        ({IMMICH: 2600, SERVER: 2600, FRIGATE: 300}, {}, f"immich-ml and {names.SERVER} have the same peak, 2600 MiB"),
        ({FRIGATE: 6000, IMMICH_SERVER: 6000, SERVER: 400}, {FRIGATE: 3}, "have the same peak, 6000 MiB"),
    ],
)
def test_c11_figures_that_cannot_be_each_pods_own_are_refused_and_nothing_is_written(
    desk: Desk,
    prometheus: Prometheus,
    highest: Mapping[tuple[str, str], int],
    now: Mapping[tuple[str, str], int],
    said: str,
) -> None:
    prometheus.highest, prometheus.now = highest, now

    printed = desk.calibrate("--prometheus", prometheus.url, "--write", code=2)

    assert said in printed
    assert "--nvidia-smi" in printed, "the way out is named"


@pytest.mark.parametrize(
    ("highest", "more"),
    [
        ({IMMICH: 7000, SERVER: 8360}, ()),
        ({IMMICH: 104, IMMICH_SERVER: 104, FRIGATE: 104, SERVER: 9000}, ()),  # a CUDA context each, and nothing in it
        ({IMMICH: 9800, FRIGATE: 700, ("games", "doom-7d4c9-x2x4z"): 15000}, ()),  # another node's, or another card's
        ({IMMICH: 9800, SERVER: 11900, FRIGATE: 10700}, PER_PROCESS),  # true of each process, at different moments
    ],
)
def test_figures_that_can_be_true_are_taken(
    desk: Desk, prometheus: Prometheus, highest: Mapping[tuple[str, str], int], more: tuple[str, ...]
) -> None:
    prometheus.highest, prometheus.now = highest, {}

    assert f"{highest[IMMICH]} MiB" in desk.calibrate("--prometheus", prometheus.url, *more)
