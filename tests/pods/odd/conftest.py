import hashlib
import random
from collections.abc import Iterator

import pytest

from tests.pods.bench import SEGMENT, Bench
from tests.pods.odd.raw_hub import RawHub
from tests.serving import serving

CONTENT = random.Random(11).randbytes(6 * SEGMENT)  # noqa: S311 - the same bytes every time


@pytest.fixture
def raw(bench: Bench) -> Iterator[RawHub]:
    """A raw hub with one file of six segments, which the bench's manifest names."""
    hub = RawHub(CONTENT)
    with serving(hub):
        name(bench, hub)
        yield hub


def name(bench: Bench, hub: RawHub) -> None:
    file = {"path": "a-Q4_K_M.gguf", "size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
    bench.manifest |= {"endpoint": hub.endpoint, "commit": "c" * 40, "files": [{**file, "link": "model.gguf"}]}
    bench.manifest |= {"stall_s": 600, "attempts": 4, "streams": 2}
