"""What warm was asked to read, how far it is, and the same as metrics."""

import contextlib
import dataclasses
import os

from pods.core.metrics import Sample, family
from pods.core.shape import GEN, MODEL, NAME, PATH, PORT, SECONDS, SHA256, SIZE, number, read
from pods.warm import pagecache

_PRIORITY = number(-(2**31), 2**31)
_FILE = {"link": NAME, "size": SIZE, "sha256": SHA256}
_SHAPE = {
    "root": PATH,
    "listen": PORT,
    "models": ({"id": NAME, "model?": MODEL, "gen": GEN, "priority": _PRIORITY, "files": [_FILE]},),
    "memory_limit_bytes?": number(1, 1 << 60),
    "poll_s?": SECONDS,
}


@dataclasses.dataclass(frozen=True)
class File:
    link: str
    size: int
    sha256: str


@dataclasses.dataclass
class Model:
    """`size_bytes` of all its files; `complete` when every byte was read and is as locked.

    `id` is its directory, `model` what clients ask for where that is another name.
    """

    id: str
    gen: str
    priority: float
    files: tuple[File, ...]
    model: str = ""
    corrupt: int = 0
    failed: int = 0
    complete: bool = False

    @property
    def name(self) -> str:
        return self.model or self.id

    @property
    def size_bytes(self) -> int:
        return sum(file.size for file in self.files)


@dataclasses.dataclass
class Manifest:
    root: str
    listen: int
    models: tuple[Model, ...]
    memory_limit_bytes: int | None = None
    poll_s: float = 5

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Raises ExitError 78, also for a name that could leave the volume."""
        raw = read(text, _SHAPE)
        models = [Model(files=tuple(File(**file) for file in it.pop("files")), **it) for it in raw.pop("models")]
        return cls(models=tuple(sorted(models, key=lambda it: (-it.priority, it.id))), **raw)


class State:
    """Counted by the thread that reads, rendered by those that answer."""

    def __init__(self, manifest: Manifest, budget_bytes: int) -> None:
        self.manifest, self.budget_bytes, self.left_bytes = manifest, budget_bytes, budget_bytes
        self.read_bytes, self.read_s = 0, 0.0

    def path(self, model: Model, file: File) -> str:
        return os.path.join(self.manifest.root, model.id, model.gen, file.link)

    def resident_bytes(self, model: Model) -> int | None:
        """None where the kernel does not tell."""
        total = 0
        for file in model.files:
            with contextlib.suppress(OSError):
                if (resident := pagecache.resident_bytes(self.path(model, file))) is None:
                    return None
                total += resident
        return total

    def render(self) -> str:
        """The metrics in Prometheus' text format."""
        return "".join(family(*one) for one in (*self._of_models(), *self._of_reading()))

    def _of_models(self) -> list[tuple[str, str, str, list[Sample]]]:
        models = self.manifest.models
        sizes: list[Sample] = [(it.name, it.size_bytes) for it in models]
        resident = [(it.name, found) for it in models if (found := self.resident_bytes(it)) is not None]
        corrupt: list[Sample] = [(it.name, it.corrupt) for it in models]
        complete: list[Sample] = [(it.name, int(it.complete)) for it in models]
        failed: list[Sample] = [(it.name, it.failed) for it in models]
        weights, warm = "local_llm_weights", "local_llm_warm"
        return [
            (f"{weights}_bytes", "gauge", "Bytes of the model's locked files.", sizes),
            (f"{weights}_resident_bytes", "gauge", "Of these, in this node's memory now, by mincore(2).", [*resident]),
            (f"{weights}_corrupt_total", "counter", "Files found with other bytes than locked.", corrupt),
            (f"{warm}_complete", "gauge", "1 when every byte was read and is as locked.", complete),
            (f"{warm}_errors_total", "counter", "Files that could not be read.", failed),
        ]

    def _of_reading(self) -> list[tuple[str, str, str, list[Sample]]]:
        warm = "local_llm_warm"
        budget, read, took = self.budget_bytes, self.read_bytes, round(self.read_s, 3)
        return [
            (f"{warm}_budget_bytes", "gauge", "Most that this pod's memory may hold of files.", [("", budget)]),
            (f"{warm}_read_bytes_total", "counter", "Bytes read from the volume or its cache.", [("", read)]),
            (f"{warm}_read_seconds_total", "counter", "Time that reading them took.", [("", took)]),
        ]
