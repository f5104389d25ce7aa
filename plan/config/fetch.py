"""How the locked files come into the cluster: from where, by which image, with which token, and through which proxy."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from plan.base.frozen import Frozen, example, wrong
from plan.config.addresses import Destination, Endpoint, ProxyUrl, is_inside
from plan.config.numbers import Deadline
from plan.kubernetes.images import Image, reference
from plan.kubernetes.names import EntryKey, Subdomain


class SecretKey(Frozen, json_schema_extra=example(name="hub", key="token")):
    """An entry of a Secret that exists in the stack's namespace; never its content."""

    name: Annotated[Subdomain, Field(description="The Secret's name")]
    key: Annotated[EntryKey, Field(description="The key of its entry")]


class ConfigMapKey(Frozen, json_schema_extra=example(name="authorities", key="ca.crt")):
    """An entry of a ConfigMap that exists in the stack's namespace."""

    name: Annotated[Subdomain, Field(description="The ConfigMap's name")]
    key: Annotated[EntryKey, Field(description="The key of its entry")]


def _has_our_python(image: str) -> str:
    """Judge the official python image by its tag, on Docker Hub or a mirror; no other image says its Python."""
    named = reference(image)
    version = re.match(r"([0-9]{1,4})(?:\.([0-9]{1,4}))?", named.tag)
    if f"/{named.repository}".endswith("/library/python") and version:
        major, minor = int(version[1]), int(version[2] or _PYTHON[1])
        if (major, minor) < _PYTHON:
            raise ValueError(
                f"by its tag this image has Python {version[0]}, and the programs in pods need {_OLDEST} or newer: "
                "take one like python:3.13-slim, by its digest"
            )
    return image


_PYTHON = (3, 11)
_OLDEST = ".".join(map(str, _PYTHON))


class Fetch(Frozen, json_schema_extra=example(slots=2, verify="receipt")):
    """How the locked files are downloaded. `image` has Python 3.11 or newer and runs the gate too."""

    image: Annotated[
        Image, AfterValidator(_has_our_python), Field(description="Image with Python 3.11 or newer, by digest")
    ]
    endpoint: Annotated[
        Endpoint, Field(description="Address of the hub, or of a mirror of it, perhaps with a path: https://x/hub/y")
    ] = "https://huggingface.co"
    proxy: Annotated[
        ProxyUrl | None, Field(description="The Jobs reach hub and CDN through this proxy: http://HOST:PORT")
    ] = None
    no_proxy: Annotated[
        Annotated[tuple[Destination, ...], Field(strict=False, max_length=256)] | None,
        Field(
            description="Hosts, addresses and networks (10.0.0.0/8) that are reached without a proxy; '*' is all",
            examples=[["10.0.0.0/8", ".svc"]],
        ),
    ] = None
    proxy_secret: Annotated[
        SecretKey | None, Field(description="Where USER:PASSWORD for the proxy lies, if it asks for them")
    ] = None
    ca_configmap: Annotated[
        ConfigMapKey | None,
        Field(description="Certificates (PEM) of authorities that the Jobs trust besides those of the image"),
    ] = None
    deadline_s: Annotated[
        Deadline | None,
        Field(
            description="A Job not complete by then has failed; defaults to the days that filling the volume may take"
        ),
    ] = None
    verify: Annotated[
        Literal["receipt", "always"],
        Field(description="always: a Job hashes again what is there; a change runs the Jobs"),
    ] = "receipt"
    # As many pods as no node has.
    slots: Annotated[int, Field(ge=0, le=1024, description="How many models download at a time; 0: any number")] = 2
    token_secret: Annotated[SecretKey | None, Field(description="Where the hub's token for gated models lies")] = None

    @model_validator(mode="after")
    def _no_secret_in_the_open(self) -> Self:
        if self.proxy_secret and not self.proxy:
            rule = "a proxy_secret needs a proxy: name it in fetch.proxy, or remove the secret"
            raise wrong(rule, self.proxy_secret.name, "proxy_secret", "name")
        if self.token_secret and self.endpoint.startswith("http://"):
            if self.proxy:
                rule = "over http:// the proxy would read the token: use an https:// endpoint, or no proxy"
                raise wrong(rule, self.endpoint, "endpoint")
            if not is_inside(self.endpoint):
                rule = "over http:// anyone on the way reads the token: use an https:// endpoint; http:// is for a hub"
                raise wrong(f"{rule} inside the cluster or at a private IP address", self.endpoint, "endpoint")
        return self
