"""`bin/local-llm lock` as a person runs it, with the real llama-server, and what a preview makes of its lock."""

from pathlib import Path

import pytest

from dev.hub import Hub
from plan.models.lock import load
from tests.ops import command
from tests.ops.desk import REPO, Desk
from tests.oracle.allocator import Allocator
from tests.oracle.pretending.others import OTHERS

STACK = """\
config:
  local-llm:stack:
    namespace: llm
    volume: {name: v, size_gib: 99}
    gpu: {model: t4}
    server: {}
    fetch: {}
    models:
      hybrid: {repo: org/tiny-GGUF, quant: Q8_0, context: 16384, ubatch: 256}
"""


def test_an_architecture_without_a_formula_is_locked_and_planned(
    tmp_path: Path, allocator: Allocator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_SERVER", str(allocator.programs / "llama-server"))
    with Hub(tmp_path / "hub") as hub:
        desk = Desk(tmp_path, hub)
        OTHERS["granite4-micro"].write(hub.repos.root / REPO / "granite-Q8_0.gguf")
        (hub.repos.root / REPO / "a-Q8_0.gguf").unlink()
        (tmp_path / "Pulumi.home.yaml").write_text(STACK)

        printed = desk.lock()
        again = desk.lock("--update")

    assert "GPU memory by the allocator of llama.cpp b11312" in printed
    assert "nothing changed" in again, "the same questions have the same answers"
    figures = load(desk.text).models["hybrid"].gguf.allocator
    assert figures
    (row,) = figures.compute
    assert (row.kv_type, row.ubatch, row.parallel) == ("f16", 256, 1)
    assert (row.embeds, row.unified, row.drafts) == (False, False, 0)
    assert figures.state_bytes
    shown = command.fit("--stack", "home", "--offline", cwd=tmp_path)
    assert "(allocator)" in shown
    assert "█ weights 359.89" in shown
