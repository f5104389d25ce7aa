"""Find what nothing on the volume needs, and after a grace set it aside; what has lain aside for the grace may go.

Needed is what the manifest's `keep` names, and every blob that a READY.json outside of .trash names. A generation that
is not kept is marked when first seen and due `grace_s` later. Runs beside fetches and servers.

Manifest: {root, mode: report|trash|delete, grace_s, keep: [{id, gen, sha256: [...]}]}. `report` writes nothing at all.
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial

from pods.core.report import FULL, ExitError, say
from pods.prune import trash
from pods.prune.judgement import Clock, Judgement, Order
from pods.volume.files import require_inside
from pods.volume.inventory import MARKER, Aside, Blob, Generation, Inventory, scan


def prune(manifest_text: str) -> None:
    """Judge, and in the modes `trash` and `delete` act; a line for each thing, and one of sums."""
    order = Order.parse(manifest_text)
    require_inside(order.root)
    os.scandir(order.root).close()  # no volume is an error, not an empty volume
    now = time.time()
    clock = Clock(now, now) if order.mode == "report" else _clock(order.root)
    found = scan(order.root)
    _require_forward(order, found, clock)
    judgement, full = Judgement(order, found, clock), list[OSError]()
    _explain(found)
    for it, state in judgement.generations:
        done = _tried(partial(_act_on_generation, order, it, state, clock.stamp), full)
        facts = {"state": state, "ready": it.ready, "written": int(it.written), "since": it.since}
        say("generation", id=it.id, gen=it.gen, **facts, sha256=sorted(it.names), unknown=it.unknown, done=done)
    for it, state in judgement.blobs:
        done = _tried(partial(_act_on_blob, order, it, state, clock.stamp), full)
        say("blob", sha256=it.sha256, state=state, bytes=it.size_bytes, files=sorted(it.files), done=done)
    _finish(order, judgement)
    if full:
        what = f"{order.root}: {full[0].strerror}, so {len(full)} things could not be marked or set aside"
        raise ExitError(73, f"{what}; run it again once something has gone, or enlarge the volume")


def _tried(act: Callable[[], str], full: list[OSError]) -> str:
    """What was done. A volume without room even for a mark ends nothing: what has lain aside can still be removed."""
    try:
        return act()
    except OSError as error:
        if error.errno not in FULL:
            raise
        full.append(error)
        return "no room"


def _act_on_generation(order: Order, it: Generation, state: str, stamp: int) -> str:
    if order.mode == "report":
        return ""
    if state == "due":
        trash.move_generation(order.root, it, stamp)
        return "trashed"
    if state == "kept":
        return "unmarked" if trash.unmark(it) else ""
    if state in ("unused", "blocked") and it.since is None:
        trash.mark(it, stamp)
        return "marked"
    return ""


def _act_on_blob(order: Order, it: Blob, state: str, stamp: int) -> str:
    if state != "due" or order.mode == "report":
        return ""
    return "trashed" if trash.move_blob(order.root, it, stamp) else "in use"


def _finish(order: Order, judgement: Judgement) -> None:
    """Bring back what was taken too early, remove for good what has lain aside, and sum up."""
    sums = dict[str, int]()
    for it, state in judgement.blobs:
        sums[state] = sums.get(state, 0) + it.size_bytes
    found, freed = judgement.found, 0
    if order.mode != "report":
        found = _restore(order)
        freed = _remove_drafts(Judgement(order, found, judgement.clock))
    left: list[Aside] = []
    for it in found.aside:
        expired = judgement.expired(it)
        freed_now = trash.remove(it) if expired and order.mode == "delete" else 0
        gone = not os.path.lexists(it.entry.path)
        left += [] if gone else [it]
        facts = {"since": it.since, "state": "expired" if expired else "waiting", "done": "removed" if gone else ""}
        say("aside", path=it.entry.path, bytes=it.entry.size_bytes, **facts, freed_bytes=freed_now)
        freed += freed_now
    say(
        "summary",
        mode=order.mode,
        kept_bytes=sums.get("needed", 0) + sums.get("fetching", 0) + sums.get("unsure", 0),
        waiting_bytes=sums.get("waiting", 0),
        due_bytes=sums.get("due", 0) + sum(it.size_bytes for it in judgement.drafts),
        aside_bytes=sum(it.entry.size_bytes for it in left),
        expired_bytes=sum(it.entry.size_bytes for it in left if judgement.expired(it)),
        freed_bytes=freed,
        unknown_bytes=sum(it.size_bytes for it in found.unknown),
    )


def _remove_drafts(judgement: Judgement) -> int:
    freed = 0
    for draft in judgement.drafts:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft.path)
            freed += draft.size_bytes
            say("draft", path=draft.path, bytes=draft.size_bytes, done="removed")
    return freed


def _restore(order: Order) -> Inventory:
    """Look again: a fetch may have published what has just been moved, or the lock names it again."""
    found = scan(order.root)
    needed = set[str]().union(*order.keep.values(), *(it.names for it in found.generations)) | found.elsewhere
    restored = trash.restore(order.root, found, needed)
    for sha256 in restored:
        say("restored", sha256=sha256)
    return scan(order.root) if restored else found


def _explain(found: Inventory) -> None:
    for it in found.unknown:
        say("unknown", path=it.path, bytes=it.size_bytes)
    for path in found.unreadable:
        say("unreadable", path=path, reason="it may name any blob, so none is moved; repair or remove it")


def _clock(root: str) -> Clock:
    directory = os.path.join(root, ".trash")
    os.makedirs(directory, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=directory) as probe:
        here, there = time.time(), os.fstat(probe.fileno()).st_mtime
    return Clock(min(here, there), max(here, there))


def _require_forward(order: Order, found: Inventory, clock: Clock) -> None:
    """Raise ExitError 69 when something is from the future: a mark made now would be too old by the right clock."""
    if order.mode == "report":
        return
    dated = [(it.since, f"{it.path}/{MARKER}") for it in found.generations if it.since is not None]
    dated += [(it.written, f"{it.path}/READY.json") for it in found.generations if it.ready]
    dated += [(float(it.since), it.entry.path) for it in found.aside]
    newest, path = max(dated, default=(0.0, ""))
    if newest - 1 > clock.stamp:
        what = f"{path} is {newest - clock.latest:.0f} s from the future, so the clock here is slow or was set back"
        raise ExitError(69, f"{what}: nothing was changed; correct the clock, or that file's time if it is wrong")
