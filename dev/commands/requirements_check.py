"""Refuses what cannot work before anything is built or started: configuration, lock, rights, disk, ports."""

import datetime
import os
import re
from pathlib import Path, PurePath

from dev.cluster import disk, nodes
from dev.machine import daemons
from dev.machine.forward import require_free
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi.stackfile import ROOT, complete
from dev.tools import tools
from observe import stack_files
from plan import config
from plan.base.errors import ConfigError, FixableError
from plan.config.places import with_lines
from plan.config.stack_file import NO_CLUSTER, Facts, file_name
from plan.models import lock
from plan.plan import make_plan

ENDPOINT = "forward-endpoint"  # the daemon that holds the endpoint's port
NO_IMAGE = f"llm.local/runtime@sha256:{'0' * 64}"  # stands for an image of the played cluster, where no container runs
# Facts of a machine that has yet to start, good enough for the rules to check the configuration.
EMBEDDED = Facts(NO_CLUSTER, NO_IMAGE, Path("/models"), nodes.NODE, "http://hub")
CURRENT = Facts(NO_CLUSTER)


def played(cluster_id: str = NO_CLUSTER) -> Facts:
    """The facts of the played cluster: its pods never run, so any image and directory will do."""
    gpu_node = {"selector": nodes.GPU_LABEL, "tolerations": [nodes.TAINT]}
    return Facts(cluster_id, NO_IMAGE, Path("/srv/models"), nodes.CARD, gpu_node=gpu_node, any_cluster=True)


def embedded(instance: Instance, stack: str) -> None:
    """Refuse an `up` that cannot work on this machine; raises DevError."""
    check(stack, EMBEDDED)
    if os.geteuid() != 0:
        raise DevError("the embedded cluster needs root", "run `make up` as root, or `make up CLUSTER=current`")
    built = all(tools.find(name) for name in ("kubernetes", "llama", "pulumi"))
    disk.require_space(needed_gib=disk.NEEDED_GIB if built else disk.BUILD_GIB)
    if not daemons.pid_of(instance, ENDPOINT):
        require_free(instance, instance.ports.endpoint)


def played_cluster(stack: str) -> None:
    """Refuse what cannot work on the played cluster; raises DevError."""
    check(stack, played())
    if os.geteuid() != 0:
        raise DevError(
            "the played cluster needs root", "run this as root, or with CLUSTER=current on a cluster of yours"
        )
    built = all(tools.find(name) for name in ("kubernetes", "kwok", "pulumi"))
    disk.require_space(needed_gib=disk.NEEDED_GIB if built else disk.BUILD_GIB)


def check(stack: str, facts: Facts) -> None:
    """Plan the stack offline; raises DevError with every problem, and what mends it: a command, or else the file."""
    given, file, locked = complete(stack, facts), ROOT / file_name(stack), ROOT / lock.LOCK_FILE
    try:
        content = lock.load(locked.read_bytes() if locked.exists() else b"")
        parsed, today = config.parse(given), datetime.datetime.now(tz=datetime.UTC).date()
        make_plan(parsed, content, today, stack_files.templates(parsed, ROOT))
    except ConfigError as error:
        told = with_lines(error, PurePath(file.name), file.read_bytes, lambda: given)
        command = re.search(r"Run `([^`]+)`", error.fix)
        what = f"`{command[1]}`" if command else f"correct {file.name}"
        raise DevError(str(told), f"{what}, then run this again") from None
    except FixableError as error:
        raise DevError(error.what, error.fix) from None
