"""How people call a card, and what is said where that is no card or more than one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.errors import ConfigError
from plan.catalogue import names
from plan.catalogue.cards import CATALOGUE
from tests import stacks

WRITTEN = {
    "t4": ["t4", "T4", "Tesla T4", "Tesla-T4", "tesla_t4", "Tesla-T4-SHARED", "NVIDIA Tesla T4", "T4 16GB",
           "T4 16 GiB"],
    "rtx-3090": ["RTX 3090", "rtx3090", "3090", "GeForce RTX 3090", "NVIDIA GeForce RTX 3090", "RTX3090 24GB",
                 "NVIDIA-GeForce-RTX-3090", "NVIDIA-GeForce-RTX-3090-SHARED", "  rtx 3090\n"],
    "gtx-1080-ti": ["GTX 1080 Ti", "1080ti", "GTX1080TI", "NVIDIA GeForce GTX 1080 Ti"],
    "rtx-2060": ["RTX 2060", "RTX 2060 6GB", "NVIDIA GeForce RTX 2060 with Max-Q Design"],
    "rtx-2060-12gb": ["RTX 2060 12GB", "rtx 2060 12 GB"],
    "rtx-4060-ti-16gb": ["RTX 4060 Ti 16GB", "4060 ti 16gb", "GeForce RTX 4060 Ti (16 GB)"],
    "rtx-4070-laptop": ["NVIDIA GeForce RTX 4070 Laptop GPU", "RTX 4070 Laptop"],
    "a100-40gb": ["NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-PCIE-40GB", "A100 40GB"],
    "a100-80gb": ["NVIDIA-A100-SXM4-80GB", "NVIDIA A100 80GB PCIe", "A100 80GB"],
    "h100-80gb-hbm3": ["NVIDIA H100 80GB HBM3", "NVIDIA-H100-80GB-HBM3"],
    "v100-16gb": ["Tesla V100-PCIE-16GB", "Tesla-V100-SXM2-16GB", "V100 16GB"],
    "p40": ["Tesla P40", "P40", "P40 24GB"],
    "l40s": ["NVIDIA-L40S", "L40S 48GB"],
    "rtx-a4000": ["NVIDIA RTX A4000", "A4000"],
    "rtx-pro-6000-blackwell": ["NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX Pro 6000"],
    "other": ["other", "Other"], "amd": ["amd", "AMD"], "intel": ["Intel"], "none": ["none", "NONE"],
}  # fmt: skip


def parsed(model: object) -> config.Stack:
    raw = stacks.raw("t4")
    figures = {"total_mib": 49152, "context_mib": 200, "driver_mib": 300}
    special = {"other": figures | {"compute_capability": 9.0}, "amd": figures, "intel": figures}
    raw["gpu"] |= {"model": model, "card": special.get(str(model).lower(), {})}
    return config.parse(raw)


def refused(model: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(model)
    return str(caught.value)


@pytest.mark.parametrize(("name", "written"), [(name, it) for name, all_of_it in WRITTEN.items() for it in all_of_it])
def test_a_card_is_known_by_what_people_and_labels_call_it(name: str, written: str) -> None:
    assert parsed(written).gpu.model == name


@given(st.sampled_from([*CATALOGUE.values()]), st.sampled_from([" ", "-", "_", ""]), st.booleans(), st.booleans())
def test_case_spaces_makers_and_the_size_change_nothing(known: object, between: str, shout: bool, sized: bool) -> None:
    assert hasattr(known, "name")
    for said in (known.name, known.product, *known.also):
        text = f"{said} {known.gb} GB" if sized and "gb" not in said.lower() else said
        text = between.join(["NVIDIA", *text.replace("-", " ").split()])
        assert names.named(text.upper() if shout else text.lower()) == known.name


# Other cards, or several: none of these may be counted with the memory of one that is called alike.
@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("RTX 3060", "rtx-3060-12gb"), ("RTX 4060 Ti", "rtx-4060-ti-16gb"), ("RTX 4060 Ti 8GB", "rtx-4060-ti-16gb"),
        ("RTX 5060 Ti", "rtx-5060-ti-16gb"), ("NVIDIA-GeForce-RTX-3060", "rtx-3060-12gb"),
        ("A100", "a100-40gb, a100-80gb"),
        ("V100", "v100-16gb"), ("Tesla V100-SXM2-32GB", "v100-16gb"), ("H100", "h100-80gb-hbm3"), ("P100", "p100-16gb"),
        ("RTX 3080 Ti", "rtx-3080"), ("RTX 3080 12GB", "rtx-3080"),
        ("RTX 4090 D", "rtx-4090"), ("RTX 4090 Laptop GPU", ""), ("RTX 2060 SUPER", ""), ("NVIDIA A10G", "a10"),
        ("GTX 1660", "gtx-1660-super, gtx-1660-ti"), ("t44", "t4"),
        ("RTX 4070 SUPER", ""), ("RTX 4000 Ada", ""), ("L40", "l40s"), ("RTX 3070 Laptop GPU", ""), ("t5", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_another_card_is_taken_for_none_and_those_that_are_called_alike_are_named(written: str, near: str) -> None:
    said = refused(written)

    assert names.LIST in said
    assert near in said
    assert "`model: other` with its figures" in said


@pytest.mark.parametrize(
    "written",
    ["NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb-SHARED", "A100_MIG_3g.20gb", "GRID T4-16Q",
     "NVIDIA A10-24Q", "NVIDIA A100-1-5C", "T4-8Q", "NVIDIA-A10-2B"],
)  # fmt: skip
def test_a_slice_of_a_card_is_no_whole_one_and_is_told_so(written: str) -> None:
    said = refused(written)

    assert "a slice by MIG or vGPU is a card of its own" in said
    assert "there is" not in said, "the whole card has other figures"
    assert "`model: other` with its figures" in said


@pytest.mark.parametrize("written", ["GB200", "B200", "GH200 96GB", "RTX 8000"])
def test_a_card_that_is_like_none_is_not_likened_to_any(written: str) -> None:
    assert "there is" not in refused(written)


@pytest.mark.parametrize(
    "written",
    ["RX 7900 XTX", "rx7900", "Radeon Pro W7900", "AMD Instinct MI300X", "MI210", "Radeon VII", "Vega 64",
     "Arc A770", "Intel Arc B580", "a770", "B580", "Intel Data Center GPU Flex 170"],
)  # fmt: skip
def test_a_card_of_another_maker_is_told_which_keys_describe_it(written: str) -> None:
    said = refused(written)

    assert "`model: amd` or `model: intel`" in said
    assert "`card: {total_mib: ..., driver_mib: ..., context_mib: ...}`" in said


@pytest.mark.parametrize("written", ["A100", "A10G", "B200", "RTX A6000", "Quadro RTX 5000", "RTX 500 Ada"])
def test_a_card_of_nvidias_is_not_taken_for_another_makers(written: str) -> None:
    assert "AMD" not in refused(written)


@pytest.mark.parametrize("value", [None, 3090, 1.5, True, ["t4", "t4"], {"name": "t4"}])
def test_what_is_no_text_is_no_card(value: object) -> None:
    said = refused(value)

    assert ("A stack has one card" in said) == isinstance(value, list | dict)
    assert "gpu.model" in said


@given(st.text(max_size=200))
def test_any_text_is_a_card_or_refused_in_words(text: str) -> None:
    found = names.named(text)
    assert found is None or found in CATALOGUE
    assert len(names.close(text)) <= 4
    assert len(names.advice(text)) < 500


def test_a_long_text_is_refused_at_once() -> None:
    assert names.named("rtx 3090" + " " * 200) is None
    assert len(refused("3090" * 10**5)) < 1000


def test_editors_offer_every_name() -> None:
    schema = json.loads(config.json_schema())
    offered = schema["$defs"]["Gpu"]["properties"]["model"]["examples"]

    assert {*CATALOGUE} < {*offered}
    assert all(names.chosen(name) == name for name in offered)
