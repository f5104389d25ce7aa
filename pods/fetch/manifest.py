"""What one fetch is asked to do, as rendered by the plan. Checked again here: it names paths on a shared volume."""

import dataclasses
import re
from typing import Any
from urllib.parse import urlsplit

from pods.core.shape import (
    GEN,
    MODEL,
    NAME,
    NAME_PATTERN,
    PATH,
    SECONDS,
    SHA256,
    SIZE,
    Rule,
    number,
    read,
    refuse,
    text,
)


def _stays(path: Any) -> bool:
    """Whether a path stays below its repository, and each part is one that every file system and log can have."""
    if not isinstance(path, str) or not re.fullmatch(r"[^\\]{1,1024}", path):
        return False
    parts = path.split("/")
    return (
        path.endswith(".gguf")
        and path.isprintable()
        and all(part not in ("", ".", "..") and part[0] not in "- " and part[-1] not in ". " for part in parts)
        and all(len(part.encode()) <= 255 for part in parts)
    )


def _is_address(address: str) -> bool:
    """Whether its host can be looked up, and there is such a port."""
    try:
        parts = urlsplit(address)
        return bool((parts.hostname or "").rstrip(".").encode("idna")) and parts.port != 0
    except ValueError:
        return False


def _address(pattern: str, words: str) -> Rule:
    fits = text(pattern, words).holds

    def holds(value: Any) -> bool:
        return fits(value) and (not value or _is_address(value))

    return Rule(words, holds)


# Names at the hub: the same as in plan/base/hub_names.py, and tests/hub_names.py has the cases for both.
_REPO = text(rf"(?!.*(--|\.\.|\.git$)){NAME_PATTERN}/{NAME_PATTERN}", "owner/name, as the hub allows it")
_COMMIT = text("[0-9a-f]{40}", "40 digits, 0-9 and a-f")
_FILE = {
    "path": Rule("the path of a .gguf file that stays below its repository", _stays),
    "size": SIZE,
    "sha256": SHA256,
    "link": text(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,90}\.gguf", "a name of letters, digits, '.', '_' and '-' with .gguf"),
    "repo?": _REPO,
    "commit?": _COMMIT,
}
_BYTES = number(1, 1 << 30)
_SHAPE = {
    "endpoint": _address(
        r"https?://(?:(?![/@?#])[!-~])+(/(?:(?![/@?#])[!-~])+)*", "the http or https address of a hub, without a user"
    ),
    "root": PATH,
    "id": NAME,
    "gen": GEN,
    "model?": MODEL,
    "repo": _REPO,
    "commit": _COMMIT,
    "files": [_FILE],
    "verify?": text("receipt|always", "receipt or always"),
    "proxy?": _address(r"(http://(?:(?![/@?#])[!-~])+:[0-9]+)?", "http://HOST:PORT"),
    "no_proxy?": (text(r"((?![,@])[!-~]){1,300}", "a host, an address or a network"),),
    "ca_file?": text(r"(/[^\s\0]+)?", "an absolute path without spaces"),
    "streams?": number(1, 64),
    "segment_bytes?": _BYTES,
    "slots?": number(0, 1024),
    "margin_bytes?": number(0, 1 << 44),
    "floor_bytes_s?": _BYTES,
    "attempts?": number(1, 1024),
    **dict.fromkeys(("stall_s?", "progress_s?", "backoff_s?", "patience_s?"), SECONDS),
}


@dataclasses.dataclass(frozen=True)
class File:
    path: str
    size: int
    sha256: str
    link: str
    repo: str = ""  # where it is another one than the model's, and then `commit` is too
    commit: str = ""


@dataclasses.dataclass(frozen=True)
class Manifest:
    endpoint: str
    root: str
    id: str
    gen: str
    repo: str
    commit: str
    files: tuple[File, ...]
    model: str = ""  # what clients ask for, where that is not the id: it may be no name of a directory
    streams: int = 4
    segment_bytes: int = 16 << 20  # larger ones end together, and the line idles while four of them are synced
    slots: int = 2  # so many models of one volume download at a time; 0: any number
    verify: str = "receipt"  # or always: every blob is hashed again
    proxy: str = ""  # http://HOST:PORT for whatever is not in no_proxy; without the two, what the environment says
    no_proxy: list[str] | None = None
    ca_file: str = ""  # authorities that are trusted besides those of the image
    margin_bytes: int = 2 << 30  # stays free on the volume, or 5 % of the download if that is more
    stall_s: float = 30.0
    floor_bytes_s: int = 16 << 10  # of one connection over `stall_s`; a slower one is replaced
    progress_s: float = 10.0
    attempts: int = 8  # in a row, without so much as an eighth of a segment
    backoff_s: float = 1.0
    patience_s: float = 600.0  # with a lock whose holder gives no sign of life; longer than the hub's longest pause

    @classmethod
    def parse(cls, manifest: str) -> "Manifest":
        """Parse and check; raises ExitError 78, also for a name that could leave the volume or the repository."""
        raw: dict[str, Any] = read(manifest, _SHAPE)
        files = tuple(File(**file) for file in raw.pop("files"))
        links = [file.link for file in files]
        for at, link in enumerate(links):
            if link in links[:at]:
                refuse(f"files.{at}.link", link, "another one for each file")
        return cls(files=files, **raw)
