"""The random provider's one type that this project uses: `random:index/randomPassword:RandomPassword`.

Source of inputs, defaults and outputs: pulumi-random 4.21 (terraform-provider-random's random_password).
"""

# ruff: noqa: N802 - the methods are named by the protocol
import secrets
import string
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from dev.plugin.properties import Secret, decode, encode, has_unknown, plain

TYPE = "random:index/randomPassword:RandomPassword"
_CLASSES = {"lower": string.ascii_lowercase, "numeric": string.digits, "special": "", "upper": string.ascii_uppercase}
_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


def generate(inputs: dict[str, Any]) -> str:
    """A password of `length` characters from the allowed classes, at least `min<Class>` of each, in random order."""
    classes = {**_CLASSES, "special": inputs.get("overrideSpecial") or _SPECIAL}
    allowed = {name: letters for name, letters in classes.items() if inputs.get(name, True)}
    chosen = [
        secrets.choice(letters)
        for name, letters in allowed.items()
        for _ in range(inputs.get(f"min{name.capitalize()}", 0))
    ]
    every = "".join(allowed.values())
    chosen += [secrets.choice(every) for _ in range(inputs["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def problem(inputs: dict[str, Any]) -> str:
    """What is wrong with the inputs, "" when nothing is."""
    length = inputs.get("length")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        return f"length is {length!r}: write a whole number of at least 1"
    least = sum(inputs.get(f"min{name.capitalize()}", 0) for name in _CLASSES)
    if least > length:
        return f"length is {length}, but the min* inputs ask for {least} characters: raise length"
    if not any(inputs.get(name, True) for name in _CLASSES):
        return "no class of characters is allowed: leave at least one of lower, numeric, special, upper on"
    return ""


class RandomPlugin(provider_pb2_grpc.ResourceProviderServicer):
    """Passwords that stay the same until an input changes; the value is secret in state."""

    def __init__(self, version: str) -> None:
        self._version = version

    def GetPluginInfo(self, _: Any, __: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self._version)

    def Handshake(self, _: Any, __: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def CheckConfig(self, request: Any, _: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, _: Any, __: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, _: Any, __: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.urn.split("::")[2].rpartition("$")[2] != TYPE:
            context.abort(grpc.StatusCode.UNKNOWN, f"the offline random plugin serves {TYPE} only")
        inputs = plain(decode(request.news))
        wrong = "" if has_unknown(inputs) else problem(inputs)
        failures = [provider_pb2.CheckFailure(reason=wrong)] if wrong else []
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: Any, _: grpc.ServicerContext) -> Any:
        olds, news = plain(decode(request.old_inputs)), plain(decode(request.news))
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, replaces=changed, diffs=changed)

    def Create(self, request: Any, _: grpc.ServicerContext) -> Any:
        inputs = decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        known = plain(inputs)
        defaults = {**dict.fromkeys(_CLASSES, True), **{f"min{name.capitalize()}": 0 for name in _CLASSES}}
        outputs = {**defaults, "number": known.get("numeric", True), **inputs, "result": Secret(generate(known))}
        return provider_pb2.CreateResponse(id="none", properties=encode(outputs))

    def Read(self, request: Any, _: grpc.ServicerContext) -> Any:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, _: Any, __: grpc.ServicerContext) -> Any:
        return Empty()

    def Cancel(self, _: Any, __: grpc.ServicerContext) -> Any:
        return Empty()
