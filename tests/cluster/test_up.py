"""What `make up` leaves running: the answers, whose weights give them, and how the pods are confined."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.cluster.played import stand_ins
from dev.pulumi.stackfile import ROOT
from dev.tools import tools
from plan import config
from plan.engine import flags
from plan.models import lock
from tests import committed
from tests.cluster.embedded import (
    CHAT,
    EVERY_MODEL,
    INSTANCE,
    MODELS,
    NAMESPACE,
    answered,
    chat,
    dev,
    eventually,
    get,
    key,
    pids_of,
    request,
)

SERVER = "/app/llama-server"


def test_it_ends_with_an_answer_of_two_models_their_speed_the_swap_and_one_endpoint(output: str) -> None:
    assert answered(output)
    assert re.findall(r"http://[^/ ]+", output) == [f"http://127.0.0.1:{INSTANCE.ports.endpoint}"] * 2
    assert f"models: {', '.join(EVERY_MODEL)}" in output


def test_the_endpoint_answers_whoever_has_the_key_and_refuses_everyone_else(output: str) -> None:  # noqa: ARG001
    status, answer = chat(MODELS[0], key())
    assert status == 200, answer
    assert answer["choices"][0]["message"]["content"].strip()

    assert chat(MODELS[0])[0] == 401
    assert chat(MODELS[0], "x" * 40)[0] == 401
    assert request("/v1/completions", None, {"model": MODELS[0], "prompt": "x"})[0] == 401
    assert request("/health")[0] == 200, "the kubelet's probes have no key"
    status, answer = chat("no-such-model", key())
    assert status in (400, 404), answer
    assert "no-such-model" in str(answer)
    assert [model["id"] for model in request("/v1/models", key())[1]["data"]] == list(EVERY_MODEL)


def test_each_id_is_answered_by_its_own_weights(output: str) -> None:  # noqa: ARG001
    expected = {}
    for model, file in zip(MODELS, ("gemma-3-270m-Q3_K_M.gguf", "gemma-3-270m-Q4_K_M.gguf"), strict=True):
        with reference(model, tools.path("gemma") / file) as base:
            expected[model] = said(chat(model, base=base))
    assert not alike(*expected.values()), "the prompt tells the two apart"

    for model in (*MODELS, *MODELS):  # and again, after another model was loaded
        assert alike(said(chat(model, key())), expected[model])


def test_the_server_runs_without_rights_root_token_or_core_dumps(output: str) -> None:  # noqa: ARG001
    assert get("namespace", NAMESPACE)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    found = pids_of(SERVER)
    assert len(found) >= 2, "the router and the model it has loaded"
    for pid in found:
        process = Path(f"/proc/{pid}")
        status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65532"}
        assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {0}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert re.search(r"^Max core file size +0 +0 ", (process / "limits").read_text(), re.MULTILINE)
        mounts = {line.split()[4]: line.split()[5] for line in (process / "mountinfo").read_text().splitlines()}
        assert mounts["/"].split(",")[0] == "ro"
        assert mounts["/models"].split(",")[0] == "ro"
        assert not [place for place in mounts if "serviceaccount" in place]


def test_the_other_tenants_ttl_is_ours_and_all_its_other_settings_are_as_its_owner_wrote_them(output: str) -> None:  # noqa: ARG001
    expected = list(stand_ins._ENVIRONMENT.items())
    assert ("MACHINE_LEARNING_MODEL_TTL", "0") in expected
    expected[expected.index(("MACHINE_LEARNING_MODEL_TTL", "0"))] = ("MACHINE_LEARNING_MODEL_TTL", "600")
    there = get("pod", "-n", stand_ins.IMMICH_NAMESPACE)["items"]
    (pod,) = [pod for pod in there if "deletionTimestamp" not in pod["metadata"]]

    assert [(entry["name"], entry["value"]) for entry in pod["spec"]["containers"][0]["env"]] == expected
    assert pod["status"]["phase"] == "Running"


def test_the_models_directory_reads_like_the_lock(output: str) -> None:  # noqa: ARG001
    locked = lock.load((ROOT / "models.lock.yaml").read_text()).models
    directory = INSTANCE.state / "models"
    assert sorted(path.name for path in directory.iterdir() if not path.name.startswith(".")) == list(EVERY_MODEL)
    for model in EVERY_MODEL:
        generation = directory / model / locked[model].gen
        link = generation / "model.gguf"
        assert not link.readlink().is_absolute(), "the volume is mounted elsewhere in the pods"
        assert link.stat().st_size == locked[model].size_bytes
        assert (generation / "READY.json").is_file()
        assert (directory / model / "current").resolve() == generation


def test_the_curl_that_it_prints_answers_as_it_stands(output: str) -> None:
    printed = output[output.index("curl ") :].replace("$KEY", key())

    done = subprocess.run(["sh", "-c", printed], capture_output=True, text=True, timeout=300, check=False)

    answer = json.loads(done.stdout)
    assert answer["model"] == CHAT
    assert answer["choices"][0]["message"]["content"].strip()
    assert answer["usage"]["completion_tokens"] <= 64, "it answers in seconds"


def test_chat_shows_an_answer_of_the_model_that_has_a_chat_template_or_of_the_named_one(output: str) -> None:  # noqa: ARG001
    question = """What's "2 + 2", in $ and `words`?"""
    for model in ("", CHAT):
        done = dev("chat", LOCAL_LLM_ASK=question, LOCAL_LLM_MODEL=model)
        assert done.returncode == 0, done.stderr
        assert re.search(rf"\S.*\n\[.*\] {model or CHAT}: \d+ tokens/s", done.stdout)
    refused = dev("chat", LOCAL_LLM_ASK=question, LOCAL_LLM_MODEL="gpt-5")
    assert refused.returncode == 1
    assert f"name one of {', '.join(EVERY_MODEL)}" in refused.stderr


def test_the_key_command_prints_the_key_and_nothing_else(output: str) -> None:  # noqa: ARG001
    assert re.fullmatch(r"[A-Za-z0-9]{40}\n", dev("key").stdout)


def said(answer: tuple[int, Any]) -> list[tuple[str, float]]:
    """Each token with how sure the model was of it."""
    status, body = answer
    assert status == 200, body
    return [(token["token"], token["logprob"]) for token in body["choices"][0]["logprobs"]["content"]]


def alike(one: list[tuple[str, float]], other: list[tuple[str, float]]) -> bool:
    """Texts alone may agree by chance."""
    return [token for token, _ in one] == [token for token, _ in other] and all(
        abs(sure - also) < 1e-3 for (_, sure), (_, also) in zip(one, other, strict=True)
    )


@contextmanager
def reference(model: str, file: Path) -> Iterator[str]:
    """The built llama-server on one GGUF, with the flags of the plan and nothing else of the project in between."""
    stack, locked = config.parse(committed.raw("dev")), lock.load((ROOT / "models.lock.yaml").read_text()).models
    rows = dict(flags.flags(model, stack.models[model], locked[model], stack.gpu, stack.server.image_max_tokens, 512))
    rows["model"] = str(file)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [str(tools.path("llama") / "llama-server"), "--host", "127.0.0.1", "--port", str(port), "--no-webui"]
    argv += [word for name, value in rows.items() for word in (f"--{name}", value) if word is not None]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            base = f"http://127.0.0.1:{port}"
            eventually(lambda: request("/health", base=base)[0] == 200)
            yield base
        finally:
            process.kill()
