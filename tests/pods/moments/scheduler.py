"""Who goes on, as a function of a seed: programs in processes of their own, of which one thread runs at a time."""

import dataclasses
import json
import os
import random
import signal
import socket
import time
import traceback
from collections.abc import Callable

from tests.pods.moments.kernel import READS, enter
from tests.pods.moments.world import World

STEP_S = 0.001  # that much later it is after each step
HANGS_S = 120  # a program that does not come to its next moment for so long, by a real clock
MOST_STEPS = 50_000
LINGERS_S = 3  # an endless program lives on for so long after the others
# What these do, nobody can see on the volume.
UNSEEN = (*READS, "lock", "sleep", "wait", "event", "begin", "start")


class WrongError(Exception):
    """Something that must never be."""


@dataclasses.dataclass
class Task:
    """One thread of a program and the call that it is about to make; `until` is when it wakes by itself."""

    program: "Program"
    number: int
    what: str = "begin"
    until: float | None = None
    blocked: bool = False

    def is_ready(self, now_s: float) -> bool:
        return not self.blocked or (self.until is not None and self.until <= now_s)


@dataclasses.dataclass
class Program:
    """`endless` ones are killed when the others have ended; `code` is negative after a signal, None while it lives."""

    name: str
    pid: int
    channel: socket.socket
    output: int
    endless: bool
    tasks: dict[int, Task] = dataclasses.field(default_factory=dict[int, Task])
    code: int | None = None

    def printed(self) -> str:
        return os.pread(self.output, 1 << 20, 0).decode(errors="replace")


class Scheduler:
    """`seen(program, call)` is told of every call that was made, and `ended(program)` of every end."""

    def __init__(self, seed: int, root: str, locks: str = "kernel") -> None:
        self.seed, self.root, self.locks = seed, root, locks
        self.chance = random.Random(seed)  # noqa: S311 - to be repeated
        self.stay, self.early = self.chance.choice([0, 0.5, 0.9, 0.97]), self.chance.choice([0, 0.01, 0.1])
        self.kills, self.deadly, self.dies_at, self.died, self._changes = 0, 0.0, -1, False, 0
        self.programs, self.now_s, self.trace = list[Program](), 0.0, list[str]()
        self.seen: Callable[[Program, str], None] = lambda _, __: None
        self.ended: Callable[[Program], None] = lambda _: None
        self._last: Task | None = None
        self._last_end_s = 0.0
        # Whole seconds, ahead of the volume's clock by more than a run takes, so that it always is.
        self.began_s = float(int(time.time()) + 1000)

    def start(
        self, name: str, run: Callable[[], None], endless: bool = False, alone: bool = False, after_s: float = 0
    ) -> Program:
        """Fork a process that waits at its first moment for `after_s`, then runs `run`, which ends it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output = os.memfd_create(name)
        if not (pid := os.fork()):
            self._be(World(theirs, self.root, self.began_s, alone), output, run)
        theirs.close()
        ours.settimeout(HANGS_S)
        program = Program(name, pid, ours, output, endless)
        self.programs.append(program)
        self._hear(program)
        program.tasks[0].until = self.now_s + after_s
        return program

    def _be(self, world: World, output: int, run: Callable[[], None]) -> None:
        try:
            os.dup2(output, 1)
            os.dup2(output, 2)
            for other in self.programs:
                other.channel.close()
            enter(world, self.seed * 100 + len(self.programs), self.locks)
            run()
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(99)

    def play(self) -> None:
        """Until every program has ended."""
        for _ in range(MOST_STEPS):
            if not (alive := [it for it in self.programs if it.code is None]):
                return
            if all(it.endless for it in alive) and self.now_s > self._last_end_s + LINGERS_S:
                for it in alive:
                    self.kill(it)
                return
            self._step(self._choose())
        raise WrongError("the programs come to no end")

    def _choose(self) -> Task:
        tasks = [task for it in self.programs if it.code is None for task in it.tasks.values()]
        ready = [task for task in tasks if task.is_ready(self.now_s)]
        asleep = [task for task in tasks if task.until is not None and task not in ready]
        if not ready and not asleep:
            raise WrongError("every program waits for another")
        if not ready or (asleep and self.chance.random() < self.early):
            chosen = min(asleep, key=lambda task: task.until or 0)
            self.now_s = max(self.now_s, chosen.until or 0)
            return chosen
        if self._last in ready and self.chance.random() < self.stay:
            return self._last
        return self.chance.choice(ready)

    def _step(self, task: Task) -> None:
        program, made, self._last = task.program, task.what, task
        self.now_s += STEP_S
        self.trace.append(f"{self.now_s:9.3f} {program.name}.{task.number} {made}")
        dies = self._is_to_die(program, made)
        half = dies and made.startswith(("write", "pwrite")) and self.chance.random() < 0.5
        if dies and not half:
            return self.kill(program)
        task.blocked, task.until = False, None
        program.channel.send(json.dumps([task.number, self.now_s, half]).encode())
        self._hear(program)
        return self.seen(program, made)

    def _is_to_die(self, program: Program, call: str) -> bool:
        if program is self.programs[0] and not call.startswith(UNSEEN):
            self._changes += 1
            if self._changes - 1 == self.dies_at:
                self.died = True
                return True
        if self.kills and not program.endless and self.chance.random() < self.deadly:
            self.kills -= 1
            return True
        return False

    def _hear(self, program: Program) -> None:
        try:
            message = program.channel.recv(1 << 16)
        except TimeoutError:
            raise WrongError(f"{program.name} hangs") from None
        except ConnectionResetError:
            message = b""
        if not message:
            return self._bury(program)
        number, what, until, blocked, ended, news = json.loads(message)
        for other in news:
            task = program.tasks.setdefault(other, Task(program, other))
            task.blocked, task.until = False, None
        if ended:
            del program.tasks[number]
            return None
        task = program.tasks.setdefault(number, Task(program, number))
        task.what, task.until, task.blocked = what, until, blocked
        return None

    def kill(self, program: Program) -> None:
        """With all its threads, at once; the kernel has let go of its locks when this returns."""
        self.trace.append(f"{self.now_s:9.3f} {program.name} is killed")
        os.kill(program.pid, signal.SIGKILL)
        self._bury(program)

    def _bury(self, program: Program) -> None:
        _, status = os.waitpid(program.pid, 0)
        program.code = os.waitstatus_to_exitcode(status)
        program.channel.close()
        self._last_end_s = self.now_s
        self.trace.append(f"{self.now_s:9.3f} {program.name} ended with {program.code}")
        self.ended(program)

    def close(self) -> None:
        """Whatever has become of the run."""
        self.ended = lambda _: None
        for program in self.programs:
            if program.code is None:
                self.kill(program)
            os.close(program.output)
