"""The programs the embedded machine is made of: found where installed, else in the cache, else built.

`catalog.py` says what they are, `versions.py` which versions, `store.py` how a build becomes a directory.
"""

from pathlib import Path

from dev.machine.steps import DevError
from dev.tools import debian, installed, store
from dev.tools.catalog import TOOLS

# Not built: packages of the distribution, and a program that an installed one or the kubernetes binary provides.
PACKAGES = {"compiler": debian.BUILD, "debian": debian.NODE}
NAMES = ("debian", "compiler", *TOOLS, "kubectl")


def ensure(*names: str) -> dict[str, Path]:
    """Make tools ready, building what is missing; returns the directory in which each one's programs lie.

    `debian` and `compiler` are sets of distribution packages, their directory is /usr/bin. Raises DevError.
    """
    ready: dict[str, Path] = {}
    for name in names:
        if name in PACKAGES:
            debian.install(PACKAGES[name])
        ready[name] = find(name) or _build(name)
    return ready


def path(name: str) -> Path:
    """The directory of a tool that is ready; builds nothing. Raises DevError when it is not ready."""
    if place := find(name):
        return place
    raise DevError(f"the tool {name} is not there yet", f".venv/bin/python -m dev.tools {name}")


def find(name: str) -> Path | None:
    """The directory of a tool that is installed or built, else None. Raises DevError for an unknown name."""
    if name in PACKAGES:
        return None if debian.missing(PACKAGES[name]) else Path("/usr/bin")
    if name == "kubectl":
        return installed.any_version("kubectl") or find("kubernetes")
    if name not in TOOLS:
        raise DevError(f"there is no tool {name!r}", f"one of {', '.join(NAMES)}")
    return store.find(TOOLS[name])


def _build(name: str) -> Path:
    tool = TOOLS["kubernetes" if name == "kubectl" else name]
    return store.build(tool, ensure(*tool.needs))
