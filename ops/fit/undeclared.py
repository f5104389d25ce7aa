"""Pods of the live cluster that share the card without an entry in the stack. Where the cluster does not answer,
`ops fit` shows a line that says so.
"""

import os
from collections.abc import Sequence

from observe.kubectl import NoAnswerError, look
from plan import config
from plan.config.stack_file import NO_CLUSTER
from plan.live.live_tenants import undeclared, undeclared_notes
from plan.live.tenancy import plan_tenancy


def lines(stack: config.Stack) -> Sequence[str]:
    """Lines for the report; none where the stack has no shared card, or where there is no kubeconfig."""
    wanted = plan_tenancy(stack, None)
    if not wanted.shared or not _has_kubeconfig():
        return ()
    try:
        seen = look(None if wanted.cluster_id == NO_CLUSTER else wanted.cluster_id)
        return undeclared_notes(undeclared(wanted, seen))
    except (NoAnswerError, ValueError) as error:  # ValueError: a request that is no quantity
        return (f"Whether the card has undeclared tenants is not known: {error}. --offline does not look.",)


def _has_kubeconfig() -> bool:
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    return any(map(os.path.isfile, [*named, os.path.expanduser("~/.kube/config")]))
