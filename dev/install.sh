#!/bin/sh
# Installs a lock file into a virtual environment: dev/install.sh PYTHON ENVIRONMENT LOCK, where PYTHON has pip.
# A lock lists every package there is to install, so pip resolves nothing (--no-deps): resolving, it looks at the index's
# newest versions as well, and refuses a lock that is a few days old. Nor does it build: that takes today's build tools.
set -eu
pip() {
    "$python" -m pip --disable-pip-version-check --no-input --python "$environment/bin/python" "$@"
}
python=$1 environment=$2 lock=$3
pip install --progress-bar=off --only-binary=:all: --no-deps --require-hashes -r "$lock"
pip check # a lock that lacks a package is told here, not by whatever imports it
