"""C7: a projector that our check refuses, llama-server refuses too, and the other way round."""

import re
import subprocess
from pathlib import Path

import pytest

from plan.models import agreement
from plan.models.lock import LockedFile, LockedModel, generation
from tests.oracle.allocator import Allocator, facts_of, free_port
from tests.oracle.projectors import Projector
from tests.oracle.shapes import Model

PLAIN = Model("llama", 1, 256, 512, 2, 2)
DEEP = Model("qwen3vl", 4, 256, 512, 2, 2, pairs={"qwen3vl.n_deepstack_layers": 1})
TOWER = (2, 256, 512)
PAIRS = {
    "gemma3": (PLAIN, Projector("gemma3", *TOWER, 256, 56, 14)),
    "gemma3 of a wider model": (PLAIN, Projector("gemma3", *TOWER, 512, 56, 14)),
    "gemma3 of a narrower one": (PLAIN, Projector("gemma3", *TOWER, 128, 56, 14)),
    "resampler of a wider model": (PLAIN, Projector("resampler", *TOWER, 512, 56, 14)),
    "qwen3vl": (DEEP, Projector("qwen3vl_merger", *TOWER, 256, 64, 16, (1,))),
    "qwen3vl of a wider model": (DEEP, Projector("qwen3vl_merger", *TOWER, 512, 64, 16, (1,))),
    "qwen3vl without its deeper layers": (DEEP, Projector("qwen3vl_merger", *TOWER, 256, 64, 16)),
    "qwen3vl with too many": (DEEP, Projector("qwen3vl_merger", *TOWER, 256, 64, 16, (0, 1))),
    "as many numbers in other layers": (DEEP, Projector("qwen3vl_merger", *TOWER, 512, 64, 16)),
    "another family's": (DEEP, Projector("gemma3", *TOWER, 256, 56, 14)),
}


@pytest.mark.parametrize(("model", "projector"), PAIRS.values(), ids=PAIRS)
def test_c7_the_width_is_judged_as_llama_server_judges_it(
    tmp_path: Path, allocator: Allocator, model: Model, projector: Projector
) -> None:
    text, mmproj = model.write(tmp_path / "model.gguf"), projector.write(tmp_path / "mmproj.gguf")

    assert _refused(text, mmproj) == _mismatch(allocator, text, mmproj)


def _refused(text: Path, mmproj: Path) -> bool:
    files = (
        LockedFile(role="model", path="x.gguf", size=text.stat().st_size, sha256="0" * 64),
        LockedFile(role="mmproj", path="y.gguf", size=mmproj.stat().st_size, sha256="1" * 64),
    )
    entry = LockedModel(
        repo="a/b", revision="main", commit="0" * 40, quant="unknown", gen=generation(files), files=files,
        gguf=facts_of(text, mmproj),
    )  # fmt: skip
    return any(fault.key == "gguf.projector.width" for fault in agreement.faults(entry))


def _mismatch(allocator: Allocator, text: Path, mmproj: Path) -> bool:
    """Whether llama-server ends for it; one that does not is stopped as soon as it has the projector."""
    argv = [
        allocator.programs / "llama-server", "--model", text, "--mmproj", mmproj, "--ctx-size", "64", "--threads", "1",
        "--host", "127.0.0.1", "--port", str(free_port()), "--fit", "off", "--no-warmup", "--verbosity", "4",
    ]  # fmt: skip
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            for line in server.stderr:
                if found := re.search("mismatch between text model|loaded multimodal model", line):
                    return found[0].startswith("mismatch")
        finally:
            server.kill()
    raise AssertionError("llama-server ended without a word on the projector")
