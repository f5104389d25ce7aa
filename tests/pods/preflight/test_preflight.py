"""The preflight's script under the shells that images have: stubs play what may go wrong, the real engines the rest."""

import shlex
import shutil
from pathlib import Path

import pytest

from dev.tools import tools
from plan.engine.preflight import BuildNeed
from tests import stacks
from tests.plans import made
from tests.pods.preflight.engine_image import OFFICIAL, SINCE_0_4, UNKNOWN, EngineImage, engine_image

SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]
BOTH = pytest.mark.parametrize("stack", ["cpu", "t4"])


@pytest.fixture
def image(tmp_path: Path) -> EngineImage:
    return engine_image(tmp_path, "t4")


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@BOTH
def test_an_image_that_knows_everything_passes_under_every_shell_and_nothing_stays(
    tmp_path: Path, stack: str, shell: list[str]
) -> None:
    image = engine_image(tmp_path, stack)

    code, log, message = image.run(shell)

    assert (code, message) == (0, ""), log
    assert f"build 10524 of {image.plan.image} knows the flags of" in log
    assert not running(image), "an engine that stays keeps the Job from ending"


def running(image: EngineImage) -> list[str]:
    cmdlines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
    return [line.decode() for line in cmdlines if f"{image.root}/app/".encode() in line]


def test_each_model_is_tried_with_the_very_flags_that_the_engine_will_get_but_the_card(image: EngineImage) -> None:
    """llama-server looks for --device while it reads its flags, and the trial hides the card."""
    image.run()

    (config,) = (text for name, text in image.plan.files.items() if name == "llama-swap.yaml")
    tried = {words[words.index("--model") + 1]: words for words in image.calls() if "--model" in words}
    assert len(tried) == len(stacks.raw("t4")["models"])
    for words in tried.values():
        assert shlex.join(words[:-1]) in config.replace(" --device CUDA0", "")
    assert config.count(" --device CUDA0 ") == len(tried)


@pytest.mark.parametrize(
    ("helps", "said"),
    [
        ("(env: LLAMA_ARG_LOAD_MODE)", "maps no weights"),
        ("--mmap, --no-mmap  (env: LLAMA_ARG_MMAP)", "maps no weights"),
        ("--no-mmap  (env: LLAMA_ARG_NO_MMAP)", "maps weights, for it knows no other way"),
        ("", "maps weights, for it knows no other way"),
    ],
)
def test_it_is_told_whether_the_image_can_be_kept_from_mapping_weights(
    image: EngineImage, helps: str, said: str
) -> None:
    image.told["help"] = helps

    code, log, _ = image.run()

    assert code == 0
    assert log.rstrip().endswith(f"reads its configuration; it {said}")


@pytest.mark.parametrize(("build", "older"), [("b10524", False), ("b10875", False), ("b10523", True), ("latest", True)])
def test_an_image_that_may_not_know_the_load_mode_gets_the_older_variable_too(build: str, older: bool) -> None:
    raw = stacks.raw("t4")
    raw["server"]["image"] = raw["server"]["image"].replace("b10524", build)
    env = made(raw).server.env

    assert env["LLAMA_ARG_LOAD_MODE"] == "none"
    assert env.get("LLAMA_ARG_MMAP") == ("0" if older else None)


def test_a_stack_without_a_card_of_nvidia_names_none(tmp_path: Path) -> None:
    """Whether a card of another maker is ROCm0, Vulkan0 or SYCL0 is the image's to say."""
    assert "device" not in "".join(engine_image(tmp_path, "cpu").plan.files.values())
    raw = stacks.raw("t4")
    raw["gpu"] |= {"model": "amd", "card": {"total_mib": 24576, "driver_mib": 500, "context_mib": 300}}
    assert "CUDA0" not in "".join(made(raw).server.files.values())


@pytest.mark.parametrize("text", ["it's $HOME `id`", 'a "b" \\c', "*"])
def test_a_value_reaches_the_engine_as_it_was_written(tmp_path: Path, text: str) -> None:
    models = stacks.raw("t4")["models"]
    models["qwen3-8b"]["args"] = {"reverse-prompt": text}
    image = engine_image(tmp_path, "t4", models=models)

    assert image.run()[0] == 0

    assert text in [word for words in image.calls() for word in words]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@BOTH
def test_a_flag_that_the_image_does_not_know_is_told_with_model_image_and_next_step(
    tmp_path: Path, stack: str, shell: list[str]
) -> None:
    image = engine_image(tmp_path, stack)
    image.told["unknown"] = ["--cache-ram"]

    code, log, message = image.run(shell)

    models = sorted(stacks.raw(stack)["models"])
    assert code == 78
    assert message.startswith(
        f"model {models[0]}: llama-server (build 10524) of {image.plan.image} refuses its flags: "
    )
    assert f"error: invalid argument: --cache-ram (and those of {len(models) - 1} more); " in message
    assert "set server.image to one that knows all its flags" in message
    assert len(message) <= 600, "more is not shown"
    assert message in log


def test_one_model_s_flag_does_not_blame_the_others(image: EngineImage) -> None:
    image.told["unknown"] = ["--mmproj"]
    message = image.run()[2]
    assert message.startswith("model minicpm-v-4-5: ")
    assert "--mmproj (and those of 2 more)" in message


@pytest.mark.parametrize(("version", "build"), [(OFFICIAL, 10524), (SINCE_0_4, 11026)], ids=["official", "since-0.4"])
def test_the_image_s_own_build_is_compared_with_its_tag(image: EngineImage, version: str, build: int) -> None:
    image.told["version"] = version
    image.builds(BuildNeed(tag=build))
    assert image.run()[0] == 0

    image.builds(BuildNeed(tag=10000))
    code, _, message = image.run()

    assert code == 78
    assert f"has llama.cpp build {build}, and its tag says 10000, for which memory is planned" in message
    assert "server.image" in message


def test_a_build_that_cannot_load_a_model_is_told_with_the_one_that_can(image: EngineImage) -> None:
    image.builds(BuildNeed(least=10525, whose="qwen3vl-8b (qwen3vl)"))

    code, _, message = image.run()

    assert code == 78
    assert "has llama.cpp build 10524, and qwen3vl-8b (qwen3vl) needs 10525; set server.image to a newer one" in message
    image.builds(BuildNeed(least=10524, whose="qwen3vl-8b (qwen3vl)"))
    assert image.run()[0] == 0


@pytest.mark.parametrize("version", [UNKNOWN, "a fork without a version"])
def test_a_build_that_is_not_told_is_said_and_refused_by_nobody(image: EngineImage, version: str) -> None:
    image.told["version"] = version
    image.builds(BuildNeed(tag=10524, least=10000, whose="a"))

    code, log, _ = image.run()

    assert code == 0
    assert "does not tell its build, so it is compared with nothing" in log


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[INFO] no errors yet\n2026 ERROR failed to load config error=yaml", "2026 ERROR failed to load config"),
        ("0.00.1 I srv: error counter\n0.00.2 E srv: unknown option", "0.00.2 E srv: unknown option"),
        ("terminate called after 'std::runtime_error'\n  what():  no such preset", "  what():  no such preset"),
        ("Segmentation fault", "Segmentation fault"),
    ],
    ids=["llama-swap", "router", "exception", "other"],
)
def test_an_engine_that_ends_before_it_listens_is_told_with_its_own_words(
    image: EngineImage, shell: list[str], said: str, told: str
) -> None:
    image.told["dies"] = said

    code, _, message = image.run(shell)

    assert code == 78
    assert "app/llama-swap of " in message
    assert f"does not take its configuration: {told}" in message
    assert "; set server.image to one that reads it" in message


def test_a_slow_engine_is_waited_for(image: EngineImage) -> None:
    image.told["slow_s"] = 2
    assert image.run()[0] == 0


def test_a_program_that_does_not_start_is_told(image: EngineImage) -> None:
    image.told.update(starts=127, version="llama-server: error while loading shared libraries: libggml.so: not found")

    code, _, message = image.run()

    assert code == 78
    assert "llama-server does not start in " in message
    assert "libggml.so" in message


def test_a_program_that_needs_the_driver_of_the_card_is_not_tried_without_one(image: EngineImage) -> None:
    image.told.update(starts=127, version="error while loading shared libraries: libcuda.so.1: cannot open")
    code, log, _ = image.run()
    assert code == 0, "the Job asks for no slice of the card, which the old pod may hold"
    assert "starts only where a card is: not tried" in log


def test_a_backend_that_misses_the_driver_excuses_nothing_else(image: EngineImage) -> None:
    image.told.update(starts=1, version="failed to load libggml-cuda.so: libcuda.so.1: cannot open\nterminate called")
    code, _, message = image.run()
    assert code == 78
    assert "llama-server does not start in " in message


def test_an_image_without_the_program_is_told(image: EngineImage) -> None:
    (image.root / "app" / "llama-server").unlink()
    code, _, message = image.run()
    assert code == 78
    assert "not found" in message


@pytest.fixture
def real(tmp_path: Path) -> EngineImage:
    tools.ensure("llama")
    image = engine_image(tmp_path, "cpu")
    image.put("llama-server", tools.path("llama") / "llama-server")
    return image


def test_the_real_router_passes(real: EngineImage) -> None:
    code, log, _ = real.run()
    assert code == 0, log
    assert "knows the flags of 2 models" in log
    assert not running(real)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("--cache-ram 512", "--cache-rom 512", "error: invalid argument: --cache-rom"),
        ("--ctx-size 4096", "--ctx-size many", 'error while handling argument "--ctx-size"'),
        ("--flash-attn on", "--flash-attn perhaps", "perhaps"),
    ],
)
def test_the_real_parser_refuses_a_flag_or_value_of_one_model_by_name(
    real: EngineImage, old: str, new: str, said: str
) -> None:
    *rest, last = real.command
    assert old in last
    real.command = (*rest, last.replace(old, new))

    code, log, message = real.run()

    assert code == 78, log
    assert message.startswith("model gemma-3-270m-q4: ")
    assert said in message


def test_the_real_router_refuses_a_preset_that_it_cannot_read(real: EngineImage) -> None:
    real.files(models=real.plan.files["models.ini"].replace("cache-ram", "cache-rom"))

    code, _, message = real.run()

    assert code == 78
    assert "option 'cache-rom' not recognized in preset" in message


def test_a_variable_of_the_container_that_the_build_refuses_is_told(real: EngineImage) -> None:
    real.plan.preflight.env["LLAMA_ARG_LOAD_MODE"] = "sideways"  # type: ignore[index]
    code, _, message = real.run()
    assert code == 78
    assert "LLAMA_ARG_LOAD_MODE" in message


@pytest.mark.llama_swap
@pytest.mark.skipif(not shutil.which("llama-swap"), reason="needs a llama-swap binary on PATH")
@pytest.mark.parametrize(("spoil", "code"), [("", 0), ("models: {a: {cmd: 'x ${NOBODY}'}}", 78)])
def test_the_real_llama_swap_passes_with_its_configuration_and_not_with_a_broken_one(
    image: EngineImage, spoil: str, code: int
) -> None:
    tools.ensure("llama")
    image.put("llama-server", tools.path("llama") / "llama-server")
    image.put("llama-swap", shutil.which("llama-swap") or "")
    image.files(**({"llama_swap": spoil} if spoil else {}))

    got, log, _ = image.run()

    assert got == code, log
    assert not running(image)
