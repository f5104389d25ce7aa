"""A llama-server that only says what it is told to, and waits then, as the real one goes on with loading."""

import stat
from pathlib import Path

RPC = "--rpc SERVERS    comma-separated list of RPC servers (host:port)"
VERSION = "version: 0.6.0 (build 10524, commit abcdef012)"


def write(path: Path, says: str = "", version: str = VERSION, usage: str = RPC, *, ends: bool = False) -> Path:
    """`path`, made such a program; its arguments and its variables are written to files beside it."""
    said = path.with_name("said.txt")
    said.write_text(says)
    path.write_text(
        "#!/bin/sh\n"
        f'case "$1" in --version) echo "{version}" >&2; exit;; --help) echo "{usage}"; exit;; esac\n'
        f'echo "$@" > {path.with_name("arguments")}\n'
        f"env > {path.with_name('variables')}\n"
        f"cat {said} >&2\n"
        f"{'exit 1' if ends else 'exec sleep 600'}\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
