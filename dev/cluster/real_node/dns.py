"""The cluster's DNS: CoreDNS on the node's own address, behind the Service that every cluster has for it."""

from pathlib import Path

from dev.cluster import control_plane, service
from dev.cluster.kubectl import apply, find
from dev.machine.daemons import Daemon
from dev.machine.instance import DNS_IP, NODE_IP, Instance

# Names outside the cluster do not exist, at once: there is no way out of the namespace.
_COREFILE = """\
cluster.local in-addr.arpa ip6.arpa {{
    bind {node_ip}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
    }}
    ready 127.0.0.1:8181
}}
. {{
    bind {node_ip}
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""
_NAME = "kube-dns"  # what consumers look for, whatever serves it


def start(instance: Instance, programs: Path) -> None:
    """Start CoreDNS unless it runs and make its Service; returns when it answers. Raises DevError."""
    corefile = instance.state / "Corefile"
    corefile.write_text(_COREFILE.format(node_ip=NODE_IP, kubeconfig=control_plane.kubeconfig(instance)))
    coredns = Daemon(instance, "coredns", [programs / "coredns", "-conf", corefile], in_netns=True)
    service.run(coredns, "http://127.0.0.1:8181/ready")
    if find(instance, "endpointslice", _NAME, "kube-system") is None:
        apply(instance, *_service())


def _service() -> list[dict[str, object]]:
    ports = [{"name": protocol.lower(), "protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    metadata = {"name": _NAME, "namespace": "kube-system"}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": DNS_IP, "ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": _NAME}},
            "addressType": "IPv4",
            "ports": ports,
            "endpoints": [{"addresses": [NODE_IP], "conditions": {"ready": True}}],
        },
    ]
