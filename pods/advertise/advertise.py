"""Keep an extended resource on the nodes that have a card. The scheduler counts it; no device is behind it.

A node that registers anew has none of it, and a kubelet that starts anew may set it to 0, so it is looked at for ever.
Manifest: {resource, quantity, selector, role, listen, poll_s?, timeout_s?, api?, credentials?}; `quantity` as the API
server writes it, `role` is the ClusterRole that allows it. Ready means that every node which `selector` finds has it.
It ends by SIGTERM only.
"""

import dataclasses
import re
import time
import urllib.parse
from typing import Any, cast

from pods.advertise.cluster_api import CREDENTIALS, ApiError, ClusterApi
from pods.core.metrics import family, serve
from pods.core.report import printable, say
from pods.core.shape import PATH, PORT, SECONDS, Rule, read, text


def _is_selector(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(isinstance(it, str) for it in cast("dict[str, object]", value).values())


_WORD = text(r"[!-~]{1,1000}", "a text of visible ASCII")
_SHAPE = {
    "resource": _WORD,
    "quantity": _WORD,
    "selector": Rule("an object of labels, which are texts", _is_selector),
    "role": _WORD,
    "listen": PORT,
    "poll_s?": SECONDS,
    "timeout_s?": SECONDS,
    "api?": text(r"(https?://(?:(?![/@?#])[!-~])+)?", "http://HOST:PORT or https://HOST:PORT"),
    "credentials?": PATH,
}


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
    def parse(cls, manifest: str) -> "Order":
        """Raises ExitError 78."""
        return cls(**read(manifest, _SHAPE))


def advertise(manifest_text: str) -> None:
    """Look every `poll_s` seconds, and mend what is missing or different."""
    order = Order.parse(manifest_text)
    keeper = _Keeper(order, ClusterApi(order.api, order.credentials, order.timeout_s))
    serve(order.listen, keeper.render, lambda: keeper.lack)
    while True:
        keeper.look()
        time.sleep(max(order.poll_s, keeper.rest_s))


class _Keeper:
    """`lack` is what is wrong, "" once every node has it; `rest_s` as the API server asked in the last round."""

    def __init__(self, order: Order, api: ClusterApi) -> None:
        self.order, self.api, self.lack = order, api, "not looked yet"
        self.nodes = self.advertised = self.patches = 0
        self.rest_s = 0.0

    def look(self) -> None:
        self.rest_s = 0.0
        lacks = self._round()
        now = "; ".join(lacks)
        if now != self.lack:
            say("waiting", reason=now) if now else say("ready", nodes=self.nodes, resource=self.order.resource)
        self.lack = now

    def _round(self) -> list[str]:
        labels = ",".join(f"{key}={value}" for key, value in self.order.selector.items())
        try:
            listed = self.api.request("GET", f"/api/v1/nodes?{urllib.parse.urlencode({'labelSelector': labels})}")
            nodes = [(_name(node), self._had(node.get("status") or {})) for node in listed["items"]]
        except ApiError as error:
            return [self._said("list nodes", error)]
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            return [f"the API server's list of nodes is unusable: {printable(repr(error))[:200]}"]
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
        self.rest_s, role = max(self.rest_s, error.rest_s), self.order.role
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


def _name(node: dict[str, Any]) -> str:
    name = node["metadata"]["name"]
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):  # it is put into paths
        raise ValueError(f"a node is named {name[:60]!a}")
    return name
