"""`ops lock` as a person runs it: a real process in a directory with stack files, and a hub on this machine."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from dev.hub import Hub
from plan.models import lock as locks
from tests.ops import command, ggufs

ROOT = Path(__file__).parents[2]
REPO = "org/tiny-GGUF"
SECRET = "hf_thisMustNeverBePrinted"


class Desk:
    """A directory with a stack file, and a hub with one repository of real GGUF headers."""

    def __init__(self, directory: Path, hub: Hub) -> None:
        self.directory, self.hub, self.endpoint = directory, hub, hub.endpoint
        program = directory / "bin" / "local-llm"  # the desk is a clone whose program is this checkout's
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ops "$@"\n')
        program.chmod(0o755)
        for name in ("a-Q4_K_M.gguf", "a-Q8_0.gguf", "mmproj-a-F16.gguf"):
            self.offer(name)

    def offer(self, name: str, vocabulary: int = 10) -> None:
        file = self.hub.repos.root / REPO / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if name.startswith("mmproj"):
            ggufs.write(file, "clip", {"clip.projector_type": "resampler"}, ggufs.BLOCK, vocabulary=0)
        else:
            ggufs.write(file, pairs={"context_length": 32768}, vocabulary=vocabulary + len(name))

    def configure(self, *models: str, stack: str = "dev") -> None:
        """Write a stack file; a model is like `a: {quant: Q4_K_M}`, and may name another repository."""
        lines = [line if "repo:" in line else line.replace("{", f"{{repo: {REPO}, ", 1) for line in models]
        lines = [line.replace("{", "{context: 64, ", 1) for line in lines]
        text = "config:\n  local-llm:stack:\n    models:\n" + "".join(f"      {line}\n" for line in lines)
        (self.directory / f"Pulumi.{stack}.yaml").write_text(text)

    def lock(self, *arguments: str, code: int = 0) -> str:
        """Run `ops lock`; what it printed."""
        ran = command.run("lock", *arguments, code=code, cwd=self.directory, **self._env)
        return self._said(ran.stdout + ran.stderr, code)

    def type(self, text: str, code: int = 0) -> str:
        """What a shell prints in which a person types `text` here."""
        env = {**os.environ, "PYTHONPATH": str(ROOT), **self._env}
        shell = ["sh", "-c", text]
        ran = subprocess.run(shell, cwd=self.directory, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == code, f"{text}: {ran.stdout}{ran.stderr}"
        return self._said(ran.stdout + ran.stderr, code)

    @property
    def _env(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": SECRET, "COLUMNS": "200"}

    def _said(self, printed: str, code: int) -> str:
        assert SECRET not in printed
        assert not any(SECRET.encode() in file.read_bytes() for file in self.directory.glob("*.yaml"))
        assert ("error: " in printed) == bool(code)
        return printed

    @property
    def text(self) -> str:
        return (self.directory / "models.lock.yaml").read_text()

    @property
    def models(self) -> dict[str, locks.LockedModel]:
        return locks.load(self.text).models
