"""`ops lock` and a llama-server that it asks for GPU memory: one that says what a real one has said."""

from pathlib import Path

import pytest

from ops.allocator.program import Program
from ops.allocator.question import SilentError
from ops.lock import figures as figures_of
from ops.lock.locked_model import Resolved
from plan.config import Model
from plan.models.allocator.figures import Allocator
from plan.models.lock import LockedModel
from tests import stacks
from tests.ops.allocator import recorded, server
from tests.ops.desk import Desk

MODEL = "a: {quant: Q4_K_M}"


def on_card(desk: Desk, *models: str, stack: str = "card", gpu: str = "{model: t4}") -> None:
    desk.configure(*models, stack=stack)
    file = desk.directory / f"Pulumi.{stack}.yaml"
    file.write_text(f"{file.read_text()}    gpu: {gpu}\n")


@pytest.fixture
def llama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A llama-server that tells of a model with windows, whatever it is asked."""
    (tmp_path / "llama").mkdir()
    path = server.write(tmp_path / "llama" / "llama-server", recorded.WINDOWS)
    monkeypatch.setenv("LLAMA_SERVER", str(path))
    return path


def figures(desk: Desk, model_id: str = "a") -> Allocator | None:
    return desk.models[model_id].gguf.allocator


def test_what_llama_server_says_is_in_the_lock_and_whoever_runs_it_is_told(desk: Desk, llama: Path) -> None:
    on_card(desk, MODEL)

    printed = desk.lock()

    found = figures(desk)
    assert found
    assert (found.build, found.weights_mib, found.state_bytes) == (10524, 13738, 0)
    assert [(cache.window, cache.cell_elements) for cache in found.caches] == [(0, 40960), (1024, 212992)]
    assert [(row.serves, len(row.points)) for row in found.compute] == [(("f16", 512, 1, False, False, 0), 4)]
    assert "GPU memory by the allocator of llama.cpp b10524" in printed
    asked = (llama.parent / "arguments").read_text()
    assert "--override-kv tokenizer.ggml.model=str:no_vocab --override-kv llama.vocab_size=int:10" in asked
    assert "model.gguf" in asked
    assert "nothing changed" in desk.lock(), "and a locked model is left alone"


@pytest.mark.usefixtures("llama")
def test_each_way_in_which_a_stack_with_a_card_serves_it_is_asked_about(desk: Desk) -> None:
    on_card(desk, MODEL)
    on_card(desk, "a: {quant: Q4_K_M, ubatch: 1024}", stack="other")
    on_card(desk, "a: {quant: Q4_K_M, context: 2048}".replace("context: 2048", "ttl_s: 5"), stack="alike")
    on_card(desk, "a: {quant: Q4_K_M, ubatch: 256}", stack="slow", gpu="{model: none}")
    desk.configure("a: {quant: Q4_K_M, ubatch: 128}", stack="unsaid")

    desk.lock("--stack", "card")

    found = figures(desk)
    assert found
    assert [row.ubatch for row in found.compute] == [512, 1024]


def test_a_stack_without_a_card_asks_no_llama_server(desk: Desk, llama: Path) -> None:
    desk.configure(MODEL)

    desk.lock()

    assert figures(desk) is None
    assert not (llama.parent / "arguments").exists()


def test_without_a_llama_server_formulas_count_and_it_is_said(desk: Desk) -> None:
    on_card(desk, MODEL)

    printed = desk.lock()

    assert figures(desk) is None
    assert "a: no llama-server is here to tell GPU memory, so formulas or earlier figures count." in printed


def test_one_that_cannot_load_the_model_is_quoted_and_the_model_is_locked(desk: Desk, llama: Path) -> None:
    server.write(llama, recorded.UNKNOWN, ends=True)
    on_card(desk, MODEL)

    printed = desk.lock()

    assert figures(desk) is None
    assert "a: llama.cpp's allocator does not tell its GPU memory" in printed
    assert "count: llama-server ended: llama_model_load: error loading model: unknown model" in printed


def test_one_that_was_named_and_is_none_is_refused_before_anyone_is_asked(desk: Desk) -> None:
    on_card(desk, MODEL)

    printed = desk.lock("--llama-server", "/nowhere/llama-server", code=1)

    assert "/nowhere/llama-server: No such file or directory" in printed
    assert not (desk.directory / "models.lock.yaml").exists()
    assert not desk.hub.log


@pytest.mark.usefixtures("llama")
def test_figures_of_the_very_same_files_stay_where_nobody_can_be_asked(desk: Desk) -> None:
    on_card(desk, MODEL)
    desk.lock()
    before = figures(desk)

    assert "no llama-server is here" in desk.lock("--update", "a", "--llama-server", "none")
    assert figures(desk) == before
    desk.offer("a-Q4_K_M.gguf", vocabulary=20)
    desk.lock("--update", "a", "--llama-server", "none")
    assert figures(desk) is None, "these are other bytes"


@pytest.mark.usefixtures("llama")
def test_check_names_a_way_to_serve_for_which_the_lock_has_no_figures(desk: Desk) -> None:
    on_card(desk, MODEL)
    desk.lock()
    assert "was not asked" not in desk.lock("--check")

    on_card(desk, "a: {quant: Q4_K_M, ubatch: 1024}")
    printed = desk.lock("--check")

    assert "a: llama.cpp's allocator was not asked about kv_type f16, 1 slot, ubatch 1024. Run `" in printed
    assert "lock --update a`." in printed
    desk.lock("--update", "a")
    assert "was not asked" not in desk.lock("--check")


def test_what_another_run_has_written_meanwhile_stays(desk: Desk, llama: Path) -> None:
    desk.configure("b: {quant: Q8_0}", stack="theirs")
    desk.lock("--stack", "theirs")
    theirs = desk.directory / "models.lock.yaml"
    kept = theirs.rename(desk.directory / "theirs.lock")
    on_card(desk, MODEL)
    head, said = llama.read_text().split("cat ")
    llama.write_text(f"{head}cp {kept} {theirs}\ncat {said}")

    desk.lock("--stack", "card")

    assert sorted(desk.models) == ["a", "b"]
    assert figures(desk)


def test_one_that_does_not_answer_is_not_asked_about_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def silent(_program: object, resolved: object, _models: object) -> LockedModel:
        asked.append(resolved)
        raise SilentError("llama-server has not answered within 120 s")

    monkeypatch.setattr("ops.lock.figures._measured", silent)
    entries = {key: Resolved(entry, ()) for key, entry in stacks.locked().models.items()}
    first, *others = entries
    program = Program(Path("llama-server"), 10524)

    served = {key: [Model(repo="a/b", quant="Q8_0", context=64)] for key in entries}
    found, said = figures_of.asked(entries, served, {}, program)

    assert asked == [entries[first]]
    assert found == stacks.locked().models
    assert said[0].startswith(f"{first}: llama.cpp's allocator does not tell")
    assert said[1:] == [f"{', '.join(others)}: it was not asked any more, so formulas or earlier figures count."]
