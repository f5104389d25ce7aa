"""The store of tools: one directory per tool, version and recipe, complete or absent.

A tool is built in a temporary directory beside its place and renamed there at the end, under a lock, so an interrupted
build never counts and two commands never build the same thing. What the tools are is in catalog.py.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev.machine.instance import CACHE
from dev.machine.steps import DevError, say, step


class BuildError(Exception):
    """A recipe failed; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a recipe gets: `into` becomes the tool's directory, `scratch` is gone afterwards; both begin empty."""

    into: Path
    scratch: Path
    log: Path
    needs: Mapping[str, Path]

    def run(self, *argv: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run a command whose output goes to the log as it comes; returns that output. Raises BuildError."""
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(map(str, argv))}\n".encode())
            log.flush()
            begin = log.tell()
            done = subprocess.run(
                list(map(str, argv)),
                cwd=cwd or self.scratch,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        output = self.log.read_bytes()[begin:].decode(errors="replace")
        if done.returncode:
            lines = [line.strip() for line in output.splitlines() if line.strip()] or ["(nothing printed)"]
            raise BuildError(f"{Path(argv[0]).name} exited {done.returncode}: {lines[-1]}")
        return output


@dataclass(frozen=True)
class Tool:
    """One tool: a name, a version, the recipe that makes it, and what of it must exist afterwards.

    `inputs` are the texts and files that change the result; their hash is part of the directory's name.
    `installed` finds an acceptable one that a person installed: its directory, or None. `takes` says how long a person
    who waits for the build has to wait, where that is minutes.
    """

    name: str
    version: str
    recipe: Callable[[Build], None]
    provides: tuple[str, ...]
    inputs: tuple[str | Path, ...] = ()
    needs: tuple[str, ...] = ()
    root: Path = field(default_factory=lambda: CACHE / "tools")
    installed: Callable[[], Path | None] = lambda: None
    takes: str = ""

    @property
    def directory(self) -> Path:
        digest = hashlib.sha256()
        for item in self.inputs:
            digest.update(item.read_bytes() if isinstance(item, Path) else item.encode())
            digest.update(b"\0")
        return self.root / f"{self.name}-{self.version}{f'-{digest.hexdigest()[:8]}' if self.inputs else ''}"

    @property
    def log(self) -> Path:
        return CACHE / "logs" / f"{self.name}.log"


def find(tool: Tool) -> Path | None:
    """The directory of an accepted installed tool or of a complete build, else None."""
    if place := tool.installed():
        return place
    return tool.directory if tool.directory.is_dir() else None


def build(tool: Tool, needs: Mapping[str, Path]) -> Path:
    """Build a tool unless another command just did; returns its directory. Raises DevError with the log's path."""
    try:
        with _only_one(tool):
            return tool.directory if tool.directory.is_dir() else _build_in_place(tool, needs)
    except BuildError as error:
        raise DevError(
            f"{tool.name} {tool.version} cannot be built: {error}",
            f"read {tool.log}, then try again with `.venv/bin/python -m dev.tools {tool.name}`",
        ) from error
    except OSError as error:
        raise DevError(
            f"{tool.name} {tool.version} cannot be built: {error}", f"see what `df -h {tool.root}` and {tool.log} say"
        ) from error


def _build_in_place(tool: Tool, needs: Mapping[str, Path]) -> Path:
    for leftover in tool.root.glob(f".{tool.name}-*"):
        shutil.rmtree(leftover)
    work = Path(tempfile.mkdtemp(prefix=f".{tool.name}-", dir=tool.root))
    tool.log.write_bytes(b"")
    this = Build(work / "into", work / "scratch", tool.log, needs)
    try:
        for directory in (this.into, this.scratch):
            directory.mkdir()
            directory.chmod(0o755)  # whatever the umask: Postgres' unprivileged user must get in
        with step(", ".join(filter(None, (f"building {tool.name} {tool.version}", tool.takes))), tool.log):
            tool.recipe(this)
            if missing := [name for name in tool.provides if not (this.into / name).exists()]:
                raise BuildError(f"the recipe made no {', '.join(missing)}")
        return this.into.rename(tool.directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _only_one(tool: Tool) -> Generator[None]:
    """Hold the tool's lock; a second command waits here and then finds the finished build."""
    for directory in (tool.root, tool.log.parent):
        directory.mkdir(parents=True, exist_ok=True)
    with (tool.root / f".lock-{tool.name}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another command is building {tool.name}; waiting for it (log: {tool.log})")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
