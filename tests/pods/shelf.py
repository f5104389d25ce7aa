"""A volume made by hand, and the pods' programs as processes on it, with a clock or a crash of the test's choice."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.pods.programs import program

OLD_S = 5000
NEW = ("a", 2, b"new")  # what the fixture's volume has to keep
# Runs the program with `os` and `time` changed by a line of Python, in a process of its own.
_CHANGED = """
import os, runpy, sys, time
exec(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def gen(number: int) -> str:
    return f"{number:012x}"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Shelf:
    """One volume. Ages are in seconds: things that are made are that old."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / ".blobs").mkdir(parents=True)

    def blob(self, content: bytes, age_s: float = 0, suffix: str = "") -> Path:
        path = self.root / ".blobs" / f"sha256-{sha(content)}{suffix}"
        path.write_bytes(content)
        old(path, age_s)
        return path

    def model(
        self, model_id: str, number: int, *contents: bytes, ready: bool = True, age_s: float = 0, unused_s: float = -1
    ) -> Path:
        """A generation with its blobs; `unused_s` ago it was marked."""
        directory, files = self.root / model_id / gen(number), list[dict[str, Any]]()
        directory.mkdir(parents=True)
        for content in contents:
            link = f"model-{len(files) + 1:05d}-of-{len(contents):05d}.gguf"
            self.blob(content, age_s)
            (directory / link).symlink_to(f"../../.blobs/sha256-{sha(content)}")
            files.append({"path": link, "size": len(content), "sha256": sha(content), "link": link})
        if ready:
            content = {"id": model_id, "gen": gen(number), "files": files}
            (directory / "READY.json").write_text(json.dumps(content))
            old(directory / "READY.json", age_s)
        if unused_s >= 0:
            (directory / ".unused.json").write_text(json.dumps({"since": time.time() - unused_s}))
        return directory

    def throw_away(self, path: Path, age_s: float) -> Path:
        """Move a generation or a blob into the trash, as if it had been so long ago."""
        place = "blobs" if path.parent.name == ".blobs" else path.parent.name
        aside = self.root / ".trash" / place / f"{path.name}.{int(time.time() - age_s)}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        return path.rename(aside)

    def run(self, command: str, manifest: dict[str, Any], code: int = 0, change: str = "") -> list[dict[str, Any]]:
        """Run a program to its end; its lines."""
        ran = subprocess.run(
            argv(command, manifest, change=change), capture_output=True, text=True, timeout=300, check=False
        )
        assert ran.returncode == code, ran.stdout + ran.stderr
        assert "Traceback" not in ran.stderr, ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def prune(
        self, mode: str, *kept: tuple[str, int, bytes], grace_s: float = 1000, **run: Any
    ) -> list[dict[str, Any]]:
        """Each of `kept` is a generation and one content that it has to have."""
        keep = [{"id": name, "gen": gen(number), "sha256": [sha(content)]} for name, number, content in kept]
        return self.run("prune", {"root": str(self.root), "mode": mode, "grace_s": grace_s, "keep": keep}, **run)

    def tree(self) -> dict[str, tuple[int, float, str]]:
        """Everything on the volume: size, time and where a link leads."""
        found: dict[str, tuple[int, float, str]] = {}
        for path in sorted(self.root.rglob("*")):
            stat = path.lstat()
            leads = os.readlink(path) if path.is_symlink() else ""
            size, mtime = (0, 0.0) if path.is_dir() else (stat.st_size, stat.st_mtime)
            found[str(path.relative_to(self.root))] = (size, mtime, leads)
        return found


def argv(command: str, manifest: dict[str, Any], via: Sequence[str] = (sys.executable,), change: str = "") -> list[str]:
    """The command line of a program; `change` is Python that runs before it, in the same process."""
    what = [str(program(command)), command, "--manifest", json.dumps(manifest)]
    return [*via, "-I", "-S", "-c", _CHANGED, change, *what] if change else [*via, "-I", "-S", *what]


def old(path: Path, age_s: float) -> None:
    then = time.time() - age_s
    os.utime(path, (then, then))


def of(lines: list[dict[str, Any]], event: str, **facts: Any) -> list[dict[str, Any]]:
    """The lines about an event that have these facts."""
    return [line for line in lines if line["event"] == event and facts.items() <= line.items()]


def age_mark(shelf: Shelf, seconds: float) -> None:
    """Generation 1 of model a has been unused for so long."""
    (shelf.root / "a" / gen(1) / ".unused.json").write_text(json.dumps({"since": time.time() - seconds}))
