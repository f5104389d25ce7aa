"""Long flags of llama-server, an option per line, "=" where it takes a value. Written by `make flags`."""

BUILD = "0.5.0-dev (0c1e57098)"
OPTIONS = """\
help usage
version
cache-list
completion-bash
threads =
threads-batch =
cpu-mask =
cpu-range =
cpu-strict =
prio =
poll =
cpu-mask-batch =
cpu-range-batch =
cpu-strict-batch =
prio-batch =
poll-batch =
ctx-size =
predict n-predict =
batch-size =
ubatch-size =
keep =
swa-full
flash-attn =
perf no-perf
escape no-escape
rope-scaling =
rope-scale =
rope-freq-base =
rope-freq-scale =
yarn-orig-ctx =
yarn-ext-factor =
yarn-attn-factor =
yarn-beta-slow =
yarn-beta-fast =
kv-offload no-kv-offload
repack no-repack
no-host
cache-type-k =
cache-type-v =
defrag-thold =
rpc =
load-mode =
lazy-mode =
numa =
device =
list-devices
override-tensor =
cpu-moe
n-cpu-moe =
n-cpu-ffn =
gpu-layers n-gpu-layers =
split-mode =
tensor-split =
main-gpu =
fit =
fit-target =
fit-ctx =
check-tensors
override-kv =
op-offload no-op-offload
lora =
lora-scaled =
control-vector =
control-vector-scaled =
control-vector-layer-range =
model =
model-url =
docker-repo =
hf-repo =
hf-file =
hf-token =
log-disable
log-file =
log-jsonl no-log-jsonl
log-colors =
verbose log-verbose
offline
verbosity log-verbosity =
log-prefix no-log-prefix
log-timestamps no-log-timestamps
spec-draft-type-k cache-type-k-draft =
spec-draft-type-v cache-type-v-draft =
samplers =
seed =
sampler-seq sampling-seq =
ignore-eos
temp temperature =
top-k =
top-p =
min-p =
top-nsigma top-n-sigma =
xtc-probability =
xtc-threshold =
typical typical-p =
repeat-last-n =
repeat-penalty =
presence-penalty =
frequency-penalty =
dry-multiplier =
dry-base =
dry-allowed-length =
dry-penalty-last-n =
dry-sequence-breaker =
adaptive-target =
adaptive-decay =
dynatemp-range =
dynatemp-exp =
mirostat =
mirostat-lr =
mirostat-ent =
logit-bias =
grammar =
grammar-file =
json-schema =
json-schema-file =
backend-sampling
spec-draft-hf hf-repo-draft =
spec-draft-threads threads-draft =
spec-draft-threads-batch threads-batch-draft =
spec-draft-cpu-mask cpu-mask-draft =
spec-draft-cpu-range cpu-range-draft =
spec-draft-cpu-strict cpu-strict-draft =
spec-draft-prio prio-draft =
spec-draft-poll poll-draft =
spec-draft-cpu-mask-batch cpu-mask-batch-draft =
spec-draft-cpu-strict-batch cpu-strict-batch-draft =
spec-draft-prio-batch prio-batch-draft =
spec-draft-poll-batch poll-batch-draft =
spec-draft-override-tensor override-tensor-draft =
spec-draft-cpu-moe cpu-moe-draft
spec-draft-n-cpu-moe spec-draft-ncmoe n-cpu-moe-draft =
spec-draft-n-max =
spec-draft-n-min =
spec-synth-len =
spec-synth-rates =
spec-draft-p-split draft-p-split =
spec-draft-p-min draft-p-min =
spec-draft-backend-sampling no-spec-draft-backend-sampling
spec-draft-device device-draft =
spec-draft-ngl gpu-layers-draft n-gpu-layers-draft =
spec-draft-model model-draft =
spec-type =
spec-ngram-mod-n-min =
spec-ngram-mod-n-max =
spec-ngram-mod-n-match =
spec-ngram-simple-size-n =
spec-ngram-simple-size-m =
spec-ngram-simple-min-hits =
spec-ngram-map-k-size-n =
spec-ngram-map-k-size-m =
spec-ngram-map-k-min-hits =
spec-ngram-map-k4v-size-n =
spec-ngram-map-k4v-size-m =
spec-ngram-map-k4v-min-hits =
draft draft-n draft-max =
draft-min draft-n-min =
spec-ngram-size-n =
spec-ngram-size-m =
spec-ngram-min-hits =
lookup-cache-static =
lookup-cache-dynamic =
kv-unified-per-slot =
ctx-checkpoints swa-checkpoints =
checkpoint-min-step =
cache-ram =
kv-unified no-kv-unified
cache-idle-slots no-cache-idle-slots
context-shift no-context-shift
reverse-prompt =
special
warmup no-warmup
spm-infill
pooling =
parallel =
cont-batching no-cont-batching
mmproj =
mmproj-url =
mmproj-auto no-mmproj no-mmproj-auto
mmproj-offload no-mmproj-offload
mmproj-device =
image-min-tokens =
image-max-tokens =
mtmd-batch-max-tokens =
video-fps =
video-timestamp-interval =
video-ffmpeg-dir =
alias =
tags =
embd-normalize =
host =
port =
reuse-port
path =
cors-origins =
cors-methods =
cors-headers =
cors-credentials no-cors-credentials
api-prefix =
ui-config webui-config =
ui-config-file webui-config-file =
ui-mcp-proxy webui-mcp-proxy no-ui-mcp-proxy no-webui-mcp-proxy
tools =
tools-runtime =
mcp-servers-config =
mcp-servers-json =
agent no-agent
ui webui no-ui no-webui
embedding embeddings
rerank reranking
api-key =
api-key-file =
ssl-key-file =
ssl-cert-file =
chat-template-kwargs =
timeout =
sse-ping-interval =
threads-http =
cache-prompt no-cache-prompt
cache-reuse =
metrics
props
slots no-slots
slot-save-path =
media-path =
models-dir =
models-preset =
models-max =
models-autoload no-models-autoload
jinja no-jinja
reasoning-format =
reasoning =
reasoning-effort =
reasoning-budget =
reasoning-budget-message =
reasoning-preserve no-reasoning-preserve
chat-template =
chat-template-file =
skip-chat-parsing no-skip-chat-parsing
prefill-assistant no-prefill-assistant
slot-prompt-similarity =
lora-init-without-apply
sleep-idle-seconds =
log-prompts-dir =
embd-gemma-default
fim-qwen-1.5b-default
fim-qwen-3b-default
fim-qwen-7b-default
fim-qwen-7b-spec
fim-qwen-14b-spec
fim-qwen-30b-default
gpt-oss-20b-default
gpt-oss-120b-default
vision-gemma-4b-default
vision-gemma-12b-default
spec-default
"""
