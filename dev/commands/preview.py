"""`make preview`: what an `up` would change. It makes no pod and no namespace in a cluster, and builds nothing.

It makes what a preview needs: the rendered stack file, Pulumi's plugins and an empty stack in the state. It also starts
the played cluster, because that exists only to try things on.
"""

from dev.commands import current, played, requirements_check, up, verdict
from dev.images import images
from dev.machine import daemons, postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.pulumi import mend
from dev.pulumi.cli import PulumiCli, local
from dev.pulumi.stackfile import render

_MACHINE = ("etcd", "kube-apiserver", "kubelet", postgres.NAME)


def run(instance: Instance, cluster: str, stack: str, state: str) -> int:
    """Preview the stack on `cluster`; returns Pulumi's exit code. Raises DevError."""
    cli = prepared(instance, cluster, stack, state)
    cli.ready()
    code, _ = verdict.told(mend.before_preview(cli))
    if code == 0 and cluster == "engine":
        say(f"previewed on the played cluster of {instance.name}; CLUSTER=current asks the one of your KUBECONFIG")
    return code


def prepared(instance: Instance, cluster: str, stack: str, state: str) -> PulumiCli:
    """The CLI for the stack on `cluster`, for which nothing was built, and no pod and no namespace made."""
    if cluster == "current":
        return current.prepared(instance, stack, state)
    return {"embedded": _embedded, "engine": played.prepared}[cluster](instance, stack)


def _embedded(instance: Instance, stack: str) -> PulumiCli:
    requirements_check.check(stack, requirements_check.EMBEDDED)
    if not all(daemons.pid_of(instance, name) for name in _MACHINE):
        raise DevError(
            f"the embedded machine {instance.name} does not run",
            f"run `make up` first; or play it: `make preview STACK={stack} CLUSTER=engine`",
        )
    if not (image := images.find()):
        raise DevError("the image that this checkout's `make up` would use is not built yet", "run `make up` first")
    render(instance, stack, up.facts(instance, image))
    return local(instance, stack)
