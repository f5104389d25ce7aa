"""`pulumi up`, ended at once when an event says that no waiting helps, instead of when its time is up."""

import os
import signal

from dev.machine.steps import DevError, say
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import document, rendered
from observe.events import Watch
from plan import config
from plan.config import stack_file
from plan.live.objects.hopeless import Hopeless


def run(cli: PulumiCli, namespace: str, *arguments: str) -> None:
    """Run `pulumi ARGUMENTS`; raises DevError, with the event's words where one has ended it."""
    ending = _Ending()
    watch = Watch(namespace, _models(cli), {**os.environ, **cli.environment()}, ending.found)
    try:
        cli.run(*arguments, started=ending.started)
    except DevError:
        if not (told := ending.told):
            raise
        raise DevError(f"no waiting mends this: {told.what}", f"{told.step}; then run the same again") from None
    finally:
        watch.end()


def _models(cli: PulumiCli) -> list[str]:
    """The ids of the models in the stack file that this update reads."""
    path = rendered(cli.instance, cli.stack)
    content = stack_file.read(path.read_bytes(), path) if path.exists() else document(cli.stack)
    return [*map(str, content["config"][config.KEY].get("models") or ())]


class _Ending:
    """Ends the process as Ctrl-C does, so that Pulumi saves what it did."""

    def __init__(self) -> None:
        self.told: Hopeless | None = None
        self._pid = 0

    def started(self, pid: int) -> None:
        self._pid = pid

    def found(self, told: Hopeless) -> None:
        if self._pid:  # before, it is of something that another update does
            self.told = told
            say(f"{told.what}: stopping after what has begun is saved")
            os.kill(self._pid, signal.SIGINT)
