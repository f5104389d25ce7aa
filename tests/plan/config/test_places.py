"""An error names the line of the stack file where its value is from that file; it never names another, nor fails."""

from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan.base.errors import ConfigError, FixableError
from plan.config import KEY, stack_file
from plan.config.places import with_lines
from tests.plan.config import every_key

FILE = PurePosixPath("Pulumi.prod.yaml")
TEXT = """# A comment, and 😀
encryptionsalt: "v1:x"
config:
  other:key: {models: 1}
  local-llm:stack:
    namespace: llm   # here

    volume:
      name: models
      nfs: &nas
        server: nas
        mount_options:
          - hard

          - soft
    gpu: {model: t4, slice: {resource: nvidia.com/gpu,
      count: 0}}
    shared: &shared
      context: 4096
      quant: Q4_K_M
    models:
      "qwen3-8b":
        <<: *shared
        quant: Q8_0
        measured: [{mib: 1},
                   {mib: 0}]
      ? other
      : <<: [*shared, {ubatch: 1}]
        repo: "a
          b"
    selector:
      nvidia.com/gpu.present: "true"
      nvidia.com: {gpu: 1}
    twice.a: 1
    twice: {a: 2}
    copy: *nas
    day: 2099-12-31
"""


def told(key: str, text: str | bytes = TEXT, given: Any = None, got: object = 1) -> str:
    content = text if isinstance(text, bytes) else text.encode()
    error = ConfigError(f"{KEY}.{key}" if key else KEY, got, "A rule.")
    return str(with_lines(error, FILE, lambda: content, None if given is None else lambda: given))


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("namespace", 6), ("volume", 8), ("volume.name", 9), ("volume.nfs", 10), ("volume.nfs.server", 11),
        ("volume.nfs.mount_options", 12), ("volume.nfs.mount_options.0", 13), ("volume.nfs.mount_options.1", 15),
        ("gpu", 16), ("gpu.model", 16), ("gpu.slice.resource", 16), ("gpu.slice.count", 17), ("models", 21),
        ("models.qwen3-8b", 22), ("models.qwen3-8b.quant", 24), ("models.qwen3-8b.context", 19),
        ("models.qwen3-8b.measured.0.mib", 25), ("models.qwen3-8b.measured.1", 26),
        ("models.qwen3-8b.measured.1.mib", 26), ("models.other", 27), ("models.other.context", 19),
        ("models.other.ubatch", 28), ("models.other.repo", 29), ("selector.nvidia.com/gpu.present", 32),
        ("selector.nvidia.com.gpu", 33), ("copy.server", 11), ("copy", 36),
    ],
)  # fmt: skip
def test_a_key_has_the_line_that_an_editor_shows(key: str, line: int) -> None:
    assert told(key) == f"Pulumi.prod.yaml:{line}: {KEY}.{key}: got 1. A rule."


@pytest.mark.parametrize(
    "key",
    ["", "nowhere", "volume.size_gib", "volume.nfs.mount_options.2", "models.qwen3-8b.measured.1.context", "models.",
     "gpu.model.x", "twice.a", "models.qwen3", "volume.nfs.mount_options.-1", "volume.nfs.mount_options.x"],
)  # fmt: skip
def test_a_key_that_is_not_in_the_file_or_that_may_be_two_has_none(key: str) -> None:
    assert told(key).startswith(f"{KEY}.{key}: got 1." if key else f"{KEY}: got 1.")


@pytest.mark.parametrize(
    ("change", "key", "line"),
    [
        (lambda it: it.update(namespace="another"), "namespace", 0),
        (lambda it: it["volume"].update(name="another"), "volume.name", 0),
        (lambda it: it["volume"].update(name="another"), "volume", 8),
        (lambda it: it["volume"].update(name="another"), "volume.nfs.server", 11),
        (lambda it: it["volume"]["nfs"].pop("server"), "volume.nfs.server", 0),
        (lambda it: it.pop("gpu"), "gpu.slice.count", 0),
        (lambda it: it.update(gpu="text"), "gpu", 0),
        (lambda it: it.update(day="2099-12-31T00:00:00Z"), "day", 37),
        (lambda it: it.update(day="2099-12-31 00:00:00 +0000 UTC"), "day", 37),
        (lambda it: it.update(day="2099-12-30T00:00:00Z"), "day", 0),
    ],
)
def test_a_value_from_elsewhere_has_no_line_of_this_file(change: Any, key: str, line: int) -> None:
    judged = stack_file.configuration(TEXT, FILE)
    change(judged)

    said = told(key, given=judged)

    assert said.startswith(f"Pulumi.prod.yaml:{line}: " if line else KEY)


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe\x00", b"[" * 20000, b"config: {", b"config: &a [*a]", b"a: 1\n---\na: 2", b"config: {a: 1}",
     b"<<<<<<< HEAD\n", b"x" * (17 << 20), b"config: 5", b"- a"],
    ids=lambda it: repr(it)[:20],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_no_second_error(text: bytes) -> None:
    assert told("namespace", text) == f"{KEY}.namespace: got 1. A rule."


def test_neither_is_one_that_is_not_there_nor_a_configuration_that_is_none() -> None:
    error = ConfigError(f"{KEY}.namespace", 1, "A rule.")

    def gone() -> bytes:
        raise PermissionError(13, "no")

    assert with_lines(error, FILE, gone) is error
    assert with_lines(error, FILE, TEXT.encode, lambda: 1 / 0) is error
    assert "Pulumi" not in str(with_lines(error, FILE, TEXT.encode, lambda: None))
    other = FixableError("what", "fix")
    assert with_lines(other, FILE, gone) is other


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_ends_and_encodings_change_no_line(ends: str, encoding: str) -> None:
    assert told("gpu.slice.count", TEXT.replace("\n", ends).encode(encoding)).startswith("Pulumi.prod.yaml:17: ")


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
def test_what_only_yaml_takes_for_a_line_end_is_none(sign: str) -> None:
    assert told("namespace", TEXT.replace("A comment", f"A{sign}# comment")).startswith("Pulumi.prod.yaml:6: ")


def test_each_of_several_errors_has_its_own() -> None:
    errors = [ConfigError(f"{KEY}.{key}", 1, "A rule.") for key in ("namespace", "nowhere", "gpu.slice.count")]

    lines = str(with_lines(ConfigError.of(errors), FILE, TEXT.encode)).splitlines()

    assert [line.partition(f"{KEY}.")[0] for line in lines] == ["Pulumi.prod.yaml:6: ", "", "Pulumi.prod.yaml:17: "]


def test_a_place_that_is_told_once_is_not_told_twice() -> None:
    once = with_lines(ConfigError(f"{KEY}.namespace", 1, "A rule."), FILE, TEXT.encode)

    assert str(with_lines(once, PurePosixPath("other.yaml"), TEXT.encode)) == str(once)


def test_a_key_of_the_lock_has_no_line_of_the_stack_file() -> None:
    error = ConfigError("models.lock.yaml.namespace", 1, "A rule.")
    assert str(with_lines(error, FILE, TEXT.encode)) == str(error)


WHOLE = every_key.raw()
KEYS = [path for path in every_key.ends(WHOLE) if path]


@given(st.sampled_from(KEYS), st.booleans(), st.integers(0, 3))
def test_every_key_of_a_written_file_has_its_line(path: every_key.Path, flow: bool, above: int) -> None:
    document = {"config": {KEY: WHOLE}}
    text = "# x\n" * above + yaml.safe_dump(document, default_flow_style=flow, width=40, sort_keys=False)

    said = told(".".join(map(str, path)), text)

    line = int(said.partition(": ")[0].rpartition(":")[2])
    here = text.splitlines()[line - 1]
    assert (str(path[-1]) if isinstance(path[-1], str) else "") in here or "- " in here
