"""kubelet and kube-proxy of the one real node.

The kubelet does not register the node: at each registration it would set `nvidia.com/gpu`, which no device plugin
backs, to zero (`reconcileExtendedResource`, 1.36) and then refuse the pods that hold one. `nodes.py` makes the object.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from dev.cluster import certificates, control_plane, service
from dev.cluster.nodes import NODE
from dev.cluster.real_node import containerd
from dev.machine.daemons import Daemon
from dev.machine.instance import DNS_IP, NODE_IP, POD_CIDR, Instance

_CGROUPS = Path("/sys/fs/cgroup")


def start(instance: Instance, programs: Path) -> Daemon:
    """Start what does not run; returns the kubelet when both are healthy. Raises DevError."""
    _make_cgroups(instance)
    config = instance.state / "kubelet.json"
    config.write_text(json.dumps(_config(instance), indent=1))
    argv: Sequence[str | Path] = [
        programs / "kubelet",
        f"--config={config}",
        f"--kubeconfig={control_plane.kubeconfig(instance)}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_IP}",
        f"--root-dir={instance.state / 'kubelet'}",
        f"--cert-dir={instance.state / 'kubelet' / 'pki'}",
    ]
    kubelet = Daemon(instance, "kubelet", argv, in_netns=True)
    service.run(kubelet, "http://127.0.0.1:10248/healthz")
    proxy: Sequence[str | Path] = [
        programs / "kube-proxy",
        f"--kubeconfig={control_plane.kubeconfig(instance)}",
        f"--hostname-override={NODE}",
        f"--cluster-cidr={POD_CIDR}",
        "--proxy-mode=iptables",
        "--conntrack-max-per-core=0",  # the limit is the whole machine's, not the namespace's
    ]
    service.run(Daemon(instance, "kube-proxy", proxy, in_netns=True), "http://127.0.0.1:10256/healthz")
    return kubelet


def _config(instance: Instance) -> dict[str, object]:
    pki = certificates.directory(instance)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "registerNode": False,
        "containerRuntimeEndpoint": f"unix://{containerd.address(instance)}",
        "podLogsDir": str(instance.state / "pod-logs"),
        "volumePluginDir": str(instance.state / "volume-plugins"),
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "server.crt"),
        "tlsPrivateKeyFile": str(pki / "server.key"),
        "clusterDNS": [DNS_IP],
        "clusterDomain": "cluster.local",
        "resolvConf": "",  # the host's resolver cannot be reached from the namespace
        # A node that was down is first reported unready, and ready only at the next update: not ten seconds later.
        "nodeStatusUpdateFrequency": "1s",
        "nodeStatusReportFrequency": "5m",  # of an unchanged status
        # Two kubelets under one cgroup root would delete each other's pods.
        "cgroupRoot": f"/{instance.cgroup}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # less than the starter's own needs CAP_SYS_RESOURCE
        # A person's disk may well be 90 % full: what is refused is decided once, before the start (disk.py).
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,  # never: an image that is gone cannot be pulled again
        "imageGCLowThresholdPercent": 99,
    }


def _make_cgroups(instance: Instance) -> None:
    """The kubelet wants its root to exist, with every controller it uses; it makes what is below."""
    if (_CGROUPS / "cgroup.controllers").exists():  # cgroup v2
        group = _CGROUPS / instance.cgroup
        group.mkdir(exist_ok=True)
        for controller in (_CGROUPS / "cgroup.controllers").read_text().split():
            for parent in (_CGROUPS, group):
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    else:
        for hierarchy in _CGROUPS.iterdir():
            if hierarchy.is_dir():
                (hierarchy / instance.cgroup).mkdir(exist_ok=True)
