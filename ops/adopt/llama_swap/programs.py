"""Who serves a model, where that is not llama.cpp's llama-server: which is a reason of substance to leave it out."""

import re

from ops.adopt.llama_swap.launch import Launch
from plan.text.show import plain

# Patterns of a program's path, its container's image or its first arguments, and what is to be said of it.
_OTHERS = (
    (r"ik[-_]?llama", "the fork ik_llama.cpp, whose flags and quantizations llama.cpp does not all have"),
    (r"bee[-_]?llama|llama[-_]?bee", "the fork BeeLlama, whose flags llama.cpp does not all have"),
    (r"kobold", "KoboldCpp"),
    (r"prism[-_]?ml", "PrismML's fork, for files that llama.cpp does not load"),
    (r"vllm", "vLLM, from weights that are no GGUF"),
    (r"sglang", "SGLang, from weights that are no GGUF"),
    (r"mlx", "MLX, from weights that are no GGUF, on Apple's chips"),
    (r"tabby|exllama", "ExLlama, from weights that are no GGUF"),
    (r"whisper|parakeet|speaches|\bstt\b", "a server that writes down speech"),
    (r"\btts\b|kokoro|piper|chatterbox|openedai-speech|orpheus-fastapi", "a server that speaks"),
    (r"sd-server|stable-diffusion|sdcpp|sd\.cpp|comfy|\bsd\b", "a server that paints images"),
    (r"text-embeddings|\btei\b|infinity", "a server of embeddings from weights that are no GGUF"),
    (r"ollama", "Ollama, which has files and names of its own"),
    (r"mistralrs|mistral\.rs", "mistral.rs"),
    (r"llamafile", "a llamafile"),
    (r"tensorrt|trtllm|lmdeploy|aphrodite|ktransformers|lemonade|rkllama|ds4-server", "another engine"),
    (r"llama-(?:cli|tts|mtmd-cli|run|bench)", "a program of llama.cpp that is no server"),
)
_COMPOSE = "a compose file, and what that starts is not in this one"
_SCRIPT = "a script of yours, and what that starts is not in this file: write llama-server's command in its place"
_INTERPRETER = re.compile(r"(?i)(?:.*[\\/])?(?:(?:ba|z)?sh|python3?|powershell|pwsh|cmd)(?:\.exe)?")
_FLAG = re.compile(r"-m|--model|-hf|-hfr|--hf-repo|-mu|--model-url")
_SERVED_BY_ENVIRONMENT = ("LLAMA_ARG_MODEL=", "LLAMA_ARG_HF_REPO=")


def other(launch: Launch, environment: list[str]) -> str:
    """What serves it instead of llama-server, as the end of a sentence; "" where llama-server does."""
    image = launch.container.program if launch.container else ""
    looked_at = " ".join([launch.program, image, *launch.arguments[:3]])
    if launch.is_llama_server:  # its arguments may name anything
        looked_at = f"{launch.program} {image}"
    for pattern, what in _OTHERS:
        if re.search(pattern, looked_at, re.I):
            return what
    if launch.is_llama_server or _is_image_of_llama_cpp(launch, image) or _must_be(launch, environment):
        return ""
    if re.search(r"compose", looked_at, re.I):
        return _COMPOSE
    if re.search(r"\.(?:sh|bash|py|ps1|bat|cmd)\b", looked_at, re.I) or _INTERPRETER.fullmatch(launch.program):
        return _SCRIPT
    return f"{plain(launch.program, 80)}, and only llama-server serves models here"


def _is_image_of_llama_cpp(launch: Launch, image: str) -> bool:
    """Its entrypoint is llama-server, by the image's name or because it is given a GGUF file."""
    is_called_so = re.search(r"llama[-_.]?(?:cpp|server)", image, re.I) is not None
    return launch.program == image != "" and (is_called_so or any(it.endswith(".gguf") for it in launch.arguments))


def _must_be(launch: Launch, environment: list[str]) -> bool:
    """A program whose name is a variable, or that gets llama-server's own variables, and names a GGUF file for it."""
    if any(entry.startswith(_SERVED_BY_ENVIRONMENT) for entry in environment):
        return True
    is_unknown = re.search(r"\$", launch.program) is not None
    return is_unknown and any(_FLAG.fullmatch(word) for word in launch.arguments)
