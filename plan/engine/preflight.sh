ulimit -c 0
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
    refuse "$server does not start in $image: $(words "$said")" "set server.image to another one, or server.binary to where it has llama-server"
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
    "correct args or chat_template_file of the model, or set server.image to one that knows all its flags"

loads="maps weights, for it knows no other way"
case $("$server" --help 2>/dev/null) in *LLAMA_ARG_LOAD_MODE* | *LLAMA_ARG_MMAP*) loads="maps no weights" ;; esac

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
echo "build $build of $image knows the flags of $# models and reads its configuration; it $loads"
