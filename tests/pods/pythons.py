"""The Pythons of this machine, for programs that must run under each that an image may have."""

import shutil
import subprocess
import sys
from pathlib import Path


def pythons() -> list[str]:
    """The Pythons 3.11 to 3.13 of this machine that start."""
    names = [f"python3.{minor}" for minor in (11, 12, 13)]
    places = (None, "/usr/bin:/usr/local/bin")  # PATH, and what a version manager on PATH hides
    found = {sys.executable, *(path for name in names for place in places if (path := shutil.which(name, path=place)))}
    found |= {str(path) for name in names for path in Path.home().glob(f".pyenv/versions/*/bin/{name}")}
    ask = ["-I", "-S", "-c", "import sys; print(sys.base_prefix)"]
    works = {path: subprocess.run([path, *ask], capture_output=True, text=True, check=False) for path in sorted(found)}
    prefixes = {answer.stdout: path for path, answer in works.items() if answer.returncode == 0}
    return sorted(prefixes.values())
