"""dev/bootstrap.sh, run against a stand-in for Python that makes a virtual environment of two scripts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "dev" / "bootstrap.sh"
PYTHON = """#!/bin/sh
echo "$*" >>"$TRACE"
case "$*" in
*version_info*) echo "${VERSION:-3.11}" ;;
*ensurepip*) exit "${NO_VENV:-0}" ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*"install"*) [ -z "${BREAK:-}" ] || { echo "no route to the package index"; exit 1; } ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "dev" / "generate").mkdir(parents=True)
    for name in ("bootstrap.sh", "install.sh", "generate/precompile.py"):
        shutil.copy(SCRIPT.parent / name, tmp_path / "dev" / name)
    (tmp_path / "requirements-dev.txt").write_text("pytest==9\n")
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def bootstrap(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    standard = {
        "PYTHON": str(checkout / "python"),
        "XDG_CACHE_HOME": str(checkout / "cache"),
        "TRACE": str(checkout / "trace"),
    }
    env = {**os.environ, **standard, **environment}
    return subprocess.run([str(checkout / "dev/bootstrap.sh")], env=env, capture_output=True, text=True, check=False)


def installs(checkout: Path) -> int:
    return (checkout / "trace").read_text().count("--require-hashes -r requirements-dev.txt")


def test_it_links_one_environment_that_a_second_checkout_shares(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert bootstrap(checkout).returncode == 0
    other = tmp_path_factory.mktemp("other") / "clone"
    shutil.copytree(checkout, other, symlinks=True, ignore=shutil.ignore_patterns(".venv", "cache"))

    assert bootstrap(other, XDG_CACHE_HOME=str(checkout / "cache"), TRACE=str(checkout / "trace")).returncode == 0

    assert (other / ".venv").readlink() == (checkout / ".venv").readlink()
    assert installs(checkout) == 1


def test_pip_stays_the_one_that_python_brings(checkout: Path) -> None:
    bootstrap(checkout)

    asked = (checkout / "trace").read_text()
    assert "-m pip" in asked
    assert "upgrade" not in asked, "the newest pip is another one tomorrow"


def test_other_requirements_are_another_environment(checkout: Path) -> None:
    bootstrap(checkout)
    before = (checkout / ".venv").readlink()
    (checkout / "requirements-dev.txt").write_text("pytest==10\n")

    bootstrap(checkout)

    assert (checkout / ".venv").readlink() != before


def test_an_install_that_failed_is_not_used_and_is_done_again(checkout: Path) -> None:
    broken = bootstrap(checkout, BREAK="1")
    assert broken.returncode == 1
    assert "no route to the package index" in broken.stderr
    assert "cache/local-llm/logs/venv.log" in broken.stderr
    assert not (checkout / ".venv").exists()

    assert bootstrap(checkout).returncode == 0

    assert (checkout / ".venv" / "bin" / "python").exists()
    assert installs(checkout) == 2


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"VERSION": "3.10"}, "3.11 is the oldest"),
        ({"NO_VENV": "1"}, "python3-venv"),
        ({"PYTHON": "no-such-python"}, "no no-such-python"),
    ],
)
def test_a_python_that_will_not_do_is_refused_with_the_next_step(
    checkout: Path, environment: dict[str, str], says: str
) -> None:
    refused = bootstrap(checkout, **environment)

    assert refused.returncode == 1
    assert says in refused.stderr
    assert "next:" in refused.stderr


def test_an_environment_someone_made_by_hand_is_not_deleted(checkout: Path) -> None:
    (checkout / ".venv").mkdir()

    refused = bootstrap(checkout)

    assert refused.returncode == 1
    assert "rm -r .venv" in refused.stderr
    assert not (checkout / "trace").exists(), "refused before minutes of installing"
