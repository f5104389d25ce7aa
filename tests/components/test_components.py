"""What each component wires together; what the values are is decided, and tested, in plan/."""

from dataclasses import replace

import pulumi
import pytest

from components.card.immich_ttl import ImmichTtl, ImmichTtlArgs
from components.cluster.namespace import label_namespace
from components.server.llama_swap import LlamaSwap, LlamaSwapArgs
from components.weights.model_fetch import ModelFetch
from components.weights.models_volume import ModelsVolume, ModelsVolumeArgs
from components.weights.weights_prune import WeightsPrune, WeightsPruneArgs
from ops.render.recorder import Recorder, build
from plan.plan import Plan
from tests.components.built import fetch_args
from tests.plans import planned


def test_an_nfs_volume_is_bound_by_csi_to_one_rwx_claim_without_a_storage_class(recorder: Recorder, plan: Plan) -> None:
    build(lambda: ModelsVolume("models", ModelsVolumeArgs(plan.volume)))

    (volume,), (claim,) = recorder.of("PersistentVolume"), recorder.of("PersistentVolumeClaim")
    assert volume.inputs["spec"]["csi"]["driver"] == "nfs.csi.k8s.io"
    assert volume.inputs["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume.inputs["spec"]["claimRef"] == {"namespace": "llama-cpp", "name": "llamacpp-models"}
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim.inputs["spec"]["volumeName"] == volume.inputs["metadata"]["name"]
    assert claim.inputs["spec"]["storageClassName"] == volume.inputs["spec"]["storageClassName"] == ""
    assert recorder.of("StorageClass") == [], "static binding needs no provisioner"


def test_a_local_volume_holds_its_pods_on_its_node(recorder: Recorder) -> None:
    local = {"name": "models", "size_gib": 50, "local": {"path": "/srv/models", "node": "gpu-node"}}

    build(lambda: ModelsVolume("models", ModelsVolumeArgs(planned("t4", volume=local).volume)))

    (volume,) = recorder.of("PersistentVolume")
    (term,) = volume.inputs["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["gpu-node"]}]
    assert "csi" not in volume.inputs["spec"]


def test_an_existing_claim_is_used_and_nothing_is_created(recorder: Recorder) -> None:
    claim = {"name": "theirs", "existing_claim": True}
    names: list[str] = []

    def make() -> pulumi.Output[None]:
        volume = ModelsVolume("models", ModelsVolumeArgs(planned("t4", volume=claim).volume))
        return volume.claim_name.apply(names.append)

    pulumi.runtime.test(make)()

    assert names == ["theirs"]
    assert [r.type for r in recorder.registered] == ["llm:storage:ModelsVolume"]


def test_what_is_kept_changes_only_when_the_new_server_is_ready(recorder: Recorder, plan: Plan) -> None:
    def make() -> None:
        weights = [ModelFetch("fetch", fetch_args(plan))]
        rollout = LlamaSwap("llama-swap", LlamaSwapArgs(plan.server, "claim", "scripts-0000000", weights)).rollout
        WeightsPrune("prune", WeightsPruneArgs(plan.prune, plan.fetches, "claim", "scripts-0000000", rollout))

    build(make)

    (cron_job,), (deployment,) = recorder.of("CronJob"), recorder.of("Deployment")
    assert deployment.urn in cron_job.options.dependencies
    assert cron_job.inputs["spec"]["concurrencyPolicy"] == "Forbid"
    (container,) = cron_job.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["prune", "--manifest"]


def test_the_namespace_keeps_our_labels_when_the_stack_goes(recorder: Recorder) -> None:
    build(lambda: label_namespace("namespace", "llama-cpp", pulumi.ResourceOptions()))

    (patch,) = recorder.of("NamespacePatch")
    assert patch.inputs["metadata"]["labels"]["app.kubernetes.io/part-of"] == "local-llm"
    assert patch.options.retainOnDelete, "a namespace is never ours to change on the way out"
    assert recorder.of("Namespace") == []


def test_a_ttl_patch_that_mends_says_so_in_an_annotation_that_is_not_ignored(recorder: Recorder, plan: Plan) -> None:
    assert plan.expected.immich
    mending = plan.expected.immich.mending("0 by kubectl-set")
    build(lambda: ImmichTtl("immich", ImmichTtlArgs(mending)))

    (patch,) = recorder.of("DeploymentPatch")
    assert patch.inputs["metadata"]["annotations"]["local-llm/model-ttl-mends"] == "0 by kubectl-set"
    assert patch.inputs["metadata"]["annotations"]["local-llm/model-ttl-s"] == "600"
    assert list(patch.options.ignoreChanges) == ["spec"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_the_ttl_patch_is_of_the_kind_that_the_stack_names(recorder: Recorder, plan: Plan, kind: str) -> None:
    assert plan.expected.immich
    build(lambda: ImmichTtl("immich", ImmichTtlArgs(replace(plan.expected.immich, kind=kind))))  # type: ignore[type-var]

    (patch,) = recorder.of(f"{kind}Patch")
    (container,) = patch.inputs["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "MACHINE_LEARNING_MODEL_TTL", "value": "600"}]


def test_the_ttl_patch_differs_by_its_annotation_alone_and_stays_when_the_stack_goes(
    recorder: Recorder, plan: Plan
) -> None:
    assert plan.expected.immich
    build(lambda: ImmichTtl("immich", ImmichTtlArgs(plan.expected.immich)))

    (patch,) = recorder.of("DeploymentPatch")
    assert "600" in patch.inputs["metadata"]["annotations"].values()
    assert list(patch.options.ignoreChanges) == ["spec", 'metadata.annotations["local-llm/model-ttl-mends"]'], (
        "what an earlier patch has mended stays in its annotation"
    )
    assert list(patch.options.replaceOnChanges) == ["metadata.annotations"]
    assert patch.options.deleteBeforeReplace
    assert patch.options.retainOnDelete
