"""The forwarder, from the host's 127.0.0.1 to servers that only exist inside a network namespace."""

import contextlib
import shutil
import socket
import sys
from collections.abc import Iterator

import pytest

from dev.machine import daemons, network
from dev.machine.daemons import Daemon
from dev.machine.forward import forward
from dev.machine.instance import NODE_IP, Instance
from dev.machine.steps import DevError

INSTANCE = Instance("t-forward")
PORT = INSTANCE.ports.base + 10
NAME = "forward-test"

# Answers each line at once in upper case, and after the caller's end of file says how many bytes there were.
SERVER = """
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        total = 0
        for line in self.rfile:
            total += len(line)
            self.wfile.write(sys.argv[2].encode() + line.upper())
        self.wfile.write(b"%d bytes" % total)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.request_queue_size = 512
socketserver.ThreadingTCPServer((sys.argv[1], 7000), Handler).serve_forever()
"""


@pytest.fixture
def machine() -> Iterator[Instance]:
    network.up(INSTANCE)
    for ip, mark in ((NODE_IP, "a:"), ("127.0.0.1", "b:")):
        name = f"server-{mark[0]}"
        server = Daemon(INSTANCE, name, [sys.executable, "-c", SERVER, ip, mark], in_netns=True)
        server.start()
        daemons.wait_for(name, lambda ip=ip: network.accepts(INSTANCE, ip, 7000), server)
    yield INSTANCE
    daemons.stop_all(INSTANCE)
    network.down(INSTANCE)
    for directory in (INSTANCE.run, INSTANCE.state):
        shutil.rmtree(directory)


def _dial() -> socket.socket:
    return socket.create_connection(("127.0.0.1", PORT), 300)


def _read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_what_listens_only_inside_the_namespace_answers_on_the_hosts_loopback(machine: Instance) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
        socket.create_connection(("127.0.0.1", 7000), 1)

    forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})

    with _dial() as connection:
        connection.sendall(b"one\n")
        assert connection.recv(100) == b"a:ONE\n", "a part of a stream must pass before the stream ends"
        connection.sendall(b"two\n")
        assert connection.recv(100) == b"a:TWO\n"


def test_a_caller_that_has_finished_sending_still_gets_the_whole_answer(machine: Instance) -> None:
    forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})

    with _dial() as connection:
        connection.sendall(b"x" * 3_000_000 + b"\n")
        connection.shutdown(socket.SHUT_WR)
        answer = _read_all(connection)

    assert answer.endswith(b"3000001 bytes")
    assert len(answer) == len(b"a:") + 3_000_001 + len(b"3000001 bytes")


def test_more_connections_than_the_usual_limit_of_files_are_open_at_once(machine: Instance) -> None:
    forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})

    with contextlib.ExitStack() as held:
        connections = [held.enter_context(_dial()) for _ in range(600)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%d\n" % number)
        answers = [connection.recv(100) for connection in connections]

    assert answers == [b"a:%d\n" % number for number in range(600)]


def test_a_target_that_refuses_closes_the_callers_connection(machine: Instance) -> None:
    forward(machine, NAME, {PORT: f"{NODE_IP}:7001"})

    with _dial() as connection:
        assert connection.recv(100) == b""


def test_the_same_targets_keep_the_forwarder_and_other_targets_restart_it(machine: Instance) -> None:
    forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})
    first = daemons.pid_of(machine, NAME)
    forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})
    assert daemons.pid_of(machine, NAME) == first

    forward(machine, NAME, {PORT: "127.0.0.1:7000"})

    assert daemons.pid_of(machine, NAME) not in (None, first)
    with _dial() as connection:
        connection.sendall(b"one\n")
        assert connection.recv(100) == b"b:ONE\n"


def test_a_port_in_use_is_refused_with_its_number_its_holder_and_the_way_out(machine: Instance) -> None:
    with socket.create_server(("127.0.0.1", PORT)), pytest.raises(DevError) as refused:
        forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})

    assert f"port {PORT} of 127.0.0.1 is in use" in str(refused.value)
    assert "pid=" in str(refused.value)
    assert "another instance name" in str(refused.value)


def test_the_endpoints_port_in_use_names_the_variable_that_moves_it(
    machine: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_LLM_PORT", str(PORT))

    with socket.create_server(("127.0.0.1", PORT)), pytest.raises(DevError, match="LOCAL_LLM_PORT="):
        forward(machine, NAME, {PORT: f"{NODE_IP}:7000"})
