"""The played cluster: a real `pulumi`, Postgres and API server on this machine, with pods that only pretend to run.

It shows in seconds what a stack creates, in which order, and whether the API server accepts it. It cannot show whether
a model answers.
"""

import os

from dev.cluster import cluster
from dev.cluster.nodes import CARD, PLAIN
from dev.cluster.played import stand_ins
from dev.commands import requirements_check
from dev.commands.up import cluster_id, deploy, namespace
from dev.machine import postgres
from dev.machine.instance import Instance
from dev.machine.steps import say, typed
from dev.pulumi.cli import PulumiCli, local
from dev.pulumi.stackfile import committed, render
from dev.tools import tools
from plan.config.stack_file import file_name


def start(instance: Instance, stack: str) -> None:
    """Start Postgres, the played cluster and what the stack expects to find there, and say how to use it."""
    _ready(instance, stack)
    tenant = _tenant(stack)
    say(f"{instance.name} is up; no container runs in it")
    print(
        typed(f"""
There is a Postgres for the state, and a Kubernetes with two played nodes: {CARD} has the GPU and keeps others off by a
taint, {PLAIN} has none. In it: the namespace {namespace(stack)}, and somebody else's Deployment
{tenant.deployment} in the namespace {tenant.namespace}.

make preview STACK=prod               what an up would change
make up STACK=prod                    everything is created, and the pods are played
eval "$(make -s env CLUSTER=engine)"  for a kubectl, pulumi or psql of your own
make down CLUSTER=engine              stop it; make clean CLUSTER=engine forgets it
""")
    )


def up(instance: Instance, stack: str) -> None:
    """Deploy the stack to the played cluster."""
    deploy(prepared(instance, stack))
    say(f"{stack} is up, but its pods are played: no model answers")
    print(
        typed(f"""
Look around: eval "$(make -s env)"; kubectl get all,pvc -n {namespace(stack)}
`make up STACK={stack} CLUSTER=current` deploys it to the cluster of your KUBECONFIG.
""")
    )


def prepared(instance: Instance, stack: str) -> PulumiCli:
    """The CLI for the stack on the played cluster, which is started when it does not run. Raises DevError."""
    _ready(instance, stack)
    facts = requirements_check.played(cluster_id(instance.kubeconfig))
    if os.environ.get("KUBECONFIG"):
        say(f"the stack {stack} is played on this machine; CLUSTER=current asks the cluster of your KUBECONFIG")
    if written := committed(stack).get("cluster"):
        say(f"the played cluster {facts.cluster_id} stands for {written['id']} of {file_name(stack)}")
    render(instance, stack, facts)
    return local(instance, stack)


def _ready(instance: Instance, stack: str) -> None:
    requirements_check.played_cluster(stack)
    tools.ensure("debian", "postgres", "pulumi", "kubernetes", "kwok")
    postgres.start(instance)
    cluster.up(instance, nodes="kwok")
    stand_ins.ensure(instance, requirements_check.NO_IMAGE, namespace(stack), _tenant(stack))


def _tenant(stack: str) -> stand_ins.Tenant:
    """The tenant of the card whose Deployment or StatefulSet the stack patches."""
    immich = committed(stack).get("immich")
    if not immich:
        return stand_ins.Tenant()
    deployment = immich["deployment"]
    container, kind = immich.get("container") or deployment, immich.get("kind", "Deployment")
    return stand_ins.Tenant(immich["namespace"], deployment, container, kind)
