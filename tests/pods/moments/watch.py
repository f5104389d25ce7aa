"""What must be true of a volume at every moment, and at the end."""

import contextlib
import fcntl
import json
import os
from pathlib import Path

from tests.pods.moments.scheduler import UNSEEN, Program, WrongError
from tests.pods.moments.weights import GENS, MODELS, RIGHT, needed


class Watch:
    """Looks after each call. `excused` are inodes that were damaged, or shared with a person, from the beginning."""

    def __init__(self, root: str, kept: tuple[str, ...]) -> None:
        self.root, self.blobs = Path(root), Path(root, ".blobs")
        self.kept = set[str]().union(*map(needed, kept))
        self.excused, self.whole = set[int](), set[str]()
        self.taken = dict[str, Program]()
        self._judged = dict[tuple[str, int, int, int], bool]()
        self.looks = 0

    def seen(self, program: Program, call: str) -> None:
        if call.startswith(UNSEEN):
            return
        self.looks += 1
        whole = {path.name[7:] for path in self.blobs.glob("sha256-*") if len(path.name) == 71}
        for sha256 in whole:
            self._judge(sha256, program.name)
        gone = (self.whole & self.kept) - whole
        if wrong := {sha256 for sha256 in gone if self.taken.get(sha256) is program}:
            raise WrongError(f"{program.name} took {wrong} away, which is kept")
        # A rename cannot ask which file it moves: one that moved a whole blob puts it back by its very next call.
        self.taken = {sha256: self.taken.get(sha256, program) for sha256 in gone}
        self.whole = gone | (whole - {sha256 for sha256 in whole if self._inode(sha256) in self.excused})

    def _inode(self, sha256: str) -> int:
        return (self.blobs / f"sha256-{sha256}").stat().st_ino

    def _judge(self, sha256: str, who: str) -> None:
        path = self.blobs / f"sha256-{sha256}"
        stat = path.stat()
        if stat.st_ino in self.excused:
            return
        key = (sha256, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
        if key not in self._judged:
            self._judged[key] = path.read_bytes() == RIGHT[sha256]
        if not self._judged[key]:
            raise WrongError(f"after {who} the blob {sha256} has other bytes than its name says")
        if stat.st_nlink > 1:
            raise WrongError(f"after {who} the blob {sha256} has {stat.st_nlink} names")

    def is_whole(self, model: str) -> bool:
        """READY.json is there and every byte that it promises."""
        directory = self.root / model / GENS[model]
        with contextlib.suppress(FileNotFoundError):
            ready = json.loads((directory / "READY.json").read_text())
            return all((directory / it["link"]).read_bytes() == RIGHT[it["sha256"]] for it in ready["files"])
        return False

    def require_promises(self) -> None:
        for model in MODELS:
            if (self.root / model / GENS[model] / "READY.json").exists() and not self.is_whole(model):
                raise WrongError(f"{model} is promised and not whole")

    def at_rest(self) -> None:
        """No program runs any more: is any lock held, any inode shared, or a file gone that nobody was killed over?"""
        if wrong := {sha256: it.name for sha256, it in self.taken.items() if it.code is None or it.code >= 0}:
            raise WrongError(f"taken away, although kept, by a last call: {wrong}")
        for path in [*self.blobs.glob("*"), *self.root.glob(".slots/*")]:
            fd = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WrongError(f"{path} is locked by nobody that lives") from None
            finally:
                os.close(fd)

    def at_the_end(self) -> None:
        """A clean fetch of each model has ended well and prune has removed the rest."""
        for model in MODELS:
            if not self.is_whole(model):
                raise WrongError(f"{model} is not whole after a fetch that ended well")
        shas = set[str]().union(*map(needed, MODELS))
        left = {path.name for path in self.blobs.iterdir()}
        if rest := left - {f"sha256-{sha256}{suffix}" for sha256 in shas for suffix in ("", ".ok")}:
            raise WrongError(f"prune left {sorted(rest)}")
        if rest := [path for place in (".trash/*/*", ".quarantine/*") for path in self.root.glob(place)]:
            raise WrongError(f"prune left {rest}")
