"""A chat template of the operator's own: a file beside the stack file, in the pod beside the engine's configuration."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from observe import stack_files
from plan import config
from plan.base.errors import ConfigError
from plan.plan import Plan, make_plan
from plan.text.errors import TextError
from tests import stacks
from tests.plans import TODAY

ID = "qwen3-8b"
TEMPLATE = "{% for m in messages %}{{ m.content }}${PORT} $(HOME) {{ '[/red]' }}\n{% endfor %}\n"


def raw(path: Any = "templates/mine.jinja", stack: str = "t4", **keys: Any) -> dict[str, Any]:
    written = stacks.raw(stack)
    model_id = ID if stack == "t4" else min(written["models"])
    written["models"][model_id] |= {"chat_template_file": path, **keys}
    return written


def planned(written: dict[str, Any], templates: dict[str, str]) -> Plan:
    return make_plan(config.parse(written), stacks.locked(), TODAY, templates)


def refusal(written: dict[str, Any], templates: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        planned(written, {"templates/mine.jinja": TEMPLATE} if templates is None else templates)
    return str(caught.value)


def test_it_lies_in_the_configuration_as_it_is_and_the_engine_is_told_where() -> None:
    server = planned(raw(), {"templates/mine.jinja": TEMPLATE}).server

    assert server.files["qwen3-8b.jinja"] == TEMPLATE
    command = yaml.safe_load(server.files["llama-swap.yaml"])["models"][ID]["cmd"]
    assert "--chat-template-file /etc/local-llm/qwen3-8b.jinja" in command
    assert any("--chat-template-file /etc/local-llm/qwen3-8b.jinja" in word for word in server.preflight.command)


def test_llama_cpps_own_router_gets_it_too() -> None:
    written = raw(stack="cpu")
    server = planned(written, {"templates/mine.jinja": TEMPLATE}).server

    assert f"chat-template-file = /etc/local-llm/{min(written['models'])}.jinja" in server.files["models.ini"]


def test_an_id_that_is_no_file_name_has_one() -> None:
    written = stacks.raw("t4")
    written["models"]["Qwen/Qwen3:8B"] = {
        **written["models"].pop(ID),
        "chat_template_file": "a.jinja",
        "fallback": None,
    }
    for model in written["models"].values():
        model["fallback"] = None
    locked = stacks.locked()
    entries = {("Qwen/Qwen3:8B" if name == ID else name): entry for name, entry in locked.models.items()}
    plan = make_plan(config.parse(written), locked.model_copy(update={"models": entries}), TODAY, {"a.jinja": TEMPLATE})

    (name,) = [name for name in plan.server.files if name.endswith(".jinja")]
    assert name.startswith("qwen-qwen3-8b-")


def test_whoever_brings_a_template_is_believed_about_tools() -> None:
    plan = planned(raw(tools=True), {"templates/mine.jinja": TEMPLATE})

    assert {model["id"]: model["tools"] for model in plan.contract["models"]}[ID]


@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a/../b", "a//b", ".hidden", "a b", "a\n", "", "a/", "~", 1])
def test_a_path_stays_beside_the_stack_file(path: Any) -> None:
    assert "chat_template_file" in refusal(raw(path))


@pytest.mark.parametrize(
    ("templates", "said"),
    [
        ({}, "No such file lies beside the stack file"),
        ({"templates/mine.jinja": " \n"}, "is no chat template"),
        ({"templates/mine.jinja": "a\0b"}, "is no chat template"),
        ({"templates/mine.jinja": "<html>404</html>"}, "is no chat template"),
        ({"templates/mine.jinja": "{{ messages }}" * 2**17}, "A ConfigMap holds"),
    ],
)
def test_what_can_be_no_template_is_refused(templates: dict[str, str], said: str) -> None:
    assert said in refusal(raw(), templates)


def test_two_templates_are_one_too_many() -> None:
    assert "keep one of them" in refusal(raw(args={"chat-template": "chatml"}))
    assert "`chat_template_file`" in refusal(raw(args={"chat-template-file": "a"}))
    assert "writes no answer" in refusal(raw(mode="embedding", pooling="last"))


def test_the_file_is_read_where_the_stack_is(tmp_path: Path) -> None:
    stack = config.parse(raw())
    assert stack_files.templates(stack, tmp_path) == {}
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "mine.jinja"
    file.write_bytes(b"\xef\xbb\xbfHello\r\n")
    assert stack_files.templates(stack, tmp_path) == {"templates/mine.jinja": "Hello\r\n"}
    file.write_bytes(b"\xff\xfeH\x00i\x00")
    assert stack_files.templates(stack, tmp_path) == {"templates/mine.jinja": "Hi"}


@pytest.mark.parametrize("content", [b"caf\xe9", b"\xff" * 9, b"<<<<<<< a\n", None])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "templates" / "mine.jinja"
    file.parent.mkdir()
    file.mkdir() if content is None else file.write_bytes(content)

    with pytest.raises(TextError, match=r"templates/mine\.jinja"):
        stack_files.templates(config.parse(raw()), tmp_path)


def test_what_is_no_file_of_this_directory_is_not_read(tmp_path: Path) -> None:
    place = tmp_path / "templates"
    place.mkdir()
    for other in (Path("/dev/zero"), Path("/etc/passwd"), place / "mine.jinja"):
        (place / "mine.jinja").symlink_to(other)
        with pytest.raises(TextError, match=r"templates/mine\.jinja"):
            stack_files.templates(config.parse(raw()), tmp_path)
        (place / "mine.jinja").unlink()
    os.mkfifo(place / "mine.jinja")
    with pytest.raises(TextError, match="it is no file"):
        stack_files.templates(config.parse(raw()), tmp_path)
