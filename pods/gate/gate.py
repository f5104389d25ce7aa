"""Hold a server back until weights that have yet to arrive are complete on the volume. Reads no byte of them.

A model that was complete before and lacks something now (a file removed or found damaged) holds nobody back: it is
named, asking for it is an error, and the others serve. It polls: over NFS, a file written by another node may stay
invisible for a minute.
"""

import json
import time

from pods.core.report import ExitError, say
from pods.volume.complete import HINT, lacks
from pods.volume.quarantine import was_published


def wait(manifest_text: str) -> None:
    """Return when no model is awaited any more; raises ExitError 1 naming what is missing after `timeout_s`.

    Also when nothing at all could be served.
    """
    try:
        manifest = json.loads(manifest_text)
        root = manifest["root"]
        timeout_s, poll_s = manifest.get("timeout_s", 120), manifest.get("poll_s", 5)
        models = [
            (it["id"], it["gen"], [(file["link"], file["size"]) for file in it["files"]]) for it in manifest["models"]
        ]
        ids = [model_id for model_id, _, _ in models]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExitError(78, f"the manifest is unusable: {error!r}") from None
    deadline, shown = time.monotonic() + timeout_s, list[str]()
    while True:
        missing = {model_id: lack for model_id, gen, files in models if (lack := lacks(root, model_id, gen, files))}
        lost = {model_id for model_id, gen, _ in models if was_published(root, model_id, gen)}
        if not missing or (missing.keys() <= lost and missing.keys() != set(ids)):
            break
        said = [lack for found in missing.values() for lack in found]
        if time.monotonic() > deadline:
            raise ExitError(1, f"not complete after {timeout_s} s: {'; '.join(said)}; {HINT}")
        if said != shown:
            say("waiting", missing=said)
            shown = said
        time.sleep(poll_s)
    for model_id, found in missing.items():
        say("unserved", id=model_id, missing=found, next=HINT)
    say("ready", models=[model_id for model_id in ids if model_id not in missing])
