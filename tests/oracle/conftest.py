"""llama.cpp's own programs: the allocator that is asked, and a device that stands for a card."""

from collections.abc import Iterator

import pytest

from dev.generate import flags
from dev.tools import tools
from plan.engine import llama_server_flags
from tests.oracle.allocator import Allocator, device


@pytest.fixture(scope="session")
def allocator() -> Iterator[Allocator]:
    tools.ensure("llama")
    if (build := flags.build()) != llama_server_flags.BUILD:
        pytest.skip(f"an installed llama-server {build} is used, the rules are of {llama_server_flags.BUILD}")
    programs = tools.path("llama")
    with device(programs) as address:
        yield Allocator(programs, address)
