"""Where `make bench-fetch` takes place: the local hub with one file of random bytes, the line, and a directory."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.downloaders import INTO_NOTHING, Downloader, Offer, environment
from bench.fetch_results import UNCAPPED, Pace, Repeated, Resumed, Run
from bench.line import Line
from dev.hub import Hub
from dev.machine.steps import DevError

_REPO, _FILE = "bench/random-GGUF", "model.gguf"
_MEASURED = Path(__file__).with_name("measured.py")
_KILLED_AT = 0.4


class Site:
    """Runs downloaders, one at a time, each in an empty directory. Raises DevError when one fails."""

    def __init__(self, directory: Path, hub: Hub, line: Line, offer: Offer) -> None:
        self.hub, self.line, self.offer = hub, line, offer
        self.into, self._log = directory / "into", directory / "log"

    def run(self, downloader: Downloader, pace: Pace) -> Run:
        with self._empty():
            run = self._measure(downloader, pace)
            if not self._right(downloader):
                raise DevError(
                    f"{downloader.name} brought another file than offered", "look at the disk and the memory"
                )
        return run

    def server_s(self) -> float:
        """Seconds that the server alone takes, uncapped."""
        with self._empty():
            return self._measure(INTO_NOTHING, UNCAPPED).wall_s

    def resume(self, downloader: Downloader, pace: Pace) -> Resumed:
        with self._empty():
            self._pace(pace)
            with self._started(downloader) as process:
                while self.line.sent_bytes < _KILLED_AT * self.offer.size:
                    if process.poll() is not None:
                        raise DevError(f"{downloader.name} ended before 40 %: {self._said()}", "use a larger --mib")
                    time.sleep(0.002)
            self._until_idle()
            with self._started(downloader) as process:
                ended_well = process.wait() == 0
            self._until_idle()
            return Resumed(self.line.sent_bytes - self.offer.size, ended_well and self._right(downloader))

    def repeat(self, downloader: Downloader, pace: Pace) -> Repeated:
        with self._empty():
            self._measure(downloader, pace)
            asked = len(self.hub.log)
            run = self._measure(downloader, pace)
            return Repeated(len(self.hub.log) - asked + self.line.requests, run.wall_s)

    @contextmanager
    def _empty(self) -> Iterator[None]:
        """A directory for one download. The disk is idle first, so that no download waits for another's pages."""
        self.into.mkdir()
        os.sync()
        try:
            yield
        finally:
            shutil.rmtree(self.into)

    def _measure(self, downloader: Downloader, pace: Pace) -> Run:
        self._pace(pace)
        with self._started(downloader, sys.executable, "-I", "-S", str(_MEASURED)) as process:
            assert process.stdout  # noqa: S101 - what PIPE promises
            printed = process.stdout.read()
            if process.wait():
                raise DevError(f"{downloader.name} cannot be started: {self._said()}", "install it")
        code, wall_s, cpu_s, peak_kib = (float(word) for word in printed.split())
        if code:
            raise DevError(f"{downloader.name} ended with {code:.0f}: {self._said()}", "repair it, or its installation")
        return Run(wall_s, cpu_s, peak_kib / 1024)

    @contextmanager
    def _started(self, downloader: Downloader, *via: str) -> Iterator[subprocess.Popen[str]]:
        """The downloader as the leader of its own process group, of which nothing is left afterwards."""
        argv, env = [*via, *downloader.argv(self.offer, self.into)], environment(self.into)
        out = subprocess.PIPE if via else subprocess.DEVNULL
        with (
            self._log.open("w") as log,
            subprocess.Popen(argv, env=env, text=True, stdout=out, stderr=log, start_new_session=True) as process,
        ):
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def _pace(self, pace: Pace) -> None:
        self._until_idle()
        self.line.limit(pace.connection_bytes_s, pace.total_bytes_s, pace.round_trip_s)

    def _until_idle(self, limit_s: float = 30) -> None:
        """Wait until no answer is under way: its bytes would count for the next."""
        deadline_s = time.monotonic() + limit_s
        while self.line.active:
            if time.monotonic() > deadline_s:
                raise DevError("a connection is still open, though its client is gone", "start again")
            time.sleep(0.002)

    def _right(self, downloader: Downloader) -> bool:
        file = self.into / downloader.file(self.offer)
        if not file.is_file():
            return False
        with file.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == self.offer.sha256

    def _said(self) -> str:
        return (self._log.read_text(errors="replace").strip().splitlines() or ["(nothing printed)"])[-1]


@contextmanager
def site(directory: Path, size: int) -> Iterator[Site]:
    """Offer a file of `size` random bytes on this machine, for as long as the context lasts."""
    root = directory / "hub"
    file = root / _REPO / _FILE
    file.parent.mkdir(parents=True)
    with file.open("wb") as target:
        for start in range(0, size, 1 << 20):
            target.write(os.urandom(min(1 << 20, size - start)))
    with Hub(root) as hub:
        repo = hub.repos.get(_REPO)
        assert repo  # noqa: S101 - made above
        sha256 = repo.entries[_FILE].sha256
        with Line(file, sha256) as line:
            hub.cdn_port = line.port  # where the hub redirects to
            yield Site(directory, hub, line, Offer(hub.endpoint, _REPO, repo.commit, _FILE, size, sha256))
