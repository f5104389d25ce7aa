"""A copy of this checkout, for tests that change what is committed."""

import shutil
import subprocess
from pathlib import Path

from tests.stacks import EXAMPLE, ROOT


def copy_to(directory: Path) -> Path:
    """Everything git would commit, and the same virtual environment; returns `directory`."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    (directory / ".venv").symlink_to(ROOT / ".venv")
    return directory


def copy_with_example(directory: Path) -> Path:
    """The same with the tests' own stacks and lock in place of the committed ones."""
    copy_to(directory)
    for file in directory.glob("Pulumi.*.yaml"):
        file.unlink()
    for file in EXAMPLE.glob("*.yaml"):
        shutil.copy(file, directory)
    return directory
