"""OCI image layouts written directly: layers are plain tar files, so the same content always has the same digest.

Knows the format (https://github.com/opencontainers/image-spec, v1.0) and nothing of what the images are for.
"""

import hashlib
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_TYPES = "application/vnd.oci.image"


def write_layer(path: Path, files: Mapping[str, Path]) -> None:
    """Write a layer with `files` (path in the image -> source): owned by root, executable, with mtime 0."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for name, source in sorted(files.items()):
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = source.stat().st_size, 0o755
            with source.open("rb") as content:
                tar.addfile(entry, content)


def write_layout(into: Path, layers: Sequence[Path], config: Mapping[str, Any]) -> None:
    """Make `into` an OCI layout of one image for this machine's architecture; layers are linked in, not copied."""
    blobs = into / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    described: list[dict[str, Any]] = []
    for layer in layers:
        with layer.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        os.link(layer, blobs / digest)
        described.append(_descriptor("layer.v1.tar", digest, layer.stat().st_size))
    image = {
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in described]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPES}.manifest.v1+json",
        "config": _store(blobs, "config.v1+json", image),
        "layers": described,
    }
    index = {"schemaVersion": 2, "manifests": [_store(blobs, "manifest.v1+json", manifest)]}
    (into / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (into / "index.json").write_text(json.dumps(index))


def digest_of(layout: Path) -> str:
    """The manifest's digest, `sha256:...`."""
    return json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]


def write_archive(layout: Path, out: BinaryIO) -> None:
    """Write the layout as an OCI archive."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(layout.rglob("*")):
            tar.add(path, path.relative_to(layout), recursive=False)


def _store(blobs: Path, kind: str, document: Mapping[str, Any]) -> dict[str, Any]:
    content = json.dumps(document, sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return _descriptor(kind, digest, len(content))


def _descriptor(kind: str, digest: str, size_bytes: int) -> dict[str, Any]:
    return {"mediaType": f"{_TYPES}.{kind}", "digest": f"sha256:{digest}", "size": size_bytes}
