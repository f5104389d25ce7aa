"""Threads, locks, conditions and events between the threads of one program, in a world where one runs at a time."""

import _thread
import threading
from typing import Any

from tests.pods.moments.world import World


class Waiters:
    """Tasks that cannot go on until another wakes them."""

    def __init__(self, world: World) -> None:
        self.world, self.tasks = world, list[int]()

    def wait(self, what: str, timeout: float | None) -> bool:
        """False when the time was over before anybody woke us."""
        task = self.world.task
        self.tasks.append(task)
        self.world.moment(what, until=None if timeout is None else self.world.now + timeout, blocked=True)
        if task in self.tasks:
            self.tasks.remove(task)
            return False
        return True

    def wake(self, count: int) -> None:
        woken, self.tasks = self.tasks[:count], self.tasks[count:]
        self.world.news += woken


class Lock:
    """Also an RLock: the programs that take one twice say so by its name."""

    def __init__(self, world: World) -> None:
        self.world, self.waiters = world, Waiters(world)
        self.holder, self.depth = -1, 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        self.world.moment("lock")
        while self.holder not in (-1, self.world.task):
            if not blocking or not (self.waiters.wait("locked", None if timeout < 0 else timeout) or timeout < 0):
                return False
        self.holder, self.depth = self.world.task, self.depth + 1
        return True

    def release(self) -> None:
        self.depth -= 1
        if not self.depth:
            self.holder = -1
            self.waiters.wake(1)

    def locked(self) -> bool:
        return self.holder >= 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Condition:
    def __init__(self, world: World, lock: Lock | None = None) -> None:
        self.lock, self.waiters = lock or Lock(world), Waiters(world)
        self.acquire, self.release = self.lock.acquire, self.lock.release

    def wait(self, timeout: float | None = None) -> bool:
        self.release()
        woken = self.waiters.wait("wait", timeout)
        self.acquire()
        return woken

    def notify(self, n: int = 1) -> None:
        self.waiters.wake(n)

    def notify_all(self) -> None:
        self.waiters.wake(len(self.waiters.tasks))

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Event:
    def __init__(self, world: World) -> None:
        self.waiters, self.is_it = Waiters(world), False

    def is_set(self) -> bool:
        return self.is_it

    def set(self) -> None:
        self.is_it = True
        self.waiters.wake(len(self.waiters.tasks))

    def clear(self) -> None:
        self.is_it = False

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_it or self.waiters.wait("event", timeout)


class Thread(threading.Thread):
    def __init__(self, world: World, **named: Any) -> None:
        super().__init__(**named)
        self.world, self.ended, self.own = world, Event(world), -1

    def start(self) -> None:
        self.own = self.world.begin()
        super().start()
        self.world.moment("started")

    def run(self) -> None:
        self.world.tasks[_thread.get_ident()] = self.own
        self.world.turns[self.own].acquire()
        try:
            super().run()
        finally:
            self.ended.set()
            self.world.moment("end", ended=True)

    def join(self, timeout: float | None = None) -> None:
        self.ended.wait(timeout)
