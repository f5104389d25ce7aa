"""Debian packages the embedded machine needs: those missing, in one apt-get call.

What counts is the program, not the package: containerd may be containerd.io's, cmake a newer one.
"""

import os
import shutil
import subprocess
from pathlib import Path

from dev.machine.instance import CACHE
from dev.machine.steps import DevError, step
from dev.tools import installed
from dev.tools.versions import PROGRAMS

# Package -> a program on PATH or a file it brings.
BUILD = {"cmake": "cmake", "ninja-build": "ninja", "g++": "g++", "binutils": "strip"}
NODE = {
    "iproute2": "ip",
    "iptables": "iptables",
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "busybox-static": "/var/lib/dpkg/info/busybox-static.list",  # the dynamic busybox has the same path
    "debootstrap": "debootstrap",
    "openssl": "openssl",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "util-linux": "nsenter",
}


def install(packages: dict[str, str]) -> None:
    """Install the missing ones of `packages`, whatever version the distribution has today.

    Raises DevError when not root, when apt-get fails, or when a program is older or newer than what serves here.
    """
    if lacking := missing(packages):
        _install(packages, lacking)
    for package, thing in packages.items():
        _require_version(package, thing)


def _install(packages: dict[str, str], lacking: list[str]) -> None:
    command = f"apt-get install -y --no-install-recommends {' '.join(lacking)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise DevError(f"this machine lacks {', '.join(lacking)}", f"as root: apt-get update && {command}")
    log = CACHE / "logs" / "debian.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    script = f"apt-get update && {command} -o DPkg::Lock::Timeout=120"
    with step(f"installing {', '.join(lacking)}", log):
        with log.open("wb") as out:
            done = subprocess.run(
                ["sh", "-ec", script], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, check=False
            )
        if done.returncode or missing(packages):
            last = log.read_text(errors="replace").splitlines()[-1:] or ["(nothing printed)"]
            raise DevError(f"apt-get could not install {', '.join(missing(packages))}: {last[0]}", f"read {log}")


def missing(packages: dict[str, str]) -> list[str]:
    """Names of the packages whose program or file is not there, sorted."""
    return sorted(package for package, thing in packages.items() if not _there(thing))


def _require_version(package: str, program: str) -> None:
    how, accepted = PROGRAMS.get(program, ((), None))
    path = _where(program)
    if accepted and path and not installed.accepts(path, how, accepted):
        found = installed.version_of(path, how) or "without a number that can be read"
        raise DevError(
            f"{path} is version {found}, and {accepted} serves here",
            f"apt-get update && apt-get install {package}, or put another {program} before it on PATH",
        )


def _there(thing: str) -> bool:
    return Path(thing).exists() if thing.startswith("/") else _where(thing) is not None


def _where(program: str) -> Path | None:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    return Path(found) if found else None
