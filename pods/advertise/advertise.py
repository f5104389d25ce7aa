"""Keep an extended resource on the nodes that have a card. The scheduler counts it; no device is behind it.

A node that registers anew has none of it, and a kubelet that starts anew may set it to 0, so it is looked at for ever.
Manifest: {resource, quantity, selector, role, listen, poll_s?, timeout_s?, api?, credentials?}; `quantity` as the API
server writes it, `role` is the ClusterRole that allows it. Ready means that every node which `selector` finds has it.
It ends by SIGTERM only.
"""

import dataclasses
import time
import urllib.parse
from typing import Any

from pods.advertise.cluster_api import CREDENTIALS, ApiError, ClusterApi
from pods.core import json_text
from pods.core.metrics import family, serve
from pods.core.report import ExitError, say


@dataclasses.dataclass(frozen=True)
class Order:
    resource: str
    quantity: str
    selector: dict[str, str]
    role: str
    listen: int
    poll_s: float = 5.0
    timeout_s: float = 10.0
    api: str = ""
    credentials: str = CREDENTIALS

    @classmethod
    def parse(cls, text: str) -> "Order":
        """Raises ExitError 78."""
        try:
            order = cls(**json_text.parse(text))
        except (ValueError, TypeError) as error:
            raise ExitError(78, f"the manifest is unusable: {error}") from None
        for field in dataclasses.fields(cls):
            value = getattr(order, field.name)
            kinds = (int, float) if field.type is float else (getattr(field.type, "__origin__", field.type),)
            if type(value) not in kinds or (not value and field.name != "api"):
                raise ExitError(78, f"the manifest is unusable: {field.name} is {value!r}")
        return order


def advertise(manifest_text: str) -> None:
    """Look every `poll_s` seconds, and mend what is missing or different."""
    order = Order.parse(manifest_text)
    keeper = _Keeper(order, ClusterApi(order.api, order.credentials, order.timeout_s))
    try:
        serve(order.listen, keeper.render, lambda: keeper.lack)
    except OSError as error:
        raise ExitError(78, f"port {order.listen} cannot be listened on: {error.strerror}") from None
    while True:
        keeper.look()
        time.sleep(order.poll_s)


class _Keeper:
    """`lack` is what is wrong, "" once every node has it."""

    def __init__(self, order: Order, api: ClusterApi) -> None:
        self.order, self.api, self.lack = order, api, "not looked yet"
        self.nodes = self.advertised = self.patches = 0

    def look(self) -> None:
        lacks = self._round()
        now = "; ".join(lacks)
        if now != self.lack:
            say("waiting", reason=now) if now else say("ready", nodes=self.nodes, resource=self.order.resource)
        self.lack = now

    def _round(self) -> list[str]:
        labels = ",".join(f"{key}={value}" for key, value in self.order.selector.items())
        try:
            listed = self.api.request("GET", f"/api/v1/nodes?{urllib.parse.urlencode({'labelSelector': labels})}")
            nodes = [(str(node["metadata"]["name"]), self._had(node.get("status") or {})) for node in listed["items"]]
        except ApiError as error:
            return [self._said("list nodes", error)]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            return [f"the API server's list of nodes is unusable: {error!r}"]
        lacks = [lack for name, had in nodes if (lack := self._mend(name, had))]
        self.nodes, self.advertised = len(nodes), len(nodes) - len(lacks)
        return lacks if nodes else [f"no node has the labels {labels}; label the one with the card"]

    def _had(self, status: dict[str, Any]) -> dict[str, object]:
        parts = ("capacity", "allocatable")  # the kubelet derives the second from the first, but in its own time
        return {part: dict(status.get(part) or {}).get(self.order.resource) for part in parts}

    def _mend(self, name: str, had: dict[str, object]) -> str:
        wanted = {self.order.resource: self.order.quantity}
        if all(quantity == self.order.quantity for quantity in had.values()):
            return ""
        path = f"/api/v1/nodes/{urllib.parse.quote(name, safe='')}/status"
        try:
            self.api.request("PATCH", path, {"status": dict.fromkeys(had, wanted)})
        except ApiError as error:
            # One that has gone meanwhile lacks nothing.
            return "" if error.code == 404 else self._said(f"patch the status of node {name}", error)
        self.patches += 1
        say("advertised", node=name, resource=self.order.resource, quantity=self.order.quantity, had=had)
        return ""

    def _said(self, what: str, error: ApiError) -> str:
        role = self.order.role
        hints = {
            401: "the token of this pod's ServiceAccount is not taken; delete the pod, its next one has another",
            403: f"the ClusterRole and ClusterRoleBinding {role} allow it; `pulumi up --refresh` makes them again",
        }
        code = f"HTTP {error.code}, " if error.code else ""
        return f"cannot {what}: {code}{error}" + (f"; {hints[error.code]}" if error.code in hints else "")

    def render(self) -> str:
        """For Prometheus."""
        has = f"Nodes with a card that advertise {self.order.resource}"
        return "".join(
            [
                family("local_llm_gpu_memory_nodes", "gauge", "Nodes with a card", [("", self.nodes)]),
                family("local_llm_gpu_memory_advertised_nodes", "gauge", has, [("", self.advertised)]),
                family("local_llm_gpu_memory_patches_total", "counter", "Nodes that lacked it", [("", self.patches)]),
            ]
        )
