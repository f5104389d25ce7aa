"""The trial of an engine image with a configuration, before the old pod goes: a script, for the image has no Python.

Not tried: whether the weights are there. That is what the fetch Jobs and the gate are for, and a model whose weights
were lost must not hold back the others' rollout. So it needs no volume, and runs while the weights are fetched.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from plan.base import names
from plan.engine.flags import Flags, words

# Whoever listens on `port`: /proc/net/tcp has it in hexadecimal, 0A is LISTEN. Both engines read all of their
# configuration before they listen (llama-swap v250, llama.cpp b10524), and neither has a way to only read it.
# `--help` as the last flag: llama-server parses all others first, and LLAMA_ARG_* too (llama.cpp, common/arg.cpp).
_SCRIPT = r"""ulimit -c 0
image=$1 server=$2 tag=$3 least=$4 whose=$5 port=$6 engine=$7
shift 7
told=${TERMINATION_LOG:-/dev/termination-log}
refuse() {
    echo "$1; $2"
    [ ! -w "$told" ] || echo "$1; $2" >"$told"
    exit 78
}
words() {
    for pattern in '^error' 'ERROR| E |what\(\)' '[Ee]rror' '[^ ]'; do
        printf '%s\n' "$1" | grep -E -m 1 -e "$pattern" && break
    done | cut -c 1-200
}

if ! said=$("$server" --version 2>&1); then
    case $said in *"shared libraries: libcuda.so"*) echo "$image starts only where a card is: not tried"; exit 0 ;; esac
    refuse "$server does not start in $image: $(words "$said")" "set server.image to another one"
fi
build=$(printf '%s\n' "$said" |
    sed -n -e 's/^version: .*(build \([0-9]*\).*/\1/p' -e 's/^version: \([0-9]*\) (.*/\1/p' | head -n 1)
if [ "${build:-0}" -eq 0 ]; then
    build=unknown
    echo "$image does not tell its build, so it is compared with nothing: $said"
elif [ -n "$tag" ] && [ "$build" -ne "$tag" ]; then
    refuse "$image has llama.cpp build $build, and its tag says $tag, for which memory is planned" \
        "correct tag or digest of server.image"
elif [ "$build" -lt "$least" ]; then
    refuse "$image has llama.cpp build $build, and $whose needs $least" "set server.image to a newer one"
fi

first='' bad=0
for model; do
    if ! said=$(eval "\"\$server\" ${model#* } --help" 2>&1 >/dev/null); then
        bad=$((bad + 1))
        [ "$bad" -gt 1 ] ||
            first="model ${model%% *}: llama-server (build $build) of $image refuses its flags: $(words "$said")"
    fi
done
[ "$bad" -eq 0 ] || refuse "$first$([ "$bad" -eq 1 ] || echo " (and those of $((bad - 1)) more)")" \
    "take the flag out of the model's args, or set server.image to one that knows it"

out=${TMPDIR:-/tmp}/engine.log
eval "exec $engine" >"$out" 2>&1 &
pid=$!
until grep -qs "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$port") [0-9A-F]*:0000 0A " /proc/net/tcp /proc/net/tcp6; do
    sleep 0.2
    kill -0 "$pid" 2>/dev/null ||
        refuse "${engine%% *} of $image does not take its configuration: $(words "$(cat "$out")")" \
            "set server.image to one that reads it"
done
kill "$pid"
wait "$pid"
echo "build $build of $image knows the flags of $# models and reads its configuration"
"""


@dataclass(frozen=True, slots=True)
class BuildNeed:
    """llama.cpp builds: what the image's tag says (None: nothing), and the `least` that the model `whose` needs."""

    tag: int | None = None
    least: int = 0
    whose: str = ""


@dataclass(frozen=True, slots=True)
class PreflightPlan:
    """A Job in the engine's image; `command` ends with 78 and a message when it refuses. `deadline_s` in seconds."""

    job: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    deadline_s: int


def plan_preflight(
    image: str,
    builds: BuildNeed,
    llama_server: str,
    engine: tuple[str, ...],
    models: Mapping[str, Flags],
    env: Mapping[str, str],
    deadline_s: int,
) -> PreflightPlan:
    """The trial of `engine`, a command line that listens on names.SERVICE_PORT, and of each model's flags.

    `env` is what the engine's own container has; a pull of the image has to end within `deadline_s` too.
    """
    facts = ("" if builds.tag is None else str(builds.tag), str(builds.least), builds.whose, str(names.SERVICE_PORT))
    tried = [f"{model_id} {shlex.join(words(flags))}" for model_id, flags in sorted(models.items())]
    command = ("/bin/sh", "-c", _SCRIPT, "preflight", image, llama_server, *facts, shlex.join(engine), *tried)
    # Where the container runtime shows the card to every pod, the trial must not take memory of it.
    return PreflightPlan(names.PREFLIGHT_JOB, command, {**env, "CUDA_VISIBLE_DEVICES": "-1"}, deadline_s)
