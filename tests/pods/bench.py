"""A hub with faults, a volume, and the fetcher as the process that it is in a pod."""

import copy
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dev.hub import Hub, Rule
from pods.core.report import ExitError
from pods.fetch.fetch import fetch
from tests.pods.programs import program

REPO = "local/tiny-GGUF"
SEGMENT = 64 << 10
SECRET = "hf_thisMustNeverBePrinted"
DATA = r"bytes=\d+-(?!0$)"  # a segment, not the fetcher's one-byte probe of the address


def until(true: Callable[[], Any], what: str, limit_s: float = 300.0) -> None:
    """Wait for something that surely comes; the limit only keeps a broken test from hanging."""
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.02)


class Bench:
    """One hub repository, one volume, one manifest; `fetch()` runs the real program to its end."""

    def __init__(self, directory: Path, hub: Hub) -> None:
        self.hub, self.root, self.directory = hub, directory / "volume", directory
        self.root.mkdir()
        self.program: Callable[[str], Path] = program
        self.environment = dict[str, str]()  # of the pod, besides what every one has
        self.termination = directory / "termination-log"
        self.manifest: dict[str, Any] = {
            "endpoint": hub.endpoint,
            "root": str(self.root),
            "id": "tiny-q4",
            "gen": "0123456789ab",
            "repo": REPO,
            "commit": "",
            "files": [],
            "streams": 4,
            "segment_bytes": SEGMENT,
            "margin_bytes": 0,
            "progress_s": 0.2,
            "backoff_s": 0.01,
            "stall_s": 600,  # a busy machine is not a silent connection; the tests of those set less
            "attempts": 4,
        }

    def offer(self, path: str, size: int = 10 * SEGMENT, link: str = "model.gguf") -> bytes:
        """Put a file of random bytes into the repository and the manifest."""
        content = random.Random(path).randbytes(size)  # noqa: S311 - the same bytes every time
        file = self.hub.repos.root / self.manifest["repo"] / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.lock(path, link)
        return content

    def lock(self, path: str, link: str) -> None:
        """Enter a file that lies in the repository into the manifest."""
        repo = self.hub.repos.get(self.manifest["repo"])
        assert repo is not None
        entry = repo.entries[path]
        self.manifest["files"].append({"path": path, "size": entry.size, "sha256": entry.sha256, "link": link})
        self.manifest["commit"] = repo.commit

    def beside(self, model_id: str) -> "Bench":
        """Another model on the same volume, from a repository of its own, without files so far."""
        other = copy.copy(self)
        other.termination = self.directory / f"termination-log-{model_id}"
        other.manifest = {**self.manifest, "id": model_id, "repo": f"local/{model_id}-GGUF", "files": []}
        return other

    def start(
        self, command: str = "fetch", *, token: str = SECRET, via: Sequence[str] = (sys.executable,)
    ) -> subprocess.Popen[str]:
        """Start the program as a pod does; `via` is the interpreter and what runs it."""
        text, file = json.dumps(self.manifest), self.directory / f"{command}.json"
        file.write_text(text)
        manifest = text if command == "fetch" else f"@{file}"
        self.termination.write_text("")
        env = {"PATH": os.environ["PATH"], "HF_TOKEN": token, "TERMINATION_LOG": str(self.termination)}
        env |= self.environment
        argv = [*via, "-I", "-S", str(self.program(command)), command, "--manifest", manifest]
        return subprocess.Popen(argv, text=True, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def start_and_hold(self, segments: int, before: int = 0) -> subprocess.Popen[str]:
        """Start a fetch that writes so many segments into its journal (on top of `before`), then waits in silence."""
        self.hub.faults.set(Rule("cdn", range=DATA, skip=segments, stall_after=0))
        process, requests = self.start(), segments + self.manifest["streams"]
        until(lambda: self.journal_lines() == before + segments and len(self.requests()) == requests, "the silence")
        return process

    def python_where(self, patch: str) -> list[str]:
        """An interpreter in which `patch` ran first: a kernel or a file system that works differently, or a crash."""
        wrapper = self.directory / "patched.py"
        lines = ["import errno, fcntl, os, runpy, signal, sys", patch, "sys.argv = sys.argv[3:]  # after -I -S"]
        wrapper.write_text("\n".join([*lines, "runpy.run_path(sys.argv[0], run_name='__main__')", ""]))
        return [sys.executable, str(wrapper)]

    def gate(self) -> tuple[int, str]:
        """Ask the gate about this model, without patience."""
        gate = copy.copy(self)
        files = [{"link": file["link"], "size": file["size"]} for file in self.manifest["files"]]
        model = {"id": self.manifest["id"], "gen": self.manifest["gen"], "files": files}
        gate.manifest = {"root": str(self.root), "models": [model], "timeout_s": 0, "poll_s": 0.02}
        return gate.fetch("gate")

    def fetch(self, command: str = "fetch", **start: Any) -> tuple[int, str]:
        """Run to the end: exit code and everything printed, in which no secret may be."""
        with self.start(command, **start) as process:
            printed, _ = process.communicate(timeout=300)
        assert SECRET not in printed + self.termination.read_text()
        assert "Traceback" not in printed, printed
        return process.returncode, printed

    def here(self) -> tuple[int, str]:
        """The same fetch in this process, which takes a twentieth of the time: exit code and reason."""
        try:
            fetch(json.dumps(self.manifest))
        except ExitError as failure:
            return failure.code, str(failure)
        return 0, ""

    @property
    def generation(self) -> Path:
        return self.root / self.manifest["id"] / self.manifest["gen"]

    def blob(self, number: int = 0, suffix: str = "") -> Path:
        return self.root / ".blobs" / f"sha256-{self.manifest['files'][number]['sha256']}{suffix}"

    def journaled(self) -> set[int]:
        """Starts of the segments that the journal vouches for."""
        return {int(line.split()[0]) for line in self.blob(0, ".part.journal").read_text().splitlines() if line}

    def journal_lines(self) -> int:
        journal = self.blob(0, ".part.journal")
        return len(journal.read_text().split()) // 2 if journal.exists() else 0

    def requests(self, origin: str = "cdn") -> list[dict[str, Any]]:
        """What the hub was asked, without the fetcher's one-byte probe of the address."""
        return [row for row in self.hub.log if row["origin"] == origin and row["range"] != "bytes=0-0"]
