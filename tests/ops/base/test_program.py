"""`bin/local-llm`, as a person types it: from any directory, through a link, in a clone without an environment."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checkout import copy_with_example
from tests.stacks import ROOT

LOCK = "models.lock.yaml"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of its own with the tests' stacks, in a directory whose name a shell would take apart."""
    return copy_with_example(tmp_path_factory.mktemp("my clone"))


def typed(text: str, cwd: Path, code: int = 0, **env: str) -> str:
    """What a shell prints in which a person types `text`."""
    ran = subprocess.run(
        ["sh", "-c", text],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_it_reads_the_files_of_its_own_clone_wherever_it_is_started(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "__init__.py").write_text("raise SystemExit('the wrong program')\n")
    (tmp_path / "Pulumi.other.yaml").write_text("somebody else's\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "local-llm").symlink_to(clone / "bin" / "local-llm")
    on_path = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    in_clone = typed("bin/local-llm lock --check", clone)
    elsewhere = typed("local-llm lock --check", tmp_path, **on_path)

    assert "has all" in in_clone
    assert elsewhere.partition("\n")[0] == in_clone.partition("\n")[0]
    assert f"there is no {clone}/Pulumi.nope.yaml" in typed("local-llm fit --stack nope", tmp_path, code=2, **on_path)


def test_a_path_that_a_person_passes_is_one_of_their_directory(clone: Path, tmp_path: Path) -> None:
    program = f"'{clone}/bin/local-llm'"

    typed(f"{program} render --stack t4 out && {program} fit --stack t4 --offline --html card.html", tmp_path)

    assert (tmp_path / "out" / "README.md").exists()
    assert (tmp_path / "card.html").exists()


def test_a_command_that_it_names_works_as_printed_here_and_elsewhere(clone: Path, tmp_path: Path) -> None:
    for where in (clone, tmp_path):
        said = typed(f"'{clone}/bin/local-llm' lock qwen3-8b", where, code=1)
        command = said.strip().rpartition("add --update: ")[2]
        assert "changes only on request" in said

        # Asks the hub: that the program, the clone's lock and the model are found shows in what it says of the hub.
        refused = typed(f"cd '{where}' && {command}", where, code=1, HF_ENDPOINT="http://127.0.0.1:9")
        assert "127.0.0.1:9" in refused

    assert command.startswith("'"), "the directory has a space in its name"


def test_a_clone_without_an_environment_says_how_to_make_one(tmp_path: Path) -> None:
    bare = tmp_path / "bare clone"
    (bare / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "local-llm", bare / "bin")

    said = typed(f"'{bare}/bin/local-llm' lock --check", tmp_path, code=1)

    assert "has no Python environment yet" in said
    assert said.splitlines()[-1].strip() == f"next: make -C '{bare}' venv"


def test_its_help_calls_it_by_the_name_that_works(clone: Path, tmp_path: Path) -> None:
    assert "Usage: bin/local-llm lock" in typed("bin/local-llm lock --help", clone)
    assert f"{clone}/bin/local-llm" in typed(f"'{clone}/bin/local-llm' --help", tmp_path)


def test_what_it_starts_does_not_inherit_its_imports(clone: Path, tmp_path: Path) -> None:
    """kubectl's plugins for logging in may be Python programs."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f'#!/bin/sh\nenv > "{tmp_path}/seen"\nexit 1\n')
    kubectl.chmod(0o755)

    (tmp_path / "kubeconfig").touch()
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "KUBECONFIG": str(tmp_path / "kubeconfig")}
    typed(f"'{clone}/bin/local-llm' fit --stack t4", tmp_path, **env)

    assert str(clone) not in (tmp_path / "seen").read_text().partition("PYTHONPATH=")[2].partition("\n")[0]
