"""`ops adopt` as a person runs it: what is printed, what is written into a stack file, and how it ends."""

import difflib
import json
from typing import Any

import pytest
import yaml

from tests.ops.adopt.adopted import CONFIGS
from tests.ops.inside import SECRET, Inside

SWAP = {
    "models": {
        "one": {"cmd": "llama-server -m /m/One-Q4_0.gguf -c 512", "ttl": 60},
        "two": {"cmd": "llama-server -hf a/b:Q8_0 -c 512", "aliases": ["three", "qwen3-8b"]},
        "tts": {"cmd": "kokoro --port 1"},
    }
}


@pytest.fixture
def swap(inside: Inside) -> Inside:
    return with_file(inside, SWAP)


def with_file(inside: Inside, content: object) -> Inside:
    (inside.directory / "swap.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return inside


def adopt(inside: Inside, *options: str, code: int = 0) -> str:
    return inside.run("adopt", "--from-llama-swap", "swap.yaml", *options, code=code)


def stack_text(inside: Inside) -> str:
    return (inside.directory / "Pulumi.t4.yaml").read_bytes().decode()


def test_the_models_are_printed_and_each_id_is_in_the_table(swap: Inside) -> None:
    before = stack_text(swap)
    printed = adopt(swap)

    models, _, table = printed.partition("┏")
    assert list(yaml.safe_load(models)["models"]) == ["one", "two"]
    assert "3 ids, 2 written, 1 of them with a repository to fill in, 1 refused" in table
    assert "served by a server that speaks" in table
    assert "replace each OWNER/NAME by a repository, or name them by --repo ID=OWNER/NAME" in table
    assert stack_text(swap) == before


def test_a_repository_may_be_named(swap: Inside) -> None:
    printed = adopt(swap, "--repo", "one=some/One-GGUF")

    assert "repo: some/One-GGUF\n" in printed
    assert "OWNER/NAME" not in printed


def test_json_has_the_models_the_states_and_every_line(swap: Inside) -> None:
    said: dict[str, Any] = json.loads(adopt(swap, "--json").partition("┏")[0])

    assert said["counts"] == {"ids": 3, "written": 2, "repository_to_fill_in": 1, "there_already": 0, "refused": 1}
    assert said["models"]["one"] == {"repo": "OWNER/NAME", "quant": "Q4_0", "context": 512, "ttl_s": 60}
    assert said["ids"]["tts"] == {"state": "refused", "why": "served by a server that speaks"}
    assert said["not_carried_over"]["models"]["two"]


def test_the_models_are_written_behind_those_that_are_there_and_nothing_else_differs(swap: Inside) -> None:
    before = stack_text(swap)
    printed = adopt(swap, "--stack", "t4", "--write")
    after = stack_text(swap)

    changes = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-?"]
    assert {line[0] for line in changes} == {"+"}
    models = yaml.safe_load(after)["config"]["local-llm:stack"]["models"]
    assert [*models][-2:] == ["one", "two"]
    assert models["two"] == {"repo": "a/b", "quant": "Q8_0", "context": 512, "aliases": ["three"]}
    assert "alias qwen3-8b: It is a model's id already" in after
    assert "Pulumi.t4.yaml is written: `bin/local-llm lock` comes next" in printed


def test_what_the_stack_has_already_is_never_written_again(swap: Inside) -> None:
    adopt(swap, "--stack", "t4", "--write")
    once = stack_text(swap)
    (swap.directory / "Pulumi.t4.yaml").write_text(once.replace("OWNER/NAME", "mine/by-hand"))
    mine = stack_text(swap)
    printed = adopt(swap, "--stack", "t4", "--write")

    assert stack_text(swap) == mine
    assert "3 ids, 0 written, 2 in the stack already, 1 refused" in printed


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("models", ["models: {}", "models:", "models: # none yet", ""])
def test_a_stack_without_models_gets_them(inside: Inside, models: str, end: str) -> None:
    with_file(inside, SWAP)
    head, _, rest = stack_text(inside).partition("    models:\n")
    tail = rest[rest.index("    immich:") :]
    text = f"{head}{tail}" if not models else f"{head}    {models}\n{tail}"
    (inside.directory / "Pulumi.t4.yaml").write_bytes(text.replace("\n", end).encode())

    adopt(inside, "--stack", "t4", "--write")

    after = stack_text(inside)
    assert list(yaml.safe_load(after)["config"]["local-llm:stack"]["models"]) == ["one", "two"]
    assert after.count("\n") == after.count(end)
    assert "# none yet" in after or "none yet" not in models


def test_models_in_braces_are_left_as_they_are_and_it_says_what_to_do(inside: Inside) -> None:
    with_file(inside, SWAP)
    head, _, rest = stack_text(inside).partition("    models:\n")
    text = head + "    models: {a: {repo: a/b, quant: Q8_0, context: 64}}\n" + rest[rest.index("    immich:") :]
    (inside.directory / "Pulumi.t4.yaml").write_text(text)

    printed = adopt(inside, "--stack", "t4", "--write", code=1)

    assert "models cannot get more entries without changing more of the file" in printed
    assert stack_text(inside) == text


def test_what_the_stack_cannot_have_is_refused_before_anything_is_written(inside: Inside) -> None:
    groups = {"g": {"swap": False, "persistent": True, "members": ["one"]}}
    with_file(inside, {"models": {"one": {"cmd": "llama-server -hf a/b -c 64"}}, "groups": groups})
    file = inside.directory / "Pulumi.t4.yaml"
    file.write_text(stack_text(inside).replace("    server:\n", "    server:\n      engine: llama-server\n"))
    before = stack_text(inside)

    printed = adopt(inside, "--stack", "t4", "--write", code=1)

    assert "models.one.resident" in printed
    assert "server.engine" in printed
    assert stack_text(inside) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--write",), "--write needs --stack"),
        (("--repo", "one"), "it is ID=OWNER/NAME"),
        (("--repo", "one=a"), "it is ID=OWNER/NAME"),
        (("--repo", "one=a/b", "--repo", "one=c/d"), "is there twice"),
        (("--repo", "nobody=a/b"), "the file has no such id"),
        (("--stack", "nobody"), "there is no Pulumi.nobody.yaml"),
    ],
)
def test_options_that_cannot_be_are_refused_in_words(swap: Inside, options: tuple[str, ...], said: str) -> None:
    assert said in adopt(swap, *options, code=1)


def test_a_repository_that_can_be_none_is_a_reason(swap: Inside) -> None:
    printed = adopt(swap, "--repo", "one=../x")

    assert "repo would be '../x': A repository is owner/name" in printed


def test_the_name_of_a_variant_of_the_stack_is_taken(inside: Inside) -> None:
    with_file(inside, {"models": {"qwen": {"cmd": "llama-server -hf a/b -c 64", "aliases": ["fast", "other"]}}})
    file = inside.directory / "Pulumi.t4.yaml"
    file.write_text(
        stack_text(inside).replace("quant: Q4_K_M,", "quant: Q4_K_M, variants: {fast: {temperature: 0.1}},", 1)
    )

    adopt(inside, "--stack", "t4", "--write")

    assert "aliases: [other]" in stack_text(inside)
    assert "alias fast: It is a variant of qwen3-8b already" in stack_text(inside)


@pytest.mark.parametrize("key", ["name", "description", "aliases", "cmd", "unknown-key", "metadata"])
def test_a_token_in_a_place_where_none_belongs_is_neither_written_nor_printed(inside: Inside, key: str) -> None:
    token = "hf_abcdefghijklmnop"
    command = f"llama-server -hf a/b --temp 1 {f'--grammar {token}' if key == 'cmd' else ''}"
    texts: Any = {"aliases": [token, "kept"], "cmd": command, "metadata": {token: token}}
    model = {"cmd": command, key: texts.get(key, f"with {token}")}
    with_file(inside, {"models": {"a": model}, "matrix": {"sets": {"s": f"a & {token}"}}})

    printed = adopt(inside, "--stack", "t4", "--write") + adopt(inside) + adopt(inside, "--json")

    assert "abcdefghijklmnop" not in printed + stack_text(inside)
    assert "hf_***" in printed


def test_it_ends_with_1_where_nothing_is_served_by_llama_server(inside: Inside) -> None:
    printed = adopt(with_file(inside, {"models": {"a": {"cmd": "vllm serve x"}}}), code=1)

    assert "# - a: served by vLLM" in printed
    assert "no model of this file is served by llama-server" in printed


@pytest.mark.parametrize("file", ["nowhere.yaml", ".", "/dev/null", "/dev/zero", "x" * 300, "Pulumi.t4.yaml"])
def test_a_file_that_is_none_is_refused_in_words(inside: Inside, file: str) -> None:
    assert "error: " in inside.run("adopt", "--from-llama-swap", file, code=1)


def test_no_secret_is_printed_wherever_it_stands(inside: Inside) -> None:
    keys = {"apiKeys": [SECRET], "peers": {"p": {"proxy": f"http://u:{SECRET}@h", "apiKey": SECRET, "models": ["m"]}}}
    command = (
        f"env HF_TOKEN={SECRET} llama-server -hf a/b -hft {SECRET} --api-key {SECRET} --header 'X: Bearer {SECRET}'"
    )
    model = {"cmd": command, "env": [f"API_KEY={SECRET}"], "metadata": {"token": SECRET}, "headers": {"a": SECRET}}
    with_file(inside, {**keys, "models": {"a": model}, "macros": {"key": SECRET}})

    adopt(inside)  # asserts that it is not there
    adopt(inside, "--json")


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_each_configuration_of_the_tests_can_be_written_into_a_stack(inside: Inside, file: Any) -> None:
    printed = inside.run("adopt", "--from-llama-swap", file, "--stack", "t4", "--write", code=0)

    assert "Pulumi.t4.yaml is written" in printed
    assert "plantedSecret" not in printed + stack_text(inside)
