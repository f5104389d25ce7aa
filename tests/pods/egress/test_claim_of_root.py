"""D14: a volume that belongs to root, before and after the kubelet gave it to the group of the Jobs (volume.fs_group).

The tests run as root, so the parts are exchanged: the volume is of 65532, and the fetch is 0:0 bound by permissions.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.pods.bench import SEGMENT, Bench
from tests.pods.shelf import gen

BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown", "--clear-groups", sys.executable]
OTHER = 65532


@pytest.fixture
def claim(bench: Bench) -> Bench:
    if os.getuid() != 0:
        pytest.skip("a directory of another owner needs root")
    bench.offer("a-Q4_K_M.gguf", 2 * SEGMENT)
    return bench


def as_the_kubelet_leaves_it(root: Path) -> None:
    """Kubernetes 1.36, pkg/volume/volume_linux.go: the group, its rights, and setgid on directories."""
    for path in [*root.rglob("*"), root]:
        if path.is_symlink():
            os.chown(path, -1, 0, follow_symlinks=False)
            continue
        os.chown(path, -1, 0)
        path.chmod(path.stat().st_mode & 0o7777 | (0o2770 if path.is_dir() else 0o660))


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o700, 0o555, 0o2755])
def test_d14_a_claim_of_another_owner_says_which_directory_to_give_to_whom(claim: Bench, mode: int) -> None:
    os.chown(claim.root, OTHER, OTHER)
    claim.root.chmod(mode)

    assert claim.fetch(via=BOUND)[0] == 73

    said = claim.termination.read_text()
    assert f"{claim.root} belongs to {OTHER}:{OTHER}, mode {mode:o}; 0:0 may not write there" in said
    assert f"`chown -R 0:0 {claim.root}`" in said
    assert "volume.fs_group: true" in said
    assert claim.hub.log == [], "before the first byte"


@pytest.mark.parametrize("name", [".blobs", "tiny-q4", "tiny-q4/0123456789ab"])
def test_d14_a_directory_below_that_is_anothers_is_named_itself(claim: Bench, name: str) -> None:
    (claim.root / name).mkdir(parents=True)
    os.chown(claim.root / name, OTHER, OTHER)

    assert claim.fetch(via=BOUND)[0] == 73

    assert f"`chown -R 0:0 {claim.root / name}`" in claim.termination.read_text()
    assert claim.hub.log == []


def test_d14_what_the_kubelet_gave_to_the_group_is_written_to(claim: Bench) -> None:
    os.chown(claim.root, OTHER, OTHER)
    as_the_kubelet_leaves_it(claim.root)

    code, printed = claim.fetch(via=BOUND)

    assert code == 0, printed
    assert claim.blob().stat().st_mode & 0o222 == 0


def test_d14_a_volume_that_was_used_before_stays_whole_when_its_group_changes(claim: Bench) -> None:
    assert claim.fetch()[0] == 0
    for path in [claim.root, *claim.root.rglob("*")]:
        os.chown(path, OTHER, OTHER, follow_symlinks=False)
    as_the_kubelet_leaves_it(claim.root)
    claim.hub.log.clear()

    code, printed = claim.fetch(via=BOUND)
    assert code == 0, printed
    assert claim.hub.log == [], "what is there is not fetched again"
    claim.manifest |= {"id": "second", "gen": gen(2)}
    code, printed = claim.fetch(via=BOUND)
    assert code == 0, printed
    assert claim.hub.log == []
