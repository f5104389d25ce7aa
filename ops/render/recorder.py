"""Runs the program without CLI, state, plugin or cluster, and records the resources that it registers.

`ops render` writes the recorded resources to files; the tests look at them. It records the options too, which Pulumi's
own mocks hide.
"""

import json
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks

from plan import config

PROGRAM = Path(__file__).resolve().parents[2] / "__main__.py"
# What marks a secret in the values that the SDK sends (pulumi 3.272, runtime/rpc.py).
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # noqa: S105 - a marker, not a secret
PASSWORD = "generated-in-the-recorder"  # noqa: S105 - what every Stash holds here


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered resource: the program's `inputs`, the `outputs` it got back, the raw request as `options`."""

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    options: Any

    @property
    def kind(self) -> str:
        """The last part of the type token: `DeploymentPatch`."""
        return self.type.rsplit(":", 1)[-1]


def zeros(inputs: Mapping[str, Any]) -> str:
    del inputs
    return "0000000"


@dataclass
class Recorder(mocks.Mocks):
    """Answers every registration with its own inputs. `found_cluster` is the uid that a look at the cluster finds.

    `suffix` makes the end of an unnamed object's name from the object's inputs.
    """

    found_cluster: str
    suffix: Callable[[Mapping[str, Any]], str] = zeros
    registered: list[Registration] = field(default_factory=list[Registration])

    def install(self) -> None:
        """Record whatever this process registers from now on."""
        pulumi.runtime.set_mocks(self, project="local-llm", stack="recorded", monitor=_Monitor(self))

    def of(self, kind: str) -> list[Registration]:
        """Registrations whose type token ends in `kind`."""
        return [r for r in self.registered if r.kind == kind]

    def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
        outputs: dict[str, Any] = dict(args.inputs)
        if args.typ == "kubernetes:core/v1:Namespace":
            outputs["metadata"] = {"name": args.resource_id, "uid": self.found_cluster}
        elif args.typ.startswith("kubernetes:"):
            metadata = args.inputs.get("metadata", {})
            outputs["metadata"] = {"name": f"{args.name}-{self.suffix(args.inputs)}", **metadata}
        elif args.typ == "pulumi:index:Stash":
            outputs["output"] = PASSWORD
        return args.resource_id or f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asked {args.token}; it must only declare")


class _Monitor(mocks.MockMonitor):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the RPC
        monitor: Any = super()
        response = monitor.RegisterResource(request)
        inputs, outputs = json_format.MessageToDict(request.object), json_format.MessageToDict(response.object)
        self._recorder.registered.append(
            Registration(request.type, request.name, response.urn, inputs, outputs, request)
        )
        return response


def build(make: Callable[[], Any]) -> None:
    """Run `make` and wait for every registration; without waiting, failures inside an apply would go unnoticed."""
    runtime: Any = pulumi.runtime
    runtime.test(lambda: make() and None)()


def run_program(raw: object, program: Path = PROGRAM) -> None:
    """Run `program` with `raw` as its configuration; raises pulumi.RunError with the ConfigError's text.

    A program reads the lock and pods.pyz that lie beside it. The process is left without garbage collection, as the
    program leaves its own; tests/conftest.py undoes that.
    """
    pulumi.runtime.set_all_config({config.KEY: json.dumps(raw)})
    build(lambda: runpy.run_path(str(program), run_name="__main__"))
