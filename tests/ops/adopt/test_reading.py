"""The file as llama-swap reads it: macros, commands, and the program that a command really starts."""

import pytest

from ops.adopt.llama_swap.commands import simple_commands, words
from ops.adopt.llama_swap.launch import launched
from ops.adopt.llama_swap.programs import other
from plan.text.errors import TextError
from tests.ops.adopt.adopted import adopted, one

M = "-m /m/x-Q4_0.gguf"


@pytest.mark.parametrize(
    ("macros", "own", "command", "context"),
    [
        ({"c": 64}, {}, f"llama-server {M} -c ${{c}}", 64),
        ({"c": "64"}, {"c": 32}, f"llama-server {M} -c ${{c}}", 32),
        ({"c": 64, "all": f"llama-server {M} -c ${{c}}"}, {}, "${all}", 64),
        ({"c": 64, "all": f"llama-server {M} -c ${{c}}"}, {"c": 32}, "${all}", 32),
        ({"s": f"llama-server {M}"}, {"c": 16}, "${s} -c ${c}", 16),
        ({}, {}, "llama-server -m /m/${MODEL_ID}-Q4_0.gguf -c 8", 8),
        ({"c": 64}, {}, f"llama-server {M} \\\n  # -c ${{c}}\n -c 9", 9),
    ],
)
def test_macros_are_put_in_as_llama_swap_does_it(
    macros: dict[str, object], own: dict[str, object], command: str, context: int
) -> None:
    draft = one(command, {"macros": macros}, macros=own)

    assert draft.keys["context"] == context
    assert "x-Q4_0.gguf" in draft.remarks["repo"]


def test_a_macro_may_name_those_before_it_alone_and_its_own_type_stays() -> None:
    draft = one("${late}", {"macros": {"late": f"llama-server {M} -c ${{c}}", "c": 64}}, ttl="${t}", macros={"t": 90})

    assert draft.keys["ttl_s"] == 90
    assert "-c ${c}: It takes a whole number" in draft.left


@pytest.mark.parametrize(
    ("macros", "said"),
    [
        ({f"m{n}": f"${{m{n - 1}}}" * 9 if n else "y" for n in range(40)}, "has more than 65536 characters"),
        ({"a": [1]}, "a macro is a text, a number"),
        ({"a": None}, "a macro is a text, a number"),
        (["a"], "macros are a mapping"),
        ({str(n): "x" for n in range(2000)}, "1000 are the most"),
    ],
)
def test_macros_that_grow_or_are_none_are_refused_in_words(macros: object, said: str) -> None:
    with pytest.raises(TextError, match=said):
        adopted({"models": {"x": {"cmd": f"llama-server {M} ${{m39}}"}}, "macros": macros})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is a mapping with `models`"),
        (b"- a", "it is a mapping with `models`"),
        (b"models: {}", "models of it|models: got"),
        (b"models:\n  a: {cmd: x}\n  a: {cmd: y}\n", "the key 'a' is there twice, in line 2 and in line 3"),
        (b"models: &m {a: *m}", "is within itself"),
        (b"a: " + b"[" * 5000, "levels deep"),
        (b"models: {a: \x1b}", "has no place in a text"),
        (b"\xff\xfe\x00", "is not UTF"),
        (b"models: {" + b",".join(b"m%d: {cmd: x}" % n for n in range(1001)) + b"}", "1000 are the most"),
    ],
)
def test_what_is_no_configuration_is_refused_in_words(content: bytes, said: str) -> None:
    with pytest.raises(TextError, match=said):
        adopted(content)


@pytest.mark.parametrize(
    "command",
    [
        "llama-server -m 'a b.gguf' --temp 1",
        'llama-server -m "a b.gguf" \\\n  --temp 1',
        "llama-server\n  -m a\\ b.gguf\n  # a comment\n  --temp 1\n",
    ],
)
def test_a_command_is_split_as_a_shell_does(command: str) -> None:
    assert words(command) == ["llama-server", "-m", "a b.gguf", "--temp", "1"]


def test_a_path_of_windows_keeps_its_backslashes() -> None:
    command = r'C:\llama\llama-server.exe -m "D:\my models\x.gguf" --chat-template-kwargs "{\"a\": 1}"'

    assert words(command) == [
        r"C:\llama\llama-server.exe",
        "-m",
        r"D:\my models\x.gguf",
        "--chat-template-kwargs",
        '{"a": 1}',
    ]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (r".\bin\llama-server.exe -m .\models\x.gguf", r".\models\x.gguf"),
        (r"llama-server.exe -m models\x.gguf", r"models\x.gguf"),
        (r"llama-server -m \\nas\share\x.gguf", r"\\nas\share\x.gguf"),
        (r"%USERPROFILE%\llama\llama-server.exe -m %USERPROFILE%\x.gguf", r"%USERPROFILE%\x.gguf"),
        (r'llama-server -m "..\my models\x.gguf"', r"..\my models\x.gguf"),
        (r"/mnt/c/llama-server.exe -m '/mnt/c/my models/x.gguf'", "/mnt/c/my models/x.gguf"),
        (r"llama-server -m /m/my\ models/x.gguf", "/m/my models/x.gguf"),
    ],
)
def test_any_path_of_windows_is_known_for_one(command: str, path: str) -> None:
    assert words(command)[-1] == path
    assert launched(command).is_llama_server


@pytest.mark.parametrize(
    "command",
    [
        "llama-server -c 8192 # -c 4096",
        "llama-server -c 8192 # two slots don't evict each other\n",
        "llama-server # -c 4096\n-c 8192",
        "llama-server -c 8192 #",
    ],
)
def test_what_stands_behind_a_flag_as_a_comment_is_no_flag(command: str) -> None:
    assert words(command) == ["llama-server", "-c", "8192"]


@pytest.mark.parametrize("word", ["'#a'", '"a # b"', "a#b", "'a # b'", r"\#a", "http://h/#x"])
def test_a_sign_within_a_word_begins_no_comment(word: str) -> None:
    assert words(f"llama-server -r {word} -c 8192")[-2:] == ["-c", "8192"]
    assert len(words(f"llama-server -r {word} -c 8192")) == 5


@pytest.mark.parametrize(
    "command",
    [
        r'cmd /c "C:\llama\llama-server.exe -m C:\m\x.gguf"',
        r"cmd.exe /C start /b C:\llama\llama-server.exe -m C:\m\x.gguf",
        r"powershell -NoProfile -Command \"& 'C:\my llama\llama-server.exe' -m 'C:\m\x.gguf'\"".replace('\\"', '"'),
        r'pwsh.exe -c "& C:\llama\llama-server.exe -m C:\m\x.gguf"',
    ],
)
def test_llama_server_is_found_behind_a_shell_of_windows(command: str) -> None:
    launch = launched(command)

    assert launch.is_llama_server
    assert launch.arguments == ("-m", r"C:\m\x.gguf")
    assert launch.said == ()


def test_what_a_shell_of_windows_does_before_has_a_line() -> None:
    launch = launched(r'powershell -Command "Set-Location C:\m; & C:\llama\llama-server.exe -m x.gguf"')

    assert launch.is_llama_server
    assert launch.said == (r"Set-Location C:\m;: the pod runs no other command of yours",)


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("a b && exec c -d 'e f'", [["a", "b"], ["exec", "c", "-d", "e f"]]),
        ("a > /dev/null 2>&1; b", [["a"], ["b"]]),
        ("a -n 2 >> log", [["a", "-n", "2"]]),
        ("a\nb --c\n  --d", [["a"], ["b", "--c", "--d"]]),
        ("a | tee x", [["a"], ["tee", "x"]]),
        ("a -b # don't -c\nd '#' e#f", [["a", "-b"], ["d", "#", "e#f"]]),
    ],
)
def test_a_script_is_several_commands(script: str, commands: list[list[str]]) -> None:
    assert simple_commands(script) == commands


@pytest.mark.parametrize(
    "before",
    [
        "", "/opt/b/", "env A=b ", "A=b ", "nice -n 5 ", "taskset -c 0-3 ", "numactl --cpunodebind=0 --membind=0 ",
        "exec ", "sudo -u llama ", "caffeinate -ism ", "docker run --rm -it --gpus all -p 1:2 img:1 ", "timeout 5h ",
        "podman run --rm -v/a:/b --device=x --entrypoint= img ", "docker exec -i box ", "nohup env C=d nice ",
        "docker --context far run --init -e A=b --name=n img /app/", "distrobox enter box -- ",
        "apptainer exec --nv x.sif ",
    ],
)  # fmt: skip
def test_llama_server_is_found_behind_what_starts_it(before: str) -> None:
    for command in (
        f"{before}llama-server -m x",
        f"sh -c '{before}llama-server -m x'",
        f'bash -lc "cd /x; {before}llama-server -m x"',
    ):
        launch = launched(command)

        assert launch.is_llama_server
        assert launch.arguments == ("-m", "x")


@pytest.mark.parametrize(
    "command",
    [
        "llama-server-cuda -m x", "/usr/bin/llama_server -m x", "llama-server.exe -m x", "./llama.cpp/server -m x",
        "llama-server-ec9e0301 -m x", "llama serve -m x", "llamacpp-server -m x",
        "docker run --rm ghcr.io/ggml-org/llama.cpp:server-vulkan -m x", "docker run llama-server:cpu-arm64 -m x",
        "docker run --rm registry.lan/mine -m x.gguf", "${env.SERVER} -hf a/b",
    ],
)  # fmt: skip
def test_a_program_that_is_llama_server_by_another_name_is_it(command: str) -> None:
    assert other(launched(command), []) == ""


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("vllm serve Qwen/Qwen3-8B --port 1", "vLLM"),
        ("docker run --gpus all vllm/vllm-openai:v0.13.0 --model a/b", "vLLM"),
        ("python -m vllm.entrypoints.openai.api_server --model a/b", "vLLM"),
        ("python3 -m sglang.launch_server --model-path a/b", "SGLang"),
        ("mlx_lm.server --model a/b", "MLX"),
        ("/opt/whisper.cpp/build/bin/whisper-server -m x.bin", "writes down speech"),
        ("sd-server --diffusion-model x.gguf", "paints images"),
        ("/srv/ik_llama.cpp/build/bin/llama-server -m x.gguf", "ik_llama.cpp"),
        ("nice /app/ikllama-server -m x.gguf", "ik_llama.cpp"),
        ("uv run kokoro-fastapi", "speaks"),
        ("docker run ghcr.io/huggingface/text-embeddings-inference:1.8 --model-id a/b", "embeddings"),
        ("docker compose up x", "compose file"),
        ("bash ./start-qwen.sh 5800", "a script of yours"),
        ("powershell -File start.txt", "a script of yours"),
        (r"C:\Windows\System32\cmd.exe /c start-it", "a script of yours"),
        ("/opt/tts/serve.sh", "speaks"),
        ("sh -c 'exec /opt/mine'", "/opt/mine, and only llama-server serves models here"),
    ],
)
def test_what_serves_it_instead_is_named(command: str, what: str) -> None:
    assert what in other(launched(command), [])


def test_a_file_named_like_another_program_is_no_reason() -> None:
    assert one("llama-server -m /models/vllm/whisper-vllm-tts-Q4_0.gguf").keys["quant"] == "Q4_0"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "empty"),
        ("'", "never closed"),
        ("sh -c ''", "empty"),
        ("llama-server", "names no model"),
        ("llama-server -m x.bin", "is no .gguf"),
        ("llama-server -mu http://x/y.gguf", "not one of the hub's"),
    ],
)
def test_a_command_that_says_nothing_is_a_reason(command: str, said: str) -> None:
    assert said in adopted({"models": {"x": {"cmd": command}}}).refused["x"]


@pytest.mark.parametrize(
    "entry", [None, 5, "text", [], {}, {"cmd": None}, {"cmd": ["llama-server"]}, {"proxy": "http://h"}]
)
def test_a_model_without_a_command_is_a_reason(entry: object) -> None:
    assert adopted({"models": {"x": entry}}).refused["x"].startswith(("it is ", "it has no command"))


def test_where_a_container_has_its_files_from_tells_the_repository() -> None:
    draft = one(
        f"docker run -v /srv/lm-studio/models/some:/models:ro img llama-server -m /models/One-8B/{'x'}-Q4_0.gguf"
    )

    assert draft.keys["repo"] == "some/One-8B"
    assert draft.left[0].startswith("container options -v: ")


def test_of_a_thousand_lines_with_the_same_reason_the_rest_is_a_number() -> None:
    names = [f"model-{number}" for number in range(1000)]
    left = adopted(
        {"models": {"a": {"cmd": "x"}}, "hooks": {"on_startup": {"preload": names}}, "peers": {"other": {}}}
    ).left
    reason = "its first request loads it; with `resident` it is loaded at the start, and never unloaded"
    assert left[11] == f"hooks.on_startup.preload model-11: {reason}"
    assert left[12] == f"988 more: {reason}"
    assert left[13].startswith("peers other")
