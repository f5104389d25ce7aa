"""Hold a server back until the weights that it will serve are complete on the volume. Reads no byte of them.

It polls: over NFS, a file written by another node may stay invisible for a minute.
"""

import json
import os
import time
from typing import Any

from quarantine import WITHDRAWN
from report import ExitError, say


def wait(manifest_text: str) -> None:
    """Return when every model is complete; raises ExitError 1 naming what is missing after `timeout_s`."""
    try:
        manifest = json.loads(manifest_text)
        root, models = manifest["root"], manifest["models"]
        timeout_s, poll_s = manifest.get("timeout_s", 120), manifest.get("poll_s", 5)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExitError(78, f"the manifest is unusable: {error!r}") from None
    deadline, shown = time.monotonic() + timeout_s, list[str]()
    while missing := [lack for model in models for lack in _lacks(root, model)]:
        if time.monotonic() > deadline:
            hint = "`kubectl logs job/fetch-<id>` says why; delete that Job and `pulumi up --refresh` to fetch again"
            raise ExitError(1, f"not complete after {timeout_s} s: {'; '.join(missing)}; {hint}")
        if missing != shown:
            say("waiting", missing=missing)
            shown = missing
        time.sleep(poll_s)
    say("ready", models=[model["id"] for model in models])


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
