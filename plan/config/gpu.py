"""The part of a stack's configuration that is about the card: the node that has it, and who else is on it."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from plan.base.day import Day
from plan.base.frozen import Frozen, example, wrong
from plan.base.text_rule import TextRule
from plan.catalogue import names
from plan.catalogue.card import VENDORS
from plan.catalogue.cards import CATALOGUE
from plan.config.numbers import Gib, Mib, MibOrZero
from plan.kubernetes.names import SUBDOMAIN, LabelKey, LabelValue, Name, Subdomain, dns_label
from plan.kubernetes.resources import ExtendedResource


class Slice(Frozen, json_schema_extra=example(resource="nvidia.com/gpu", count=1)):
    """The extended resource by which pods share the card; `count` whole units."""

    resource: Annotated[ExtendedResource, Field(description="Name of the extended resource")] = "nvidia.com/gpu"
    count: Annotated[
        int, Field(gt=0, le=1024, description="Slices that the server's pod requests")  # no plugin makes so many
    ] = 1


class Toleration(Frozen, json_schema_extra=example(key="nvidia.com/gpu", effect="NoSchedule")):
    """A taint that the pods tolerate.

    Kubernetes takes an empty key too, for every taint there is: of a node that is drained as well, hence not here.
    """

    key: Annotated[LabelKey, Field(description="Key of the node's taint")]
    value: Annotated[LabelValue | None, Field(description="Its value; without one any value is tolerated")] = None
    operator: Annotated[
        Literal["Equal", "Exists"] | None, Field(description="As manifests have it; `value` alone says the same")
    ] = None
    effect: Annotated[Literal["NoSchedule", "PreferNoSchedule", "NoExecute"], Field(description="Its effect")] = (
        "NoSchedule"
    )

    @model_validator(mode="after")
    def _operator_and_value_agree(self) -> Self:
        if self.operator == "Exists" and self.value is not None:
            raise wrong("a toleration that Exists has no value: remove one of them", self.value, "value")
        if self.operator == "Equal" and self.value is None:
            raise wrong("a toleration that is Equal has a value: write it, or Exists", self.operator, "operator")
        return self


class Memory(Frozen, json_schema_extra=example(resource="example.com/gpumem", budget_mib=14000)):
    """The extended resource by which pods declare GPU memory, MiB; a node with the card offers `budget_mib` of it.

    `managed` puts it on the nodes with the card and keeps it there; with `external` someone else does.
    """

    resource: Annotated[ExtendedResource, Field(description="Name of the extended resource, with a domain of yours")]
    budget_mib: Annotated[Mib, Field(description="MiB that a node with the card offers")]
    advertise: Annotated[
        Literal["managed", "external"],
        Field(description="managed: a pod of ours puts it on the nodes; external: someone else does"),
    ] = "external"
    request_mib: Annotated[
        Mib | None, Field(description="What the server requests; defaults to what its models need")
    ] = None

    @model_validator(mode="after")
    def _within_budget(self) -> Self:
        if self.request_mib is not None and self.request_mib > self.budget_mib:
            rule = f"request_mib {self.request_mib} is more than budget_mib {self.budget_mib}"
            raise wrong(rule, self.request_mib, "request_mib")
        return self


class GpuNode(Frozen, json_schema_extra=example(memory_gib=64)):
    """Which node has the card. With `memory_gib`, its RAM, weights are read ahead into its page cache."""

    selector: Annotated[
        dict[LabelKey, LabelValue],
        Field(description="Labels of the nodes with the card", examples=[{"nvidia.com/gpu.present": "true"}]),
    ] = {}  # noqa: RUF012 - pydantic copies it
    tolerations: Annotated[
        tuple[Toleration, ...],
        Field(
            strict=False,
            description="Taints of these nodes that the pods tolerate",
            examples=[[{"key": "nvidia.com/gpu"}]],
        ),
    ] = ()
    runtime_class: Annotated[
        Subdomain | None,
        Field(
            description="RuntimeClass that gives a container the card, where the node's default runtime does not",
            examples=["nvidia"],
        ),
    ] = None
    memory_gib: Annotated[
        Gib | None,
        Field(description="RAM of the node; with it, weights are read ahead into its page cache"),
    ] = None


def _workload(text: str) -> str:
    namespace, slash, name = text.partition("/")
    if not slash:
        raise ValueError("a workload is namespace/name, like immich/immich-machine-learning")
    dns_label(namespace)
    SUBDOMAIN(name)
    return text


Workload = Annotated[str, AfterValidator(_workload)]


class Burst(Frozen, json_schema_extra=example(mib=1900, date="2026-10-01", source="nvidia-smi")):
    """The most that a tenant was measured to hold; `source` says by which tool or metric."""

    mib: Annotated[Mib, Field(description="MiB that it held")]
    date: Annotated[Day, Field(description="Day of the measurement")]
    source: Annotated[str | None, Field(max_length=1024, description="Tool or metric that measured it")] = None


class Tenant(Frozen, json_schema_extra=example(peak_mib=3000)):
    """Someone else on the card: what it holds at rest and at its worst, MiB."""

    peak_mib: Annotated[Mib, Field(description="The most that it may hold, MiB; counted in every preview")]
    idle_mib: Annotated[MibOrZero | None, Field(description="What it holds at rest, MiB; only shown")] = None
    measured: Annotated[Burst | None, Field(description="Largest burst measured; peak_mib is at least that")] = None
    workload: Annotated[
        Workload | None,
        Field(description="namespace/name of the Deployment, StatefulSet or DaemonSet; defaults to any of that name"),
    ] = None
    scaled_to_zero_until: Annotated[
        Day | None, Field(description="Counts as 0 MiB until the end of that day; later previews are refused")
    ] = None

    request_mib: Annotated[MibOrZero, Field(description="What its pods request of gpu.memory's resource")] = 0

    @model_validator(mode="after")
    def _peak_is_the_most(self) -> Self:
        if self.idle_mib is not None and self.idle_mib > self.peak_mib:
            rule = f"idle_mib {self.idle_mib} is more than peak_mib {self.peak_mib}"
            raise wrong(rule, self.idle_mib, "idle_mib")
        # A declared peak below what was seen lets through a stack whose models could not load for an hour and a half.
        if self.measured is not None and self.measured.mib > self.peak_mib:
            raise wrong(
                f"peak_mib {self.peak_mib} is below the {self.measured.mib} MiB measured on {self.measured.date}; "
                f"say {self.measured.mib} or more, or measure again after the tenant was made smaller",
                self.peak_mib,
                "peak_mib",
            )
        return self


class CardFacts(Frozen, json_schema_extra=example(total_mib=24576, context_mib=300, compute_capability=8.6)):
    """Figures of a card that is not built in, or that differ on this node; MiB, as nvidia-smi prints them."""

    total_mib: Annotated[Mib | None, Field(description="nvidia-smi's memory.total")] = None
    driver_mib: Annotated[
        MibOrZero | None, Field(description="nvidia-smi's memory.reserved: no process can have it")
    ] = None
    context_mib: Annotated[Mib | None, Field(description="A llama-server's CUDA context, before its model")] = None
    context_upper_mib: Annotated[Mib | None, Field(description="The largest such context seen")] = None
    compute_capability: Annotated[
        float | None, Field(ge=3, lt=20, allow_inf_nan=False, description="As NVIDIA prints it: 7.5")
    ] = None


ANY_DEVICE = "any"
Device = Annotated[
    str,
    TextRule(rf"({ANY_DEVICE}|[A-Za-z]+\d+)", "a device is letters and a number, like CUDA0 or Vulkan0, or any", 63),
]

# Of cards that are not in the catalogue. What another driver than NVIDIA's keeps has no bound that anybody published.
_FIGURES = {
    names.OTHER: ("total_mib", "context_mib", "compute_capability"),
    **dict.fromkeys(VENDORS, ("total_mib", "driver_mib", "context_mib")),
}


class Gpu(Frozen, json_schema_extra=example(model="t4")):
    """`model: none` means that the slice is advertised but no card is behind it: all layers stay on the CPU."""

    model: Annotated[
        str,
        BeforeValidator(names.chosen),
        Field(
            description="The card: one of docs/cards.md; `other`, `amd` or `intel` with figures in `card`; or `none`",
            examples=[*CATALOGUE, names.OTHER, *VENDORS, names.NONE],
        ),
    ]
    card: CardFacts = CardFacts()
    slice: Slice = Slice()
    device: Annotated[
        Device | None,
        Field(
            description="The card's name among those that the image's llama-server lists (--list-devices); CUDA0 by "
            "default for one of NVIDIA. `any`: none is named, so an image that sees no card answers from the CPU",
            examples=["CUDA0", "Vulkan0", ANY_DEVICE],
        ),
    ] = None
    memory: Annotated[
        Memory | None, Field(description="GPU memory as an extended resource, which Kubernetes counts")
    ] = None
    node: Annotated[GpuNode, Field(description="Which nodes have the card, and how pods get there")] = GpuNode()
    tenants: Annotated[
        dict[Name, Tenant],
        Field(description="Everyone else on the card, by name", examples=[{"frigate": {"peak_mib": 3000}}]),
    ] = {}  # noqa: RUF012 - pydantic copies it
    reserve_mib: Annotated[MibOrZero, Field(description="Stays free on the card at all times")] = 256

    @model_validator(mode="after")
    def _another_card_is_described(self) -> Self:
        needed = _FIGURES.get(self.model, ())
        if missing := [key for key in needed if getattr(self.card, key) is None]:
            raise wrong(f"model: {self.model} needs card.{', card.'.join(missing)}", None, "card", missing[0])
        if self.model in VENDORS and (number := self.card.compute_capability) is not None:
            rule = f"a card of model: {self.model} has none, for it is NVIDIA's number: remove it"
            raise wrong(rule, number, "card", "compute_capability")
        return self

    @model_validator(mode="after")
    def _a_device_of_a_card(self) -> Self:
        if self.model == names.NONE and self.device is not None:
            raise wrong("model: none has no card to name: remove device", self.device, "device")
        return self

    @model_validator(mode="after")
    def _two_resources(self) -> Self:
        if self.memory is not None and self.memory.resource == self.slice.resource:
            rule = f"slice and memory are both {self.slice.resource}, but one counts turns and the other MiB"
            raise wrong(rule, self.memory.resource, "memory", "resource")
        return self
