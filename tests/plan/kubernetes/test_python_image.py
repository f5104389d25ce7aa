"""The image that runs the programs in pods has a Python that can: where its tag says otherwise, a preview does too."""

import pytest

from plan import config
from plan.base.errors import ConfigError
from plan.kubernetes.images import Reference, reference
from tests.plan.config import every_key
from tests.plan.config.every_key import changed

SHA = f"@sha256:{'1' * 64}"


@pytest.mark.parametrize(
    "name",
    [
        "python:3.9-slim", "python:3.10", "python:2", "python:2.7-slim-bookworm", "python:3.10.14", "python:3.1",
        "library/python:3.9", "docker.io/python:3.8-alpine", "docker.io/library/python:3.10-slim",
        "index.docker.io/library/python:3.9", "mirror.gcr.io/library/python:3.9",
        "public.ecr.aws/docker/library/python:3.10", "localhost:5000/library/python:3.10rc1", "python:0.9",
    ],
)  # fmt: skip
def test_a_python_that_is_too_old_is_refused_by_its_tag(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(changed(every_key.raw(), ("fetch", "image"), name + SHA))

    assert str(caught.value).startswith(f"local-llm:stack.fetch.image: got '{name}@")
    assert f"has Python {name.partition('python:')[2][:1]}" in str(caught.value)
    assert "need 3.11 or newer" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "python:3.11", "python:3.13-slim", "python:3", "python:3-slim", "python:3.110", "python:4.0", "python:slim",
        "python", "python:latest", "docker.io/library/python:3.11-slim", "quay.io/mine/python:3.9", "mine/python:3.9",
        "reg:5000/python:2", "cpython:3.9", "library/python/x:3.9", "my-python:2.7",
    ],
)  # fmt: skip
def test_a_newer_one_and_an_image_of_which_nobody_knows_it_are_taken(name: str) -> None:
    assert config.parse(changed(every_key.raw(), ("fetch", "image"), name + SHA)).fetch.image == name + SHA


def test_the_server_runs_no_python_of_ours() -> None:
    config.parse(changed(every_key.raw(), ("server", "image"), f"python:3.9{SHA}"))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("python:3.13", ("docker.io", "library/python", "3.13")),
        ("a/b", ("docker.io", "a/b", "")),
        ("docker.io/a:1", ("docker.io", "library/a", "1")),
        ("index.docker.io/a/b", ("docker.io", "a/b", "")),
        ("localhost/a", ("localhost", "a", "")),
        ("reg:5000/a/b:v1", ("reg:5000", "a/b", "v1")),
        ("[fd00::1]:1/a", ("[fd00::1]:1", "a", "")),
        ("[fd00::1]/a:t", ("[fd00::1]", "a", "t")),
        ("REG/a", ("REG", "a", "")),
        ("ghcr.io/a", ("ghcr.io", "a", "")),
    ],
)
def test_an_image_is_taken_apart_as_runtimes_do(name: str, parts: tuple[str, str, str]) -> None:
    assert reference(name + SHA) == Reference(*parts)
