"""Telling Pulumi: gRPC errors with initialization details, and status lines while waiting."""

import contextlib
import os
import threading
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2, provider_pb2, status_pb2

from dev.plugin.diff.properties import encode


def fail(context: grpc.ServicerContext, error: Exception, *, keep_secrets: bool) -> None:
    """Abort the call with `error`; one that carries `reasons` tells Pulumi to keep the object's state."""
    reasons = getattr(error, "reasons", None)
    if reasons is None:
        known = type(error).__module__.startswith("dev.plugin") or isinstance(error, ValueError)
        context.abort(grpc.StatusCode.UNKNOWN, _typed(str(error)) if known else f"offline plugin: {error!r}")
    live: Any = error
    detail = provider_pb2.ErrorResourceInitFailed(
        id=live.object_id,
        properties=encode(live.outputs, keep_secrets=keep_secrets),
        inputs=encode(live.inputs, keep_secrets=keep_secrets) if live.inputs is not None else None,
        reasons=[str(error), *map(_typed, reasons)],
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _typed(text: str) -> str:
    """`text` with commands that work as they are printed, where `make` runs Pulumi."""
    from plan.base.commands import GIVEN, by_make  # late: start-up is short, and errors are rare

    given = os.environ.get(GIVEN)
    return text if given is None else by_make(text, given)


class EngineLog:
    """Status lines in Pulumi's display; without an address nothing is shown."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._lock = threading.Lock()
        self._stub: Any = None

    def status(self, urn: str, line: str) -> None:
        """Show `line` as the resource's status. A lost connection is ignored: Pulumi ends this process anyway."""
        if not self._address:
            return
        with self._lock, contextlib.suppress(grpc.RpcError):
            if self._stub is None:
                from pulumi.runtime.proto import engine_pb2_grpc

                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True)
            self._stub.Log(request, timeout=5)
