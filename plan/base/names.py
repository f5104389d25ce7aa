"""Names that others refer to. Each is a DNS label (plan/kubernetes/names.py), so that every one can name a pod."""

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
_JOB_PREFIX = "fetch-"
MODEL_ID_MAX = 63 - len(_JOB_PREFIX)


def fetch_job(model_id: str) -> str:
    return f"{_JOB_PREFIX}{model_id}"


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
        **({"local-llm/model": model_id} if model_id else {}),
    }


def owner_labels() -> dict[str, str]:
    """Who made it, for objects that hold more than one component."""
    return {"app.kubernetes.io/part-of": "local-llm", "app.kubernetes.io/managed-by": "pulumi"}
