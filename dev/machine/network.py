"""The instance's network namespace: its interface, and connections from this process to what listens inside.

The host's own interfaces, routes and firewall are never touched. Daemons enter by `dev.daemons.Daemon(in_netns=True)`.
"""

import contextlib
import ctypes
import fcntl
import os
import socket
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path

from dev.machine.instance import NODE_IP, RUN, Instance
from dev.machine.steps import DevError

_NETNS = Path("/run/netns")  # where `ip netns` keeps them
_CLONE_NEWNET = 0x40000000
# A bridge without members, because the kernel may lack `dummy` interfaces. Nothing answers behind its default route.
# The kernel needs a route before kube-proxy's rules turn the address of a Service into that of a pod.
_INTERFACE = f"""\
link set lo up
link add node0 type bridge
address add {NODE_IP}/24 dev node0
link set node0 up
route add default dev node0
"""


def up(instance: Instance) -> None:
    """Create the namespace. A complete one is kept; one that is half made is made again."""
    if _ip("-netns", instance.netns, "route", "show", "default", check=False).strip():
        return
    down(instance)
    with _alone():
        _ip("netns", "add", instance.netns)
    _ip("-netns", instance.netns, "-batch", "-", stdin=_INTERFACE)


def down(instance: Instance) -> None:
    """Delete the namespace and with it every interface and rule inside; does nothing when there is none."""
    with _alone():
        if (_NETNS / instance.netns).exists():
            _ip("netns", "delete", instance.netns)
        # `ip netns add` mounts the directory on itself and leaves that behind. Refused while a namespace is in it.
        subprocess.run(["umount", _NETNS], stderr=subprocess.DEVNULL, check=False)


@contextlib.contextmanager
def _alone() -> Generator[None]:
    """No other instance mounts or unmounts the directory meanwhile: `ip netns add` does it in several steps."""
    RUN.mkdir(parents=True, exist_ok=True)
    with (RUN / "netns.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def enter(netns: str) -> None:
    """Move the calling thread into the namespace: sockets it makes from now on live there. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (_NETNS / netns).open("rb") as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(_NETNS / netns))


def connect(instance: Instance, host: str, port: int, timeout_s: float = 5.0) -> socket.socket:
    """A TCP connection made from inside the namespace, usable by any thread. Raises OSError."""
    made: list[socket.socket | OSError] = []

    def dial() -> None:  # in a thread of its own, because the caller has to stay in the host's namespace
        try:
            enter(instance.netns)
            made.append(socket.create_connection((host, port), timeout_s))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=dial)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


def accepts(instance: Instance, host: str, port: int) -> bool:
    """Whether something inside the namespace listens there."""
    with contextlib.suppress(OSError), connect(instance, host, port):
        return True
    return False


def _ip(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
    done = subprocess.run(["ip", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise DevError(
            f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()}",
            "be root, on a kernel with namespaces and bridges",
        )
    return done.stdout
