"""Who is on the card of a live cluster, and in no entry of a stack. Only `ops fit` asks; a failure is a line."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from components.live import NoAnswerError, Question
from ops.stack_file import NO_CLUSTER
from plan import config
from plan.holders import undeclared, undeclared_notes
from plan.observed import parse
from plan.tenancy import plan_tenancy


def lines(stack: config.Stack) -> Sequence[str]:
    """What a person has to know; nothing where there is no card, or no kubeconfig."""
    wanted = plan_tenancy(stack, None)
    if not wanted.shared or not _has_kubeconfig():
        return ()
    try:
        seen = parse(Question().answer())
    except (NoAnswerError, ValueError) as error:
        return (f"Whether the card has undeclared tenants is not known: {error}. --offline does not look.",)
    if wanted.cluster_id not in (seen.cluster_id, NO_CLUSTER):
        return (f"The cluster {seen.cluster_id}, where kubectl leads, is not the stack's: nobody there is looked at.",)
    known = dataclasses.replace(wanted, cluster_id=seen.cluster_id)
    return undeclared_notes(undeclared(known, seen))


def _has_kubeconfig() -> bool:
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    return any(Path(file).is_file() for file in [*filter(None, named), Path.home() / ".kube" / "config"])
