"""Played nodes: kwok says that the node is ready and that its pods run or complete; no container exists."""

from pathlib import Path

from dev.cluster import control_plane, service
from dev.cluster.nodes import PLAYED
from dev.machine.daemons import Daemon
from dev.machine.instance import NODE_IP, POD_CIDR, Instance

_OWN_STAGES = Path(__file__).with_name("stages")


def start(instance: Instance, programs: Path) -> Daemon:
    """Start kwok with its fast stages unless it runs; returns it when it is healthy. Raises DevError."""
    ((key, value),) = PLAYED.items()
    argv: list[str | Path] = [
        programs / "kwok",
        f"--kubeconfig={control_plane.kubeconfig(instance)}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={key}={value}",
        f"--node-ip={NODE_IP}",
        f"--cidr={POD_CIDR}",
        "--server-address=127.0.0.1:10247",
        *(f"--config={stage}" for where in (programs / "stages", _OWN_STAGES) for stage in sorted(where.iterdir())),
    ]
    kwok = Daemon(instance, "kwok", argv, in_netns=True)
    service.run(kwok, "http://127.0.0.1:10247/healthz")
    return kwok
