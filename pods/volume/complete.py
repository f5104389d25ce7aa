"""Whether a generation is complete on the volume, by names and sizes alone: no byte of the weights is read."""

import os
from collections.abc import Iterable

from pods.core import json_text
from pods.volume.quarantine import READY, WITHDRAWN


def hint(model_id: str) -> str:
    """What a person can do about weights that are missing; `model_id` is the model's directory."""
    return f"`kubectl logs job/fetch-{model_id}` says why; delete that Job and `pulumi up --refresh` to fetch again"


def lacks(root: str, model_id: str, gen: str, files: Iterable[tuple[str, int]]) -> list[str]:
    """What is missing of a generation, in words; nothing when it is complete. `files` are links and sizes in bytes."""
    directory = os.path.join(root, model_id, gen)
    ready = os.path.join(directory, READY)
    try:
        found = json_text.read(ready)["gen"]
    except FileNotFoundError:
        withdrawn = os.path.exists(os.path.join(directory, WITHDRAWN))
        return [f"{ready} is withdrawn: a file was found damaged" if withdrawn else f"{ready} is missing"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [f"{ready} is unreadable ({error!r})"]
    if found != gen:
        return [f"{ready} is about generation {str(found)[:60]}"]
    return [lack for link, size in files if (lack := _lack(os.path.join(directory, link), size))]


def _lack(link: str, size_bytes: int) -> str:
    try:
        found = os.stat(link).st_size
    except FileNotFoundError:
        return f"{link} is a dangling link" if os.path.islink(link) else f"{link} is missing"
    except OSError as error:
        return f"{link}: {error}"
    return "" if found == size_bytes else f"{link} has {found} bytes, not {size_bytes}"
