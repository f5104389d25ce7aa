"""`pulumi up`, ended at once when an event says that no waiting helps, instead of when its time is up."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from dev.machine.steps import DevError, say
from dev.pulumi.cli import PulumiCli
from observe.events import Watch
from plan.live.hopeless import Hopeless


def run(cli: PulumiCli, namespace: str, *arguments: str) -> None:
    """Run `pulumi ARGUMENTS`; raises DevError, with the event's words where one has ended it."""
    found = list[Hopeless]()
    with ExitStack() as ending:

        def started(pid: int) -> None:
            watch = Watch(namespace, {**os.environ, **cli.environment()}, _ends(pid, found))
            ending.callback(watch.end)

        try:
            cli.run(*arguments, started=started)
        except DevError:
            if not found:
                raise
            raise DevError(
                f"no waiting mends this: {found[0].what}", f"{found[0].step}; then run the same again"
            ) from None


def _ends(pid: int, found: list[Hopeless]) -> Callable[[Hopeless], None]:
    def end(told: Hopeless) -> None:
        found.append(told)
        say(f"{told.what}: stopping after what has begun is saved")
        os.kill(pid, signal.SIGINT)  # as Ctrl-C: Pulumi saves what it did

    return end
