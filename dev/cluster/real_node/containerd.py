"""The node's container runtime and pod network: containerd with directories of its own, and point-to-point links.

Nothing of the host's containerd (configuration, socket, images) is used or changed.
"""

import json
import os
import socket
from contextlib import suppress
from pathlib import Path

from dev.machine import daemons
from dev.machine.daemons import Daemon
from dev.machine.instance import POD_CIDR, Instance

_CNI_PLUGINS = Path("/usr/lib/cni")
# - restrict_oom_score_adj: without CAP_SYS_RESOURCE (a container, a small VM) every sandbox would fail otherwise
# - netns_mounts_under_state_dir: the pods' namespaces are then found, and unmounted, with everything else of ours
_CONFIG = """\
version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def address(instance: Instance) -> Path:
    return instance.run / "containerd.sock"


def start(instance: Instance, pause_image: str) -> None:
    """Start containerd unless it runs; returns when it accepts connections. Raises DevError."""
    networks, config = instance.state / "cni", instance.state / "containerd.toml"
    networks.mkdir(parents=True, exist_ok=True)
    (networks / "pods.conflist").write_text(json.dumps(_network(instance), indent=1))
    config.write_text(
        _CONFIG.format(
            root=instance.state / "containerd",
            state=instance.run / "containerd",
            socket=address(instance),
            pause=pause_image,
            plugins=_CNI_PLUGINS,
            networks=networks,
        )
    )
    containerd = Daemon(
        instance,
        "containerd",
        ["containerd", "--config", config],
        in_netns=True,
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},  # iptables lies there, not on everybody's PATH
    )
    containerd.start()
    daemons.wait_for("containerd", lambda: _accepts(address(instance)), containerd)


def network_name(instance: Instance) -> str:
    return f"local-llm-{instance.name}"


def _network(instance: Instance) -> dict[str, object]:
    # A routed link per pod instead of a shared bridge: between two pods on a bridge, a Service's answers would bypass
    # the address translation unless the kernel has br_netfilter.
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": POD_CIDR}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(instance.run / "pod-addresses"),  # forgotten with the pods' interfaces
    }
    links = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": network_name(instance), "plugins": [links]}


def _accepts(path: Path) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        return True
    return False
