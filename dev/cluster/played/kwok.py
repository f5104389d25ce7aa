"""Played nodes: kwok says that the node is ready and that its pods run or complete; no container exists."""

from pathlib import Path

from dev.cluster import control_plane, service
from dev.cluster.nodes import PLAYED
from dev.machine.instance import NODE_IP, POD_CIDR, Instance
from dev.machine.steps import DevError

# kwok 0.8.0 now and then panics while its controllers start (node_controller.go:158).
_STARTS = 3
_OWN_STAGES = Path(__file__).with_name("stages")


def start(instance: Instance, programs: Path) -> None:
    """Start kwok with its fast stages unless it runs; returns when it is healthy. Raises DevError."""
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
    for left in reversed(range(_STARTS)):
        try:
            service.run(instance, "kwok", argv, "http://127.0.0.1:10247/healthz")
        except DevError:
            if not left:
                raise
        else:
            break
