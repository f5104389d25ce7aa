"""Replaces a file in one step, so that neither a reader nor an interrupted command leaves half of it behind."""

import os
import tempfile
from pathlib import Path

from ops.base.errors import OpsError, reason

_READABLE = 0o644


def write(file: Path, content: str | bytes) -> None:
    """Make `file` hold `content`; it keeps its permissions, and what it links to is replaced. Raises OpsError."""
    fix = "repair that or name another file, and run it again"
    try:
        there = file.resolve()
        if there.exists() and not there.is_file():  # as root, /dev/null would become a file for every program here
            raise OpsError(f"{file} is a directory or a device, not a file", "name another file, and run it again")
        _replace(there, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise OpsError(f"{file}: {reason(error)}", fix) from None
    except RuntimeError:  # Python 3.11 and 3.12, of a path that cannot be resolved
        raise OpsError(f"{file} is a link that leads back to itself", fix) from None


def _replace(file: Path, content: bytes) -> None:
    mode = file.stat().st_mode & 0o777 if file.exists() else _READABLE
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".draft-", delete=False) as draft:
        try:
            draft.write(content)
            draft.flush()
            os.fchmod(draft.fileno(), mode)
            os.fsync(draft.fileno())
            os.replace(draft.name, file)
        except BaseException:
            os.unlink(draft.name)
            raise
