"""A Kubernetes in a network namespace of its own: one node with real pods, or two whose pods kwok only plays.

This file has the order in which the parts start; each part has a file of its own. Postgres, the hub and the stack are
started elsewhere.
"""

import contextlib
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from dev.cluster import certificates, control_plane, first, host, nodes
from dev.cluster.disk import require_space
from dev.cluster.played import kwok
from dev.cluster.real_node import containerd, dns, kubelet
from dev.images import images
from dev.machine import daemons, network
from dev.machine.forward import forward
from dev.machine.instance import Instance
from dev.machine.steps import DevError, step
from dev.tools import tools

POD_UID = 65532  # the user of our pods, who owns the models' directory


def up(instance: Instance, nodes: Literal["real", "kwok"] = "real") -> None:
    """Bring the cluster up or repair it: healthy parts are left alone, others are started.

    Afterwards its nodes are ready and `instance.kubeconfig` works on the host. Raises DevError.
    """
    if os.geteuid() != 0:
        raise DevError("the cluster needs namespaces, mounts and cgroups, so it needs root", "run it again as root")
    require_space()
    ready = tools.ensure("debian", "kubernetes", *(("coredns",) if nodes == "real" else ("kwok",)))
    if nodes == "real":
        _only(instance, "kubelet", not_beside="kwok")
    else:
        _only(instance, "kwok", not_beside="kubelet")
    new = not (instance.state / first.DATA).exists()
    what = "control plane" if nodes == "real" else "played cluster"
    with step(f"{what} of {instance.name}", instance.logs):
        _control_plane(instance, ready["kubernetes"], ready.get("kwok"))
    if nodes == "real":
        _real_node(instance, ready["kubernetes"], ready["coredns"])
    elif new:
        first.keep(instance)


def fresh(instance: Instance) -> None:
    """Put the played cluster back to right after its first `up`, same uid and certificates; make it if missing.

    Its processes are killed, because their data is thrown away. Others of the instance, such as Postgres, go on.
    Raises DevError.
    """
    _only(instance, "kwok", not_beside="kubelet")
    parts = ("kwok", *control_plane.PARTS)
    for pid in filter(None, [daemons.pid_of(instance, name) for name in parts]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for name in parts:
        daemons.stop(instance, name)
    first.put_back(instance)
    up(instance, nodes="kwok")


def down(instance: Instance) -> None:
    """End every process of the instance and undo all that it did to the host; `up` continues with the same cluster.

    Kept: etcd, images, certificates, logs, models. Other processes of the instance are ended too, so stop Postgres
    first: it has writes to finish. Raises DevError with the processes that do not end.
    """
    daemons.stop(instance, "kubelet")  # first, or it restarts what ends
    # While containerd still runs, so that it ends the shims and unmounts the disks; the pause process hears only KILL.
    daemons.end(instance, "kubepods", timeout_s=1.0)
    daemons.stop(instance, "kube-apiserver", timeout_s=1.0)  # it would wait a minute for its clients, and etcd for it
    daemons.stop_all(instance)
    host.clean(instance)
    network.down(instance)
    host.remove(instance.run)


def reset(instance: Instance) -> None:
    """`down`, and forget the cluster's objects; images, certificates and models stay. Raises DevError."""
    down(instance)
    for directory in (first.DATA, first.COPY, "kubelet", "pod-logs"):
        host.remove(instance.state / directory)


def models(instance: Instance) -> Path:
    """The directory for the models' volume on the node, which is the same path on the host; made when missing."""
    directory = instance.state / "models"
    if not directory.exists():
        directory.mkdir(parents=True)
        os.chown(directory, POD_UID, POD_UID)
    return directory


def _control_plane(instance: Instance, programs: Path, kwok_programs: Path | None) -> None:
    network.up(instance)
    control_plane.start(instance, programs)
    forward(instance, "forward-api", {instance.ports.api_server: f"127.0.0.1:{control_plane.API_PORT}"})
    url = f"https://127.0.0.1:{instance.ports.api_server}"
    certificates.write_kubeconfig(instance, instance.kubeconfig, url)
    nodes.register(instance, played=kwok_programs is not None)
    player = kwok.start(instance, kwok_programs) if kwok_programs else None
    control_plane.finish(instance, programs)
    if player:
        nodes.wait_played(player)


def _real_node(instance: Instance, programs: Path, dns_programs: Path) -> None:
    since = _start_of(instance, "kubelet")
    with step(f"node of {instance.name}", instance.logs):
        host.remember(instance)
        models(instance)
        containerd.start(instance, images.references()["pause"])
        images.ensure(instance)
        node = kubelet.start(instance, programs)
        dns.start(instance, dns_programs)
        nodes.wait_ready(node, since)


def _only(instance: Instance, wanted: str, not_beside: str) -> None:
    if daemons.pid_of(instance, not_beside):
        raise DevError(
            f"{instance.name} runs with {not_beside}, not {wanted}", "take it down first, or use another name"
        )


def _start_of(instance: Instance, daemon: str) -> datetime:
    """The time from which a report of the daemon counts: now, where the daemon has yet to start."""
    return datetime.fromtimestamp(0 if daemons.pid_of(instance, daemon) else int(time.time()), UTC)
