"""One file from the hub onto the volume: claimed, downloaded, proved, kept; or awaited where another fetcher has it."""

import hashlib
import random
import time
from urllib.parse import quote

from pods.core.report import ExitError, Progress, say
from pods.fetch.hub import Hub
from pods.fetch.manifest import File
from pods.fetch.model_on_volume import Volume
from pods.fetch.part import FencedError, Part
from pods.fetch.slots import Patience, Slots
from pods.fetch.streams import Streams
from pods.volume.files import hash_range
from pods.volume.quarantine import LOST


class Download:
    """Fetches one file into .blobs. Streams write segments; the caller's thread hashes them in order."""

    def __init__(self, volume: Volume, hub: Hub, slots: Slots, file: File, progress: Progress) -> None:
        self.volume, self.hub, self.slots, self.file, self.progress = volume, hub, slots, file, progress
        m = self.manifest = volume.manifest
        self.url = f"{m.endpoint}/{file.repo or m.repo}/resolve/{file.commit or m.commit}/{quote(file.path)}"

    def run(self) -> None:
        """Return when the blob is there; a wrong checksum is tried once more from zero, then ExitError 65."""
        wrong = ""
        while part := self.claim(anew=bool(wrong)):
            try:
                found = self.transfer(part)
                if found == self.file.sha256:
                    return part.keep()
                part.discard()
            except FencedError:
                say("taken-over", file=self.file.path, reason="another fetcher goes on with the part")
                continue
            finally:
                part.close()
            what = f"{self.file.path}: expected sha256 {self.file.sha256}, got {found}"
            if wrong:
                raise ExitError(65, f"{what}, twice")
            say("corrupt", reason=(wrong := what))
        return None

    def claim(self, anew: bool) -> Part | None:
        """A part that is ours, with room for all of it; None when the blob is there."""
        patience = Patience(self.manifest.patience_s)
        path = f"{self.volume.blob(self.file)}.part"
        while not self.volume.has(self.file):
            self.slots.take()
            self.volume.require_room([self.file])
            why, pause_s = "another fetcher has it", self.manifest.backoff_s
            if part := Part.take(self.volume, self.file, patience.is_over(path), anew):
                if self.volume.has(self.file):  # finished between our look and our lock: this part is a new one
                    part.discard()
                    part.close()
                    return None
                if self.volume.has_room_beside_others(self.file, part.path, part.proved):
                    return part
                if not part.got:
                    part.discard()
                part.close()
                why, pause_s = "waiting for room: others need it to end their downloads", 10 * pause_s
                if not part.proved:  # each further look would copy what is there
                    raise ExitError(74, f"{self.file.path}: {why}; the next run goes on from here")
            self.slots.release()  # who only waits for this file must not keep others from theirs
            self.progress.show(f"{self.file.path} ({why})", 0)
            # By chance: two that see each other's part, and give way to each other, must not meet again and again.
            time.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
        return None

    def transfer(self, part: Part) -> str:
        """Complete the part; returns its sha256, or in words why it cannot be read."""
        say("fetch", file=self.file.path, bytes=self.file.size, present_bytes=part.got)
        streams = Streams(self.manifest, self.hub, self.file, part, self.url)
        streams.start()
        sha = hashlib.sha256()
        for segment in part.segments:
            streams.wait(segment, lambda: self.progress.show(self.file.path, part.got))
            try:
                hash_range(part.fd, segment.start, segment.size, sha)
            except OSError as error:
                if error.errno not in LOST:
                    raise
                return f"unreadable at {segment.start}: {error.strerror}"
        return sha.hexdigest()
