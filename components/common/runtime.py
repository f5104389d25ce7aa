"""Switches off what a program that runs for a second does not need."""

import atexit
import gc

import pulumi


def lighten() -> None:
    """Switch off garbage collection and the SDK's debug lines; together a tenth of a preview without changes.

    The debug lines are about a hundred blocking calls into the engine, whether or not anyone asked for them
    (pulumi 3.272, log.py). Only for the program's own process.
    """
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter's last collection walks every class of the SDKs
    pulumi.log.debug = _unheard


def _unheard(*_: object, **__: object) -> None:
    pass
