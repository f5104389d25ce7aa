"""A process that somebody else started, told by its pid and the time of its start, for a pid is used again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

_EXITING = 0x4  # PF_EXITING of the kernel's include/linux/sched.h
_KILL = 1 << 8  # SIGKILL in a signal mask


@dataclass(frozen=True, slots=True)
class Process:
    """`started` is in clock ticks since boot, as in proc(5) stat."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this pid now; one that ended already is never found running."""
        stat = _stat(pid)
        return cls(pid, int(stat[_STARTED]) if stat else 0)

    def runs(self) -> bool:
        """Whether it lives and will go on living: False from the moment at which it is killed or exits."""
        stat = self._stat()
        return bool(stat) and stat[_STATE] not in "ZX" and not int(stat[_FLAGS]) & _EXITING and not _killed(self.pid)

    def gone(self) -> bool:
        """Whether it has let go of its ports, files and locks; a killed process holds them for a while."""
        stat = self._stat()
        return not stat or (stat[_STATE] in "ZX" and int(stat[_THREADS]) <= 1)

    def _stat(self) -> list[str]:
        stat = _stat(self.pid)
        return stat if stat and int(stat[_STARTED]) == self.started else []


# Places in what follows the program's name; proc(5) counts from 1 and has pid and name before them.
_STATE, _FLAGS, _THREADS, _STARTED = 3 - 3, 9 - 3, 20 - 3, 22 - 3


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _killed(pid: int) -> bool:
    """Whether SIGKILL is on its way: until the process gets to it, nothing else shows that it will end."""
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return True
    return any(int(status[mask], 16) & _KILL for mask in ("SigPnd", "ShdPnd"))
