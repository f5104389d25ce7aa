"""Every rule takes what Kubernetes takes, and says in words what is wrong with the rest."""

import re

import pytest

from tests.plan.kubernetes.samples import ON_A_NODE, RULES, Samples

ALL = {**RULES, **ON_A_NODE}


@pytest.mark.parametrize("samples", ALL.values(), ids=ALL.keys())
def test_what_kubernetes_takes_stays_as_it_is(samples: Samples) -> None:
    assert [samples.rule(text) for text in samples.taken] == list(samples.taken)


@pytest.mark.parametrize(
    ("samples", "text"),
    [
        pytest.param(it, text, id=f"{name}-{number}")
        for name, it in ALL.items()
        for number, text in enumerate((*it.refused, *it.ours))
    ],
)
def test_the_rest_is_refused_in_words(samples: Samples, text: str) -> None:
    with pytest.raises(ValueError, match=r"^[a-z@].{10,}") as caught:
        samples.rule(text)

    assert not re.search(r"\\[^nx]|\[\^?\w|\(\?|\]\+|\]\*", str(caught.value)), "a pattern is no rule in words"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("samples", ALL.values(), ids=ALL.keys())
@pytest.mark.parametrize("unit", ["a", "a.", "-", "1,", "* ", "a/", "[", "*/1,", "a-", "$(", "@", ":", "_", "1."])
def test_a_text_of_a_megabyte_is_refused_at_once(samples: Samples, unit: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        samples.rule(unit * (2**20 // len(unit)))

    assert len(str(caught.value)) < 300
