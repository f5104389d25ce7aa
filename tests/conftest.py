"""An engine that records what a program registers, with the options that pulumi's own mocks hide."""

import atexit
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import mocks

from tests.stacks import CLUSTER_ID

# No deadline: an example's time is the machine's affair.
hypothesis.settings.register_profile("local-llm", max_examples=40, deadline=None)
hypothesis.settings.load_profile("local-llm")

SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass
class Registration:
    """One registered resource: `inputs` as the engine got them, `options` the raw request."""

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    options: Any


@dataclass
class Engine(mocks.Mocks):
    """Answers every registration with its own inputs; `found_cluster` is the uid of the cluster it plays."""

    found_cluster: str = CLUSTER_ID
    registered: list[Registration] = field(default_factory=list)

    def of(self, kind: str) -> list[Registration]:
        """Registrations whose type token ends in `kind`."""
        return [r for r in self.registered if r.type.rsplit(":", 1)[-1] == kind]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        outputs = dict(args.inputs)
        if args.typ == "kubernetes:core/v1:Namespace":
            outputs["metadata"] = {"name": args.resource_id, "uid": self.found_cluster}
        elif args.typ.startswith("kubernetes:"):
            outputs["metadata"] = {"name": f"{args.name}-0000000", **args.inputs.get("metadata", {})}
        elif args.typ.startswith("random:"):
            outputs["result"] = "generated-in-the-test"
        return args.resource_id or f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asked {args.token}; it must only declare")


class Recorder(mocks.MockMonitor):
    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name of the RPC
        response = super().RegisterResource(request)
        inputs = json_format.MessageToDict(request.object)
        self.mocks.registered.append(Registration(request.type, request.name, response.urn, inputs, request))
        return response


@pytest.fixture
def engine() -> Iterator[Engine]:
    recorder = Engine()
    pulumi.runtime.set_mocks(recorder, project="local-llm", stack="test", monitor=Recorder(recorder))
    debug = pulumi.log.debug
    yield recorder
    pulumi.runtime.set_all_config({})
    pulumi.log.debug = debug  # what components.runtime switches off is for the program's own process
    atexit.unregister(gc.freeze)
    gc.enable()


def build(make: Callable[[], Any]) -> None:
    """Run `make` and wait for every registration: without that the recorder is empty and failures in apply pass."""
    pulumi.runtime.test(lambda: make() and None)()
