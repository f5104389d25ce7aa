"""The import contracts of pyproject.toml really refuse what they are there for: each is broken once, in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stacks import ROOT

PACKAGES = ("plan", "observe", "components", "ops", "pods", "dev", "bench", "tests")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout's Python files, to break."""
    there = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            target = there / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    shutil.copyfile(ROOT / "pyproject.toml", there / "pyproject.toml")
    return there


def lint(there: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache", "--no-logo"], cwd=there, capture_output=True, text=True, check=False)


def test_the_house_keeps_its_contracts(copy: Path) -> None:
    result = lint(copy)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("plan/kubernetes/quantity.py", "import pulumi", "plan is pure"),
        ("plan/card/fit.py", "import subprocess", "plan is pure"),
        ("plan/card/fit.py", "from plan.gateway import contract", "each room knows only the rooms below it"),
        ("plan/vram/estimate.py", "from plan.weights import volume", "each room knows only the rooms below it"),
        ("ops/fit/command.py", "from dev.machine import instance", "works without dev/ and tests/"),
        ("components/common/pod.py", "from observe import kubectl", "get what observe saw through the plan"),
        ("observe/kubectl.py", "from components.common import pod", "works without dev/ and tests/"),
        ("dev/commands/up.py", "import huggingface_hub", "only ops talks to the hub"),
        ("ops/render/command.py", "import pulumi_kubernetes", "only components declare resources"),
        ("pods/fetch/hub.py", "from pods.warm import warm", "no other program"),
        ("pods/core/report.py", "import yaml", "the standard library alone"),
    ],
)
def test_an_import_against_the_direction_breaks_its_contract(copy: Path, file: str, line: str, contract: str) -> None:
    broken = copy / file
    before = broken.read_text()
    broken.write_text(f"{before}\n{line}\n")
    try:
        result = lint(copy)
    finally:
        broken.write_text(before)

    assert result.returncode == 1, result.stdout + result.stderr
    assert [words for words in result.stdout.splitlines() if words.endswith("BROKEN") and contract in words]


def test_a_new_room_of_plan_has_to_be_given_its_place(copy: Path) -> None:
    room = copy / "plan" / "annex"
    room.mkdir()
    (room / "__init__.py").write_text('"""Somewhere."""\n')
    try:
        result = lint(copy)
    finally:
        shutil.rmtree(room)

    assert result.returncode == 1
    assert "annex" in result.stdout
