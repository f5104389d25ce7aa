"""What is fetched onto the volume: one Job per model, and what the gate waits for."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plan import config
from plan.base import names
from plan.base.jobs import CANNOT_START
from plan.base.pod_manifests import AwaitedFile, AwaitedModel, FetchedFile, FetchManifest, GateManifest
from plan.base.pod_types import Resources
from plan.config.tolerations import PodToleration, tolerations
from plan.kubernetes.arguments import argument
from plan.models.lock import LockedFile, LockedModel
from plan.text.writer import json_text
from plan.weights.volume import MOUNT

RESOURCES = Resources(
    requests={"cpu": "100m", "memory": "128Mi"},
    # Dirty pages on NFS are charged to the pod, hence eight times what the process needs.
    limits={"memory": "1Gi", "ephemeral-storage": "1Gi"},
)
SCRIPTS_DIR = "/opt/local-llm"
SCRIPT = f"{SCRIPTS_DIR}/pods.pyz"
# Another try would end the same way: no such command or no program where it should be mounted (2), wrong content (65),
# no such file (66), no space (73), no access (77), bad manifest (78, sysexits.h), an image that cannot start it.
# Tried again, for it may pass: an error that nobody foresaw (70), a hub (69) or a volume (74) that is away,
# the kernel out of memory or a node that was lost (137: what is on the volume stays, each try begins further on), a
# stop (143), and what nobody knows. `up` tells meanwhile which code it was, and the deadline ends it.
FINAL_EXIT_CODES = (2, 65, 66, 73, 77, 78, *CANNOT_START)
# The slowest line worth waiting for; below it a person would rather be told than wait.
_SLOWEST_MIB_S = 2
_DAY_S = 86400
_STREAMS = 4
# Variables that pods/fetch reads; what they hold stays in Secrets.
_TOKEN, _PROXY_CREDENTIALS = "HF_TOKEN", "FETCH_PROXY_CREDENTIALS"
_AUTHORITIES_DIR = "/etc/local-llm/authorities"
# Not Always: a walk over every blob before each pod, which would also make each of them writable to the group again.
_ON_ROOT_MISMATCH = "OnRootMismatch"


@dataclass(frozen=True, slots=True)
class FetchPlan:
    """One Job, failed after `deadline_s` seconds; `manifest` is the fetcher's JSON as an argument of its container."""

    model_id: str
    job: str
    generation: str
    manifest: str
    deadline_s: int


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """An environment variable whose value lies in an entry of a Secret."""

    variable: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class MountedConfigMap:
    """A ConfigMap that exists already, as a volume of that name at `directory`."""

    volume: str
    config_map: str
    directory: str


@dataclass(frozen=True, slots=True)
class FetchesPlan:
    """The Jobs, and what their pods have in common; those of the volume's other Jobs run as the same user.

    `fs_group` is None where the volume's owner stays as it is.
    """

    namespace: str
    image: str
    uid: int
    gid: int
    fs_group: int | None
    fs_group_change_policy: str | None
    tolerations: tuple[PodToleration, ...]
    secrets: tuple[SecretVariable, ...]
    config_maps: tuple[MountedConfigMap, ...]
    jobs: tuple[FetchPlan, ...]


def plan_fetches(stack: config.Stack, models: Mapping[str, LockedModel]) -> FetchesPlan:
    """A Job per model, each with the same deadline: any of them may wait for the others' turn."""
    deadline_s = _deadline_s(stack.volume, models) if stack.fetch.deadline_s is None else stack.fetch.deadline_s
    owns = stack.volume.fs_group
    return FetchesPlan(
        namespace=stack.namespace,
        image=stack.fetch.image,
        uid=stack.server.uid,
        gid=stack.server.gid,
        fs_group=stack.server.gid if owns else None,
        fs_group_change_policy=_ON_ROOT_MISMATCH if owns else None,
        # A volume of one node holds its pods there, and that may be the node that everything else is kept off.
        tolerations=() if stack.volume.nfs else tolerations(stack.gpu.node),
        secrets=_secrets(stack.fetch),
        config_maps=(MountedConfigMap("authorities", it.name, _AUTHORITIES_DIR),)
        if (it := stack.fetch.ca_configmap)
        else (),
        jobs=tuple(
            FetchPlan(
                model_id=model_id,
                job=names.fetch_job(model_id),
                generation=model.gen,
                manifest=_argument(model_id, model, stack.fetch),
                deadline_s=deadline_s,
            )
            for model_id, model in sorted(models.items())
        ),
    )


def _secrets(fetch: config.Fetch) -> tuple[SecretVariable, ...]:
    wanted = {_TOKEN: fetch.token_secret, _PROXY_CREDENTIALS: fetch.proxy_secret}
    return tuple(SecretVariable(variable, it.name, it.key) for variable, it in wanted.items() if it)


def _deadline_s(volume: config.Volume, models: Mapping[str, LockedModel]) -> int:
    """Whole days, enough for everything that the volume can hold, and an hour.

    Not from the bytes of the models: those of a new one would change the Jobs of all others. Only a claim that exists,
    whose size nobody knows, counts them; 168 GiB take a day.
    """
    most_mib = volume.size_gib * 1024 if volume.size_gib else sum(it.size_bytes for it in models.values()) / 2**20
    return _DAY_S * math.ceil((most_mib / _SLOWEST_MIB_S + 3600) / _DAY_S)


def gate_manifest(models: Mapping[str, LockedModel]) -> str:
    """The manifest of the gate: which generation of each model has to be complete before the server starts."""
    awaited = [
        AwaitedModel(
            id=names.slug(model_id),
            gen=model.gen,
            files=[AwaitedFile(link=file.link, size=file.size) for file in model.files],
        )
        for model_id, model in sorted(models.items())
    ]
    return json_text(GateManifest(root=MOUNT, models=awaited))


def _argument(model_id: str, model: LockedModel, fetch: config.Fetch) -> str:
    return argument(
        _manifest(model_id, model, fetch), f"{config.KEY}.models.{model_id}", "Take a repository with fewer parts of it"
    )


def _fetched(file: LockedFile) -> FetchedFile:
    fetched = FetchedFile(path=file.path, size=file.size, sha256=file.sha256, link=file.link)
    if file.repo and file.commit:
        fetched["repo"], fetched["commit"] = file.repo, file.commit
    return fetched


def _manifest(model_id: str, model: LockedModel, fetch: config.Fetch) -> str:
    manifest = FetchManifest(
        endpoint=fetch.endpoint,
        root=MOUNT,
        id=names.slug(model_id),
        gen=model.gen,
        repo=model.repo,
        commit=model.commit,
        files=[_fetched(file) for file in model.files],
        streams=_STREAMS,
        slots=fetch.slots,
        verify=fetch.verify,
    )
    if manifest["id"] != model_id:
        manifest["model"] = model_id
    if fetch.proxy:
        manifest["proxy"] = fetch.proxy
    if fetch.no_proxy is not None:
        manifest["no_proxy"] = list(fetch.no_proxy)
    if fetch.ca_configmap:
        manifest["ca_file"] = f"{_AUTHORITIES_DIR}/{fetch.ca_configmap.key}"
    return json_text(manifest)
