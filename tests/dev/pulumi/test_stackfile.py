"""The rendered stack file: machine facts fill gaps, what a person wrote wins, and what Pulumi added stays."""

import re
from pathlib import Path

import pytest
import yaml

from dev.machine import instance
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import stackfile
from dev.pulumi.stackfile import complete, render, rendered, secrets_provider
from plan import config
from plan.config.stack_file import Facts, StackFileError

UID = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-2222-4333-8444-555555555555"
IMAGE = f"llm.local/runtime@sha256:{'a' * 64}"
FACTS = Facts(UID, IMAGE, Path("/srv/models"), "node1", "http://10.77.0.1:8090")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(stackfile, "ROOT", tmp_path)
    monkeypatch.setattr(instance, "STATE", tmp_path / "state")
    return tmp_path


def write(checkout: Path, value: object, stack: str = "mine") -> None:
    (checkout / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": {config.KEY: value}}))


def test_facts_fill_what_the_file_leaves_out(checkout: Path) -> None:
    write(checkout, {"volume": {"name": "models"}})

    assert complete("mine", FACTS) == {
        "cluster": {"id": UID},
        "server": {"image": IMAGE},
        "fetch": {"image": IMAGE, "endpoint": "http://10.77.0.1:8090"},
        "volume": {"name": "models", "local": {"path": "/srv/models", "node": "node1"}},
    }


@pytest.mark.parametrize(
    "written",
    [
        {"cluster": {"id": OTHER}},
        {"server": {"image": "mine@sha256:0"}},
        {"fetch": {"image": "mine@sha256:0", "endpoint": "https://hub.example"}},
        {"volume": {"nfs": {"server": "nas", "path": "/models"}}},
        {"volume": {"existing_claim": True}},
    ],
)
def test_what_a_person_wrote_wins_over_the_machine(checkout: Path, written: dict[str, dict[str, object]]) -> None:
    write(checkout, written)

    ((key, value),) = written.items()
    assert complete("mine", FACTS)[key] == value


def test_the_encryption_salt_and_other_keys_stay_when_the_file_is_rendered_again(checkout: Path) -> None:
    write(checkout, {"namespace": "one"})
    path = render(Instance("t-file"), "mine", FACTS)
    path.write_text(path.read_text() + "encryptionsalt: v1:abc\n")
    write(checkout, {"namespace": "two"})

    again = yaml.safe_load(render(Instance("t-file"), "mine", FACTS).read_text())

    assert again["encryptionsalt"] == "v1:abc", "without it no secret in the state can be read"
    assert again["config"][config.KEY]["namespace"] == "two"
    assert path == rendered(Instance("t-file"), "mine")
    assert sorted(file.name for file in path.parent.iterdir()) == [path.name]


def test_what_a_pulumi_without_the_file_has_begun_is_completed(checkout: Path) -> None:
    """It writes the salt of the state into the file that `--config-file` names, also where there is none."""
    write(checkout, {})
    path = rendered(Instance("t-file"), "mine")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("encryptionsalt: v1:abc\n")

    assert secrets_provider(Instance("t-file"), "mine") == ""
    content = yaml.safe_load(render(Instance("t-file"), "mine", FACTS).read_text())
    assert content["encryptionsalt"] == "v1:abc"
    assert content["config"][config.KEY]["cluster"] == {"id": UID}
    path.write_text("a: [")
    with pytest.raises(DevError, match=r"Pulumi\.mine\.yaml"):
        render(Instance("t-file"), "mine", FACTS)


def test_another_cluster_than_the_written_or_the_first_one_is_refused(checkout: Path) -> None:
    write(checkout, {})
    render(Instance("t-file"), "mine", FACTS)
    with pytest.raises(DevError, match=f"mine belongs to the cluster {UID}, but the kubeconfig leads to {OTHER}"):
        render(Instance("t-file"), "mine", Facts(OTHER))
    render(Instance("t-file"), "mine", FACTS)

    write(checkout, {"cluster": {"id": OTHER}})
    with pytest.raises(DevError, match=f"belongs to the cluster {OTHER}, but the kubeconfig leads to {UID}"):
        render(Instance("t-file"), "mine", FACTS)
    render(Instance("t-file"), "mine", Facts(OTHER))  # a person who writes it down means it


def test_the_way_out_of_another_cluster_is_a_key_of_the_stack_file_and_never_a_directory(checkout: Path) -> None:
    write(checkout, {})
    kept = render(Instance("t-file"), "mine", FACTS).parent
    with pytest.raises(DevError) as refused:
        render(Instance("t-file"), "mine", Facts(OTHER))
    assert str(kept) not in str(refused.value), "the passphrase of the stack's secrets lies there"

    (key, value) = re.findall(r"`(cluster): \{id: (\S+)\}` into Pulumi\.mine\.yaml", refused.value.fix)[0]
    write(checkout, {key: {"id": value}})
    render(Instance("t-file"), "mine", Facts(OTHER))


def test_a_played_cluster_stands_for_the_one_the_file_names(checkout: Path) -> None:
    write(checkout, {"cluster": {"id": OTHER}})

    content = yaml.safe_load(render(Instance("t-file"), "mine", Facts(UID, any_cluster=True)).read_text())

    assert content["config"][config.KEY]["cluster"] == {"id": UID}
    with pytest.raises(DevError, match=f"belongs to the cluster {UID}") as refused:
        render(Instance("t-file"), "mine", Facts(OTHER, any_cluster=True))  # the state tells of another's objects
    assert refused.value.fix.startswith("`make clean CLUSTER=engine` forgets"), "the file's id does not count there"


def test_how_the_card_is_found_is_the_machines_unless_it_is_written(checkout: Path) -> None:
    node = {"selector": {"nvidia.com/gpu.present": "true"}}
    write(checkout, {"gpu": {"model": "none"}})
    assert complete("mine", Facts(UID, gpu_node=node))["gpu"] == {"model": "none", "node": node}

    written = {"selector": {"mine": "yes"}, "memory_gib": 8}
    write(checkout, {"gpu": {"model": "t4", "node": written}})
    assert complete("mine", Facts(UID, gpu_node=node))["gpu"]["node"] == written


def test_an_unknown_stack_is_refused_with_those_there_are(checkout: Path) -> None:
    write(checkout, {}, "dev")
    write(checkout, {}, "prod")

    with pytest.raises(StackFileError, match=r"there is no .*/Pulumi\.live\.yaml") as refusal:
        complete("live", FACTS)
    assert refusal.value.fix.endswith("one of: dev, prod")
