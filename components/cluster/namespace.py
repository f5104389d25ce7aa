"""Our labels on the namespace, which exists before the stack and stays after it."""

import pulumi
from pulumi_kubernetes.core.v1 import NamespacePatch
from pulumi_kubernetes.meta.v1 import ObjectMetaPatchArgs

from plan.base import names


def label_namespace(name: str, namespace: str, opts: pulumi.ResourceOptions) -> NamespacePatch:
    """Own two labels of the namespace and nothing else of it."""
    metadata = ObjectMetaPatchArgs(
        name=namespace,
        labels=names.owner_labels(),
        annotations={"pulumi.com/patchFieldManager": "local-llm-namespace"},
    )
    kept = pulumi.ResourceOptions(retain_on_delete=True)
    return NamespacePatch(f"{name}-labels", metadata=metadata, opts=pulumi.ResourceOptions.merge(opts, kept))
