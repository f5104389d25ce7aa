"""Stacks that nobody wrote: every key of the configuration, at the edges of what plan/ takes, with a lock that fits.

For tests that ask somebody else about what plan/ accepts, such as a real API server.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from plan import config
from plan.base.names import MODEL_ID, slug
from plan.models import lock
from plan.models.lock import Lock, LockedModel
from tests import stacks
from tests.plan.drafts.entries import REPO, following
from tests.plan.kubernetes.samples import ON_A_NODE, RULES

# Made before anything can be in them, or patched; no other test has any of that name in its cluster.
NAMESPACES = ("a", "generated", "n" * 63)
IMMICH = {"generated-immich": ("immich-machine-learning", None), "i" * 63: ("immich.ml.v2", "c" * 63)}
INT32 = 2**31 - 1

labels = st.sampled_from(RULES["label"].taken) | st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
subdomains = st.sampled_from(RULES["subdomain"].taken)
paths = st.sampled_from(RULES["path"].taken)
label_values = st.sampled_from(RULES["label value"].taken)
label_keys = st.sampled_from(RULES["label key"].taken)
resources = st.sampled_from(RULES["extended resource"].taken)
images = st.sampled_from(ON_A_NODE["image"].taken)
_TEMPLATES = [raw for name in ("t4", "cpu") for raw in stacks.raw(name)["models"].items()]
_DRAFTS = [{"quant": "Q8_0"}, {"repo": REPO, "quant": "Q8_0"}, {"repo": REPO, "file": "a b/d.gguf"}]
# Text that Kubernetes, a shell or an engine would read in its own way.
_WORDS = st.sampled_from(
    ["$(HOME)", "a$$b", "$HOME", "`id`", "it's", '"', "a b", "\\n", "%s", "{{x}}", "-", "ä", "x" * 4000]
)


@dataclass(frozen=True, slots=True)
class Generated:
    """The configuration of a stack as a person would write it, and a lock with its models."""

    raw: dict[str, Any]
    lock: Lock

    def program_in(self, directory: Path) -> Path:
        """The program with this lock beside it, in a directory that may have had another lock before."""
        program, archives = directory / "__main__.py", directory / "pods"
        if not program.is_symlink():
            program.symlink_to(stacks.ROOT / "__main__.py")
            archives.symlink_to(stacks.ROOT / "pods")
        (directory / "models.lock.yaml").write_text(lock.dump(self.lock))
        return program


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


def edges(least: int, most: int) -> st.SearchStrategy[int]:
    return st.sampled_from([least, most]) | st.integers(least, most)


@st.composite
def generated(draw: st.DrawFn) -> Generated:
    """A stack that plan/ accepts."""
    engine = draw(st.sampled_from(["llama-swap", "llama-server"]))
    ids = draw(st.lists(_model_ids(engine), min_size=1, max_size=3, unique_by=slug))
    sources = {model_id: draw(st.sampled_from(_TEMPLATES)) for model_id in ids}
    raw: dict[str, Any] = {
        "namespace": draw(st.sampled_from(NAMESPACES)),
        "cluster": {"id": stacks.CLUSTER_ID},
        "volume": draw(_volume()),
        "gpu": draw(_gpu()),
        "server": {"engine": engine, **draw(_server())},
        "fetch": draw(_fetch()),
        "prune": draw(_prune()),
        "models": {model_id: draw(_model(source, engine)) for model_id, (_, source) in sources.items()},
    }
    if draw(st.booleans()):
        namespace = draw(st.sampled_from(sorted(IMMICH)))
        deployment, container = IMMICH[namespace]
        raw["immich"] = {"namespace": namespace, "deployment": deployment, "model_ttl_s": draw(edges(1, 86400))}
        raw["immich"] |= {"container": container} if container else {}
    models = {model_id: _locked(of, raw["models"][model_id]) for model_id, (of, _) in sources.items()}
    return Generated(raw, following(config.parse(raw), Lock(version=1, models=models)))


def _locked(of: str, model: dict[str, Any]) -> LockedModel:
    """The entry of a model of the tests; of experts that are to stay off the card it has some."""
    entry = stacks.locked().models[of]
    weights = entry.gguf.weights
    if "cpu_moe" not in model or weights is None:
        return entry
    experts = {"expert_bytes": (0, 2**20, 2**24, 2**20), "expert_matrix_bytes": 2**20}
    held = weights.model_copy(update=experts)
    return entry.model_copy(update={"gguf": entry.gguf.model_copy(update={"weights": held})})


def _model_ids(engine: str) -> st.SearchStrategy[str]:
    """Of llama.cpp's own router without ':', after which it changes some."""
    usual = st.from_regex(f"\\A{MODEL_ID.pattern}\\Z").filter(lambda name: name.isascii() and len(name) <= 128)
    return labels | usual.map(lambda name: name.replace(":", "/") if engine == "llama-server" else name)


@st.composite
def _model(draw: st.DrawFn, source: dict[str, Any], engine: str) -> dict[str, Any]:
    context = draw(edges(2048, 4096))
    keys = draw(
        some(
            max_output_tokens=edges(1, context),
            parallel=edges(1, 256),
            kv_type=st.sampled_from(["f16", "q8_0", "q4_0"]),
            ubatch=edges(1, 4096),
            cpu_moe=edges(1, 512) | st.just("all"),
            kv_unified=st.booleans(),
            cache_ram_mib=edges(0, 2**16),
            ctx_checkpoints=edges(0, 64),
            tools=st.booleans(),
            display_name=st.sampled_from(["Qwen 3.5 (9B)", "é: #1 'x'", "$(HOME) {}"]),
            description=st.sampled_from(["Small, and quick.", "- a: [b", "on"]),
            warm_priority=edges(-INT32, INT32),
            args=some(
                **{
                    "temp": st.floats(0, 2),
                    "seed": edges(0, 2**32 - 1),
                    "reverse-prompt": _WORDS,
                    "perf": st.just(True),
                }
            ),
        )
    )
    if draw(st.booleans()):
        keys["batch"] = draw(edges(max(keys.get("ubatch", 512), keys.get("parallel", 1)), 2**20))
    most, batch = draw(edges(1, 16)), keys.get("batch") or max(2048, keys.get("ubatch", 512))
    if draw(st.booleans()) and keys.get("parallel", 1) * (1 + most) <= batch:
        keys["draft"] = {"max": most, "min": draw(edges(0, most)), **draw(st.sampled_from(_DRAFTS))}
    turns = [some(ttl_s=edges(1, INT32)), some(resident=st.just(True))] if engine == "llama-swap" else [st.just({})]
    swaps = some(concurrency=edges(256, INT32), listed=st.booleans()) if engine == "llama-swap" else st.just({})
    return {**source, "context": context, **keys, **draw(st.one_of(turns)), **draw(swaps)}


@st.composite
def _volume(draw: st.DrawFn) -> dict[str, Any]:
    options = st.lists(
        st.sampled_from(["hard", "nfsvers=4.2", "nconnect=16", "sec=krb5p", 'context="x"', "a$(B)"]), max_size=4
    )
    nfs = st.fixed_dictionaries(
        {"server": st.sampled_from(ON_A_NODE["host"].taken), "path": paths}, optional={"mount_options": options}
    )
    node = label_values.filter(bool)
    local = st.fixed_dictionaries({"path": paths, "node": node})
    home = draw(st.sampled_from(["nfs", "local", "existing_claim"]))
    rate = draw(some(read_mib_s=edges(1, 2**30), fs_group=st.booleans()))
    if home == "existing_claim":
        return {"name": draw(subdomains), "existing_claim": True, **rate}
    return {
        "name": draw(labels),
        "size_gib": draw(edges(64, 2**20)),
        home: draw({"nfs": nfs, "local": local}[home]),
        **rate,
    }


@st.composite
def _gpu(draw: st.DrawFn) -> dict[str, Any]:
    toleration = st.fixed_dictionaries(
        {"key": label_keys},
        optional={"value": label_values, "effect": st.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])},
    )
    node = {
        "selector": draw(st.dictionaries(label_keys, label_values, min_size=1, max_size=4)),
        "tolerations": draw(st.lists(toleration, max_size=3)),
        **draw(some(memory_gib=edges(1, 2**20), runtime_class=subdomains)),
    }
    slice_, memory = draw(st.lists(resources, min_size=2, max_size=2, unique=True))
    gpu = {
        "model": "other",
        "card": {"total_mib": 2**30, "driver_mib": 0, "context_mib": 300, "compute_capability": 9.0},
        "slice": {"resource": slice_, "count": draw(edges(1, 1024))},
        **draw(some(device=st.from_regex(r"\A[A-Za-z]{1,50}[0-9]{1,12}\Z") | st.just("any"))),
        "node": node,
        "tenants": draw(
            st.dictionaries(labels, some(request_mib=edges(0, 2**20)).map(lambda it: {"peak_mib": 1, **it}), max_size=2)
        ),
    }
    advertise = draw(st.sampled_from([None, "managed", "external"]))
    if advertise:
        budget = draw(edges(2**28, 2**30 - 256))
        gpu["memory"] = {
            "resource": memory,
            "budget_mib": budget,
            "advertise": advertise,
            **draw(some(request_mib=edges(2**27, 2**27 + 5))),
        }
    return gpu


def _server() -> st.SearchStrategy[dict[str, Any]]:
    # What generated models keep on the machine, up to 256 requests with 64 checkpoints each, has to fit.
    memory = st.sampled_from([(2**30, 2**30), (2**29, 2**30), (1, 2**30), (1, 2**40 // 2**20 * 4)])
    rest = st.fixed_dictionaries(
        {"image": images},
        optional={
            "uid": edges(1, INT32),
            "gid": edges(1, INT32),
            "ttl_s": edges(1, INT32),
            "image_max_tokens": edges(1, 2047),
            "priority_class": subdomains,
            "rollout_s": edges(10, INT32),
            "binary": st.sampled_from(["/app/llama-server", "/usr/local/bin/llama-server", "/opt/a+b-1.2/x"]),
            "env": st.dictionaries(st.sampled_from(["A", "_b", "GGML_X"]), st.sampled_from(["", "$(A) $$", "é: #"])),
        },
    )
    return st.tuples(rest, memory).map(
        lambda pair: {**pair[0], "memory_request_mib": pair[1][0], "memory_limit_mib": pair[1][1]}
    )


def _fetch() -> st.SearchStrategy[dict[str, Any]]:
    entry = st.fixed_dictionaries({"name": subdomains, "key": st.sampled_from(RULES["entry key"].taken)})
    endpoint = st.sampled_from(
        ["https://huggingface.co", "http://hub.svc:8080", "https://[fd00::1]:1", "https://a/b/c"]
    )
    proxied = st.fixed_dictionaries(
        {"proxy": st.sampled_from(["http://proxy:3128", "http://[fd00::1]:1"]), "endpoint": st.just("https://a.b")},
        optional={
            "no_proxy": st.lists(st.sampled_from(["*", "10.0.0.0/8", ".svc", "fd00::/8", "a.b:80"]), max_size=3),
            "proxy_secret": entry,
        },
    )
    optional = {
        "endpoint": endpoint,
        "deadline_s": edges(10, INT32),
        "verify": st.sampled_from(["receipt", "always"]),
        "slots": edges(0, 1024),
        "token_secret": entry,
        "ca_configmap": entry,
    }
    rest = st.fixed_dictionaries({"image": images}, optional=optional)
    return st.tuples(rest, st.just({}) | proxied).map(lambda pair: {**pair[0], **pair[1]})


def _prune() -> st.SearchStrategy[dict[str, Any]]:
    return some(
        mode=st.sampled_from(["report", "trash", "delete"]),
        schedule=st.sampled_from(RULES["schedule"].taken),
        grace_h=edges(1, 87600),
    )
