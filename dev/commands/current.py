"""`make up CLUSTER=current`: deploys the stack to the cluster of your KUBECONFIG."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from dev.cluster import kubectl
from dev.commands import requirements_check
from dev.commands.up import cluster_id, deploy, namespace, prove
from dev.machine import daemons, postgres
from dev.machine.daemons import Daemon
from dev.machine.forward import require_free
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.pulumi import backend
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import committed, render
from dev.tools import tools
from plan.base import names
from plan.config.stack_file import Facts


def up(instance: Instance, stack: str, state: str) -> None:
    """Deploy the stack to the current cluster and prove it; raises DevError where a right or a fact is missing."""
    cli = prepared(instance, stack, state, _create_namespaces)
    where = cli.kubeconfig
    deploy(cli)
    argv = [tools.path("kubectl") / "kubectl", "--kubeconfig", where, "-n", namespace(stack), "port-forward"]
    daemons.stop(instance, requirements_check.ENDPOINT)
    require_free(instance, instance.ports.endpoint)
    port = f"{instance.ports.endpoint}:{names.SERVICE_PORT}"
    way = Daemon(instance, requirements_check.ENDPOINT, [*argv, f"service/{names.SERVER}", port])
    way.start()
    daemons.wait_for("the way to the Service", lambda: _listens(instance), way)
    prove(cli, where)


def prepared(
    instance: Instance, stack: str, state: str, handle: Callable[[Path, list[str]], None] | None = None
) -> PulumiCli:
    """The CLI for the stack on the current cluster. Missing namespaces go to `handle`, or else raise DevError."""
    requirements_check.check(stack, requirements_check.CURRENT)
    where, to_state = kubeconfig(), environment(instance, state)
    tools.ensure("kubectl", "pulumi", "postgres")
    render(instance, stack, Facts(cluster_id(where)))
    if missing := [name for name in _namespaces(stack) if not _exists(where, name)]:
        (handle or _refuse)(where, missing)
    if state:
        postgres.start(instance)
    return PulumiCli(instance, stack, where, to_state, operators=True)


def kubeconfig() -> Path:
    """The file KUBECONFIG names, or kubectl's default; raises DevError when there is none."""
    path = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
    if not path.is_file():
        raise DevError(f"KUBECONFIG={path} is not a file", "export KUBECONFIG=/path/to/your/kubeconfig")
    return path.resolve()


def environment(instance: Instance, state: str) -> dict[str, str]:
    """The variables that lead to the state: libpq's of the operator, or those of the embedded one. Starts nothing.

    Raises DevError where a person has said neither: a state on this machine is one that no other machine finds.
    """
    if state:
        return {**postgres.environment(instance), backend.URL: backend.committed_url()}
    if not any(os.environ.get(name) for name in ("PGHOST", "PGSERVICE", backend.URL)):
        raise DevError(
            f"nothing says where the state lies: PGHOST, PGSERVICE and {backend.URL} are not set",
            "export PGHOST=... PGUSER=... PGDATABASE=... PGSSLMODE=verify-full of your Postgres, and run this again; "
            "or keep the state on this machine alone: add STATE=embedded",
        )
    return {name: value for name, value in os.environ.items() if name.startswith("PG")}


def _namespaces(stack: str) -> list[str]:
    value = committed(stack)
    return [value["namespace"], *([value["immich"]["namespace"]] if value.get("immich") else [])]


def _exists(where: Path, namespace: str) -> bool:
    return bool(kubectl.run(where, "get", "namespace", namespace, "--ignore-not-found", "-o", "name"))


def _refuse(where: Path, missing: list[str]) -> None:
    raise DevError(
        f"{_said(missing)} in the cluster of {where}, and a preview creates nothing",
        " && ".join(f"kubectl create namespace {name}" for name in missing),
    )


def _said(missing: list[str]) -> str:
    return (
        f"the namespace{'s' * (len(missing) > 1)} {' and '.join(missing)} {'do' if missing[1:] else 'does'} not exist"
    )


def _create_namespaces(where: Path, missing: list[str]) -> None:
    for name in missing:
        try:
            kubectl.run(where, "create", "namespace", name)
        except DevError as error:
            raise DevError(
                f"{_said([name])}, and this kubeconfig may not create it: {error.what}",
                f"ask someone who may for `kubectl create namespace {name}`",
            ) from None
        say(f"created the namespace {name}")


def _listens(instance: Instance) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", instance.ports.endpoint)) == 0
