"""`ops lock` as a person runs it: a real process in a directory with stack files, and a hub on this machine."""

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
        lines = [line if "repo:" in line else line.replace("{", f"{{repo: {REPO}, ") for line in models]
        lines = [line.replace("{", "{context: 64, ") for line in lines]
        text = "config:\n  local-llm:stack:\n    models:\n" + "".join(f"      {line}\n" for line in lines)
        (self.directory / f"Pulumi.{stack}.yaml").write_text(text)

    def lock(self, *arguments: str, code: int = 0) -> str:
        """Run `ops lock`; what it printed."""
        env = {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": SECRET, "COLUMNS": "200"}
        ran = command.run("lock", *arguments, code=code, cwd=self.directory, **env)
        printed = ran.stdout + ran.stderr
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
