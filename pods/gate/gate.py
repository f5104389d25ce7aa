"""Hold a server back until weights that have yet to arrive are complete on the volume. Reads no byte of them.

A model that was complete before and lacks something now (a file removed or found damaged) holds nobody back: it is
named, asking for it is an error, and the others serve. It polls: over NFS, a file written by another node may stay
invisible for a minute.
"""

import dataclasses
import time
from typing import Any

from pods.core import json_text
from pods.core.report import ExitError, say
from pods.volume.complete import HINT, lacks
from pods.volume.quarantine import was_published


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
        try:
            raw: Any = json_text.parse(text)
            models = [
                Model(files=[(file["link"], file["size"]) for file in it.pop("files")], **it)
                for it in raw.pop("models")
            ]
            return cls(models=tuple(models), **raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExitError(78, f"the manifest is unusable: {error!r}") from None


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
            raise ExitError(1, f"not complete after {manifest.timeout_s} s: {'; '.join(said)}; {HINT}")
        if said != shown:
            say("waiting", missing=said)
            shown = said
        time.sleep(manifest.poll_s)
    for model_id, found in missing.items():
        say("unserved", id=model_id, missing=found, next=HINT)
    say("ready", models=[model_id for model_id in ids if model_id not in missing])
