"""Starts etcd, API server, controller manager and scheduler, unchanged and with upstream's defaults (1.36).

They listen inside the namespace only. One thing differs from production: etcd does not wait for the disk. Data is lost
only when the machine itself goes down, not when processes are killed.
"""

from pathlib import Path

from dev.cluster import certificates, service
from dev.machine.daemons import Daemon
from dev.machine.instance import NODE_IP, POD_CIDR, SERVICE_CIDR, Instance

PARTS = ("kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd")
API_PORT = 6443
_API = f"https://127.0.0.1:{API_PORT}"
# Each waits a second before it first looks; an administrator needs neither roles nor priority classes meanwhile.
_SLOW_CHECKS = ("poststarthook/rbac/bootstrap-roles", "poststarthook/scheduling/bootstrap-system-priority-classes")
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


def kubeconfig(instance: Instance) -> Path:
    """Admin kubeconfig for processes inside the namespace."""
    return certificates.directory(instance) / "inside.kubeconfig"


def start(instance: Instance, programs: Path) -> None:
    """Start what does not run; returns when the API server answers. `finish` waits for the rest. Raises DevError."""
    certificates.ensure(instance)
    certificates.write_kubeconfig(instance, kubeconfig(instance), _API)
    etcd, api_server = _etcd(instance, programs), _api_server(instance, programs)
    # Side by side: the API server has enough to do before it first asks etcd.
    etcd.start()
    api_server.start()
    service.wait(f"{_ETCD}/health", etcd)
    slow = "&".join(f"exclude={check}" for check in _SLOW_CHECKS)
    service.wait(f"{_API}/readyz?{slow}", api_server, etcd)
    _scheduler(instance, programs).start()


def finish(instance: Instance, programs: Path) -> None:
    """After `start`: returns when every part is healthy. Raises DevError with the log of one that is not."""
    needs = _api_server(instance, programs), _etcd(instance, programs)
    service.wait(f"{_API}/readyz", *needs)
    # Not before: it looks whether the API server is ready only once a second.
    controller_manager = _controller_manager(instance, programs)
    controller_manager.start()
    service.wait("https://127.0.0.1:10257/healthz", controller_manager, *needs)
    service.wait("https://127.0.0.1:10259/readyz", _scheduler(instance, programs), *needs)


def _serving(instance: Instance) -> list[str | Path]:
    pki = certificates.directory(instance)
    return ["--tls-cert-file", pki / "server.crt", "--tls-private-key-file", pki / "server.key"]


def _client(instance: Instance) -> list[str | Path]:
    # At the default rate (20/s) the controller manager spends four seconds on its accounts before anything works.
    rate = ["--kube-api-qps=500", "--kube-api-burst=1000"]
    return ["--kubeconfig", kubeconfig(instance), "--leader-elect=false", "--bind-address=127.0.0.1", *rate]


def _etcd(instance: Instance, programs: Path) -> Daemon:
    argv = [
        programs / "etcd",
        f"--data-dir={instance.state / 'etcd'}",
        "--unsafe-no-fsync",
        # It is alone and elects itself, so it need not wait for others; the defaults wait up to a second.
        "--heartbeat-interval=20",
        "--election-timeout=200",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        "--auto-compaction-retention=1h",
    ]
    return Daemon(instance, "etcd", argv, in_netns=True)


def _api_server(instance: Instance, programs: Path) -> Daemon:
    pki = certificates.directory(instance)
    argv = [
        programs / "kube-apiserver",
        *_serving(instance),
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
    return Daemon(instance, "kube-apiserver", argv, in_netns=True)


def _scheduler(instance: Instance, programs: Path) -> Daemon:
    argv = [programs / "kube-scheduler", *_serving(instance), *_client(instance)]
    return Daemon(instance, "kube-scheduler", argv, in_netns=True)


def _controller_manager(instance: Instance, programs: Path) -> Daemon:
    pki = certificates.directory(instance)
    argv = [
        programs / "kube-controller-manager",
        *_serving(instance),
        *_client(instance),
        f"--cluster-cidr={POD_CIDR}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        "--use-service-account-credentials",
        f"--flex-volume-plugin-dir={instance.state / 'volume-plugins'}",  # made at the start, by default below /usr
    ]
    return Daemon(instance, "kube-controller-manager", argv, in_netns=True)
