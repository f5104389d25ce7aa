"""The whole program of this checkout against the recording engine, and what `ops render` makes of it.

A test that uses it asks for the fixture `recorder`, which cleans up after the program.
"""

import base64
import dataclasses
import gc
from pathlib import Path
from typing import Any

import pulumi

from ops.render import manifests
from ops.render.command import files
from ops.render.recorder import PROGRAM, Recorder, Registration, run_program
from tests import stacks

PROGRAMS = {base64.b64encode(path.read_bytes()).decode() for path in (stacks.ROOT / "pods" / "archives").glob("*.pyz")}


def run(raw: object, program: Path = stacks.EXAMPLE / "__main__.py") -> dict[str, Any]:
    """Run the program with `raw` as the stack's configuration and the tests' lock; returns its exports."""
    exports: dict[str, Any] = {}
    pulumi.export, original = exports.__setitem__, pulumi.export
    try:
        run_program(raw, program)
    finally:
        pulumi.export = original
        gc.enable()  # the program switches it off, and a soak runs thousands of them in one process
    return exports


def render(raw: dict[str, Any], stack: str = "t4", program: Path = stacks.EXAMPLE / "__main__.py") -> dict[str, str]:
    """The whole directory that `ops render` writes, by path."""
    recorder = Recorder(stacks.CLUSTER_ID, manifests.suffix)
    recorder.install()
    run(raw, program)
    return files(stack, recorder.registered)


def render_committed(raw: dict[str, Any], stack: str) -> dict[str, str]:
    """The same with the committed lock and without the pods' programs, which are reviewed where they lie."""
    recorder = Recorder(stacks.CLUSTER_ID, lambda inputs: manifests.suffix(_lean(inputs)))
    recorder.install()
    run(raw, PROGRAM)
    lean: list[Registration] = [dataclasses.replace(r, inputs=_lean(r.inputs)) for r in recorder.registered]
    return files(stack, lean)


def _lean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lean(entry) for key, entry in value.items()}
    return "pods.pyz" if isinstance(value, str) and value in PROGRAMS else value
