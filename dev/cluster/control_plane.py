"""etcd, API server, controller manager and scheduler: upstream's own, with upstream's defaults (1.36).

They listen inside the namespace only; all that differs from a production control plane is that etcd does not wait for
the disk, which loses nothing when processes are killed, only when the machine itself goes down.
"""

from pathlib import Path

from dev.cluster import certificates, service
from dev.instance import NODE_IP, POD_CIDR, SERVICE_CIDR, Instance

API_PORT = 6443
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


def kubeconfig(instance: Instance) -> Path:
    """Admin kubeconfig for processes inside the namespace."""
    return certificates.directory(instance) / "inside.kubeconfig"


def start(instance: Instance, programs: Path) -> None:
    """Start what does not run; returns when every part is healthy. Raises DevError with the log of one that is not."""
    pki = certificates.ensure(instance)
    certificates.write_kubeconfig(instance, kubeconfig(instance), f"https://127.0.0.1:{API_PORT}")
    serving = ["--tls-cert-file", pki / "server.crt", "--tls-private-key-file", pki / "server.key"]
    client = ["--kubeconfig", kubeconfig(instance), "--leader-elect=false", "--bind-address=127.0.0.1"]

    service.run(instance, "etcd", [programs / "etcd", *_etcd(instance)], f"{_ETCD}/health")
    api_server = [programs / "kube-apiserver", *serving, *_api_server(pki)]
    service.run(instance, "kube-apiserver", api_server, f"https://127.0.0.1:{API_PORT}/readyz")
    manager = [programs / "kube-controller-manager", *serving, *client, *_controller_manager(instance)]
    service.run(instance, "kube-controller-manager", manager, "https://127.0.0.1:10257/healthz")
    scheduler = [programs / "kube-scheduler", *serving, *client]
    service.run(instance, "kube-scheduler", scheduler, "https://127.0.0.1:10259/readyz")


def _etcd(instance: Instance) -> list[str | Path]:
    return [
        f"--data-dir={instance.state / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        "--auto-compaction-retention=1h",
    ]


def _api_server(pki: Path) -> list[str | Path]:
    return [
        f"--etcd-servers={_ETCD}",
        f"--secure-port={API_PORT}",
        f"--advertise-address={NODE_IP}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'admin.crt'}",
        f"--kubelet-client-key={pki / 'admin.key'}",
        "--kubelet-preferred-address-types=InternalIP",  # no resolver knows the node's name
    ]


def _controller_manager(instance: Instance) -> list[str | Path]:
    pki = certificates.directory(instance)
    return [
        f"--cluster-cidr={POD_CIDR}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        "--use-service-account-credentials",
        f"--flex-volume-plugin-dir={instance.state / 'volume-plugins'}",  # made at the start, by default below /usr
    ]
