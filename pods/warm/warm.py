"""Read the weights beside the server into this node's page cache, once, and find on the way what is damaged.

Manifest: {root, listen, models: [{id, gen, priority, files: [{link, size, sha256}]}], memory_limit_bytes?, poll_s?}.
Larger priorities are read first. A blob that is damaged, or twice unreadable, is quarantined, and no generation that
names it is ready any more until a fetch repairs it. It ends by SIGTERM only.
"""

import errno
import os
import time

from pods.core.metrics import serve
from pods.core.report import say
from pods.volume.complete import hint, lacks
from pods.volume.inventory import scan
from pods.volume.quarantine import LOST, quarantine
from pods.warm import pagecache
from pods.warm.state import File, Manifest, Model, State


def warm(manifest_text: str) -> None:
    """Read every model once it is complete, again when it was repaired, and answer scrapes for ever."""
    manifest = Manifest.parse(manifest_text)
    state = State(manifest, pagecache.budget_bytes(manifest.memory_limit_bytes))
    serve(manifest.listen, state.render)
    say("warm", budget_bytes=state.budget_bytes, total_bytes=sum(model.size_bytes for model in manifest.models))
    warmer, waiting, shown = _Warmer(state), list(manifest.models), dict[str, str]()
    while True:
        for model in list(waiting):
            if lack := _lack(manifest.root, model):
                if shown.get(model.id) != lack:
                    say("waiting", model=model.name, reason=lack)
                    shown[model.id] = lack
                continue
            say("ready", models=[model.name])
            if warmer.read(model):
                waiting.remove(model)
        time.sleep(manifest.poll_s if waiting else 3600)


def _lack(root: str, model: Model) -> str:
    """What is missing of the model and what to do about it; "" when it is complete."""
    found = lacks(root, model.id, model.gen, [(file.link, file.size) for file in model.files])
    return f"{'; '.join(found)}; {hint(model.id)}" if found else ""


class _Warmer:
    """Reads files within the budget, each content once, and takes damaged ones away."""

    def __init__(self, state: State) -> None:
        self.state, self.proved = state, set[str]()

    def read(self, model: Model) -> bool:
        """False when the model has to become complete anew before it can be read."""
        state, before, started = self.state, self.state.read_bytes, time.monotonic()
        for file in model.files:
            if file.sha256 in self.proved:
                continue
            try:
                if (done := self._file(model, file)) is not None:
                    return done
            except OSError as error:
                model.failed += 1
                say("unreadable", model=model.name, file=state.path(model, file), reason=str(error))
                return error.errno not in (errno.ENOENT, errno.ESTALE)
            self.proved.add(file.sha256)
        model.complete = True
        rate = (state.read_bytes - before) / max(time.monotonic() - started, 1e-3)
        resident = state.resident_bytes(model)
        facts = {"mib": model.size_bytes >> 20, "resident_mib": None if resident is None else resident >> 20}
        say("warmed", model=model.name, **facts, mib_s=round(rate / 2**20))
        return True

    def _file(self, model: Model, file: File) -> bool | None:
        """None when the file is read and right; otherwise what `read` answers."""
        path, left_bytes = self.state.path(model, file), self.state.left_bytes
        if (got := self._hash(path, file.size)) in ("", file.sha256):
            if got:
                return None
            say(
                "budget", model=model.name, file=path, reason="the budget ends here; the rest is read when it is needed"
            )
            return True
        found = os.stat(path)
        pagecache.forget(path)  # was it the memory? then the volume still has the right bytes
        self.state.left_bytes = left_bytes
        if (again := self._hash(path, file.size)) == file.sha256:
            say("healed", model=model.name, file=path, reason=f"only the first reading was wrong ({got})")
            return None
        pagecache.forget(path)
        self.state.left_bytes = left_bytes
        return self._quarantine(path, file, again, found)

    def _hash(self, path: str, size: int) -> str:
        """sha256 of the whole file, in words where it cannot be read; "" where the budget ended before it."""
        started = time.monotonic()
        try:
            got, count = pagecache.read(path, max(0, self.state.left_bytes), self._count)
        except OSError as error:
            if error.errno not in LOST:
                raise
            return f"unreadable: {error.strerror}"
        finally:
            self.state.read_s += time.monotonic() - started
        if count < size and self.state.left_bytes > 0:
            raise OSError(errno.ESTALE, f"it ended after {count} of {size} bytes", path)
        return got if count == size else ""

    def _count(self, size: int) -> None:
        self.state.read_bytes += size
        self.state.left_bytes -= size

    def _quarantine(self, path: str, file: File, got: str, found: os.stat_result) -> bool:
        root = self.state.manifest.root
        blob = os.path.join(root, ".blobs", f"sha256-{file.sha256}")
        facts, ids = {"file": path, "expected": file.sha256, "got": got}, list[str]()
        try:
            if os.path.realpath(path) != os.path.realpath(blob):
                raise OSError(f"{path} is no link to {blob}")
            ids = [it.id for it in scan(root).generations if file.sha256 in it.names]
            if not quarantine(root, file.sha256, found):
                return False
        except OSError as error:
            if error.errno in LOST:  # it is not this file alone: the volume's disk or server is away
                raise
            self._count_corrupt(file)
            todo = f"where the volume is writable, remove the READY.json beside it and {blob}, then as for any damage"
            say("corrupt", **facts, set_aside=False, reason=str(error), next=f"{todo}: {_repair(ids)}")
            return True
        self._count_corrupt(file)
        say("corrupt", **facts, set_aside=True, next=_repair(ids))
        return False

    def _count_corrupt(self, file: File) -> None:
        for it in self.state.manifest.models:
            it.corrupt += any(other.sha256 == file.sha256 for other in it.files)


def _repair(ids: list[str]) -> str:
    jobs = " ".join(f"fetch-{model_id}" for model_id in sorted(set(ids))) or "fetch-ID"
    return f"`kubectl delete job {jobs}`, then `pulumi up --refresh`"
