"""The programs in pods: their manifests, and what lies on their volume in place of what they wrote themselves."""

import json
import os
import resource
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from dev.hub import Hub
from pods.core import report
from pods.core.report import ExitError
from pods.fetch.fetch import fetch
from pods.gate.gate import wait
from pods.prune.prune import prune
from tests.corpus.case import CPU_S, PLANTED, Case, WrongError
from tests.corpus.entries.hub import SPOILT
from tests.corpus.entries.stacks import PARSERS, everything, manifests, planned
from tests.corpus.place import MORE, Place
from tests.corpus.texts import WHOLE, as_json
from tests.corpus.texts import changed as changed_text
from tests.corpus.values import DEEP, changed, places, put, short, where
from tests.pods.shelf import Shelf, gen, sha

_BROKEN = 99  # no exit code of a program: the child of a case ends with it after a traceback
REPO, FILE = "local/tiny-GGUF", "x-Q4_K_M.gguf"
NEW, COMMON = b"new" * 1000, b"common"
_NAMES = (
    "..",
    "../x",
    "a/../b",
    "",
    ".",
    "a\0b",
    "\x1b[31m",
    "a" * 5000,
    None,
    7,
    [],
    "\ud800",
    "a b\n",
    "a\\b",
)
_NUMBERS = (-1, True, None, "1", 10**320, 1e308, float("nan"), float("inf"), [], 0.5)
KINDS = ("nothing", "NUL", "bytes", "a page", "null", "many digits", "an empty list", "deep lists", "half a UTF-16")


def cases(place: Place) -> Iterator[Case]:
    yield from _manifests()
    with Hub(place.new("hub")) as hub:
        (hub.repos.root / REPO).mkdir(parents=True)
        (hub.repos.root / REPO / FILE).write_bytes(NEW)
        for name, spoil in _spoilt():
            yield Case("volume", name, partial(_on_volume, place, hub, spoil))


def _manifests() -> Iterator[Case]:
    for program, text in dict(manifests(planned(everything()))).items():
        parse, good = PARSERS[program].parse, json.loads(text)
        for name, value in changed(program, good, 50 * MORE):
            if PLANTED in json.dumps(value):  # plan/ lets none get this far, so nothing here hides one
                continue
            yield Case("manifest", f"{program}: {name}", partial(parse, json.dumps(value)))
        for name, content in changed_text(program, text.encode(), 5 * MORE):
            said = content.decode(errors="surrogateescape")
            yield Case("manifest", f"{program}: {name}", partial(parse, said))
        for path in places(good) if program == "fetch" else ():  # what it is told becomes paths and addresses
            key = path[-1] if isinstance(path[-1], str) else path[-2]
            odd = _NAMES if key in ("id", "gen", "root", "repo", "commit", "sha256", "link", "path", "endpoint") else ()
            for value in odd:
                name = f"{program}: {where(path)} = {short(value)}"
                yield Case("manifest", name, partial(parse, json.dumps(put(good, path, value))), "refused")
        for value in _NUMBERS if program == "fetch" else ():
            name = f"fetch: files.0.size = {short(value)}"
            yield Case("manifest", name, partial(parse, json.dumps(put(good, ("files", 0, "size"), value))), "refused")


Spoil = Callable[[Path], None]
_READY = {
    "id": "a",
    "gen": gen(2),
    "files": [{"path": FILE, "size": len(NEW), "sha256": sha(NEW), "link": "model.gguf"}],
}
# What the programs write there; the volume of a case has one of these spoilt.
WRITTEN: dict[str, Any] = {
    f"a/{gen(2)}/READY.json": _READY,
    f"a/{gen(2)}/WITHDRAWN.json": _READY,
    f"a/{gen(1)}/READY.json": {**_READY, "gen": gen(1)},
    f"a/{gen(1)}/.unused.json": {"since": 1700000000},
    f".blobs/sha256-{sha(NEW)}.ok": {"size": len(NEW), "mtime_ns": 1700000000000000000, "verified_at": 1700000000},
    f".blobs/sha256-{sha(NEW)}.part.journal": {"0": 1000},
    ".slots/0": {"id": "a", "since": 1700000000},
    f".published/a-{gen(2)}": {"id": "a", "gen": gen(2), "repo": REPO, "commit": "c" * 40},
}
PLACES = (
    ".blobs",
    ".slots",
    ".trash",
    ".quarantine",
    ".published",
    "a",
    f"a/{gen(2)}",
    "a/current",
    f".blobs/sha256-{sha(NEW)}.part",
)


def _spoilt() -> Iterator[tuple[str, Spoil]]:
    for path, good in WRITTEN.items():
        for name in KINDS:
            yield f"{path} is {name}", partial(_written, path, WHOLE[name])
        for name, value in changed(path, good, 5 * MORE):
            yield f"{path}: {name}", partial(_written, path, as_json(value))
        for name, text in {
            "deep": json.dumps({**good, "gen": DEEP}),
            "many digits": f'{{"since": {"9" * 5000}, "size": {"9" * 5000}}}',
        }.items():
            yield f"{path}: {name}", partial(_written, path, text.encode())
        for name in SPOILT:
            yield f"{path} is {name}", partial(_odd_kind, path, name)
    for path in PLACES:
        for name in SPOILT:
            yield f"{path} is {name}", partial(_odd_kind, path, name)
    for name in ("\x1b[31m", "[/red]", "é", "x" * 200, "a\nb", ".hidden", "lost+found", "\udcff", "sha256-" + "a" * 64):
        for parent in ("", ".blobs", ".trash", f"a/{gen(2)}", ".slots"):
            yield f"a foreign {short(name)} in {parent}", partial(_written, os.path.join(parent, name), b"theirs")


def _written(path: str, content: bytes, root: Path) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _odd_kind(path: str, name: str, root: Path) -> None:
    """A pipe, a link, a folder: in place of what lies there, or of nothing."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir() and not file.is_symlink():
        file.rename(root.parent / "moved away")
    elif file.is_symlink() or file.exists():
        file.unlink()
    match name:
        case "a pipe":
            os.mkfifo(file)
        case "a folder":
            file.mkdir()
        case "a link to nothing":
            file.symlink_to("nowhere")
        case "a link to itself":
            file.symlink_to(file.name)
        case "a link to a device":
            file.symlink_to("/dev/zero")
        case _:
            (root.parent / "outside").mkdir(exist_ok=True)
            file.symlink_to(root.parent / "outside")


def _on_volume(place: Place, hub: Hub, spoil: Spoil) -> None:
    """Gate, prune and fetch on a volume with one thing that is not as they left it."""
    root = place.new("case") / "volume"
    shelf = Shelf(root)
    shelf.model("a", 1, b"old bytes", COMMON)
    shelf.model("a", 2, NEW)
    (root / "a" / gen(2) / "model-00001-of-00001.gguf").rename(root / "a" / gen(2) / "model.gguf")
    (root / "a" / "current").symlink_to(gen(2))
    spoil(root)
    repo = hub.repos.get(REPO)
    assert repo is not None
    about = {
        "endpoint": hub.endpoint,
        "repo": REPO,
        "commit": repo.commit,
        "id": "a",
        "gen": gen(2),
        "files": _READY["files"],
    }
    quick = {
        "slots": 1,
        "segment_bytes": 1000,
        "margin_bytes": 0,
        "backoff_s": 0.01,
        "attempts": 2,
        "patience_s": 0.1,
        "stall_s": 5,
    }
    keep = [{"id": "a", "gen": gen(2), "sha256": [sha(NEW)]}]
    model = {"id": "a", "gen": gen(2), "files": [{"link": "model.gguf", "size": len(NEW)}]}
    gate = json.dumps({"root": str(root), "models": [model], "timeout_s": 0, "poll_s": 0.01})
    prunes = [
        json.dumps({"root": str(root), "mode": mode, "grace_s": 0, "keep": keep})
        for mode in ("report", "trash", "delete")
    ]
    ended = [_ended(wait, gate), *(_ended(prune, text) for text in prunes)]
    ended += [_ended_as_process(fetch, json.dumps({"root": str(root), **about, **quick}), root), _ended(wait, gate)]
    if not ended[-1] and (root / "a" / gen(2) / "model.gguf").read_bytes() != NEW:
        raise WrongError("the gate is open, and the bytes behind it are wrong")
    if any(ended):
        raise ExitError(74, "; ".join(filter(None, ended)))


def _ended(program: Callable[[str], None], manifest: str) -> str:
    """Why it ended, "" when all was well."""
    try:
        program(manifest)
    except ExitError as error:
        return str(error) or "?"
    except OSError as error:  # pods/core/report.py puts it into words, with the path
        return f"of the disk: {error.strerror}"
    return ""


def _ended_as_process(program: Callable[[str], None], manifest: str, root: Path) -> str:
    """The same of a program whose threads end with its process: in a fork of this one, with a limit of its own."""
    log = root.parent / "termination-log"
    log.touch()
    if not (child := os.fork()):
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (int(CPU_S) + 1, int(CPU_S) + 1))
            report.TERMINATION_LOG = str(log)
            report.run(lambda: program(manifest))
        except BaseException:
            traceback.print_exc()
        os._exit(_BROKEN)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0 or code == _BROKEN:
        raise WrongError(f"the process ended with {code}")
    return log.read_text() if code else ""
