"""`ops verify` and llama.cpp's own router, with real weights: right ones, and ones that were overwritten."""

import os
import random
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dev.tools import tools
from tests import stacks
from tests.gateway.router import router

Q3, Q4 = "gemma-3-270m-q3", "gemma-3-270m-q4"


@pytest.fixture(scope="module")
def weights() -> dict[str, Path]:
    tools.ensure("llama", "gemma")
    return {Q3: tools.path("gemma") / "gemma-3-270m-Q3_K_M.gguf", Q4: tools.path("gemma") / "gemma-3-270m-Q4_K_M.gguf"}


def verify(url: str, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "ops", "verify", "--url", url, "--stack", "cpu", *arguments]
    env = {**os.environ, "PYTHONPATH": str(stacks.ROOT), "LOCAL_LLM_API_KEY": key, "COLUMNS": "200"}
    return subprocess.run(argv, cwd=stacks.EXAMPLE, env=env, capture_output=True, text=True, check=False)


def test_small_real_models_pass_and_a_wrong_key_does_not(weights: dict[str, Path], tmp_path: Path) -> None:
    key = secrets.token_hex(8)
    with router(tmp_path, weights, key) as url:
        done = verify(url, key)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("Paris") == 2
        refused = verify(url, "another")
        assert refused.returncode == 1
        assert "$LOCAL_LLM_API_KEY is refused" in refused.stderr


def test_overwritten_weights_are_found_by_what_they_answer(weights: dict[str, Path], tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.gguf"
    shutil.copy(weights[Q4], spoilt)
    noise = random.Random(1).randbytes(1 << 20)  # noqa: S311 - the same bytes every time
    with spoilt.open("r+b") as file:
        for at in range(200 << 20, 240 << 20, 1 << 20):  # the header and the embeddings stay
            file.seek(at)
            file.write(noise)

    with router(tmp_path, {Q3: weights[Q3], Q4: spoilt}, "") as url:
        done = verify(url, "")

    assert done.returncode == 1, done.stdout
    assert f"error: {Q4}: not as it should be; {Q4}, golden: " in done.stderr, done.stderr
    assert "Paris" in done.stdout, "the other model is well"
