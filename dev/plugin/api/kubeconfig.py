"""Reading kubeconfig files: which API server, which credentials, which namespace.

Source of the rules: client-go tools/clientcmd and the exec credential protocol of client.authentication.k8s.io.
"""

import base64
import json
import os
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from dev.plugin.api.settings import Settings
from dev.plugin.values import is_list, is_object


class ConfigError(Exception):
    """The kubeconfig cannot be used; the text says which file, what is wrong and what to do."""


class Access(NamedTuple):
    """How to reach the API server."""

    server: str
    namespace: str
    tls: ssl.SSLContext | None
    headers: dict[str, str]


def load(settings: Settings) -> Access:
    """Resolve the active context; raises ConfigError."""
    config, origin = _merged(settings.kubeconfig)
    context = _context(config, settings)
    if context is None:
        name = settings.context or config.get("current-context") or "(none)"
        raise ConfigError(f"{origin} has no context {name!r}: set current-context, or the provider's `context`")
    cluster = _named(config, "clusters", settings.cluster or context.get("cluster", ""))
    if not cluster or not cluster.get("server"):
        raise ConfigError(f"{origin} names no server for cluster {context.get('cluster')!r}: add it under `clusters`")
    user = _named(config, "users", context.get("user", "")) or {}
    namespace = settings.namespace or context.get("namespace") or "default"
    if "exec" in user:
        user = {**user, **_exec_credentials(user["exec"])}
    return Access(cluster["server"], namespace, _tls(cluster, user), _headers(user))


def active_cluster(settings: Settings) -> dict[str, Any] | None:
    """The cluster entry of an explicitly given kubeconfig; None where it is ambient or names none."""
    if not settings.kubeconfig:
        return None
    config, _ = _merged(settings.kubeconfig)
    context = _context(config, settings)
    return _named(config, "clusters", settings.cluster or context.get("cluster", "")) if context is not None else None


def _context(config: dict[str, Any], settings: Settings) -> dict[str, Any] | None:
    return _named(config, "contexts", settings.context or config.get("current-context", ""))


def _named(config: dict[str, Any], section: str, name: str) -> dict[str, Any] | None:
    known: list[dict[str, Any]] = config.get(section) or []
    entries = [entry for entry in known if entry.get("name") == name]
    return entries[0].get(section.removesuffix("s")) or {} if entries else None


def _merged(given: str) -> tuple[dict[str, Any], str]:
    """The configuration and where it came from; of several files the first that defines something wins."""
    if given and not Path(given).expanduser().is_file():
        if "\n" not in given and not given.lstrip().startswith("{"):
            raise ConfigError(f"no kubeconfig at {given}: correct the provider's `kubeconfig`")
        return _parse(given, "the provider's `kubeconfig`"), "the provider's `kubeconfig`"
    ambient = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    paths = [Path(given).expanduser()] if given else [Path(part) for part in ambient.split(":") if part]
    merged: dict[str, Any] = {}
    for path in filter(Path.is_file, paths):
        for key, value in _parse(path.read_text(), str(path)).items():
            found = _absolute(value, path.parent) if is_list(value) else value
            merged[key] = [*merged.get(key, []), *found] if is_list(found) else merged.get(key) or found
    if not merged:
        raise ConfigError(f"no kubeconfig at {ambient}: set KUBECONFIG to the file that describes your cluster")
    return merged, ambient


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        if text.lstrip().startswith("{"):
            config = json.loads(text)
        else:
            import yaml

            config = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except Exception as error:  # json and yaml share no base class; the text may hold credentials, so it is not shown
        raise ConfigError(f"{origin} is neither YAML nor JSON ({type(error).__name__}): correct it") from None
    if not is_object(config):
        raise ConfigError(f"{origin} is no kubeconfig: it must be a mapping")
    return config


def _absolute(entries: list[dict[str, Any]], base: Path) -> list[dict[str, Any]]:
    """Paths in a kubeconfig are relative to the file they stand in."""
    for entry in entries:
        for section in (entry.get("cluster"), entry.get("user")):
            for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
                if section and section.get(key):
                    section[key] = str(base / section[key])
    return entries


def _exec_credentials(spec: dict[str, Any]) -> dict[str, Any]:
    """Credentials printed by the helper command; it gets no terminal."""
    arguments: list[str] = spec.get("args") or []
    variables: list[dict[str, str]] = spec.get("env") or []
    argv: list[str] = [spec["command"], *arguments]
    request = {"apiVersion": spec.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    env = {
        **os.environ,
        **{item["name"]: item["value"] for item in variables},
        "KUBERNETES_EXEC_INFO": json.dumps(request),
    }
    try:
        done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        message = f"{argv[0]} gave no credentials ({type(error).__name__}): run it by hand, log in, and try again"
        raise ConfigError(message) from None
    pem = {key: base64.b64encode(status[name].encode()).decode() for key, name in _EXEC_KEYS.items() if name in status}
    return {**({"token": status["token"]} if "token" in status else {}), **pem}


_EXEC_KEYS = {"client-certificate-data": "clientCertificateData", "client-key-data": "clientKeyData"}


def _tls(cluster: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext | None:
    if not cluster["server"].startswith("https://"):
        return None
    authority = _pem(cluster, "certificate-authority")
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    if certificate and key:
        with tempfile.NamedTemporaryFile() as both:  # created 0600; the ssl module only reads files
            both.write(certificate + b"\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return tls


def _pem(section: dict[str, Any], key: str) -> bytes | None:
    if data := section.get(f"{key}-data"):
        return base64.b64decode(data)
    return Path(section[key]).read_bytes() if section.get(key) else None


def _headers(user: dict[str, Any]) -> dict[str, str]:
    token = user.get("token") or (Path(user["tokenFile"]).read_text().strip() if user.get("tokenFile") else "")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
