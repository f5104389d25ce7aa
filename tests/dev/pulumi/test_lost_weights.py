"""What the gate says is missing, told by model; whatever else stands among its lines."""

import json

import pytest

from dev.pulumi.lost_weights import lost

Q4 = "/models/gemma-3-270m-q4/0123456789ab"


def line(event: str, **facts: object) -> str:
    return json.dumps({"event": event, **facts}) + "\n"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", {}),
        (line("ready", models=["a"]), {}),
        (
            line("unserved", id="gemma-3-270m-q4", missing=[f"{Q4}/model.gguf is a dangling link"], next="do"),
            {"gemma-3-270m-q4": f"{Q4}/model.gguf is a dangling link"},
        ),
        (
            line("waiting", missing=[f"{Q4}/READY.json is missing", "/models/b/0/READY.json is withdrawn: damaged"]),
            {"gemma-3-270m-q4": f"{Q4}/READY.json is missing", "b": "/models/b/0/READY.json is withdrawn: damaged"},
        ),
        ("Defaulted container\n" + line("waiting", missing=["/elsewhere/x is missing"]), {}),
        (line("waiting", missing=["/models/b/0/\x1b[31m is missing"]), {"b": r"/models/b/0/\x1b[31m is missing"}),
    ],
)
def test_each_model_is_named_with_what_it_lacks(printed: str, said: dict[str, str]) -> None:
    assert lost(printed) == said


@pytest.mark.parametrize(
    "odd",
    [
        '{"missing": ["/mod',
        "{",
        '{"missing": null}',
        '{"missing": 1}',
        '{"missing": [1, null]}',
        '{"missing": {"/models/b/0/x": 1}}',
        "null",
        '{"a":' * 5000,
    ],
    ids=lambda it: it[:30],
)
def test_a_line_that_is_cut_off_or_of_another_form_says_nothing_and_the_others_count(odd: str) -> None:
    whole = line("waiting", missing=["/models/b/0/READY.json is missing"])

    assert lost(odd) == {}
    assert lost(whole + odd) == {"b": "/models/b/0/READY.json is missing"}
    assert lost(f"{odd}\n{whole}") == {"b": "/models/b/0/READY.json is missing"}
