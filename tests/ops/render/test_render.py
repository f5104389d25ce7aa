"""`ops render` as a person runs it: a real process, a directory of theirs, and no trace of this machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ops.render import command as render
from ops.render.manifests import MARKS
from plan import config
from tests import stacks
from tests.checkout import copy_with_example
from tests.ops import command

OTHER = "a person's file\n"


Run = Callable[..., str]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """render reads the stacks and the lock of the checkout that it is part of, wherever it is run."""
    return copy_with_example(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def run(checkout: Path) -> Run:
    """Runs `ops render`; returns what it printed."""

    def render(*arguments: object, code: int = 0, cwd: Path = checkout, **env: str) -> str:
        ran = command.run("render", *arguments, code=code, cwd=cwd, **{"PYTHONPATH": str(checkout), **env})
        return ran.stdout + ran.stderr

    return render


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_equal_input_gives_equal_bytes_wherever_and_however_it_runs(run: Run, checkout: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "somewhere" / "other"

    run("--stack", "t4", one, PYTHONHASHSEED="1")
    run("--stack", "t4", other, PYTHONHASHSEED="2", HOME=str(tmp_path), TZ="Asia/Tokyo", LC_ALL="C", cwd=tmp_path)

    assert tree(one) == tree(other)
    for path, content in tree(one).items():
        for place in (str(tmp_path), str(checkout), str(Path.home())):
            assert place.encode() not in content, f"{path} names a directory of this machine"


def test_it_says_what_it_wrote_and_the_second_time_that_nothing_changed(run: Run, tmp_path: Path) -> None:
    first = run("--stack", "t4", tmp_path / "out")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.yaml")}
    second = run("--stack", "t4", tmp_path / "out")

    assert "stage-2   1 CronJob, 1 Deployment, 1 Service" in first
    count = len(tree(tmp_path / "out"))
    assert f"({count} written)" in first
    assert f"({count} unchanged)" in second
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_completed_stack_file_is_read_instead_of_the_committed_one(run: Run, tmp_path: Path) -> None:
    completed = tmp_path / "completed.yaml"
    completed.write_text(yaml.safe_dump({"config": {config.KEY: stacks.raw("cpu")}}))

    said = run("--stack", "cpu", tmp_path / "out", code=1)
    assert "local-llm:stack.server.image: got nothing. This key is required." in said
    assert "--config" in said, "the facts of this machine are in the completed file"
    assert not (tmp_path / "out").exists(), "bad configuration writes nothing"

    run("--stack", "cpu", "--config", completed, tmp_path / "out")
    assert stacks.IMAGE.encode() in tree(tmp_path / "out")["stage-2/70-deployment-llama-swap.yaml"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("config: [", "is not YAML"),
        ("config: {}", "has no mapping at config.local-llm:stack"),
        ("config: {'local-llm:stack': {cluster: 1}}", "local-llm:stack.cluster: got 1"),
        ("config: {'local-llm:stack': {namspace: x}}", "local-llm:stack.namspace: got 'x'. There is no such key"),
    ],
)
def test_a_file_that_is_no_stacks_is_refused_with_the_reason(run: Run, tmp_path: Path, written: str, said: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(written)

    printed = run("--stack", "t4", "--config", file, tmp_path / "out", code=1)

    assert said in printed
    assert str(file) in printed
    assert not (tmp_path / "out").exists()


def test_a_stack_that_does_not_exist_is_answered_with_those_that_do(run: Run, tmp_path: Path) -> None:
    said = run("--stack", "nope", tmp_path / "out", code=1)

    assert "Pulumi.nope.yaml" in said
    assert f"one of: {', '.join(stacks.NAMES)}" in said


def test_a_directory_with_a_file_of_someone_else_is_refused_and_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.yaml").write_text(OTHER)

    said = run("--stack", "t4", tmp_path, code=1)

    assert "notes/mine.yaml was not written by render" in said
    assert tree(tmp_path) == {"notes/mine.yaml": OTHER.encode()}


def test_a_link_out_of_the_directory_is_neither_followed_nor_replaced(run: Run, tmp_path: Path) -> None:
    run("--stack", "t4", tmp_path / "out")
    readme = tmp_path / "out" / render.README
    readme.rename(tmp_path / "elsewhere.md")
    readme.symlink_to(tmp_path / "elsewhere.md")

    assert "README.md was not written by render" in run("--stack", "t4", tmp_path / "out", code=1)


def test_a_name_that_is_a_file_is_no_directory(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(OTHER)

    assert "is not a directory" in run("--stack", "t4", tmp_path / "file", code=1)
    assert "out: Not a directory" in run("--stack", "t4", tmp_path / "file" / "out", code=1)


@pytest.mark.parametrize("mark", MARKS)
def test_what_is_no_longer_declared_goes_with_its_directory(tmp_path: Path, mark: str) -> None:
    marked = f"# {mark} --stack old`\n"
    render.write(tmp_path, {"stage-1/a.yaml": marked, "stage-3/b.yaml": marked, "README.md": marked})

    changes = render.write(tmp_path, {"stage-1/a.yaml": marked + "new\n", "README.md": marked})

    assert changes == {"written": 1, "unchanged": 1, "removed": 1}
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {
        "stage-1",
        "stage-1/a.yaml",
        "README.md",
    }


def test_an_interrupted_run_leaves_the_old_file_whole_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = f"# {MARKS[0]} --stack old`\n"
    render.write(tmp_path, {"a.yaml": marked})

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        render.write(tmp_path, {"a.yaml": marked + "new\n"})

    assert tree(tmp_path) == {"a.yaml": marked.encode()}, "a draft beside it would be applied, or refused as foreign"
