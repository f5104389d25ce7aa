"""Which events end an update at once, and which it waits out."""

import pytest

from plan.live.objects.hopeless import Event, hopeless, is_ours, stands, words_alike

MOUNT = (
    'MountVolume.SetUp failed for volume "m" : rpc error: code = Internal desc = mount failed: exit status 32\nOutput: '
)
NFS = f"{MOUNT}mount.nfs: mounting nas:/srv/modles failed, reason given by server: No such file or directory"
DENIED = f"{MOUNT}mount.nfs: access denied by server while mounting nas:/srv/models"
LOCAL = 'MountVolume.NewMounter initialization failed for volume "m" : path "/srv/modles" does not exist'
QUOTA = (
    'Error creating: pods "fetch-a-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
)
SECURITY = (
    'Error creating: pods "fetch-a-x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile (...)'
)
CLAIM = 'persistentvolumeclaim "modles" not found. not found'
POLICY = 'admission webhook "validate.kyverno.svc-fail" denied the request: no'
AFFINITY = "node(s) didn't match Pod's node affinity/selector"
TAINT = "node(s) had untolerated taint {nvidia.com/gpu: true}"
PREEMPTION = (
    " no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
)


def told(reason: str, message: str, seen_for_s: float = 100) -> str | None:
    found = hopeless(Event("Pod", "fetch-a-x", reason, message), "llama-cpp", seen_for_s)
    return found and f"{found.what}; next: {found.step}"


@pytest.mark.parametrize(
    ("reason", "message", "step"),
    [
        ("FailedMount", LOCAL, "correct volume.local.path"),
        ("FailedMount", f"{MOUNT}mount: special device /srv/x does not exist", "correct volume.local.path"),
        ("FailedMount", NFS, "correct volume.nfs.path"),
        ("FailedMount", NFS.replace("server: ", "server:\n  "), "correct volume.nfs.path"),
        ("FailedMount", DENIED, "exports(5)"),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "ca" : configmap "corp-ca" not found',
            "fetch.ca_configmap",
        ),
        ("Failed", 'Error: secret "hf-token" not found', "fetch.token_secret"),
        ("Failed", "Error: couldn't find key token in Secret llama-cpp/hf-token", "fetch.token_secret"),
        ("FailedScheduling", CLAIM, "correct volume.name"),
        ("FailedCreate", SECURITY, "kubectl describe namespace llama-cpp"),
        ("FailedCreate", QUOTA, "kubectl describe resourcequota -n llama-cpp"),
        ("FailedCreate", 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: fetch', "limitrange"),
        ("FailedCreate", "forbidden: maximum memory usage per Container is 1Gi, but limit is 12Gi", "limitrange"),
        ("FailedCreate", 'pods "x" is forbidden: no PriorityClass with name gpu was found', "server.priority_class"),
        (
            "FailedCreate",
            'pods "x" is forbidden: pod rejected: RuntimeClass "nvidia" not found',
            "gpu.node.runtime_class",
        ),
        ("FailedCreate", POLICY, "ask who runs"),
        ("FailedCreate", "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", "ask who runs"),
        ("FailedScheduling", f"0/2 nodes are available: 1 {AFFINITY}, 1 {TAINT}.{PREEMPTION}", "correct gpu.node"),
        ("FailedScheduling", f"0/3 nodes are available: 3 {AFFINITY}.", "correct gpu.node"),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 node(s) had volume node affinity conflict.",
            "correct gpu.node",
        ),
    ],
    ids=lambda it: it[:40],
)
def test_what_no_waiting_mends_is_told_with_its_object_its_words_and_what_to_do(
    reason: str, message: str, step: str
) -> None:
    said = told(reason, message)

    assert said
    assert said.startswith(f"Pod fetch-a-x: [{reason}] ")
    assert " ".join(message.split())[:60] in said
    assert step in said.partition("; next: ")[2]
    assert "\n" not in said


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FailedMount", f"{MOUNT}mount.nfs: Connection timed out"),
        ("FailedMount", f"{MOUNT}mount.nfs: Failed to resolve server nas: Temporary failure in name resolution"),
        ("FailedMount", "driver name nfs.csi.k8s.io not found in the list of registered CSI drivers"),
        ("FailedMount", "failed to sync configmap cache: timed out waiting for the condition"),
        ("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[models]: timed out waiting"),
        ("Failed", 'Failed to pull image "x": rpc error: code = NotFound'),
        ("BackOff", "Back-off pulling image"),
        ("FailedScheduling", f"0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 {AFFINITY}.{PREEMPTION}"),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
        ),
        *(
            ("FailedScheduling", f"0/2 nodes are available: 1 node(s) had untolerated taint {{{taint}}}, 1 {AFFINITY}.")
            for taint in (
                "node.cilium.io/agent-not-ready: ",
                "ebs.csi.aws.com/agent-not-ready: NoExecute",
                "ToBeDeletedByClusterAutoscaler: 1764408000",
                "karpenter.sh/disrupted: ",
                "node.cloudprovider.kubernetes.io/uninitialized: true",
                "example.com/restarts: gpu",
            )
        ),
        ("FailedScheduling", f"0/2 nodes are available: 1 node(s) were unschedulable, 1 {AFFINITY}."),
        ("FailedCreate", POLICY.replace(": no", ": dial tcp 10.43.0.1:443: i/o timeout")),
        ("FailedCreate", POLICY.replace(": no", ":\n\ncontext deadline exceeded")),
        ("FailedScheduling", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
        ("FailedScheduling", "no nodes available to schedule pods"),
        ("FailedScheduling", f"0/0 nodes are available: 1 {AFFINITY}."),
        ("FailedCreate", 'Error creating: pods "x" is forbidden: serviceaccount "default" not found'),
        ("FailedCreate", 'Error creating: Internal error: failed calling webhook "x": connection refused'),
        ("Unhealthy", "Readiness probe failed"),
        ("Killing", LOCAL),
        ("", ""),
    ],
    ids=lambda it: it[:40],
)
def test_what_may_pass_is_waited_out(reason: str, message: str) -> None:
    assert told(reason, message) is None


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("FailedCreate", QUOTA),
        ("FailedCreate", POLICY),
        ("FailedMount", DENIED),
        ("FailedScheduling", CLAIM),
        ("FailedScheduling", f"0/1 nodes are available: 1 {AFFINITY}."),
    ],
)
def test_what_is_often_true_for_a_moment_only_has_to_stay(reason: str, message: str) -> None:
    assert told(reason, message, seen_for_s=1) is None
    assert told(reason, message, seen_for_s=60)


@pytest.mark.parametrize(
    "taint", ["node-role.kubernetes.io/control-plane: ", "amd.com/gpu: x", "dedicated: db", "CriticalAddonsOnly: true"]
)
def test_a_taint_that_says_for_whom_a_node_is_stays(taint: str) -> None:
    assert told("FailedScheduling", f"0/1 nodes are available: 1 node(s) had untolerated taint {{{taint}}}.")


MODELS = ("qwen3-8b", "mail", "a" * 57)
OURS = [
    ("Pod", "fetch-qwen3-8b-x2x4z"),
    ("Pod", "fetch-mail-bcdfg"),
    ("Pod", f"fetch-{'a' * 52}x2x4z"),  # Kubernetes cuts what it ends
    ("Pod", "preflight-24567"),
    ("Pod", "llama-swap-7d4c9f8b6d-x2x4z"),
    ("Pod", "gpumem-advertise-5b7-x2x4z"),
    ("Job", "fetch-qwen3-8b"),
    ("Job", f"fetch-{'a' * 57}"),
    ("Job", "preflight"),
    ("ReplicaSet", "llama-swap-7d4c9f8b6d"),
    ("Deployment", "llama-swap"),
]
THEIRS = [
    ("Pod", "fetch-mail-28391-bcdfg"),
    ("Pod", "fetch-mail-28391456-x2x4z"),
    ("Pod", "fetch-mail-abc"),
    ("Pod", "fetch-others-x2x4z"),
    ("Pod", "fetch-mail-other"),
    ("Pod", "fetch-mailx2x4z"),
    ("Pod", "fetch-mail"),
    ("Pod", "fetch-x2x4z"),
    ("Pod", "preflight-checks-x2x4z"),
    ("Pod", "llama-swap-exporter-7d4c9f8b6d-x2x4z"),
    ("Pod", "llama-swap-exporter-x2x4z"),
    ("Pod", "llama-swap-7d4c9f8b6d-x2x4z-x2x4z"),
    ("Pod", "llama-swap-0"),
    ("Pod", ""),
    ("Job", "fetch-mail-28391"),
    ("Job", "fetch-others"),
    ("ReplicaSet", "llama-swap-exporter"),
    ("ReplicaSet", "llama-swap-exporter-7d4c9f8b6d"),
    ("Deployment", "llama-swap-exporter"),
    ("StatefulSet", "llama-swap"),
    ("", ""),
]


def test_only_what_the_stack_has_made_is_looked_at() -> None:
    found = [(kind, name) for kind, name in (*OURS, *THEIRS) if is_ours(Event(kind, name, "Failed", LOCAL), MODELS)]
    assert found == OURS


def test_what_is_tried_again_is_the_same_whatever_name_and_count_it_has() -> None:
    def words(message: str) -> str:
        return words_alike(Event("Job", "fetch-a", "FailedCreate", message))

    refused = 'pods "fetch-a-{}" is forbidden: exceeded quota: q, used: pods={}'
    assert words(refused.format("x2x4z", 5)) == words(refused.format("bcdfg", 6))
    assert words(QUOTA) != words(SECURITY)
    assert words(f"1 {AFFINITY}") != words("1 Insufficient nvidia.com/gpu")


def test_only_what_the_scheduler_says_of_a_claim_stands_without_being_said_again() -> None:
    assert stands(Event("Pod", "fetch-a-x2x4z", "FailedScheduling", CLAIM))
    assert not stands(Event("Pod", "fetch-a-x2x4z", "FailedScheduling", f"0/1 nodes are available: 1 {AFFINITY}."))
    assert not stands(Event("Pod", "fetch-a-x2x4z", "FailedMount", DENIED))
