"""`make pods`: for each module of pods/archives/ the archive beside it, which Python runs as it is (zipimport).

An archive holds the module as its `__main__` and what that imports of pods/, nothing else: a pod starts again only when
a program changed that it runs. The archives are committed: builds of zlib write different bytes, and a ConfigMap that
differs between two machines would run every Job again. A test compares their content with pods/.
Without comments and docstrings: a changed sentence starts no pod again, and the bytes pass through Pulumi's engine
twenty times in every preview, logged each time. For the same reason an archive has one entry, with all modules in it:
compressed one by one they take half as many bytes again.
"""

import ast
import io
import sys
import zipfile
from modulefinder import ModuleFinder
from pathlib import Path

from dev.generate.bare import bare
from dev.machine.steps import DevError

ROOT = Path(__file__).resolve().parents[2]
_BOOT, _MAIN = "boot.py", "__main__.py"
_CARRIED, _END = "\nFILES |= ", "\n\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file knows


def archives(root: Path = ROOT) -> dict[str, Path]:
    """Where each archive lies, by name; whether it was written or not."""
    entries = sorted((root / "pods" / "archives").glob("[!_]*.py"))
    return {entry.stem: entry.with_suffix(".pyz") for entry in entries}


def sources(name: str, root: Path = ROOT) -> dict[str, bytes]:
    """What the archive has to hold, by file name; raises DevError for an import that a pod does not have."""
    entry = root / "pods" / "archives" / f"{name}.py"
    finder = ModuleFinder([str(root)])
    finder.run_script(str(entry))
    files_of: dict[str, str | None] = {module: vars(it)["__file__"] for module, it in finder.modules.items()}
    found = {module: Path(file) for module, file in files_of.items() if file and file != str(entry)}
    missing = {module.partition(".")[0] for module in finder.badmodules} - set(sys.stdlib_module_names)
    if wrong := sorted({module for module in found if module.partition(".")[0] != "pods"} | missing):
        raise DevError(
            f"pods/archives/{name}.py comes to import {', '.join(wrong)}, which no pod has",
            "use the standard library and the other modules of pods/",
        )
    files = {str(path.relative_to(root)): bare(path.read_bytes()) for path in found.values()}
    boot = bare(Path(__file__).with_name(_BOOT).read_bytes())
    return {_BOOT: boot, _MAIN: bare(entry.read_bytes()), **dict(sorted(files.items()))}


def content(archive: bytes) -> dict[str, bytes]:
    """What an archive holds, by file name; nothing where `archived` did not write it."""
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        text = found.read(_MAIN).decode()
    boot, mark, rest = text.partition(_CARRIED)
    files, _, program = rest.partition(_END)
    carried: dict[str, str] = ast.literal_eval(files) if mark else {}
    return {_BOOT: boot.encode(), _MAIN: program.encode(), **{name: it.encode() for name, it in carried.items()}}


def archived(files: dict[str, bytes]) -> bytes:
    """The archive of these files: equal files give equal bytes."""
    carried = {name: text.decode() for name, text in files.items() if name not in (_BOOT, _MAIN)}
    text = f"{files[_BOOT].decode()}{_CARRIED}{carried!r}{_END}{files[_MAIN].decode()}"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_MAIN, _EPOCH), text, zipfile.ZIP_DEFLATED, 9)
    return target.getvalue()


def main() -> int:
    """Write each archive that does not hold what pods/ says."""
    for name, archive in archives().items():
        shown = archive.relative_to(ROOT)
        if archive.exists() and content(archive.read_bytes()) == sources(name):
            print(f"{shown} is up to date")
        else:
            archive.write_bytes(archived(sources(name)))
            print(f"wrote {shown}, {archive.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
