"""An engine that is too old for a model is refused by the build in its image's tag."""

import pytest

from plan.base.errors import ConfigError
from plan.models.engine_builds import image_build, minimum_build, needs
from tests import stacks
from tests.plans import planned

DIGEST = f"@sha256:{'b1-b22' * 10}abcd"


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


def test_an_image_from_before_an_architecture_is_refused_with_the_model_and_the_build_to_take() -> None:
    least = minimum_build(["qwen3vl"])
    with pytest.raises(ConfigError) as caught:
        planned("t4", server=server(f":v1-cuda-b{least - 1}"))
    said = str(caught.value)
    assert f"server.image: got 'b{least - 1}'" in said
    assert f"loads qwen3vl, which qwen3vl-4b needs, from b{least} on" in said
    assert "qwen3-8b" not in said.replace("qwen3vl-8b", ""), "its architecture is older than that"
    assert planned("t4", server=server(f":v1-cuda-b{least}"))


def test_an_image_without_a_build_is_named_once_in_a_preview() -> None:
    said = [note for note in planned("t4", server=server("")).notes if "names no build" in note]
    assert len(said) == 1
    assert "preflight" in said[0]
    assert not [note for note in planned("t4", server=server(":x-b10524")).notes if "names no build" in note]


def test_what_nobody_has_named_a_build_for_is_never_refused() -> None:
    assert minimum_build(["an-architecture-of-next-year"]) == 0
    assert minimum_build([]) == 0


def test_a_projector_has_a_build_of_its_own() -> None:
    needed = needs(stacks.locked().models["minicpm-v-4-5"].gguf)
    assert {"qwen3", "resampler"} <= {*needed}
    assert minimum_build(needed) > minimum_build(["qwen3"]), "llama-server took images later than that"
