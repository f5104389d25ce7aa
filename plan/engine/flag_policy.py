"""Which of llama-server's flags a model's `args` may have, and why not the others.

A flag in neither list is refused too, so that a flag of a new build is reviewed before it is used: whether it takes
memory that is not planned, and whether it writes, listens, downloads or runs something.
"""

from fnmatch import fnmatchcase

# One name per option; its other names mean the same.
_USABLE = """
threads threads-batch threads-http cpu-mask cpu-range cpu-strict prio poll cpu-mask-batch cpu-range-batch
cpu-strict-batch prio-batch poll-batch numa perf check-tensors defrag-thold cont-batching timeout sse-ping-interval
keep escape context-shift reverse-prompt special spm-infill ignore-eos cache-prompt cache-reuse
cache-idle-slots slot-prompt-similarity checkpoint-min-step
rope-scaling rope-scale rope-freq-base rope-freq-scale
yarn-orig-ctx yarn-ext-factor yarn-attn-factor yarn-beta-slow yarn-beta-fast
sampler-seq seed temp top-k top-p min-p top-nsigma xtc-probability xtc-threshold typical repeat-last-n
repeat-penalty presence-penalty frequency-penalty dry-multiplier dry-base dry-allowed-length dry-penalty-last-n
dry-sequence-breaker adaptive-target adaptive-decay dynatemp-range dynatemp-exp mirostat mirostat-lr mirostat-ent
logit-bias grammar json-schema
spec-draft-p-min spec-draft-p-split spec-draft-threads spec-draft-threads-batch
embd-normalize chat-template chat-template-kwargs skip-chat-parsing prefill-assistant
reasoning-format reasoning-effort reasoning-budget reasoning-budget-message reasoning-preserve
video-fps video-timestamp-interval tags metrics slots log-jsonl log-colors log-prefix log-timestamps
"""
USABLE = frozenset(_USABLE.split())
_UNSEEN = "It has not been reviewed yet; plan/engine/flag_policy.py has the lists"
# Patterns of names, and what a person reads. Names that only other builds have are refused as well.
_REFUSED = (
    ("model", "`repo` and `quant`, or `file`, of the model say which file is served"),
    ("mmproj mmproj-auto", "`mmproj` or `mmproj_file` of the model says which vision projector is loaded"),
    ("ctx-size", "Use `context` of the model: what it takes of the card is planned"),
    ("predict", "Use `max_output_tokens` of the model: it is part of the contract"),
    ("image-max-tokens", "Use `server.image_max_tokens`: the projector's buffer grows with it"),
    ("reasoning", "Use `reasoning` of the model: it is part of the contract"),
    ("chat-template-file", "Use `chat_template_file` of the model: it lies beside the stack file"),
    ("alias", "Use `aliases` of the model: they are part of the contract"),
    ("sleep-idle-seconds", "Use `ttl_s` of the model"),
    ("n-gpu-layers", "`gpu.model` decides: every layer is on the card, none where it is `none`"),
    ("samplers", "Use `sampler-seq`: the `;` between samplers would end a line of the router's file"),
    ("host port reuse-port api-prefix", "Where a model listens is the engine's business; the Service is the way in"),
    ("models-*", "The stack writes the router's presets, and one model is resident at a time"),
    ("jinja offline flash-attn", "It is on for every model"),
    ("fit fit-*", "Off for every model: an unset size would shrink to whatever the co-tenants left free"),
    ("parallel", "Use `parallel` of the model: each slot has all of `context`, and that is planned"),
    ("batch-size ubatch-size", "Use `batch` and `ubatch` of the model: compute buffers are planned for them"),
    ("cache-type-?", "Use `kv_type` of the model: what the cache takes of the card is planned"),
    ("kv-unified no-kv-unified", "Use `kv_unified` of the model: its cache is planned for it"),
    ("kv-unified-per-slot", "Use `parallel` of the model: each slot has all of `context`, and that is planned"),
    (
        "kv-offload swa-full",
        "There is no key for it yet: the cache is planned on the card, windows as the model has them",
    ),
    ("cache-ram", "Use `cache_ram_mib` of the model: it has to fit into `server.memory_limit_mib`"),
    ("ctx-checkpoints", "Use `ctx_checkpoints` of the model: they have to fit into `server.memory_limit_mib`"),
    ("image-min-tokens", "Use `image_min_tokens` of the model"),
    (
        "load-mode lazy-mode mmap no-mmap mlock direct-io no-direct-io",
        "There is no key for it: a mapped file turns a pause of the NFS server into SIGBUS, a locked one fills the pod",
    ),
    ("device", "Use `gpu.device`: all models are on one card"),
    ("cpu-moe n-cpu-moe", "Use `cpu_moe` of the model: what stays off the card is counted in the machine's memory"),
    (
        "main-gpu split-mode tensor-split override-tensor op-offload n-cpu-* no-host repack",
        "There is no key for it yet: the plan puts all layers on one card, and nothing else moves tensors",
    ),
    (
        "mmproj-offload mmproj-device mtmd-batch-max-tokens",
        "There is no key for it yet: the projector is planned on the card, with `server.image_max_tokens`",
    ),
    ("backend-sampling", "There is no key for it yet: it takes memory of the card that is not planned"),
    ("warmup", "Without it, memory that a load would miss is missed by the first request"),
    ("override-kv", "It changes what the lock's facts tell, and memory with it: lock a file whose header is right"),
    ("lora* control-vector*", "There is no key for it yet: its file is not locked, and its memory not planned"),
    (
        "spec-draft-model spec-draft-n-max spec-draft-n-min draft draft-min",
        "Use `draft` of the model: its file is locked, and its memory planned",
    ),
    ("spec-type", "Use `draft` of the model, or `mtp`: what drafts is planned"),
    ("spec-draft-type-?", "A draft's cache has the `kv_type` of the model"),
    ("spec-draft-ngl spec-draft-device", "A draft is on the card of its model, with all its layers"),
    (
        "spec-ngram-* spec-synth-* spec-default spec-draft-[bco]* spec-draft-n-cpu-moe spec-draft-po* spec-draft-pr* "
        "lookup-cache-*",
        "There is no key for it yet: what it takes is not planned, or it is for trials alone",
    ),
    ("embedding rerank", "Use `mode` of the model: it is part of the contract, and buffers differ"),
    ("pooling", "Use `pooling` of the model"),
    (
        "hf-* model-url mmproj-url docker-repo embd-gemma-default fim-* gpt-oss-* vision-*",
        "The cluster serves locked files and asks no hub; name the model's `repo`",
    ),
    ("api-key*", "A key in a ConfigMap can be read by everyone; the stack has its own in a Secret"),
    ("ssl-*", "The engine has no certificate; what terminates TLS stands before the Service"),
    ("cors-* props", "It opens the engine to more than the API that the Service offers"),
    ("ui ui-* path", "The Service offers an API and no pages"),
    (
        "tools tools-runtime mcp-* agent",
        "It lets a model run programs in the pod; `tools` of the model is another thing",
    ),
    ("rpc", "Weights and prompts would go to another machine, unencrypted"),
    ("log-file log-prompts-dir slot-save-path", "It writes what people asked to a disk"),
    ("log-disable", "A failed load is explained by the log"),
    ("verbose verbosity", "From level 5 on, what people asked is in the log; set it in a shell of yours"),
    ("media-path video-ffmpeg-dir", "It lets a request read or run files of the pod"),
    ("*-file", "No file of yours is in the pod; the flag without `-file` takes its content, in one line"),
    ("help version cache-list completion-bash list-devices", "It prints something and ends"),
)


def refused(names: tuple[str, ...]) -> str:
    """Why an option of these names, of whatever build, is refused: a sentence without its full stop, or ""."""
    for patterns, reason in _REFUSED:
        if any(fnmatchcase(name, pattern) for name in names for pattern in patterns.split()):
            return reason
    return ""


def why_not(names: tuple[str, ...]) -> str:
    """Like `refused`, for an option that this build has: one in neither list is refused too."""
    return refused(names) or ("" if USABLE & {*names} else _UNSEEN)
