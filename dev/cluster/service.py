"""A daemon inside the instance's namespace together with the URL at which it says that it is well."""

import contextlib
import http.client
import ssl
from urllib.parse import urlsplit

from dev.cluster import certificates
from dev.machine import daemons, network
from dev.machine.daemons import Daemon
from dev.machine.instance import Instance


def run(daemon: Daemon, health_url: str) -> None:
    """Start the daemon unless it runs, and wait until `health_url` gives 200; raises DevError when it does not."""
    daemon.start()
    wait(health_url, daemon)


def wait(health_url: str, daemon: Daemon, *needs: Daemon) -> None:
    """Wait until the started daemon's `health_url` gives 200, and mend what it needs meanwhile. Raises DevError."""
    daemons.wait_for(daemon.name, lambda: answers(daemon.instance, health_url), daemon, *needs)


def answers(instance: Instance, url: str) -> bool:
    """Whether a GET of `url` from inside the namespace gives 200; https must be signed by the cluster's CA."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection(host, port)
        with contextlib.closing(connection):
            connection.sock = network.connect(instance, host, port)
            if parts.scheme == "https":
                trust = ssl.create_default_context(cafile=certificates.directory(instance) / "ca.crt")
                connection.sock = trust.wrap_socket(connection.sock, server_hostname=host)
            connection.request("GET", parts._replace(scheme="", netloc="").geturl())
            return connection.getresponse().status == http.client.OK
    return False
