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
