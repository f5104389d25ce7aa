"""`docker run` and its like: which image, with which files, variables and arguments."""

import posixpath
import re
from dataclasses import dataclass

# Options of `docker run` and `podman run` that take no value (docs.docker.com and docs.podman.io, 2026); all others do.
_SWITCHES = {
    "detach", "init", "interactive", "no-healthcheck", "oom-kill-disable", "privileged", "publish-all", "quiet",
    "read-only", "replace", "rm", "rmi", "sig-proxy", "tls-verify", "tty", "disable-content-trust", "no-hosts",
    "no-hostname", "rootfs", "passwd", "env-host", "http-proxy", "use-api-socket", "help",
}  # fmt: skip
_SHORT_SWITCHES = "dditPqt"
_STARTS = {"run", "exec"}


@dataclass(frozen=True, slots=True)
class Container:
    """The image, or the name of the one that runs already; `words` follow it.

    `mounts` are paths of the host and the container; `options` all that stands before the image, by name.
    """

    program: str
    entrypoint: str
    words: tuple[str, ...]
    environment: tuple[str, ...]
    mounts: tuple[tuple[str, str], ...]
    options: tuple[str, ...]

    def host_path(self, path: str) -> str:
        """Where a file of the container lies on the host; a path that no mount has stays as it is."""
        for host, inside in sorted(self.mounts, key=lambda mount: -len(mount[1])):
            if path.startswith(f"{inside.rstrip('/')}/"):
                return posixpath.join(host, path[len(inside.rstrip("/")) + 1 :])
        return path


def container_of(arguments: tuple[str, ...]) -> Container | None:
    """The container that `docker` with these arguments starts a program in; None where it does something else."""
    before = next((at for at, word in enumerate(arguments) if word in _STARTS), None)
    if before is None or "compose" in arguments[:before] or "start" in arguments[:before]:
        return None
    given, words = _options(list(arguments[before + 1 :]))
    if not words:
        return None
    volumes = [value for name, value in given if name in ("v", "volume")]
    binds = [value for name, value in given if name == "mount"]
    return Container(
        program=words[0],
        entrypoint=next((value for name, value in reversed(given) if name == "entrypoint"), ""),
        words=tuple(words[1:]),
        environment=tuple(value for name, value in given if name in ("e", "env")),
        options=tuple(dict.fromkeys(f"-{name}" if len(name) == 1 else f"--{name}" for name, _ in given)),
        mounts=tuple(mount for mount in (*map(_volume, volumes), *map(_mount, binds)) if mount),
    )


def _options(rest: list[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The options before the image by name, and the words from the image on."""
    given: list[tuple[str, str]] = []
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name, has_value, value = word.lstrip("-").partition("=")
        if word == "--":
            break
        if not word.startswith("--") and not has_value:
            if set(name) <= {*_SHORT_SWITCHES}:
                given += [(letter, "") for letter in name]
                continue
            name, value, has_value = name[0], name[1:], name[1:]
        elif not word.startswith("--") and len(name) > 1:  # -eNAME=value
            name, value = word[1], word[2:]
        if not has_value and name not in _SWITCHES and rest:
            value = rest.pop(0)
        given.append((name, value))
    return given, rest


def _volume(text: str) -> tuple[str, str] | None:
    parts = re.split(r":(?![\\/]{2}|\\)", text)
    return (parts[0], parts[1]) if len(parts) > 1 else None


def _mount(text: str) -> tuple[str, str] | None:
    fields = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    host, inside = (next((fields[name] for name in names if name in fields), "") for names in (
        ("source", "src"), ("target", "destination", "dst"),
    ))  # fmt: skip
    return (host, inside) if host and inside else None
