"""Who is on the card of a live cluster, and in no entry of a stack. Only `ops fit` asks; a failure is a line."""

import os
from collections.abc import Sequence
from pathlib import Path

from observe.kubectl import NoAnswerError, look
from plan import config
from plan.card.live_tenants import undeclared, undeclared_notes
from plan.card.tenancy import plan_tenancy
from plan.config.stack_file import NO_CLUSTER


def lines(stack: config.Stack) -> Sequence[str]:
    """What a person has to know; nothing where there is no card, or no kubeconfig."""
    wanted = plan_tenancy(stack, None)
    if not wanted.shared or not _has_kubeconfig():
        return ()
    try:
        seen = look(None if wanted.cluster_id == NO_CLUSTER else wanted.cluster_id)
    except NoAnswerError as error:
        return (f"Whether the card has undeclared tenants is not known: {error}. --offline does not look.",)
    return undeclared_notes(undeclared(wanted, seen))


def _has_kubeconfig() -> bool:
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    return any(Path(file).is_file() for file in [*filter(None, named), Path.home() / ".kube" / "config"])
