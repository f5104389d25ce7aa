#!/bin/sh
# Makes .venv: exactly the packages of requirements-dev.txt, shared by all checkouts that want the same ones.
# Instant when it is there. A half-made environment is never used: only one with a `complete` file counts.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

fail() {
    printf '%s\n  next: %s\n' "$1" "$2" >&2
    exit 1
}

[ -L .venv ] || [ ! -e .venv ] || fail ".venv is not the link this makes" "look what is in it, then: rm -r .venv"
command -v "$python" >/dev/null || fail "there is no $python" "apt-get install python3 python3-venv"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
2.* | 3.[0-9] | 3.10) fail "$python is Python $version, and 3.11 is the oldest that works" "make PYTHON=/path/to/python3.11" ;;
esac

cache=${XDG_CACHE_HOME:-$HOME/.cache}/local-llm
hash=$(cat requirements-dev.txt dev/generate/precompile.py | sha256sum | cut -c 1-12)
venv=$cache/venv-$hash-py$version

if [ ! -e "$venv/complete" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python $version cannot make virtual environments" "apt-get install python3-venv"
    command -v flock >/dev/null || fail "there is no flock" "apt-get install util-linux"
    mkdir -p "$cache/logs"
    exec 9>"$venv.lock"
    flock 9
fi
if [ ! -e "$venv/complete" ]; then
    log=$cache/logs/venv.log
    began=$(date +%s)
    echo "installing requirements-dev.txt ... (log: $log)" >&2 # the output may be on its way into an eval
    # At its final path: the programs in it name it.
    rm -rf "$venv"
    if ! { "$python" -m venv "$venv" &&
        sh dev/install.sh "$venv/bin/python" "$venv" requirements-dev.txt &&
        "$venv/bin/python" dev/generate/precompile.py; } >"$log" 2>&1; then
        fail "requirements-dev.txt cannot be installed: $(tail -n 1 "$log")" "read $log"
    fi
    touch "$venv/complete"
    echo "installing requirements-dev.txt: done in $(($(date +%s) - began)) s" >&2
fi

if [ "$(readlink .venv || true)" != "$venv" ]; then
    ln -sfn "$venv" .venv
fi
