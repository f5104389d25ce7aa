"""`ops verify` as a person runs it, against an endpoint that is well, and against each way in which one is not."""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import stacks
from tests.ops.endpoint import KEY, Endpoint, base, reply, running, says, wise

GEMMA, VISION = "gemma-3-270m-q4", "qwen3vl-4b"  # in the lock: one without a chat template, one with a projector


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running({}) as endpoint:
        yield endpoint


def verify(
    endpoint: Endpoint, *arguments: str, code: int = 0, key: str = "", cwd: Path = stacks.EXAMPLE
) -> tuple[str, str]:
    """What it printed for a program or a table, and what it told besides."""
    argv = [sys.executable, "-m", "ops", "verify", "--url", endpoint.url, *arguments]
    env = {**os.environ, "PYTHONPATH": str(stacks.ROOT), "COLUMNS": "200", "LOCAL_LLM_API_KEY": key}
    done = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    assert ("next: " in done.stderr) == bool(code), done.stderr
    return done.stdout, done.stderr


def checks(printed: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["model"], row["check"]): row for row in json.loads(printed)["checks"]}


def test_a_well_endpoint_passes_and_shows_answer_and_speed_of_every_model(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says(), "b": says(speed=None, tokens=4096)}

    table, _ = verify(endpoint)
    assert "Paris." in table
    assert "33.0" in table
    assert "ok" in table

    rows = checks(verify(endpoint, "--json")[0])
    assert set(rows) == {(model, check) for model in "ab" for check in ("golden", "speed")}
    assert all(row["ok"] for row in rows.values())
    assert rows["a", "speed"]["tokens_per_s"] == 33.0
    assert rows["b", "speed"]["tokens_per_s"] > 5, "by the clock, where the engine measures nothing itself"


def test_every_question_is_one_that_has_one_answer(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says()}
    verify(endpoint)
    assert len(endpoint.asked) == 2
    for body in endpoint.asked:
        assert (body["temperature"], body["seed"]) == (0, 1)
        assert body["max_tokens"] <= 64, "a model that rambles is not waited for"


def test_a_url_may_end_in_v1(endpoint: Endpoint) -> None:
    endpoint.models, endpoint.url = {"a": says()}, endpoint.url + "/v1/"

    table, _ = verify(endpoint)

    assert "Paris." in table


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("GGGGGGGGGGGGGGGGGGGGGGGG", "garbage"),
        ("@@@@ #!* ,,.; ?? //// \\\\", "garbage"),
        ("\ufffd\ufffd\ufffd \ufffd\ufffd", "garbage"),
        (" the the the the the the the the", "garbage"),
        ("Berlin.", "'Paris' is not in the answer"),
        ("", "an empty answer (finish_reason stop)"),
        ("  \n", "an empty answer (finish_reason stop)"),
    ],
)
def test_garbage_another_answer_and_none_at_all_fail_by_model(endpoint: Endpoint, said: str, told: str) -> None:
    endpoint.models = {"well": says(), "ill": says(said)}

    table, error = verify(endpoint, code=1)

    assert f"error: ill: not as it should be; ill, golden: {told}" in error
    assert "ok" in table, "the others are asked all the same"


def test_garbage_after_the_right_word_fails_too(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says("Paris" + "!?" * 20)}
    assert "garbage" in verify(endpoint, code=1)[1]


def test_half_a_token_a_second_fails_with_the_number(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says(speed=0.58)}

    _, error = verify(endpoint, code=1)

    assert "a, speed: 0.58 tokens/s, less than 5" in error
    assert "quantized KV cache" in error
    verify(endpoint, "--min-tokens-s", "0.5")


def test_a_stack_without_a_card_is_not_held_to_a_cards_speed(endpoint: Endpoint) -> None:
    endpoint.models = dict.fromkeys(stacks.raw("cpu")["models"], base)
    rows = checks(verify(endpoint, "--stack", "cpu", "--json")[0])
    assert {row["tokens_per_s"] for row in rows.values()} == {None, 20.0}
    verify(endpoint, "--stack", "cpu", "--min-tokens-s", "21", code=1)


def test_an_answer_of_a_few_tokens_has_no_speed(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says(speed=1e6, tokens=1)}
    assert checks(verify(endpoint, "--json")[0])["a", "speed"]["tokens_per_s"] is None


@pytest.mark.parametrize(
    "thinks",
    [
        lambda _: (200, reply("", "length", reasoning_content="The user wants")),
        lambda _: (200, reply(None, "length", reasoning_content="The user wants")),
        lambda _: (200, reply("<think>The user wants", "length")),
    ],
)
def test_a_model_that_only_thinks_fails_with_the_setting_that_ends_it(endpoint: Endpoint, thinks: Any) -> None:
    endpoint.models = {"a": thinks}

    _, error = verify(endpoint, code=1)

    assert "it only thought, and the answer is empty (finish_reason length)" in error
    assert 'set `reasoning: "off"` of models.a in the stack file' in error


def test_a_model_that_is_meant_to_think_gets_room_for_it_and_only_its_answer_counts(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    write_stack(tmp_path, {"repo": "a/b", "quant": "Q4_K_M", "context": 4096, "reasoning": "on"})
    endpoint.models = {"a": says("<think>Berlin? No.</think>Paris")}

    rows = checks(verify(endpoint, "--stack", "mine", "--json", cwd=tmp_path)[0])

    assert rows["a", "golden"]["answer"] == "Paris"
    assert rows["a", "golden"]["tokens_per_s"] == 33.0
    assert min(body["max_tokens"] for body in endpoint.asked) > 1000


def write_stack(directory: Path, model: dict[str, Any], gpu: str = "t4") -> None:
    value = {"gpu": {"model": gpu}, "models": {"a": model}}
    (directory / "Pulumi.mine.yaml").write_text(yaml.safe_dump({"config": {"local-llm:stack": value}}))


def test_a_stack_file_may_bring_its_own_question(endpoint: Endpoint, tmp_path: Path) -> None:
    own = {"prompt": "Say moo.", "expect": "MOO"}
    write_stack(tmp_path, {"repo": "a/b", "quant": "Q4_K_M", "context": 4096, "verify": own})
    endpoint.models = {"a": lambda body: (200, reply("moo" if "Say" in str(body) else "1, 2, 3, 4, 5"))}

    verify(endpoint, "--stack", "mine", cwd=tmp_path)

    assert endpoint.asked[0]["messages"][0]["content"] == "Say moo."
    endpoint.models = {"a": says()}
    assert "'MOO' is not in the answer" in verify(endpoint, "--stack", "mine", cwd=tmp_path, code=1)[1]


def test_a_base_model_is_not_asked_to_chat(endpoint: Endpoint) -> None:
    endpoint.models = {GEMMA: base}
    verify(endpoint)
    assert ["prompt" in body for body in endpoint.asked] == [True, True], "its lock says that it has no chat template"


def test_a_model_with_a_projector_is_shown_an_image(endpoint: Endpoint) -> None:
    endpoint.models = {VISION: says(), "blind": says()}

    rows = checks(verify(endpoint, "--json")[0])

    assert rows[VISION, "image"]["answer"] == "Red."
    assert ("blind", "image") not in rows
    (shown,) = [body for body in endpoint.asked if isinstance(body["messages"][0]["content"], list)]
    assert pixels(shown["messages"][0]["content"]) == {b"\xff\x00\x00"}

    endpoint.models = {VISION: lambda body: (200, reply(wise(body).replace("Red", "Blue")))}
    assert f"{VISION}, image: 'red' is not in the answer" in verify(endpoint, code=1)[1]


def pixels(content: list[dict[str, Any]]) -> set[bytes]:
    """The colours of the PNG in a message, decoded by hand: 8-bit RGB without filters."""
    (url,) = (part["image_url"]["url"] for part in content if part["type"] == "image_url")
    png, chunks, at = b64decode(url.removeprefix("data:image/png;base64,")), dict[bytes, bytes](), 8
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + body),)
        chunks[kind], at = body, at + 12 + size
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 2, 0, 0, 0]
    rows = zlib.decompress(chunks[b"IDAT"])
    assert len(rows) == height * (1 + 3 * width)
    lines = [rows[n * (1 + 3 * width) + 1 : (n + 1) * (1 + 3 * width)] for n in range(height)]
    return {line[at : at + 3] for line in lines for at in range(0, 3 * width, 3)}


@pytest.mark.parametrize("key", ["", "wrong"])
def test_a_refused_key_is_told_once_and_never_shown(endpoint: Endpoint, key: str) -> None:
    endpoint.models, endpoint.needs_key = {"a": says(), "b": says()}, True

    _, error = verify(endpoint, code=1, key=key)

    assert error.count("HTTP 401") == 1
    assert "$LOCAL_LLM_API_KEY is refused" in error if key else "no key was sent, $LOCAL_LLM_API_KEY is empty" in error
    assert "wrong" not in error, "not even where the server repeats it"
    verify(endpoint, key=KEY)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: (500, b'{"error": {"message": "unable to allocate CUDA0 buffer"}}'), "HTTP 500: .*allocate CUDA0"),
        (lambda _: (503, b""), "HTTP 503"),
        (lambda _: (200, b"<html>gateway</html>"), "an answer that is not a completion: '<html>gateway</html>'"),
        (lambda _: (200, b'{"choices": []}'), "an answer without choices"),
        (lambda _: (200, b'{"choices": "many"}'), "an answer that is not a completion"),
        (lambda _: (200, reply("Paris", "content_filter")), "it ended with finish_reason content_filter"),
    ],
)
def test_an_error_of_one_model_is_told_with_its_words_and_the_next_step(
    endpoint: Endpoint, answer: Any, told: str
) -> None:
    endpoint.models = {"ill": answer, "well": says()}

    table, error = verify(endpoint, code=1)

    assert re.search(rf"^error: ill: not as it should be; ill, golden: {told}", error, re.MULTILINE), error
    assert "kubectl logs -n NAMESPACE deploy/llama-swap" in error, "without --stack nobody knows which one"
    assert "Paris" in table, "the other model is asked all the same"


def test_a_model_that_the_endpoint_does_not_know_is_told(endpoint: Endpoint) -> None:
    endpoint.models = {"a": says()}
    _, error = verify(endpoint, "--model", "a", "--model", "nobody", code=1)
    assert "nobody, golden: HTTP 404: " in error
    assert "/v1/models; is it deployed?" in error


def test_a_stall_ends_and_is_told_by_model(endpoint: Endpoint) -> None:
    def stalls(_: Any) -> tuple[int, bytes]:
        endpoint.released.wait()
        return 200, b""

    endpoint.models = {"slow": stalls, "well": says()}

    _, error = verify(endpoint, "--timeout", "1", code=1)

    assert "slow, golden: no byte of an answer for 1 s" in error
    assert "--timeout" in error
    assert "well" not in error.partition("error:")[2]


def test_an_endpoint_where_nobody_listens_is_told(endpoint: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        endpoint.url = f"http://127.0.0.1:{free.getsockname()[1]}"
    _, error = verify(endpoint, code=1)
    assert f"{endpoint.url}/v1 does not answer: " in error


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8080", "file:///etc/passwd"])
def test_what_is_no_url_is_refused(endpoint: Endpoint, url: str) -> None:
    endpoint.url = url
    assert "is not the URL of an endpoint" in verify(endpoint, code=1)[1]


def test_an_endpoint_without_models_proves_nothing(endpoint: Endpoint) -> None:
    assert "lists no model" in verify(endpoint, code=1)[1]
