"""The recordings of the official plugin, and the offline plugin called in this process as the engine would call it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import provider_pb2, status_pb2

from dev.plugin.server import KubernetesPlugin
from dev.plugin.status import EngineLog

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.jsonl"))
_REQUESTS: dict[str, Any] = {
    "Check": provider_pb2.CheckRequest,
    "CheckConfig": provider_pb2.CheckRequest,
    "Configure": provider_pb2.ConfigureRequest,
    "Create": provider_pb2.CreateRequest,
    "Delete": provider_pb2.DeleteRequest,
    "Diff": provider_pb2.DiffRequest,
    "DiffConfig": provider_pb2.DiffRequest,
    "Read": provider_pb2.ReadRequest,
    "Update": provider_pb2.UpdateRequest,
}


@dataclass(frozen=True)
class Exchange:
    """One recorded call. `errors` are the gRPC errors where it failed."""

    situation: str
    method: str
    request: dict[str, Any]
    response: dict[str, Any]
    errors: list[str]

    def __str__(self) -> str:
        type_name = self.request["urn"].split("::")[2].rpartition(":")[2]
        return f"{self.situation}-{self.method}-{type_name}"


def exchanges(*methods: str, situation: str = "") -> list[Exchange]:
    """The recorded calls of these methods, in order; `situation` is the start of a recording's file name."""
    found = []
    for path in RECORDINGS:
        for record in map(json.loads, path.read_text().splitlines()):
            if record["method"] in methods and path.name.startswith(situation):
                response, errors = record.get("response") or {}, record.get("errors") or []
                found.append(Exchange(path.stem[:2], record["method"], record["request"], response, errors))
    return found


class CallError(Exception):
    """What the plugin aborted with; `detail` is the initialization failure where it sent one."""

    def __init__(self, text: str, detail: provider_pb2.ErrorResourceInitFailed | None) -> None:
        super().__init__(text)
        self.detail = MessageToDict(detail) if detail else None


class _Context:
    """The part of grpc.ServicerContext that servicers use."""

    def __init__(self) -> None:
        self._trailing: dict[str, bytes] = {}

    def set_trailing_metadata(self, pairs: tuple[tuple[str, bytes], ...]) -> None:
        self._trailing = dict(pairs)

    def abort(self, code: grpc.StatusCode, text: str) -> None:
        assert code is grpc.StatusCode.UNKNOWN
        detail = None
        if packed := self._trailing.get("grpc-status-details-bin"):
            detail = provider_pb2.ErrorResourceInitFailed()
            assert status_pb2.Status.FromString(packed).details[0].Unpack(detail)
        raise CallError(text, detail)


def new_plugin() -> KubernetesPlugin:
    """A plugin configured as in the recordings; it finds its cluster by $KUBECONFIG."""
    plugin = KubernetesPlugin("4.34.2", EngineLog())
    call(plugin, "Configure", {"acceptSecrets": True, "urn": "urn:pulumi:dev::rec::pulumi:providers:kubernetes::k"})
    return plugin


def call(plugin: Any, method: str, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request given as in a recording; the answer as in a recording. Raises CallError."""
    message = ParseDict(request, _REQUESTS[method]())
    return MessageToDict(getattr(plugin, method)(message, _Context()))
