"""What one fetch is asked to do, as rendered by the plan. Checked again here: it names paths on a shared volume."""

import dataclasses
import json
import re
from typing import Any

from report import ExitError


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
    segment_bytes: int = 64 << 20
    margin_bytes: int = 2 << 30  # stays free on the volume, or 5 % of the download if that is more
    stall_s: float = 30
    progress_s: float = 10
    attempts: int = 8  # in a row, without a new byte
    backoff_s: float = 1

    @classmethod
    def parse(cls, text: str) -> "Manifest":
        """Parse and check; raises ExitError 78, also for a name that could leave the volume or the repository."""
        try:
            raw: Any = json.loads(text)
            manifest = cls(files=tuple(File(**file) for file in raw.pop("files")), **raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ExitError(78, f"the manifest is unusable: {error}") from None
        name, part = r"(?!\.)[A-Za-z0-9_.-]+", r"(?!\.\.?(/|$))[^/\0]+"
        rules = [(manifest.endpoint, r"https?://[^/\s@]+"), (manifest.root, r"/[^\s]*"), (manifest.id, name)]
        rules += [
            (manifest.gen, r"[0-9a-f]{12}"),
            (manifest.repo, f"{name}/{name}"),
            (manifest.commit, r"[0-9a-f]{40}"),
        ]
        for file in manifest.files:
            rules += [(file.path, f"{part}(/{part})*"), (file.sha256, r"[0-9a-f]{64}"), (file.link, name)]
        for value, rule in rules:
            if not re.fullmatch(rule, str(value)):
                raise ExitError(78, f"the manifest is unusable: {value!r} is refused, it must match {rule}")
        return manifest
