"""The downloaders that are compared: the project's fetcher and other programs, each called as people call it."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.pulumi.stackfile import ROOT

OURS = "ours"
ONE_STREAM = "ours, 1 stream"
CURL = "curl"
CURL_OPENSSL = "curl, then openssl"
CURL_SHA256SUM = "curl | sha256sum"
HF = "hf download"
ARIA2C = "aria2c -x4"
STREAMS, SEGMENT_BYTES = 4, 64 << 20  # of which a kill may cost one each, whatever the fetcher's own default
_GENERATION = "0" * 12


@dataclass(frozen=True, slots=True)
class Offer:
    """The file at the hub."""

    endpoint: str
    repo: str
    commit: str
    path: str
    size: int
    sha256: str

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.repo}/resolve/{self.commit}/{self.path}"

    @property
    def most_again_bytes(self) -> int:
        """The bytes that a kill may cost: as many as all streams have under way."""
        return STREAMS * min(SEGMENT_BYTES, max(self.size // 16, 1))

    @property
    def small(self) -> bool:
        """Less than sixteen segments: the fetcher then gets smaller ones, or most streams would have nothing to do."""
        return self.size < 16 * SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class Downloader:
    """`argv(offer, directory)` fetches into `directory`, where `file` then is; called again it goes on, if it can."""

    name: str
    argv: Callable[[Offer, Path], list[str]]
    file: Callable[[Offer], str] = lambda offer: offer.path
    checks: str = "nothing"
    resumes: bool = True


def environment(directory: Path) -> dict[str, str]:
    """The environment of all downloaders: no proxies, tokens or settings, and no progress bars, which cost time."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "TERMINATION_LOG": os.devnull,
        "HF_HOME": str(directory / ".hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


def there() -> list[Downloader]:
    """The downloaders that this machine has; only aria2c can be missing."""
    return [downloader for downloader in _ALL if downloader.name != ARIA2C or shutil.which("aria2c")]


def _ours(streams: int) -> Callable[[Offer, Path], list[str]]:
    def argv(offer: Offer, directory: Path) -> list[str]:
        file = {"path": offer.path, "size": offer.size, "sha256": offer.sha256, "link": offer.path}
        manifest: dict[str, Any] = {
            "endpoint": offer.endpoint,
            "root": str(directory),
            "id": "bench",
            "gen": _GENERATION,
            "repo": offer.repo,
            "commit": offer.commit,
            "files": [file],
            "streams": streams,
            "margin_bytes": 0,
        }
        if offer.small:
            manifest["segment_bytes"] = offer.most_again_bytes // STREAMS
        script = str(ROOT / "pods" / "fetch.py")
        return [sys.executable, "-I", "-S", script, "fetch", "--manifest", json.dumps(manifest)]

    return argv


def _shell(script: str) -> Callable[[Offer, Path], list[str]]:
    """A script whose $1 is the file and $2 its address."""
    return lambda offer, directory: ["sh", "-ec", script, "sh", str(directory / offer.path), offer.url]


def _curl(offer: Offer, directory: Path) -> list[str]:
    return ["curl", "-fsSL", "-C", "-", "-o", str(directory / offer.path), offer.url]


def _hf(offer: Offer, directory: Path) -> list[str]:
    hf = [str(Path(sys.executable).with_name("hf")), "download", "--quiet", "--local-dir", str(directory)]
    return ["env", f"HF_ENDPOINT={offer.endpoint}", *hf, "--revision", offer.commit, offer.repo, offer.path]


def _aria2c(offer: Offer, directory: Path) -> list[str]:
    quiet = ["aria2c", "--quiet", "--no-conf", "--continue", "--file-allocation=none"]
    connections = ["--max-connection-per-server=4", "--split=4", f"--checksum=sha-256={offer.sha256}"]
    return [*quiet, *connections, f"--dir={directory}", f"--out={offer.path}", offer.url]


def _published(offer: Offer) -> str:
    return f"bench/{_GENERATION}/{offer.path}"


# Measures the server: what no downloader can surpass.
INTO_NOTHING = Downloader("server alone", lambda offer, _: ["curl", "-fsSL", "-o", os.devnull, offer.url])
_ALL = (
    Downloader(OURS, _ours(STREAMS), _published, "sha256"),
    Downloader(CURL, _curl),
    Downloader(
        CURL_OPENSSL, _shell('curl -fsSL -o "$1" "$2"; openssl dgst -sha256 "$1"'), checks="sha256", resumes=False
    ),
    Downloader(CURL_SHA256SUM, _shell('curl -fsSL "$2" | tee "$1" | sha256sum'), checks="sha256", resumes=False),
    Downloader(HF, _hf, checks="length"),
    Downloader(ARIA2C, _aria2c, checks="sha256"),
    Downloader(ONE_STREAM, _ours(1), _published, "sha256", resumes=False),
)
