"""llama.cpp's own programs: the allocator that is asked, and a device of the RPC backend that stands for a card."""

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from dev.generate import flags
from dev.tools import tools
from plan.engine import llama_server_flags
from tests.oracle.allocator import Allocator, free_port


@pytest.fixture(scope="session")
def allocator() -> Iterator[Allocator]:
    tools.ensure("llama")
    if (build := flags.build()) != llama_server_flags.BUILD:
        pytest.skip(f"an installed llama-server {build} is used, the rules are of {llama_server_flags.BUILD}")
    programs, port = tools.path("llama"), free_port()
    argv = [programs / "ggml-rpc-server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as device:
        try:
            _wait_for(port, device)
            yield Allocator(programs, f"127.0.0.1:{port}")
        finally:
            device.terminate()


def _wait_for(port: int, device: subprocess.Popen[bytes]) -> None:
    while device.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"ggml-rpc-server ended with {device.returncode}")
