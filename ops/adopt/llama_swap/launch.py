"""What a command really starts: behind shells, `env`, `taskset` and the like, and `docker run`."""

import posixpath
import re
from dataclasses import dataclass, field, replace

from ops.adopt.llama_swap.commands import simple_commands, told, words
from ops.adopt.llama_swap.container import Container, container_of

_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"}
_SHELLS_OF_WINDOWS, _STARTS = {"cmd", "powershell", "pwsh"}, {"&", "start", "/b", "/min", "/wait", "call"}
_CONTAINERS = {"docker", "podman", "nerdctl"}
_WRAPPERS = {
    "env", "exec", "nohup", "nice", "ionice", "taskset", "numactl", "stdbuf", "caffeinate", "time", "sudo", "chrt",
    "systemd-run", "setpriv", "unbuffer", "prlimit", "timeout", "setsid", "command", "doas", "gamemoderun", "primusrun",
    "optirun", "prime-run", "steam-run", "nixgl", "nixglintel", "distrobox", "distrobox-enter", "toolbox", "tini",
    "dumb-init", "flatpak-spawn", "apptainer", "singularity", "wsl",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SERVER = re.compile(r"(?i)(?:.*[-_.])?llama[-_.]?(?:cpp[-_.])?server(?:[-_.].*)?")
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Launch:
    """The program and its arguments; `said` are lines about what stood around it and is not carried over.

    `container` is where it runs, where that is one; `environment` is what its command sets.
    """

    program: str
    arguments: tuple[str, ...]
    container: Container | None = None
    environment: tuple[str, ...] = ()
    said: tuple[str, ...] = field(default=())

    @property
    def is_llama_server(self) -> bool:
        """By its name, which is llama-server, with or without more: llama-server-cuda, llama_server.exe."""
        name = _name(self.program)
        in_llama_cpp = name == "server" and re.search(r"llama[-_.]?cpp", self.program, re.I) is not None
        return bool(_SERVER.fullmatch(name)) or in_llama_cpp


def launched(command: str) -> Launch:
    """What the text of a command starts; raises ValueError where it says nothing, or cannot be split."""
    found = words(command)
    if not found:
        raise ValueError("its command is empty")
    return _unwrapped(Launch(found[0], tuple(found[1:])), _DEEPEST)


def _unwrapped(launch: Launch, depth: int) -> Launch:
    whole, name = (launch.program, *launch.arguments), _name(launch.program)
    if depth == 0 or launch.is_llama_server:
        return launch
    if _is_unified(whole):
        return replace(launch, program="llama-server", arguments=launch.arguments[1:])
    if _ASSIGNMENT.match(launch.program) and launch.arguments:
        more = replace(launch, environment=(*launch.environment, launch.program))
        return _unwrapped(replace(more, program=whole[1], arguments=whole[2:]), depth)
    if name in _SHELLS and (script := _script(launch.arguments)) is not None:
        return _of_script(launch, script, depth)
    if name in _SHELLS_OF_WINDOWS and (inner := _of_windows(launch)):
        return _unwrapped(inner, depth - 1)
    if name in _CONTAINERS and (found := container_of(launch.arguments)):
        inner = replace(launch, container=found, environment=(*launch.environment, *found.environment))
        first, *rest = found.words or ("",)
        if first.startswith("-") or not first:
            return replace(inner, program=found.entrypoint or found.program, arguments=found.words)
        return _unwrapped(replace(inner, program=first, arguments=tuple(rest)), depth - 1)
    if name in _WRAPPERS and (at := _next_program(whole)):
        set_here = tuple(word for word in whole[1:at] if _ASSIGNMENT.match(word))
        said = _about(name, whole[:at])
        inner = Launch(whole[at], whole[at + 1 :], launch.container, (*launch.environment, *set_here), said)
        return _unwrapped(replace(inner, said=(*launch.said, *said)), depth - 1)
    return launch


def _of_script(launch: Launch, script: str, depth: int) -> Launch:
    """The command of a script that starts llama-server, else its last one."""
    commands = simple_commands(script)
    inner = [
        _unwrapped(replace(launch, program=command[0], arguments=tuple(command[1:])), depth - 1) for command in commands
    ]
    if not inner:
        raise ValueError("its command is empty")
    chosen = next((number for number, it in enumerate(inner) if it.is_llama_server), len(inner) - 1)
    before = [command for number, command in enumerate(commands) if number != chosen]
    exported = [word for command in before if command[0] == "export" for word in command[1:] if _ASSIGNMENT.match(word)]
    others = [command for command in before if command[0] not in ("export", "exec", ":", "true")]
    said = (f"{told(command)}: the pod runs no other command of yours" for command in others)
    return replace(
        inner[chosen],
        environment=(*launch.environment, *exported, *inner[chosen].environment[len(launch.environment) :]),
        said=(*inner[chosen].said, *said),
    )


def _of_windows(launch: Launch) -> Launch | None:
    """The program that cmd or PowerShell starts behind `/c` or `-Command`, where that is known to be one."""
    at = next((at for at, word in enumerate(launch.arguments) if re.fullmatch("(?i)/[ck]|-c(ommand)?", word)), None)
    if at is None:
        return None
    rest = launch.arguments[at + 1 :]
    if len(rest) == 1:
        rest = tuple(words(re.sub("'([^']*)'", r'"\1"', rest[0])))
    program = next((at for at, word in enumerate(rest) if _is_known(word)), None)
    if program is None:
        return None
    before = [word for word in rest[:program] if word.lower() not in _STARTS]
    said = (f"{told(before)}: the pod runs no other command of yours",) if before else ()
    return replace(launch, program=rest[program], arguments=rest[program + 1 :], said=(*launch.said, *said))


def _script(arguments: tuple[str, ...]) -> str | None:
    """The text after `-c`, which may be part of a group of letters, as in `bash -lc`."""
    for at, word in enumerate(arguments[:-1]):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            return arguments[at + 1]
        if not word.startswith("-") and word not in _SHELLS:
            return None
    return None


def _next_program(whole: tuple[str, ...]) -> int:
    """Where, behind a wrapper and its own options, the program stands that it starts; 0 where it starts none."""
    rest = range(1, len(whole))
    known = next((at for at in rest if _is_known(whole[at]) or _is_unified(whole[at:])), 0)
    own = (at for at in rest if not whole[at].startswith("-") and not _ASSIGNMENT.match(whole[at]))
    return known or next((at for at in own if not re.fullmatch(r"[\d,.-]+[smh]?", whole[at])), 0)


def _is_known(word: str) -> bool:
    name = _name(word)
    return name in _SHELLS | _CONTAINERS | _WRAPPERS or bool(_SERVER.fullmatch(name))


def _is_unified(words: tuple[str, ...]) -> bool:
    """`llama serve` is llama-server, since ggml-org/llama.cpp#23296."""
    return _name(words[0]) == "llama" and words[1:2] in (("serve",), ("server",))


def _about(name: str, said: tuple[str, ...]) -> tuple[str, ...]:
    if name in ("env", "exec", "command"):
        return ()
    return (f"{told(said)}: the pod starts the server itself",)


def _name(word: str) -> str:
    return posixpath.basename(word.replace("\\", "/")).lower().removesuffix(".exe")
