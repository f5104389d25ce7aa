"""What is wrong with a stack is told with the line of the file that was read, by every command that reads it."""

import pytest

from tests import stacks
from tests.ops.inside import Inside

TEXT = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_text()
COMMANDS = {
    "fit": ("fit", "--stack", "t4", "--offline"),
    "fit of another file": ("fit", "--stack", "nobody", "--offline", "--config", "Pulumi.t4.yaml"),
    "calibrate": ("calibrate", "--stack", "t4", "--nvidia-smi", "x", "--model", "qwen3-8b"),
    "lock": ("lock", "--check", "--stack", "t4"),
    "lock of every stack": ("lock", "--check"),
    "render": ("render", "out", "--stack", "t4", "--config", "Pulumi.t4.yaml"),
}


def line_of(key: str, text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.strip().startswith(key))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_value_is_told_with_its_line(inside: Inside, command: str) -> None:
    text = f"# one line more\n{TEXT}".replace("qwen3-8b: {", "qwen3-8b: {\n        parallel: 0,\n        ")
    assert text.count("parallel: 0") == 1
    (inside.directory / "Pulumi.t4.yaml").write_text(text)

    printed = inside.run(*COMMANDS[command])

    place = f"Pulumi.t4.yaml:{line_of('parallel: 0', text)}: "
    assert f"error: {place}local-llm:stack.models.qwen3-8b.parallel: got 0." in printed


@pytest.mark.parametrize("command", ["fit", "lock", "render"])
def test_what_the_plan_refuses_has_its_line_too(inside: Inside, command: str) -> None:
    text = TEXT.replace("qwen3-8b: {", "qwen3-8b: {\n        revision: another,\n        ")
    (inside.directory / "Pulumi.t4.yaml").write_text(text)

    printed = inside.run(*COMMANDS[command])

    assert f"Pulumi.t4.yaml:{line_of('revision: another', text)}: local-llm:stack.models.qwen3-8b.revision:" in printed


def test_a_key_that_is_missing_is_in_no_line(inside: Inside) -> None:
    (inside.directory / "Pulumi.t4.yaml").write_text(TEXT.replace("namespace:", "namespaces:", 1))

    printed = inside.run("fit", "--stack", "t4", "--offline")

    assert "error: local-llm:stack.namespace: got nothing. This key is required." in printed
    assert f"Pulumi.t4.yaml:{line_of('namespaces:', TEXT.replace('namespace:', 'namespaces:', 1))}: " in printed
