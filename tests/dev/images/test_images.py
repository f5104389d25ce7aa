"""The image format: what makes a reference by digest mean the same on every machine."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from dev.images import oci


def _image(directory: Path, program: str, age_s: int) -> Path:
    directory.mkdir()
    source = directory / "program"
    source.write_text(program)
    os.utime(source, (age_s, age_s))
    oci.write_layer(directory / "layer.tar", {"/usr/bin/program": source})
    oci.write_layout(directory / "image", [directory / "layer.tar"], {"User": "65532"})
    return directory / "image"


def test_the_same_programs_give_the_same_digest_whenever_they_were_built(tmp_path: Path) -> None:
    first, later, other = (
        _image(tmp_path / name, program, age_s)
        for name, program, age_s in (("a", "x", 1_000_000), ("b", "x", 2_000_000), ("c", "y", 1_000_000))
    )

    assert oci.digest_of(first) == oci.digest_of(later) != oci.digest_of(other)


def test_an_archive_holds_every_blob_under_its_own_digest(tmp_path: Path) -> None:
    archive = io.BytesIO()
    oci.write_archive(_image(tmp_path / "a", "x", 1_000_000), archive)
    archive.seek(0)

    with tarfile.open(fileobj=archive) as tar:
        read = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        content = {name: file.read() for name, file in read.items() if file}

    blobs = {name: data for name, data in content.items() if name.startswith("blobs/")}
    assert len(blobs) == 3, "layer, configuration, manifest"
    assert all(name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in blobs.items())
    manifest = json.loads(content["index.json"])["manifests"][0]["digest"].removeprefix("sha256:")
    (layer,) = json.loads(blobs[f"blobs/sha256/{manifest}"])["layers"]
    with tarfile.open(fileobj=io.BytesIO(blobs[f"blobs/sha256/{layer['digest'].removeprefix('sha256:')}"])) as tar:
        (program,) = tar.getmembers()
    assert (program.name, program.mode, program.uid) == ("usr/bin/program", 0o755, 0)
