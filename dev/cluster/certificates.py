"""Makes the cluster's keys once: a CA, a serving and an admin certificate, and the key of the service accounts.

Every component of the machine uses the admin certificate; pods get service account tokens as anywhere.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path

from dev.machine.instance import NODE_IP, Instance
from dev.machine.steps import DevError

API_IP = "10.96.0.1"  # the first address of SERVICE_CIDR is always the API server's Service
_DAYS = 3650
_SERVING_NAMES = [f"IP:{ip}" for ip in ("127.0.0.1", NODE_IP, API_IP)] + [
    f"DNS:{name}" for name in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
]


def directory(instance: Instance) -> Path:
    """Holds ca, server, admin (each .crt and .key, PEM) and service-accounts.key."""
    return instance.state / "pki"


def ensure(instance: Instance) -> Path:
    """Make the keys unless they exist; returns `directory(instance)`. Raises DevError.

    They are made under another name and renamed when all are there.
    """
    made, unfinished = directory(instance), instance.state / "pki.new"
    if made.exists():
        return made
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    ca = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash"]
    leaf = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "authorityKeyIdentifier=keyid"]
    _certificate(unfinished, "ca", f"CN=local-llm {instance.name}", ca)
    serving = ["extendedKeyUsage=serverAuth", f"subjectAltName={','.join(_SERVING_NAMES)}"]
    _certificate(unfinished, "server", "CN=kube-apiserver", [*leaf, *serving], signer="ca")
    admin = "O=system:masters\nCN=admin"
    _certificate(unfinished, "admin", admin, [*leaf, "extendedKeyUsage=clientAuth"], signer="ca")
    _openssl(
        unfinished, "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "service-accounts.key"
    )
    unfinished.rename(made)
    return made


def write_kubeconfig(instance: Instance, path: Path, server: str) -> None:
    """An admin kubeconfig (mode 0600, keys embedded, so the one file may be carried away) whose server is `server`."""
    pki, name = directory(instance), instance.cgroup

    def data(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": data("ca.crt")}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [
            {
                "name": name,
                "user": {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1) + "\n")


def _certificate(where: Path, name: str, subject: str, extensions: list[str], signer: str | None = None) -> None:
    # A configuration of our own: the machine's openssl.cnf may add extensions that contradict these.
    head = "[req]\nprompt=no\nutf8=yes\ndistinguished_name=subject\nx509_extensions=extensions\n"
    config = f"{head}[subject]\n{subject}\n[extensions]\n" + "\n".join(extensions) + "\n"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{name}.key"]
    signed_by = ["-CA", f"{signer}.crt", "-CAkey", f"{signer}.key"] if signer else []
    out = ["-days", str(_DAYS), "-out", f"{name}.crt"]
    _openssl(where, "req", "-x509", "-config", "/dev/stdin", *new_key, *signed_by, *out, stdin=config)


def _openssl(where: Path, *arguments: str, stdin: str = "") -> None:
    argv = ["openssl", *arguments]
    done = subprocess.run(argv, cwd=where, input=stdin, umask=0o077, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"openssl {arguments[0]} failed: {done.stderr.strip()}", "use openssl 3.0 or later")
