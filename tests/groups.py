"""What pytest-xdist's workers run: which tests one after another, and which of them begin first.

Tests that share a machine are a group. Other tests go file by file, so that what a module shares is made once. A worker
that runs tests of a machine has a machine of its own: what is made in seconds (a played cluster) needs no group.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Beginning of a path -> group; the first that fits counts.
TOGETHER = {
    "tests/cluster/test_interrupted.py": "a node",
    "tests/cluster/test_up": "a node",
    "tests/cluster/": "another node",
    "tests/plugin/test_api_server.py": "api-server",
    "tests/plugin/test_engine.py": "api-server",
    "tests/plugin/test_outcomes.py": "api-server",
    "tests/plugin/test_spelling.py": "api-server",
}
# The slowest first: what begins last ends last. The one before them interrupts the first start of a machine.
FIRST = (
    "tests/cluster/test_interrupted.py",
    "tests/cluster/",
    "tests/engine/",
    "tests/dev/cluster/test_cluster.py",
    "tests/plugin/",
    "tests/gateway/",
    "tests/corpus/",
    "tests/oracle/",
    "tests/pods/",
    "tests/ops/",
)


def group_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return next((group for beginning, group in TOGETHER.items() if file.startswith(beginning)), file)


def place_of(nodeid: str) -> int:
    """When a test begins, compared with others."""
    return next((place for place, file in enumerate(FIRST) if nodeid.startswith(file)), len(FIRST))


class Groups(LoadScopeScheduling):
    """`--dist loadgroup` of pytest-xdist 3.8 spreads everything with pytest 9.2 (pytest-dev/pytest-xdist#1386)."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False  # by the number of tests
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
