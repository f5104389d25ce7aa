"""What was measured of a model counts for the same serving, and by the difference for another context."""

import dataclasses
from typing import Any

import pytest

from plan.config.measured import Measured
from plan.vram.calibration import calibrated
from plan.vram.estimate import Breakdown, Serving, VramError

SERVING = Serving(total_tokens=8192, build=10524)


def linear(serving: Serving) -> Breakdown:
    """A model of 4000 MiB whose cache takes 1 MiB for 8 tokens."""
    kv = serving.total_tokens / 8
    return Breakdown(4000, kv, 0, 100, 0, 0, 125, upper_mib=4000 + kv + 105 + 200, source="derived")


def seen(mib: int, **keys: Any) -> Measured:
    return Measured.model_validate({"mib": mib, "context": 8192, "date": "2026-11-01", **keys})


def with_measured(*measured: Measured, serving: Serving = SERVING) -> Breakdown:
    return calibrated(linear, serving, measured, has_projector=False)


def test_without_a_measurement_the_estimate_stands() -> None:
    assert with_measured() == linear(SERVING)


def test_the_same_serving_holds_what_was_measured_and_a_little_more() -> None:
    found = with_measured(seen(5300, build=10524))
    assert (found.total_mib, found.source) == (pytest.approx(5300), "measured")
    assert found.upper_mib == pytest.approx(5300 * 1.02 + 64)
    assert found.notes == ()


def test_another_context_differs_by_its_cache() -> None:
    found = with_measured(seen(5300), serving=dataclasses.replace(SERVING, total_tokens=16384))
    assert found.total_mib == pytest.approx(5300 + 1024)


@pytest.mark.parametrize(
    "keys", [{"kv_type": "q8_0"}, {"parallel": 2}, {"ubatch": 1024}, {"image_max_tokens": 1024}, {"build": 9000}]
)
def test_another_serving_is_another_measurement(keys: dict[str, Any]) -> None:
    assert with_measured(seen(5300, **keys)) == linear(SERVING)


def test_the_newest_measurement_of_the_very_context_counts() -> None:
    old, new = seen(5200, date="2026-01-01"), seen(5310, date="2026-11-02")
    other = seen(9000, context=40960, date="2026-11-03")
    assert with_measured(new, other, old).total_mib == pytest.approx(5310)


def test_a_measurement_far_from_the_estimate_is_told() -> None:
    (said,) = with_measured(seen(6000)).notes
    assert "6000 MiB measured on 2026-11-01" in said


def test_less_than_weights_and_cache_cannot_have_been_measured_of_a_loaded_model() -> None:
    with pytest.raises(VramError, match=r"5023 MiB measured on 2026-11-01 at 8192 tokens is less than .* 5024 MiB"):
        with_measured(seen(5023))


def test_a_model_of_an_unknown_kind_takes_at_most_what_the_next_larger_context_was_measured_to_take() -> None:
    def unknown(serving: Serving) -> Breakdown:
        raise VramError(f"nothing is known at {serving.total_tokens}")

    both = [seen(9000, context=32768), seen(5300)]
    for context, mib in ((4096, 5300), (8192, 5300), (8448, 9000)):
        serving = dataclasses.replace(SERVING, total_tokens=context)
        assert calibrated(unknown, serving, both, has_projector=False).total_mib == mib
    with pytest.raises(VramError, match="16384"):
        calibrated(unknown, dataclasses.replace(SERVING, total_tokens=16384), [seen(5300)], has_projector=False)
