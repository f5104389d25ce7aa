"""Hold a server back until weights that have yet to arrive are complete on the volume. Reads no byte of them.

A model that was complete before and lacks something now (a file removed or found damaged) holds nobody back: it is
named, asking for it is an error, and the others serve. It polls: over NFS, a file written by another node may stay
invisible for a minute.
"""

import dataclasses
import time

from pods.core.report import ExitError, say
from pods.core.shape import GEN, NAME, PATH, SECONDS, SIZE, number, read
from pods.volume.complete import hint, lacks
from pods.volume.quarantine import was_published

_SHAPE = {
    "root": PATH,
    "models": ({"id": NAME, "gen": GEN, "files": [{"link": NAME, "size": SIZE}]},),
    "timeout_s?": number(0, 1e7, float),
    "poll_s?": SECONDS,
}


@dataclasses.dataclass(frozen=True)
class Model:
    """`files` are links and sizes."""

    id: str
    gen: str
    files: list[tuple[str, int]]


@dataclasses.dataclass(frozen=True)
class Manifest:
    root: str
    models: tuple[Model, ...]
    timeout_s: float = 120
    poll_s: float = 5

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Raises ExitError 78."""
        raw = read(text, _SHAPE)
        models = [
            Model(files=[(file["link"], file["size"]) for file in it.pop("files")], **it) for it in raw.pop("models")
        ]
        return cls(models=tuple(models), **raw)


def wait(manifest_text: str) -> None:
    """Return when no model is awaited any more; raises ExitError 1 naming what is missing after `timeout_s`.

    Also when nothing at all could be served.
    """
    manifest = Manifest.parse(manifest_text)
    root, ids = manifest.root, [it.id for it in manifest.models]
    deadline, shown = time.monotonic() + manifest.timeout_s, list[str]()
    while True:
        missing = {it.id: lack for it in manifest.models if (lack := lacks(root, it.id, it.gen, it.files))}
        lost = {it.id for it in manifest.models if was_published(root, it.id, it.gen)}
        if not missing or (missing.keys() <= lost and missing.keys() != set(ids)):
            break
        said = [lack for found in missing.values() for lack in found]
        if time.monotonic() > deadline:
            raise ExitError(1, f"not complete after {manifest.timeout_s} s: {'; '.join(said)}; {hint(min(missing))}")
        if said != shown:
            say("waiting", missing=said)
            shown = said
        time.sleep(manifest.poll_s)
    for model_id, found in missing.items():
        say("unserved", id=model_id, missing=found, next=hint(model_id))
    say("ready", models=[model_id for model_id in ids if model_id not in missing])
