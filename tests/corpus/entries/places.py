"""What lies where a command reads or writes: pipes, sockets, devices, links in circles, directories, odd names."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests import stacks
from tests.corpus.case import Case, WrongError
from tests.corpus.entries.hub import COMMIT, NAME, REPO, STACK, info, model
from tests.corpus.entries.servers import part
from tests.corpus.place import Place, http
from tests.corpus.texts import as_json

Make = Callable[[Path], object]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(path.parent, os.O_RDONLY)  # the whole path may be longer than a socket's address
        try:
            made.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


ODD: dict[str, Make] = {
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a directory": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a link into nothing": lambda path: path.symlink_to("nowhere/x"),
    "a link to /dev/null": lambda path: path.symlink_to("/dev/null"),
    "a link to /dev/full": lambda path: path.symlink_to("/dev/full"),
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to its directory": lambda path: path.symlink_to("."),
    "a link to a kernel's file": lambda path: path.symlink_to("/proc/self/status"),
    "an empty file": Path.touch,
    "a sparse file": lambda path: (path.touch(), os.truncate(path, 1 << 40)),
}
NAMES = ("a b", "\x1b[31m", " ", "x.y", "\udcff", "[bold]", "a\nb", "\u202e", "x" * 240, "$(id)", "-x", "Ж")
LONG = "x" * 5000


def cases(place: Place) -> Iterator[Case]:
    content = model(place)
    for name, make in ODD.items():
        yield Case("place", f"the lock is {name}", partial(_lock, place, content, "models.lock.yaml", make))
        yield Case("place", f"a stack file is {name}", partial(_lock, place, content, "Pulumi.other.yaml", make))
        yield Case("place", f"the stack's file is {name}", partial(_fit_stack, place, "Pulumi.t4.yaml", make))
        yield Case("place", f"fit's lock is {name}", partial(_fit_stack, place, "models.lock.yaml", make))
        yield Case("place", f"--config is {name}", partial(_fit_stack, place, "config", make, "--config", "config"))
        yield Case("place", f"--html is {name}", partial(_fit_stack, place, "page", make, "--html", "page"))
        yield Case("place", f"--gguf is {name}", partial(_gguf, place, make), "refused")
        yield Case("place", f"--nvidia-smi is {name}", partial(_listing, place, make), "refused")
        for where in (
            "",
            ".blobs",
            ".blobs/sha256-" + "a" * 64,
            "a",
            f"a/{'0' * 12}",
            f"a/{'0' * 12}/READY.json",
            ".trash",
            ".slots",
            "x",
        ):
            yield Case("place", f"a volume with {name} at {where!r}", partial(_weights, place, where, make))
        for where in _FROM if name != "a sparse file" else ():  # a terabyte is hashed
            yield Case("place", f"--from with {name} at {where}", partial(_from, place, content, where, make))
    for name in NAMES:
        yield Case(
            "place",
            f"a stack file named {name!r}",
            partial(_lock, place, content, f"Pulumi.{name}.yaml", lambda path: path.write_text(STACK)),
        )
        yield Case("place", f"a volume with {name!r}", partial(_weights, place, name or "x", Path.touch))
        if name:
            yield Case("place", f"a volume in {name!r}", partial(_weights, place, "x", Path.touch, within=name))
            yield Case("place", f"--from in {name!r}", partial(_from_within, place, content, name))
            yield Case("place", f"a stack in {name!r}", partial(_stack_within, place, name))
    for root in (
        LONG,
        "x/" * 2000,
        "nowhere",
        "../" * 50,
        "volume/..",
        "volume/../volume",
        "./volume",
        "volume/",
        "link",
    ):
        yield Case("place", f"--root {root[:20]}", partial(_weights, place, "x", Path.touch, root))
    for line in (
        ("lock", "--from", LONG),
        ("fit", "--stack", "t4", "--offline", "--html", LONG),
        ("fit", "--stack", "t4", "--offline", "--config", LONG),
        ("fit", "--gguf", LONG, "--context", "1"),
        ("fit", "--stack", "t4", "--offline", "--html", "/dev/null"),
        ("fit", "--stack", "t4", "--offline", "--html", "/dev/full"),
        ("fit", "--stack", "t4", "--offline", "--html", "/proc/x"),
        ("fit", "--stack", "t4", "--offline", "--html", ""),
        ("fit", "--gguf", "/dev/tty", "--context", "1"),
        ("fit", "--gguf", "/proc/self/mem", "--context", "1"),
        ("fit", "--gguf", "", "--context", "1"),
        ("weights", "--root", "/proc/self/fd"),
        ("weights", "--root", ""),
    ):
        yield Case("place", " ".join(line)[:60], partial(_unchanged, partial(place.ops, *line)), "refused")


def _unchanged(run: Callable[[], object]) -> None:
    """Devices stay devices, whoever runs it."""
    try:
        run()
    finally:
        if any(Path(device).is_file() for device in ("/dev/null", "/dev/full", "/dev/zero")):
            raise WrongError("a device was replaced by a file")


def _made(path: Path, make: Make) -> None:
    if os.path.lexists(path):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def _desk(place: Place) -> Path:
    directory = place.new("desk")
    for name in ("Pulumi.t4.yaml", "models.lock.yaml"):
        (directory / name).write_bytes((stacks.EXAMPLE / name).read_bytes())
    return directory


def _lock(place: Place, content: bytes, name: str, make: Make) -> None:
    place.server.reply = lambda path: http(as_json(info(len(content)))) if "/api/" in path else part(content)
    here = place.new("desk")
    (here / "Pulumi.dev.yaml").write_text(STACK)
    _made(here / name, make)
    _unchanged(partial(place.ops, "lock", inside=here))


def _fit_stack(place: Place, name: str, make: Make, *options: str) -> None:
    here = _desk(place)
    _made(here / name, make)
    _unchanged(partial(place.ops, "fit", "--stack", "t4", "--offline", *options, inside=here))


def _gguf(place: Place, make: Make) -> None:
    here = _desk(place)
    _made(here / "x.gguf", make)
    _unchanged(partial(place.ops, "fit", "--gguf", "x.gguf", "--context", "64", inside=here))


def _listing(place: Place, make: Make) -> None:
    here = _desk(place)
    _made(here / "list", make)
    place.ops("calibrate", "--stack", "t4", "--nvidia-smi", "list", "--model", "qwen3-8b", inside=here)


def _weights(place: Place, name: str, make: Make, root: str = "volume", within: str = "") -> None:
    here = _desk(place) / within
    here.mkdir(exist_ok=True)
    if within:
        for file in _desk(place).glob("*.yaml"):
            shutil.copy(file, here)
    (here / "volume" / ".blobs").mkdir(parents=True)
    (here / "link").symlink_to("volume")
    _made(here / "volume" / name, make)
    for options in ((), ("--json",)):
        place.ops("weights", "--root", root, *options, inside=here)


_FROM = (
    "files",
    "files/org",
    f"files/{REPO}",
    f"files/{REPO}/{NAME}",
    f"files/{REPO}/other",
    f"files/{REPO}/b-Q4_K_M.gguf",
    f"files/{REPO}/deep/b-Q8_0.gguf",
    f"files/{REPO}/.cache",
    f"files/{REPO}/.cache/huggingface/download/{NAME}.metadata",
    "files/models--org--tiny-GGUF/refs/main",
    "files/models--org--tiny-GGUF/snapshots",
)


def _from(place: Place, content: bytes, name: str, make: Make) -> None:
    here = place.new("desk")
    (here / "Pulumi.dev.yaml").write_text(STACK)
    where = here / "files" / (f"models--org--tiny-GGUF/snapshots/{COMMIT}" if "models--" in name else REPO) / NAME
    where.parent.mkdir(parents=True)
    where.write_bytes(content)
    _made(here / name, make)
    place.ops("lock", "--from", "files", "--commit", COMMIT, inside=here)


def _from_within(place: Place, content: bytes, within: str) -> None:
    here = place.new("desk") / within
    (here / "files" / REPO).mkdir(parents=True)
    (here / "Pulumi.dev.yaml").write_text(STACK)
    (here / "files" / REPO / NAME).write_bytes(content)
    place.ops("lock", "--from", "files", "--commit", COMMIT, inside=here)
    place.ops("lock", "--check", inside=here)


def _stack_within(place: Place, within: str) -> None:
    here = place.new("desk") / within
    here.mkdir()
    for file in _desk(place).glob("*.yaml"):
        shutil.copy(file, here)
    place.ops("fit", "--stack", "t4", "--offline", "--html", "page.html", inside=here)
