"""The moments of one process: where another program may go on.

One thread of all programs runs at a time. Whoever comes to a moment tells the scheduler what it is about to do, and
waits until it is chosen. Time stands still while a program runs: the scheduler sends it along.
"""

import _thread
import json
import socket
from typing import Any


class World:
    """The moments of one process. `news` are tasks that were begun or woken since the last moment.

    `alone`: nobody else runs, so only who waits asks the scheduler.
    """

    def __init__(self, channel: socket.socket, root: str, began_s: float, alone: bool) -> None:
        self.channel, self.root, self.began_s, self.alone, self.now = channel, root, began_s, alone, 0.0
        self.turns, self.tasks = {0: _locked()}, {_thread.get_ident(): 0}
        self.news: list[int] = []

    @property
    def task(self) -> int:
        return self.tasks[_thread.get_ident()]

    def moment(self, what: str, until: float | None = None, blocked: bool = False, ended: bool = False) -> bool:
        """Wait to be chosen; True when this is the moment to die in the middle of the call."""
        if self.alone and not (blocked or ended or self.news):
            return False
        task = self.task
        news, self.news = self.news, []
        self.channel.send(json.dumps([task, what, until, blocked, ended, news]).encode())
        chosen, self.now, dies = json.loads(self.channel.recv(1 << 16))
        if chosen != task:  # whoever was the last to run hears who is next
            self.turns[chosen].release()
            if not ended:
                self.turns[task].acquire()
        return bool(dies)

    def sleep(self, seconds: float) -> None:
        self.moment("sleep", until=self.now + seconds, blocked=True)

    def begin(self) -> int:
        """A task for a thread that is about to start."""
        task = len(self.turns)
        self.turns[task] = _locked()
        self.news.append(task)
        return task


def _locked() -> Any:
    lock = _thread.allocate_lock()
    lock.acquire()
    return lock
