"""`make up`: brings up everything that is missing, step by step, until a model answers a chat through the Service."""

import base64
import sys
from pathlib import Path

from dev import hub
from dev.cluster import cluster, kubectl, nodes
from dev.cluster.played import stand_ins
from dev.commands import conversation, requirements_check, verdict, watched
from dev.images import images
from dev.machine import daemons, network, postgres
from dev.machine.daemons import Daemon
from dev.machine.forward import forward
from dev.machine.instance import CDN_PORT, HUB_PORT, NODE_IP, Instance
from dev.machine.steps import say, step, typed
from dev.pulumi import mend
from dev.pulumi.cli import PulumiCli, local
from dev.pulumi.stackfile import ROOT, committed, render
from dev.tools import tools
from dev.tools.catalog import TOOLS
from dev.tools.llama import GEMMA_FILES, SMOLLM2_FILES
from plan.base import names
from plan.config.stack_file import Facts

_QUESTION = "Name three colours of the rainbow."
_BEGINNING = "The capital of France is the city of"  # a model without a chat template goes on with it
_ROLLOUT_S = 600  # a server that Pulumi took for ready is there long before


def embedded(instance: Instance, stack: str) -> None:
    """Bring up Postgres, cluster, hub and stack on this machine, then chat with two models."""
    requirements_check.embedded(instance, stack)
    tools.ensure("debian", "postgres", "pulumi", "llama", "gemma", "smollm2")
    postgres.start(instance)
    cluster.up(instance)
    pinned = images.ensure(instance)["runtime"]
    stand_ins.ensure(instance, pinned)
    _hub(instance)
    render(instance, stack, facts(instance, pinned))
    cli = local(instance, stack)
    deploy(cli)
    place = ["-n", namespace(stack), "-o", "jsonpath={.spec.clusterIP}"]
    target = kubectl.run(instance.kubeconfig, "get", "service", names.SERVER, *place)
    forward(instance, requirements_check.ENDPOINT, {instance.ports.endpoint: f"{target}:{names.SERVICE_PORT}"})
    prove(cli, instance.kubeconfig)
    if not tools.find("kwok"):
        say(f"`make preview STACK=prod` plays another stack; the first one builds kwok, {TOOLS['kwok'].takes}")


def facts(instance: Instance, image: str) -> Facts:
    """The facts of the running embedded machine for a stack file."""
    uid, hub_url = cluster_id(instance.kubeconfig), f"http://{NODE_IP}:{HUB_PORT}"
    return Facts(uid, image, cluster.models(instance), nodes.NODE, hub_url)


def cluster_id(kubeconfig: Path) -> str:
    """The uid of kube-system, by which a stack knows its cluster."""
    return kubectl.run(kubeconfig, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")


def deploy(cli: PulumiCli) -> None:
    """Say what changes, and run `pulumi up`; returns when the new server, and no older one, is there."""
    cli.prepare()
    cli = verdict.require(mend.before_up(cli))
    with step(f"pulumi up of the stack {cli.stack}"):
        up = ("up", "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs")
        watched.run(cli, namespace(cli.stack), *up)
        # The Kubernetes plugin may take the pod before a Recreate for the new one: until it is gone, the Deployment's
        # revision and conditions are still its own (pulumi-kubernetes 4.32, provider/pkg/await/deployment.go).
        place = ["-n", namespace(cli.stack), f"--timeout={_ROLLOUT_S}s"]
        kubectl.run(cli.kubeconfig, "rollout", "status", f"deployment/{names.SERVER}", *place)


def prove(cli: PulumiCli, kubeconfig: Path) -> None:
    """Chat with two models through the Service, the second after a swap, and say how to go on."""
    endpoint = f"http://127.0.0.1:{cli.instance.ports.endpoint}"
    key, ids = api_key(kubeconfig, namespace(cli.stack)), sorted(committed(cli.stack)["models"])
    conversation.wait(endpoint)
    chatting = conversation.first_and_last(ids)
    for model in chatting:
        asked = _QUESTION if conversation.chats(model) else _BEGINNING
        say(f"asking {model}: {asked}")
        messages = [{"role": "user", "content": asked}]
        say(str(conversation.ask(endpoint, key, model, messages, max_tokens=64, temperature=0)))
    say(f"endpoint: {endpoint}/v1 (models: {', '.join(ids)})")
    print(
        typed(f"""
make chat ASK="Why is the sky blue?"
KEY=$(make -s key)
curl {endpoint}/v1/chat/completions -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
  -d '{{"model": "{chatting[0]}", "max_tokens": 64, "messages": [{{"role": "user", "content": "Hello"}}]}}'
""")
    )


def api_key(kubeconfig: Path, namespace: str) -> str:
    """The endpoint's key, from its Secret; raises DevError before the first `make up`."""
    field = f"jsonpath={{.data.{names.API_KEY_FIELD}}}"
    encoded = kubectl.run(kubeconfig, "get", "secret", names.API_KEY_SECRET, "-n", namespace, "-o", field)
    return base64.b64decode(encoded).decode()


def _hub(instance: Instance) -> None:
    root = instance.state / "hub"
    for repo, tool, files in ((hub.GEMMA_REPO, "gemma", GEMMA_FILES), (hub.SMOLLM2_REPO, "smollm2", SMOLLM2_FILES)):
        hub.populate(root, repo, {name: tools.path(tool) / name for name in files})
    argv = [sys.executable, "-m", "dev.hub", "--listen", NODE_IP, "--port", str(HUB_PORT)]
    argv += ["--cdn-port", str(CDN_PORT), "--root", str(root)]
    served = Daemon(instance, "hub", argv, in_netns=True, cwd=ROOT)
    served.start()
    daemons.wait_for("the hub", lambda: network.accepts(instance, NODE_IP, HUB_PORT), served)
    ports = instance.ports
    forward(instance, "forward-hub", {ports.hub: f"{NODE_IP}:{HUB_PORT}", ports.cdn: f"{NODE_IP}:{CDN_PORT}"})


def namespace(stack: str) -> str:
    """The namespace of the stack, from its committed file."""
    return committed(stack)["namespace"]
