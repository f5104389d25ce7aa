"""B3: a dollar sign in text from outside stays one: for Kubernetes, the shell, llama-swap and llama.cpp alike."""

import json
import shlex
import subprocess
from typing import Any

import pytest
import yaml

from plan.base.errors import ConfigError
from plan.kubernetes.arguments import literal
from plan.models.lock import Lock, generation
from plan.plan import Plan
from tests import stacks
from tests.plans import expanded, made

VARIABLES = {"HF_TOKEN": "hf_secret", "HOME": "/root", "PORT": "5800", "LLAMA_SWAP_API_KEY": "secret"}
TEXTS = [
    "$(HF_TOKEN)", "a$$b", "$$(HF_TOKEN)", "$$$(HOME)", "$", "$$", "$(", "$(HF_TOKEN", "$)HOME(", "$(HOME)$(HF_TOKEN)",
    "${HOME}", "`$HOME`", "$(unknown)", "a$(HOME)b$$c",
]  # fmt: skip


def with_path(path: str) -> Plan:
    lock = stacks.locked()
    model = lock.models["qwen3-8b"]
    files = tuple(file.model_copy(update={"path": path}) for file in model.files)
    changed = model.model_copy(update={"files": files, "gen": generation(files)})
    return made(stacks.raw("t4"), Lock(version=1, models={**lock.models, "qwen3-8b": changed}))


def with_args(args: dict[str, Any], engine: str = "llama-swap") -> Plan:
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["args"] = args
    raw["server"]["engine"] = engine
    return made(raw)


def fetcher_of(plan: Plan) -> str:
    (job,) = [job for job in plan.fetches.jobs if job.model_id == "qwen3-8b"]
    return job.manifest


def test_the_reader_here_expands_as_kubernetes_does() -> None:
    read = {
        "$(HOME)": "/root",
        "$$(HOME)": "$(HOME)",
        "$(X)": "$(X)",
        "a$b": "a$b",
        "$": "$",
        "$$": "$",
        "$(HOME": "$(HOME",
    }
    assert {text: expanded(text, VARIABLES) for text in read} == read


@pytest.mark.parametrize("text", TEXTS)
def test_b3_a_text_made_literal_arrives_as_it_is(text: str) -> None:
    assert expanded(literal(text), VARIABLES) == text


@pytest.mark.parametrize("text", [text for text in TEXTS if "/" not in text])
def test_b3_a_locked_path_reaches_the_fetcher_as_it_is(text: str) -> None:
    path = f"{text}-Q4_K_M.gguf"
    told = json.loads(expanded(fetcher_of(with_path(path)), VARIABLES))
    assert [file["path"] for file in told["files"]] == [path]


@pytest.mark.parametrize("text", [text for text in TEXTS if "${" not in text])
@pytest.mark.parametrize("flag", ["chat-template", "reverse-prompt", "grammar"])
def test_b3_a_flag_reaches_the_trial_as_it_is_through_kubernetes_and_the_shell(text: str, flag: str) -> None:
    command = with_args({flag: text}).server.preflight.command
    (tried,) = [expanded(word, VARIABLES) for word in command if word.startswith("qwen3-8b ")]
    _, _, flags = tried.partition(" ")
    given = subprocess.run(
        ["/bin/sh", "-c", "eval \"printf '%s\\n' $1\"", "sh", flags], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert given[given.index(f"--{flag}") + 1] == text


@pytest.mark.parametrize("text", [text for text in TEXTS if "${" not in text])
def test_b3_a_flag_reaches_both_engines_as_it_is(text: str) -> None:
    swap = yaml.safe_load(with_args({"grammar": text}).server.files["llama-swap.yaml"])
    words = shlex.split(swap["models"]["qwen3-8b"]["cmd"])
    assert words[words.index("--grammar") + 1] == text
    assert words[-1] == "${PORT}", "ours stays"
    assert f"grammar = {text}\n" in with_args({"grammar": text}, "llama-server").server.files["models.ini"]


@pytest.mark.parametrize(
    "text", ["${env.HF_TOKEN}", "${PORT}", "a${b}", "${", "$${PORT}", "${env.LLAMA_SWAP_API_KEY}", "${MODEL_ID}"]
)
@pytest.mark.parametrize("engine", ["llama-swap", "llama-server"])
def test_b3_what_llama_swap_would_expand_is_refused(text: str, engine: str) -> None:
    with pytest.raises(ConfigError, match=r"An engine would misread it: .*`\$\{`"):
        with_args({"grammar": text}, engine)


def test_b3_our_own_variables_stay() -> None:
    plan = made(stacks.raw("t4"))
    assert yaml.safe_load(plan.server.files["llama-swap.yaml"])["apiKeys"] == ["${env.LLAMA_SWAP_API_KEY}"]
    script = plan.server.preflight.command[2]
    assert expanded(script, VARIABLES) == script, "Kubernetes finds nothing of its own in the script"


@pytest.mark.parametrize("length", [2**15 + 1, 200_000])
def test_c4_a_flag_of_that_many_characters_is_refused(length: int) -> None:
    with pytest.raises(ConfigError, match=f"32768 characters at most, this one has {length}"):
        with_args({"chat-template": "x" * length})


def test_c4_all_flags_of_a_model_have_to_fit_into_one_argument() -> None:
    flags = ("chat-template", "grammar", "json-schema", "reverse-prompt", "reasoning-budget-message")
    with pytest.raises(ConfigError, match=r"qwen3-8b\.args: got '\d+ bytes'\. A program takes at most 131071 bytes"):
        with_args(dict.fromkeys(flags, "x" * 32000))


def test_c4_quotes_count_as_the_shell_needs_them() -> None:
    with pytest.raises(ConfigError, match="A program takes at most 131071 bytes"):
        with_args({"grammar": "'" * 32000})
