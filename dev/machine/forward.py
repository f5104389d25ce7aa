"""Forwards ports of the host's 127.0.0.1 into an instance's network namespace.

`python -m dev.machine.forward --netns NAME PORT:HOST:PORT ...` is the relay; `forward` keeps it running as a daemon.
"""

import argparse
import asyncio
import contextlib
import functools
import resource
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.machine import daemons, network
from dev.machine.daemons import Daemon
from dev.machine.instance import Instance
from dev.machine.steps import DevError

_ROOT = Path(__file__).parents[2]
_CHUNK_BYTES = 1 << 16


def forward(instance: Instance, name: str, targets: Mapping[int, str]) -> None:
    """Keep the daemon `name` relaying 127.0.0.1:<key> to the "ip:port" of each value, restarted when they changed.

    Returns when the ports listen. Raises DevError when another process holds one of them.
    """
    rules = [f"{port}:{target}" for port, target in sorted(targets.items())]
    relay = ["-m", "dev.machine.forward", "--netns", instance.netns, *rules]
    if (pid := daemons.pid_of(instance, name)) and _arguments(pid)[-len(relay) :] == relay:
        return
    daemons.stop(instance, name)  # one that dies just now may still hold a port
    require_free(instance, *targets)
    forwarder = Daemon(instance, name, [sys.executable, *relay], cwd=_ROOT)
    forwarder.start()
    daemons.wait_for(f"forwarder {name}", lambda: not any(map(_free, targets)), forwarder)


def require_free(instance: Instance, *ports: int) -> None:
    """Raise DevError naming who listens on one of `ports` of 127.0.0.1, and how to choose others."""
    for port in ports:
        if not _free(port):
            raise _taken(instance, port)


async def serve(listeners: Mapping[socket.socket, tuple[str, int]]) -> None:
    """Relay until cancelled: each connection accepted on a listener is joined to a new one to its target."""
    async with contextlib.AsyncExitStack() as servers:
        for listener, target in listeners.items():
            accept = functools.partial(_join, target)
            await servers.enter_async_context(await asyncio.start_server(accept, sock=listener))
        await asyncio.Event().wait()


async def _join(target: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_writer = None
    try:
        far_reader, far_writer = await asyncio.open_connection(*target)
        async with asyncio.TaskGroup() as both:  # when one side breaks off, the other is ended too
            both.create_task(_pump(reader, far_writer))
            both.create_task(_pump(far_reader, writer))
    except* OSError:
        pass  # refused or reset: the side that is left sees its connection close
    finally:
        for end in filter(None, (writer, far_writer)):
            end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes as soon as they arrive. The end of one direction leaves the other open."""
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()


def _arguments(pid: int) -> list[str]:
    """The command line of the process; empty when it ends meanwhile."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    return []


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _taken(instance: Instance, port: int) -> DevError:
    found = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=False).stdout
    holder = found.partition("users:")[2].strip() or "a process that ss does not name"
    fix = "free the port, or use another instance name"
    if port == instance.ports.endpoint:
        fix = f"free the port, or choose another: LOCAL_LLM_PORT={port + 10} make up"
    return DevError(f"port {port} of 127.0.0.1 is in use by {holder}", fix)


def main() -> None:
    """Listen on the host, then move into the namespace: a socket stays where it was made."""
    parser = argparse.ArgumentParser(prog="dev.machine.forward")
    parser.add_argument("--netns", required=True)
    parser.add_argument("rules", nargs="+", metavar="PORT:HOST:PORT")
    arguments = parser.parse_args()
    listeners: dict[socket.socket, tuple[str, int]] = {}
    for rule in arguments.rules:
        port, host, target_port = rule.split(":")
        listeners[socket.create_server(("127.0.0.1", int(port)), backlog=256)] = (host, int(target_port))
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard_limit, hard_limit)
    )  # a connection takes two sockets, and 1024 are soon used up
    network.enter(arguments.netns)
    asyncio.run(serve(listeners))


if __name__ == "__main__":
    main()
