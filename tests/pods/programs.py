"""Where the pods' programs lie for a test: the archives of the sources as they are now, unpacked once.

Python runs the directory as it runs the archive, and keeps the compiled modules between two runs.
"""

import functools
import tempfile
from pathlib import Path

from dev.generate.pods_archive import sources

ARCHIVES = {"fetch": "fetch", "prune": "prune", "gate": "server", "warm": "server", "advertise": "advertiser"}


@functools.cache
def program(command: str) -> Path:
    """What `python -I -S` runs for this command."""
    return _unpacked(ARCHIVES[command])


@functools.cache
def _unpacked(archive: str) -> Path:
    directory = Path(_place().name) / archive
    for name, text in sources(archive).items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(text)
    return directory


@functools.cache
def _place() -> "tempfile.TemporaryDirectory[str]":
    """Removed when the tests end."""
    return tempfile.TemporaryDirectory(prefix="pods-")
