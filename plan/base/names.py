"""Names that others refer to. Each is a DNS label (plan/kubernetes/names.py), so that every one can name a pod.

The id of a model alone is more than that: what clients ask for. Its slug is the label that stands for it.
"""

import hashlib
import re
from typing import Annotated

from plan.base.text_rule import TextRule

SERVER = "llama-swap"  # Deployment and Service: consumers address it
SERVICE_PORT = 8080
WARM_PORT = 9401  # metrics of the container that reads weights ahead
ADVERTISER_PORT = 9402  # health and metrics of the pod that advertises GPU memory
HTTP = "http"  # the name of a pod's main port
WARM_METRICS = "warm-metrics"
HEALTH_PATH = "/health"  # of both engines
METRICS_PATH = "/metrics"
READY_PATH = "/readyz"  # of our own programs
API_KEY_SECRET = "llama-swap-api"  # noqa: S105 - the name of a Secret, not its content
API_KEY_FIELD = "api-key"
ADVERTISER = "gpumem-advertise"
PREFLIGHT_JOB = "preflight"
PRUNE_CRON_JOB = "prune-weights"
# Containers; the first four are also the names of the programs of pods/ that run in them.
FETCH, PRUNE, WARM, ADVERTISE = "fetch", "prune", "warm", "advertise"
GATE, GATE_PROGRAM = "models-ready", "gate"
ENGINE, PREFLIGHT = "server", "preflight"
# What app.kubernetes.io/component says of the other objects; those of a program have its name.
SERVING, SCRIPTS, MODELS = "server", "scripts", "models"
IMMICH_TTL = "MACHINE_LEARNING_MODEL_TTL"  # the variable of immich's Deployment that the stack sets
FETCHING = "fetch-"  # before a model, the name of the Job that fetches it
SLUG_MAX = 63 - len(FETCHING)
_HASH_DIGITS = 6
# As clients of OpenAI's API write them: gpt-3.5-turbo, org/name:tag.
MODEL_ID = TextRule(
    r"[A-Za-z0-9]([\w./:-]*[A-Za-z0-9])?",
    "a model's name has letters, digits, '.', '_', '-', '/' and ':' only, and a letter or digit at each end",
    128,
)
ModelId = Annotated[str, MODEL_ID]


def slug(model_id: str) -> str:
    """What stands for a model in names of objects and directories: its id where that is a label, as a slug always is.

    Else what is readable of the id, and six hex digits of its sha256: `Org/Qwen3.5:Q4` is org-qwen3-5-q4-ae84c1.
    """
    if len(model_id) <= SLUG_MAX and re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", model_id):
        return model_id
    readable = re.sub("[^a-z0-9]+", "-", model_id.lower())[: SLUG_MAX - _HASH_DIGITS - 1].strip("-")
    return f"{readable}-{hashlib.sha256(model_id.encode()).hexdigest()[:_HASH_DIGITS]}"


def fetch_job(model_id: str) -> str:
    return f"{FETCHING}{slug(model_id)}"


def cluster_wide(name: str, namespace: str) -> str:
    """The name of a cluster-scoped object; the namespace in it keeps two stacks in one cluster apart."""
    return f"{namespace}-{name}"


def selector(component: str) -> dict[str, str]:
    """Labels that find a component's pods; they never change, because a Deployment's selector cannot."""
    return {"app.kubernetes.io/name": SERVER, "app.kubernetes.io/component": component}


def labels(component: str, namespace: str, model_id: str | None = None) -> dict[str, str]:
    """The standard labels of every object (kubernetes.io, "Recommended Labels"); an instance is its namespace."""
    return {
        **selector(component),
        "app.kubernetes.io/instance": namespace,
        **owner_labels(),
        **({"local-llm/model": slug(model_id)} if model_id else {}),
    }


def owner_labels() -> dict[str, str]:
    """Who made it, for objects that hold more than one component."""
    return {"app.kubernetes.io/part-of": "local-llm", "app.kubernetes.io/managed-by": "pulumi"}
