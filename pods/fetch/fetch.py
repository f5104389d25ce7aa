"""`fetch`: bring one model's locked files onto the volume and publish them.

HF_TOKEN is from the environment, and so is the proxy where the manifest says nothing of it.
"""

import contextlib
import os

from pods.core.report import ExitError, Progress, say
from pods.fetch.adopt import adopt, detach
from pods.fetch.connection import Routes
from pods.fetch.download import Download
from pods.fetch.hub import Hub
from pods.fetch.manifest import File, Manifest
from pods.fetch.model_on_volume import Volume
from pods.fetch.slots import Slots

# What a person can do about it, where the error itself does not say.
NEXT = {
    65: "where the file was replaced at the hub, `bin/local-llm lock --update {id}`; else it is damaged on its way: "
    "fetch from another endpoint",
    66: "it was renamed or removed: `bin/local-llm lock --update {id}`",
    69: "the next run goes on from here; if it lasts, see whether that address can be reached from the cluster",
}


def fetch(manifest_text: str) -> None:
    """Make the generation complete; where it is, nothing is asked, read or written (unless to verify)."""
    manifest = Manifest.parse(manifest_text)
    with contextlib.closing(Hub(manifest, os.environ.get("HF_TOKEN", "").strip(), Routes(manifest, os.environ))) as hub:
        volume = Volume(manifest)
        missing = [file for file in manifest.files if not _is_there(volume, file)]
        if missing:
            volume.require_writable()
            missing = adopt(volume, missing)
            volume.require_room(missing)
        _download(manifest, volume, hub, missing)
    volume.publish()
    say("ready", id=manifest.id, gen=manifest.gen, fetched=[file.path for file in missing])


def _download(manifest: Manifest, volume: Volume, hub: Hub, missing: list[File]) -> None:
    progress, slots = Progress(manifest.progress_s, sum(file.size for file in missing)), Slots(manifest)
    try:
        for file in missing:
            Download(volume, hub, slots, file, progress).run()
            progress.finished_bytes += file.size
    except ExitError as failure:
        hint = NEXT.get(failure.code, "").format(id=manifest.model or manifest.id)
        raise ExitError(failure.code, f"{failure}; {hint}" if hint else str(failure)) from None
    finally:
        slots.release()


def _is_there(volume: Volume, file: File) -> bool:
    there = volume.has(file, volume.manifest.verify == "always")
    return there and (not volume.is_shared(file) or detach(volume, file))
