"""Switches off what a program that runs for a second does not need."""

import atexit
import gc
import os

import pulumi


def lighten() -> None:
    """Switch off garbage collection, the SDK's debug lines and pydantic's search for plugins, before what uses them.

    Together a tenth of a preview without changes. The debug lines are about a hundred blocking calls into the engine,
    whether or not anyone asked for them (pulumi 3.272, log.py). The search reads the metadata of every installed
    package (pydantic 2.14, 0.01 s of CPU). Only for the program's own process.
    """
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter's last collection walks every class of the SDKs
    pulumi.log.debug = _unheard
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _unheard(*_: object, **__: object) -> None:
    pass
