"""`make pods`: the programs of pods/ as pods.pyz, the one file that every pod runs (zipfile, zipimport).

It is committed: builds of zlib write different bytes, and a ConfigMap that differs between two machines would run every
Job again. A test compares its content with pods/.
"""

import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "pods.pyz"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file knows


def sources() -> dict[str, bytes]:
    """The programs by file name."""
    return {path.name: path.read_bytes() for path in sorted((ROOT / "pods").glob("*.py"))}


def content(archive: bytes) -> dict[str, bytes]:
    """What an archive holds, by file name."""
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return {name: found.read(name) for name in found.namelist()}


def archived(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()


def main() -> int:
    """Write the archive again where it differs from pods/."""
    if ARCHIVE.exists() and content(ARCHIVE.read_bytes()) == sources():
        print(f"{ARCHIVE.name} is up to date")
    else:
        ARCHIVE.write_bytes(archived(sources()))
        print(f"wrote {ARCHIVE.name}, {ARCHIVE.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
