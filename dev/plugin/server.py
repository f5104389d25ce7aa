"""The gRPC face of the Kubernetes plugin: requests in, property bags out. Decisions are made elsewhere.

Only what Check and Diff need is imported at start: a preview without changes should not pay for HTTP and YAML.
"""

# ruff: noqa: N802 - the methods are named by the protocol
import threading
from collections.abc import Callable
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from dev.plugin.api import settings
from dev.plugin.api.metadata import REPLACE_UNREADY, is_set
from dev.plugin.diff import propertypath
from dev.plugin.diff.check import Naming, check
from dev.plugin.diff.diff import Difference, diff
from dev.plugin.diff.properties import decode, encode, plain
from dev.plugin.status import EngineLog, fail

if TYPE_CHECKING:
    from dev.plugin.api.client import Client
    from dev.plugin.apply import Operations, Request

Answer = Callable[..., Any]
_SOME, _NONE = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE


def answers(method: Answer) -> Answer:
    """Turn every exception of a method into a gRPC status a person can read."""

    @wraps(method)
    def call(self: "KubernetesPlugin", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request)
        except Exception as error:
            return fail(context, error, keep_secrets=self.keep_secrets)

    return call


class KubernetesPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one provider instance, as Pulumi starts one process for each."""

    def __init__(self, version: str, log: EngineLog) -> None:
        self._version = version
        self._log = log
        self._cancelled = threading.Event()
        self.settings = settings.Settings()
        self.keep_secrets = True

    @cached_property
    def client(self) -> "Client":
        from dev.plugin.api.client import Client

        return Client(self.settings)

    def _operations(self, urn: str) -> "Operations":
        from dev.plugin.apply import Operations
        from dev.plugin.awaiting.waiter import Waiter

        waiter = Waiter(self.client, self._cancelled, lambda line: self._log.status(urn, line))
        return Operations(self.client, waiter, patch_force=self.settings.patch_force)

    def _encode(self, bag: dict[str, Any]) -> Any:
        return encode(bag, keep_secrets=self.keep_secrets)

    @answers
    def GetPluginInfo(self, _: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    @answers
    def Handshake(self, _: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    @answers
    def GetSchema(self, _: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    @answers
    def Cancel(self, _: Any) -> Any:
        self._cancelled.set()
        return Empty()

    @answers
    def CheckConfig(self, request: Any) -> Any:
        failures = []
        try:
            settings.read(decode(request.news))
        except ValueError as error:
            failures = [provider_pb2.CheckFailure(reason=str(error))]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    @answers
    def DiffConfig(self, request: Any) -> Any:
        changed, replaces = settings.changes(plain(decode(request.olds)), plain(decode(request.news)))
        return provider_pb2.DiffResponse(changes=_SOME if changed else _NONE, diffs=changed, replaces=replaces)

    @answers
    def Configure(self, request: Any) -> Any:
        prefix = "kubernetes:config:"
        variables = {key.removeprefix(prefix): value for key, value in request.variables.items()}
        self.settings = settings.read(variables or plain(decode(request.args)))
        self.keep_secrets = request.acceptSecrets
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    @answers
    def Check(self, request: Any) -> Any:
        options = request.autonaming
        naming = Naming(
            prefix=request.urn.rpartition("::")[2],
            seed=request.randomSeed,
            proposed=options.proposed_name,
            disabled=request.HasField("autonaming") and options.mode == options.Mode.DISABLE,
        )
        olds, news = decode(request.olds), decode(request.news)
        namespace = self.settings.namespace
        inputs = check(_type(request.urn), olds, news, naming, lambda: namespace or self.client.default_namespace())
        return provider_pb2.CheckResponse(inputs=self._encode(inputs))

    @answers
    def Diff(self, request: Any) -> Any:
        olds, news = decode(request.olds), decode(request.news)
        found = diff(
            _type(request.urn),
            olds,
            news,
            [propertypath.parse(path) for path in request.ignoreChanges],
            config_maps_mutable=self.settings.config_maps_mutable,
            secrets_mutable=self.settings.secrets_mutable,
            extra_replace=is_set(plain(news), REPLACE_UNREADY) and self._is_unready_job(olds),
        )
        return _diff_response(found)

    def _is_unready_job(self, olds: dict[str, Any]) -> bool:
        from dev.plugin.apply import is_unready_job

        return is_unready_job(self.client, olds)

    @answers
    def Create(self, request: Any) -> Any:
        object_id, outputs = self._operations(request.urn).create(decode(request.properties), _request(request))
        return provider_pb2.CreateResponse(id=object_id, properties=self._encode(outputs))

    @answers
    def Read(self, request: Any) -> Any:
        inputs, outputs = decode(request.inputs), decode(request.properties)
        found = self._operations(request.urn).read(request.id, inputs, outputs, _type(request.urn))
        if found is None:
            return provider_pb2.ReadResponse()
        read_inputs, read_outputs = map(self._encode, found)
        return provider_pb2.ReadResponse(id=request.id, properties=read_outputs, inputs=read_inputs)

    @answers
    def Update(self, request: Any) -> Any:
        outputs = self._operations(request.urn).update(decode(request.olds), decode(request.news), _request(request))
        return provider_pb2.UpdateResponse(properties=self._encode(outputs))

    @answers
    def Delete(self, request: Any) -> Any:
        self._operations(request.urn).delete(decode(request.properties), request.id, _request(request))
        return Empty()

    @answers
    def Invoke(self, request: Any) -> Any:
        raise ValueError(
            f"{request.tok} needs the official Kubernetes plugin; the offline one serves plain resources only"
        )

    @answers
    def GetMappings(self, _: Any) -> Any:
        return provider_pb2.GetMappingsResponse()


def _request(request: Any) -> "Request":
    from dev.plugin.apply import Request

    return Request(
        type_token=_type(request.urn),
        preview=getattr(request, "preview", False),
        timeout_s=request.timeout,
        ignore=tuple(getattr(request, "ignoreChanges", ())),
    )


def _type(urn: str) -> str:
    """The resource's own type token, without its parents' (`urn:pulumi:stack::project::parent$type::name`)."""
    return urn.split("::")[2].rpartition("$")[2]


def _diff_response(found: Difference) -> Any:
    kinds = provider_pb2.PropertyDiff.Kind
    detailed = {
        change.key: provider_pb2.PropertyDiff(
            kind=kinds.Value(change.kind + ("_REPLACE" if change.forced else "")), inputDiff=change.kind == "DELETE"
        )
        for change in found.changes
    }
    return provider_pb2.DiffResponse(
        changes=_SOME if found.changes or found.replaces else _NONE,
        replaces=found.replaces,
        deleteBeforeReplace=found.delete_first,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )
