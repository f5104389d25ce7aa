"""What one fetch is asked to do, as rendered by the plan. Checked again here: it names paths on a shared volume."""

import dataclasses
import re
from typing import Any

from pods.core import json_text
from pods.core.report import ExitError

# Of each text its rule, and the rule in words. Names at the hub: the same as in plan/base/hub_names.py, and
# tests/hub_names.py has the cases for both.
_NAME = "[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_TEXTS = {
    "endpoint": (r"https?://[^/\s@?#]+(/[^/\s@?#]+)*", "the http or https address of a hub, without a user"),
    "root": (r"/[^\s\0]*", "an absolute path without spaces"),
    "id": (_NAME, "a name of letters, digits, '.', '_' and '-'"),
    "gen": ("[0-9a-f]{12}", "12 digits, 0-9 and a-f"),
    "repo": (rf"(?!.*(--|\.\.|\.git$)){_NAME}/{_NAME}", "owner/name, as the hub allows it"),
    "commit": ("[0-9a-f]{40}", "40 digits, 0-9 and a-f"),
    "verify": ("receipt|always", "receipt or always"),
    "proxy": (r"(http://[^/\s@?#]+:\d+)?", "http://HOST:PORT"),
    "no_proxy": (r"[^\s,@]+", "a host, an address or a network"),
    "ca_file": (r"(/[^\s\0]+)?", "an absolute path without spaces"),
    "sha256": ("[0-9a-f]{64}", "64 digits, 0-9 and a-f"),
    "link": (_NAME, "a name of letters, digits, '.', '_' and '-'"),
    "path": (r"[^\\]{1,1024}", "the path of a .gguf file that stays below its repository"),
}


def _stays(path: str) -> bool:
    """Whether a path stays below its repository, and each part is one that every file system and log can have."""
    parts = path.split("/")
    return (
        path.endswith(".gguf")
        and path.isprintable()
        and all(part not in ("", ".", "..") and part[0] not in "- " and part[-1] not in ". " for part in parts)
        and all(len(part.encode()) <= 255 for part in parts)
    )


@dataclasses.dataclass(frozen=True)
class File:
    path: str
    size: int
    sha256: str
    link: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    endpoint: str
    root: str
    id: str
    gen: str
    repo: str
    commit: str
    files: tuple[File, ...]
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
    def parse(cls, text: str) -> "Manifest":
        """Parse and check; raises ExitError 78, also for a name that could leave the volume or the repository."""
        try:
            raw: Any = json_text.parse(text)
            manifest = cls(files=tuple(File(**file) for file in raw.pop("files")), **raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ExitError(78, f"the manifest is unusable: {error}") from None
        manifest._check_names()
        manifest._check_numbers()
        return manifest

    def _check_names(self) -> None:
        own = ("endpoint", "root", "id", "gen", "repo", "commit", "verify", "proxy", "ca_file")
        texts = [(field, getattr(self, field)) for field in own]
        texts += [("no_proxy", entry) for entry in self.no_proxy or ()]
        for file in self.files:
            texts += [("sha256", file.sha256), ("link", file.link), ("path", file.path)]
        for field, value in texts:
            rule, words = _TEXTS[field]
            if not isinstance(value, str) or not re.fullmatch(rule, value) or (field == "path" and not _stays(value)):
                said = re.sub(r"[^/\s]*@", "***@", str(value)[:160])[:80]  # a user and a password
                raise ExitError(78, f"the manifest is unusable: {field} is {said!a}, it must be {words}")

    def _check_numbers(self) -> None:
        numbers: list[tuple[str, Any, type]] = [(f"size of {file.path}", file.size, int) for file in self.files]
        for field in dataclasses.fields(self):
            if isinstance(field.default, (int, float)):
                numbers.append((field.name, getattr(self, field.name), type(field.default)))
        for name, value, kind in numbers:
            may_be_0 = name in ("slots", "margin_bytes")
            if type(value) not in (int, kind) or value < 0 or (value == 0 and not may_be_0):
                wanted = "0 or more" if may_be_0 else "more than 0"
                raise ExitError(
                    78, f"the manifest is unusable: {name} is {str(value)[:80]!a}, it must be a number, {wanted}"
                )
