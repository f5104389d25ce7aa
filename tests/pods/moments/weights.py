"""The weights of the interleavings: small files of two models that share one, and what each program is told of them."""

import hashlib
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from pods.fetch.manifest import Manifest
from pods.fetch.model_on_volume import Volume

SEGMENT_BYTES = 4 << 10
SIZES = {"a-Q4_K_M.gguf": 14_000, "b-Q4_K_M.gguf": 9_000, "mmproj-F16.gguf": 5_000, "old.gguf": 3_000}
CONTENTS = {name: random.Random(name).randbytes(size) for name, size in SIZES.items()}  # noqa: S311
SHAS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
RIGHT = {SHAS[name]: content for name, content in CONTENTS.items()}
LINKS = {"mmproj-F16.gguf": "mmproj.gguf"}
MODELS = {"a": ["a-Q4_K_M.gguf", "mmproj-F16.gguf"], "b": ["b-Q4_K_M.gguf", "mmproj-F16.gguf"]}
GENS = {"a": "aaaaaaaaaaaa", "b": "bbbbbbbbbbbb", "a old": "0123456789ab"}
OLD_S = 5_000
GRACE_S = 1_000


def needed(model: str) -> set[str]:
    """The sha256 of a model's files; those of `a old` are of a generation that it had before."""
    return {SHAS[name] for name in (["old.gguf"] if model == "a old" else MODELS[model])}


def offer(hub: Path) -> None:
    """Put the files into the directory that a local hub serves."""
    for model, names in MODELS.items():
        for name in names:
            file = hub / "local" / f"{model}-GGUF" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(CONTENTS[name])


class Weights:
    """One volume and the manifests about it."""

    def __init__(self, root: str, endpoint: str, commits: dict[str, str]) -> None:
        self.root, self.endpoint, self.commits = root, endpoint, commits

    def fetch(self, model: str, **more: Any) -> dict[str, Any]:
        files = [
            {"path": name, "size": SIZES[name], "sha256": SHAS[name], "link": LINKS.get(name, "model.gguf")}
            for name in MODELS[model]
        ]
        where = {"endpoint": self.endpoint, "root": self.root, "id": model, "gen": GENS[model]}
        what = {"repo": f"local/{model}-GGUF", "commit": self.commits[model], "files": files}
        how = {"streams": 2, "segment_bytes": SEGMENT_BYTES, "margin_bytes": 0, "backoff_s": 0.01, "stall_s": 600}
        return {**where, **what, **how, "attempts": 4, **more}

    def served(self, model: str, *keys: str) -> dict[str, Any]:
        """A model as the gate and the warm know it, with these facts of its files."""
        files = [{key: file[key] for key in ("link", "size", *keys)} for file in self.fetch(model)["files"]]
        return {"id": model, "gen": GENS[model], "files": files}

    def gate(self, models: tuple[str, ...]) -> dict[str, Any]:
        return {"root": self.root, "models": [self.served(it) for it in models], "timeout_s": 5, "poll_s": 0.2}

    def warm(self, models: tuple[str, ...]) -> dict[str, Any]:
        served = [{**self.served(it, "sha256"), "priority": 0} for it in models]
        return {"root": self.root, "listen": 1, "models": served, "memory_limit_bytes": 1 << 30, "poll_s": 0.2}

    def prune(self, models: tuple[str, ...], mode: str, grace_s: int = GRACE_S) -> dict[str, Any]:
        keep = [{"id": it[0], "gen": GENS[it], "sha256": sorted(needed(it))} for it in models]
        return {"root": self.root, "mode": mode, "grace_s": grace_s, "keep": keep}

    def blob(self, name: str, suffix: str = "") -> Path:
        return Path(self.root, ".blobs", f"sha256-{SHAS[name]}{suffix}")

    def volume(self, model: str) -> Volume:
        return Volume(Manifest.parse(json.dumps(self.fetch(model))))

    def have(self, model: str, published: bool) -> None:
        """The whole model as an earlier fetch left it."""
        volume = self.volume(model)
        for file in volume.manifest.files:
            blob = self.blob(file.path)
            blob.write_bytes(CONTENTS[file.path])
            blob.chmod(0o444)
            age(blob)
            with blob.open("rb") as source:
                volume.receipt(file, source.fileno())
            age(self.blob(file.path, ".ok"))
        if published:
            volume.publish()

    def damage(self, name: str) -> None:
        """Another byte under the same size and time, as a failing disk does it."""
        times = self.blob(name).stat()
        fd = os.open(self.blob(name), os.O_RDWR)
        os.pwrite(fd, bytes([CONTENTS[name][0] ^ 1]), 0)
        os.close(fd)
        os.utime(self.blob(name), ns=(times.st_atime_ns, times.st_mtime_ns))

    def have_part(self, name: str, segments: int) -> None:
        """What a fetch left that died: so many segments and their journal."""
        done = segments * SEGMENT_BYTES
        self.blob(name, ".part").write_bytes(CONTENTS[name][:done])
        os.truncate(self.blob(name, ".part"), SIZES[name])
        lines = "".join(f"\n{start} {SEGMENT_BYTES}\n" for start in range(0, done, SEGMENT_BYTES))
        self.blob(name, ".part.journal").write_text(lines)

    def have_old(self) -> None:
        """A generation of model a that nobody needs any more, marked long ago."""
        directory, name = Path(self.root, "a", GENS["a old"]), "old.gguf"
        directory.mkdir(parents=True)
        self.blob(name).write_bytes(CONTENTS[name])
        age(self.blob(name))
        (directory / "model.gguf").symlink_to(f"../../.blobs/sha256-{SHAS[name]}")
        files = [{"path": name, "size": SIZES[name], "sha256": SHAS[name], "link": "model.gguf"}]
        (directory / "READY.json").write_text(json.dumps({"id": "a", "gen": GENS["a old"], "files": files}))
        age(directory / "READY.json")
        (directory / ".unused.json").write_text(json.dumps({"since": int(time.time()) - OLD_S}))


def age(path: Path) -> None:
    then = time.time() - OLD_S
    os.utime(path, (then, then))
