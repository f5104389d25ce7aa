"""Names, directories and ports of one embedded machine; everything derives from the instance's name.

Two instances share no network namespace, port, directory or cgroup, so tests cannot disturb a person's `make up`.
"""

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

NODE_IP = "10.77.0.1"  # the node's address; every instance has a network namespace of its own, so all may use the same
POD_CIDR = "10.88.0.0/24"
SERVICE_CIDR = "10.96.0.0/16"
DNS_IP = "10.96.0.10"
HUB_PORT, CDN_PORT = 8090, 8091  # of the local model hub, on NODE_IP

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "local-llm"
# Not under the home directory: Postgres runs as an unprivileged user, who may not enter root's.
STATE = Path(os.environ.get("LOCAL_LLM_STATE") or "/var/lib/local-llm")
RUN = Path("/run/local-llm")  # short: a unix socket's path must stay under 108 bytes


@dataclass(frozen=True, slots=True)
class Instance:
    """One embedded machine. `name` is 1 to 16 of [a-z0-9-], starting with a letter; raises ValueError otherwise."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,15}", self.name):
            raise ValueError(f"instance name {self.name!r}: use 1 to 16 of a-z, 0-9 and '-', starting with a letter")

    @property
    def netns(self) -> str:
        return f"llm-{self.name}"

    @property
    def cgroup(self) -> str:
        """Path below each cgroup hierarchy's root; daemons and pods of the instance live under it."""
        return f"local-llm-{self.name}"

    @property
    def state(self) -> Path:
        """The directory that `make down` keeps: models, Postgres, etcd, images, certificates."""
        return STATE / self.name

    @property
    def passphrase(self) -> Path:
        """The file with a generated passphrase; `make clean` keeps it. No instance can have its directory's name."""
        return STATE / "passphrases.d" / self.name

    @property
    def run(self) -> Path:
        """The directory of sockets and pid files; `make down` removes it."""
        return RUN / self.name

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the cluster's admin; its server is the forwarded port on 127.0.0.1."""
        return self.state / "kubeconfig"

    @property
    def ports(self) -> "Ports":
        return Ports(20000 + zlib.crc32(self.name.encode()) % 400 * 20)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on the host's 127.0.0.1, forwarded into the namespace: a block of 20 from `base`."""

    base: int

    @property
    def endpoint(self) -> int:
        """LOCAL_LLM_PORT where it is set; raises ValueError when that is not a port."""
        wished = os.environ.get("LOCAL_LLM_PORT") or str(self.base)
        if not (wished.isdecimal() and 1 <= int(wished) <= 65535):
            raise ValueError(f"LOCAL_LLM_PORT={wished}: use a port from 1 to 65535")
        return int(wished)

    @property
    def api_server(self) -> int:
        return self.base + 1

    @property
    def hub(self) -> int:
        return self.base + 2

    @property
    def cdn(self) -> int:
        """Always the port after the hub's: the hub redirects to its own host and the next port."""
        return self.base + 3
