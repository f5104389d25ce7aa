"""`ops fit --stack` as a person runs it: a real process, the tests' stacks and what someone makes of them."""

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from plan import config
from plan.card.fit import Fit, plan_fit
from tests import stacks
from tests.ops.command import fit as run
from tests.plan.cluster import answer, node, pod

PARTS = ("weights", "kv", "state", "compute", "mmproj_weights", "mmproj_compute", "context")


def written(directory: Path, **changes: Any) -> Path:
    """The file of t4 with a changed context of qwen3-8b, or other keys of `gpu`."""
    raw = stacks.raw("t4")
    raw["models"]["qwen3-8b"]["context"] = changes.pop("context", 16384)
    raw["gpu"] |= changes
    file = directory / "Pulumi.changed.yaml"
    file.write_text(yaml.safe_dump({"config": {config.KEY: raw}}))
    return file


def planned(file: Path) -> Fit:
    stack = config.parse(yaml.safe_load(file.read_text())["config"][config.KEY])
    fit = plan_fit(stack, stacks.locked().models, datetime.date(2026, 11, 1), with_contexts=True)
    assert fit
    return fit


def test_a_stack_that_fits_says_so_with_every_holder_and_ends_with_0() -> None:
    said = run("--stack", "t4", "--offline")

    assert "stack t4: fits on its t4" in said
    for name in ("immich-ml", "frigate", "immich-server", "reserve", "qwen3-8b", "qwen3vl-8b", "free"):
        assert name in said
    assert "weights 4455.34" in said, "the parts of a model are what tells an operator where its memory goes"


def test_a_stack_that_does_not_fit_shows_the_way_out_and_ends_with_3(tmp_path: Path) -> None:
    file = written(tmp_path, context=40960)
    fit = planned(file)

    said = run("--stack", "t4", "--offline", "--config", file, code=3)

    assert f"does not fit on its t4 with {fit.capacity_mib} MiB: {fit.over_mib} MiB too much" in said
    assert f"{fit.largest_context['qwen3-8b']}" in said
    assert "gpu.tenants.immich-ml" in said, "the refusal names what would have to change, as a preview does"
    assert "X" in said, "what lies beyond the edge is seen without colours too"


@pytest.mark.parametrize(("context", "code"), [(16384, 0), (40960, 3)])
def test_json_is_whole_whether_it_fits_or_not(tmp_path: Path, context: int, code: int) -> None:
    file = written(tmp_path, context=context)
    fit = planned(file)

    said = json.loads(run("--stack", "t4", "--offline", "--json", "--config", file, code=code))

    assert said["fits"] is (code == 0)
    assert sum(row["mib"] for row in said["card"]["holders"]) == said["card"]["used_mib"] == fit.used_mib
    assert said["card"]["free_mib"] - said["card"]["over_mib"] == -fit.over_mib
    assert said["models"].keys() == fit.models.keys()
    for model in said["models"].values():
        assert sum(model[f"{part}_mib"] for part in PARTS) == pytest.approx(model["total_mib"], abs=0.05)
        assert model["total_mib"] <= model["upper_mib"], "a budget counts with the upper bound"
        assert model["source"] in ("derived", "measured", "bound")


def test_the_figures_are_those_that_a_preview_decides_with(tmp_path: Path) -> None:
    file = written(tmp_path)
    fit = planned(file)

    said = json.loads(run("--stack", "t4", "--offline", "--json", "--config", file))

    for model_id, breakdown in fit.models.items():
        assert said["models"][model_id]["upper_mib"] == round(breakdown.upper_mib, 2)
        assert said["models"][model_id]["largest_context"] == fit.largest_context[model_id]
    assert [row["who"] for row in said["card"]["holders"]] == [row.who for row in fit.rows]


def test_a_stack_without_a_card_fits_and_says_that_it_has_none() -> None:
    assert "there is no card" in run("--stack", "cpu", "--offline")
    said = json.loads(run("--stack", "cpu", "--offline", "--json"))
    assert said["card"] is None
    assert said["fits"] is True


def test_an_open_maintenance_window_is_never_silent(tmp_path: Path) -> None:
    tenants = {"immich-ml": {"peak_mib": 3000, "scaled_to_zero_until": "2999-01-01"}}

    said = run("--stack", "t4", "--offline", "--config", written(tmp_path, tenants=tenants))

    assert "gpu.tenants.immich-ml counts as 0 MiB, not 3000, until 2999-01-01" in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stack", "nope"), "there is no Pulumi.nope.yaml"),
        ((), "pass one of the two"),
        (("--stack", "t4", "--gguf", "x.gguf"), "pass one of the two"),
        (("--gguf", "x.gguf"), "--gguf needs --context"),
        (("--stack", "t4", "--parallel", "0"), "--parallel"),
        (("--gguf", "x.gguf", "--context", "1", "--kv-type", "f8"), "f8"),
    ],
)
def test_what_cannot_be_computed_ends_with_2_and_the_next_step(arguments: tuple[str, ...], said: str) -> None:
    assert said in run(*arguments, code=2)


def test_bad_configuration_is_bad_input_and_not_a_lack_of_memory(tmp_path: Path) -> None:
    said = run("--stack", "t4", "--config", written(tmp_path, reserve_mb=1), code=2)
    assert "local-llm:stack.gpu.reserve_mb" in said

    said = run("--stack", "t4", "--config", written(tmp_path, context=50000), code=2)
    assert "trained for 40960" in said, "a context beyond the trained one is no question of memory"


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment of a person whose kubectl answers with these lines."""

    def environment(said: str, code: int = 0, stream: int = 1) -> dict[str, str]:
        (tmp_path / "said").write_text(said)
        (tmp_path / "kubectl").write_text(f"#!/bin/sh\ncat {tmp_path}/said >&{stream}\nexit {code}\n")
        (tmp_path / "kubectl").chmod(0o755)
        (tmp_path / "config").write_text("{}")
        return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "KUBECONFIG": str(tmp_path / "config")}

    return environment


OTHERS = answer(node(), pod("games/stremio"), pod("immich/immich-server"))


def test_who_shares_the_card_undeclared_is_named(cluster: Callable[..., dict[str, str]]) -> None:
    said = run("--stack", "t4", **cluster(OTHERS))

    assert "games/stremio: 1 pod" in said
    assert "immich/immich-server" not in said, "it is declared"
    assert json.loads(run("--stack", "t4", "--json", **cluster(OTHERS)))["undeclared"]
    assert "stremio" not in run("--stack", "t4", "--offline", **cluster(OTHERS))


def test_a_cluster_that_does_not_answer_is_one_line_and_no_failure(cluster: Callable[..., dict[str, str]]) -> None:
    said = run("--stack", "t4", **cluster("error: the server is away\n", code=1, stream=2))

    assert "undeclared tenants is not known: error: the server is away. --offline does not look." in said


def test_a_request_that_is_no_quantity_is_one_line_and_no_failure(cluster: Callable[..., dict[str, str]]) -> None:
    for odd in ("2099-12-31", "-1", "1e", "1.5", "x"):
        said = run("--stack", "t4", **cluster(OTHERS.replace("nvidia.com/gpu=1", f"nvidia.com/gpu={odd}")))

        assert f"undeclared tenants is not known: '{odd}' is not a " in said


def test_another_stacks_cluster_is_not_judged(tmp_path: Path, cluster: Callable[..., dict[str, str]]) -> None:
    file = written(tmp_path)  # it names a cluster, which the file of t4 leaves to the machine
    elsewhere = answer(node(), pod("games/stremio"), uid="99999999-2222-4333-8444-555555555555")

    said = run("--stack", "t4", "--config", file, **cluster(elsewhere))

    assert "stremio" not in said
    assert "is not the stack's" in said


def test_without_a_kubeconfig_nobody_is_asked(tmp_path: Path, cluster: Callable[..., dict[str, str]]) -> None:
    asked = cluster(OTHERS) | {"KUBECONFIG": "", "HOME": str(tmp_path / "nobody")}

    assert "stremio" not in run("--stack", "t4", **asked)


def test_without_the_lock_nothing_is_guessed(tmp_path: Path) -> None:
    file = written(tmp_path)

    assert "there is no models.lock.yaml here" in run("--stack", "t4", "--config", file, cwd=tmp_path, code=2)


def test_a_page_that_cannot_be_written_is_told_by_name(tmp_path: Path) -> None:
    page = tmp_path / "nowhere" / "page.html"

    assert f"{page}: No such file" in run("--stack", "t4", "--offline", "--html", page, code=2)
