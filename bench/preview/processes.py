"""`python3 -I -S processes.py COMMAND...`: run it, and print as JSON what it and all that it started have spent.

`code`; `wall_s`; `cpu_s`, user and system time of all of them; `programs`, CPU seconds of each. Orphans count: this
process adopts them, and waits for them. The kernel tells what one process has spent only until somebody has waited for
it, so `programs` holds what was seen last, every hundredth of a second: each may have spent 0.02 s more.
"""

import ctypes
import json
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)
_LOOK_EVERY_S = 0.01
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_KNOWN = {  # what tells a program by its command line, the most telling first
    "pulumi-language-python-exec": "program",
    "-m pip": "language host: pip list",
    "pulumi-language-python": "language host",
    "pulumi-resource-kubernetes": "kubernetes plugin",
    "plugin/main.py": "kubernetes plugin",
    "kubectl": "kubectl",
    "pulumi preview": "engine",
}


def main(argv: list[str]) -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    begun = time.monotonic()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)], setsid=True)
    seen: dict[str, tuple[str, float]] = {}
    code, wall_s = None, 0.0
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if ended == pid:
            code, wall_s = os.waitstatus_to_exitcode(status), time.monotonic() - begun
        if not ended:
            _look(pid, seen)
            time.sleep(_LOOK_EVERY_S)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    programs: Counter[str] = Counter()
    for name, cpu_s in seen.values():
        programs[name] += cpu_s
    print(json.dumps({"code": code, "wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "programs": programs}))


def _look(session: int, seen: dict[str, tuple[str, float]]) -> None:
    """Note program and CPU seconds of every process of the session, by process id."""
    for process in os.listdir("/proc"):
        if process.isdecimal() and int(process) >= session:
            try:
                fields = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()  # proc_pid_stat(5)
                command = Path("/proc", process, "cmdline").read_text().replace("\0", " ").strip()
            except (OSError, UnicodeDecodeError):
                continue  # it has ended
            if int(fields[3]) == session:
                # Whoever has ended and is not waited for yet has spent its time, but has no command line any more.
                name = _program(command) if command else seen.get(process, ("others", 0))[0]
                seen[process] = name, (int(fields[11]) + int(fields[12])) * _TICK_S


def _program(command: str) -> str:
    known = (name for mark, name in _KNOWN.items() if mark in command)
    return next(known, None) or Path(command.split(" ")[0]).name


main(sys.argv[1:])
