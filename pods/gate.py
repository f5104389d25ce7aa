"""Hold a server back until weights that have yet to arrive are complete on the volume. Reads no byte of them.

A model that was complete before and lacks something now (a file removed or found damaged) holds nobody back: it is
named, asking for it is an error, and the others serve. It polls: over NFS, a file written by another node may stay
invisible for a minute.
"""

import json
import os
import time
from typing import Any

from quarantine import WITHDRAWN, was_published
from report import ExitError, say

_HINT = "`kubectl logs job/fetch-<id>` says why; delete that Job and `pulumi up --refresh` to fetch again"


def wait(manifest_text: str) -> None:
    """Return when no model is awaited any more; raises ExitError 1 naming what is missing after `timeout_s`.

    Also when nothing at all could be served.
    """
    try:
        manifest = json.loads(manifest_text)
        root, models = manifest["root"], manifest["models"]
        timeout_s, poll_s = manifest.get("timeout_s", 120), manifest.get("poll_s", 5)
        ids = [model["id"] for model in models]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExitError(78, f"the manifest is unusable: {error!r}") from None
    deadline, shown = time.monotonic() + timeout_s, list[str]()
    while True:
        missing = {model["id"]: lacks for model in models if (lacks := _lacks(root, model))}
        lost = {model["id"] for model in models if was_published(root, model["id"], model["gen"])}
        if not missing or (missing.keys() <= lost and missing.keys() != set(ids)):
            break
        said = [lack for lacks in missing.values() for lack in lacks]
        if time.monotonic() > deadline:
            raise ExitError(1, f"not complete after {timeout_s} s: {'; '.join(said)}; {_HINT}")
        if said != shown:
            say("waiting", missing=said)
            shown = said
        time.sleep(poll_s)
    for model_id, lacks in missing.items():
        say("unserved", id=model_id, missing=lacks, next=_HINT)
    say("ready", models=[model_id for model_id in ids if model_id not in missing])


def _lacks(root: str, model: dict[str, Any]) -> list[str]:
    directory = os.path.join(root, model["id"], model["gen"])
    ready = os.path.join(directory, "READY.json")
    try:
        with open(ready) as source:
            gen = json.load(source)["gen"]
    except FileNotFoundError:
        withdrawn = os.path.exists(os.path.join(directory, WITHDRAWN))
        return [f"{ready} is withdrawn: a file was found damaged" if withdrawn else f"{ready} is missing"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{ready} is unreadable ({error!r})"]
    if gen != model["gen"]:
        return [f"{ready} is about generation {gen}"]
    return [lack for file in model["files"] if (lack := _lack(os.path.join(directory, file["link"]), file["size"]))]


def _lack(link: str, size_bytes: int) -> str:
    try:
        found = os.stat(link).st_size
    except FileNotFoundError:
        return f"{link} is a dangling link" if os.path.islink(link) else f"{link} is missing"
    except OSError as error:
        return f"{link}: {error}"
    return "" if found == size_bytes else f"{link} has {found} bytes, not {size_bytes}"
