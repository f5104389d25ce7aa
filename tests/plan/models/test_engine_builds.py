"""C5: an engine that is too old for a model or for our flags is refused by the build in its image's tag."""

import re
from typing import Any

import pytest

from plan.base.errors import ConfigError
from plan.models.architectures import ARCHITECTURES
from plan.models.engine_builds import FLAGS, image_build, least_build, needs
from plan.models.gguf_facts import GgufFacts, Projector, Shape
from plan.models.lock import Lock
from plan.plan import Plan
from tests import stacks
from tests.plans import made, planned

DIGEST = f"@sha256:{'b1-b22' * 10}abcd"
MTP = 9180


@pytest.mark.parametrize(
    ("image", "build"),
    [
        (f"ghcr.io/mostlygeek/llama-swap:v250-cuda-b10524{DIGEST}", 10524),
        (f"ghcr.io/ggml-org/llama.cpp:server-cuda-b10818{DIGEST}", 10818),
        ("registry:5000/llama.cpp:b9489", 9489),
        (f"ghcr.io/mostlygeek/llama-swap:cuda{DIGEST}", None),
        (f"registry:5000/b1234/llama-b99{DIGEST}", None),
        (f"ghcr.io/ggml-org/llama.cpp:server-ab12{DIGEST}", None),
    ],
)
def test_a_build_is_read_from_the_tag_alone(image: str, build: int | None) -> None:
    assert image_build(image) == build


def server(tag: str) -> dict[str, object]:
    sha = "c" * 64
    return {**stacks.raw("t4")["server"], "image": f"ghcr.io/mostlygeek/llama-swap{tag}@sha256:{sha}"}


def facts(architecture: str, projector: str | None = None, **shape: Any) -> GgufFacts:
    made_of = Projector(projector_type=projector, source="header") if projector else None
    return GgufFacts(shape=Shape(architecture=architecture, source="header", **shape), projector=made_of)


def served(tag: str, architecture: str, **shape: Any) -> Plan:
    """The plan of a stack with one model whose header has other facts, and a measurement in place of a computation."""
    raw, whole = stacks.raw("t4"), stacks.locked()
    model = whole.models["qwen3-8b"]
    measured = [{"mib": 8000, "context": 16384, "date": "2026-08-21"}]
    raw["models"] = {"qwen3-8b": {**raw["models"]["qwen3-8b"], "measured": measured}}
    raw["server"] = server(tag)
    changed = model.model_copy(update={"gguf": facts(architecture, **shape)})
    return made(raw, Lock(version=1, models={"qwen3-8b": changed}))


def refusal(tag: str, architecture: str, **shape: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        served(tag, architecture, **shape)
    return str(caught.value)


def test_c5_an_image_from_before_every_flag_of_ours_is_refused_with_both_numbers() -> None:
    with pytest.raises(ConfigError) as caught:
        planned("t4", server=server(":v1-cuda-b6886"))
    said = str(caught.value)
    assert "server.image: got 'b6886'" in said
    assert f"--reasoning, which every model is started with since b{FLAGS.first}" in said
    assert f"set server.image to one of b{FLAGS.advised} or newer" in said
    assert "llama.cpp has the architecture qwen3vl since b6887, and qwen3vl-4b needs it" in said
    assert "and qwen3-8b needs" not in said, "its architecture is older than that"


@pytest.mark.parametrize("build", [1, 4000, 5331, 6887, 7990])
def test_c5_an_unlisted_architecture_on_an_old_build_is_refused_for_the_flags(build: int) -> None:
    assert f"got 'b{build}'" in refusal(f":b{build}", "an-architecture-of-next-year")


def test_c5_what_the_message_advises_is_accepted() -> None:
    said = refusal(":b4000", "qwen35", nextn_predict_layers=1, block_count=65)
    builds = [int(found) for found in re.findall(r"set server\.image to one of b(\d+)", said)]
    assert MTP in builds
    assert served(f":b{max(builds)}", "qwen35", nextn_predict_layers=1, block_count=65)


@pytest.mark.parametrize(
    ("architecture", "nextn", "build"),
    [
        ("qwen35", 1, MTP - 1),
        ("qwen35", 2, MTP - 1),
        ("qwen35", 1, 8388),
        ("qwen35moe", 1, MTP - 1),
        ("qwen35moe", 3, 8857),
        ("qwen35", 1, 9000),
    ],
)
def test_c5_blocks_for_multi_token_prediction_need_the_build_that_knows_them(
    architecture: str, nextn: int, build: int
) -> None:
    said = refusal(f":server-cuda-b{build}", architecture, nextn_predict_layers=nextn, block_count=65)
    assert f"server.image: got 'b{build}'" in said
    assert f"(nextn_predict_layers) of {architecture} since b{MTP}, and qwen3-8b needs it" in said
    assert served(f":server-cuda-b{MTP}", architecture, nextn_predict_layers=nextn, block_count=65)


@pytest.mark.parametrize("nextn", [None, 0])
def test_c5_without_such_blocks_the_architecture_alone_counts(nextn: int | None) -> None:
    assert served(f":b{MTP - 1}", "qwen35", nextn_predict_layers=nextn)
    assert least_build(facts("qwen35", nextn_predict_layers=nextn)) == 7990


def test_c5_blocks_of_an_architecture_without_such_a_row_are_not_refused() -> None:
    assert least_build(facts("glm4moe", nextn_predict_layers=1)) == 0


@pytest.mark.parametrize("architecture", ["an-architecture-of-next-year", "qwen4exp", "mamba2", "glm4moe", "lfm2"])
def test_c5_an_unlisted_architecture_is_a_note(architecture: str) -> None:
    (said,) = [note for note in served(":b10524", architecture).notes if "first to load" in note]
    assert said.startswith(f"qwen3-8b: which build of llama.cpp is the first to load {architecture} is not known")


def test_c5_a_listed_architecture_is_no_note() -> None:
    assert not [note for note in planned("t4").notes if "first to load" in note]
    assert all(not [need for need in needs(facts(name)) if need.first > 9000] for name in ARCHITECTURES)


def test_an_image_without_a_build_is_named_once_in_a_preview() -> None:
    said = [note for note in planned("t4", server=server("")).notes if "names no build" in note]
    assert len(said) == 1
    assert "preflight" in said[0]
    assert not [note for note in planned("t4", server=server(":x-b10524")).notes if "names no build" in note]


def test_a_projector_has_a_build_of_its_own() -> None:
    minicpm = stacks.locked().models["minicpm-v-4-5"].gguf
    assert [need.what for need in needs(minicpm)] == ["the architecture qwen3", "the projector resampler"]
    assert least_build(minicpm) > least_build(facts("qwen3")), "llama-server took images later than that"
    assert least_build(facts("llama", "qwen3vl_merger")) == 6887
