"""The README's way from a cluster and a Postgres to a chat, carried out word for word: here both are the embedded ones.

They are somebody else's for it: a namespace, a database, a stack file and a passphrase of its own.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.cluster import cluster, nodes
from dev.images import images
from dev.machine import daemons, postgres
from dev.machine.instance import HUB_PORT, NODE_IP, Instance
from dev.tools import tools
from plan import config
from tests.checkout import copy_to
from tests.cluster.embedded import INSTANCE, chat, get, request
from tests.cluster.readme import parts
from tests.stacks import raw

MINE = Instance(f"{INSTANCE.name.removesuffix('-up')}-rdm")
MODEL = "my-gemma"  # is in no lock
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE_FILE"


class Person:
    """Somebody at a shell in a clone of their own, who knows the README and the names of their own things."""

    def __init__(self, clone: Path) -> None:
        self.clone, self.home = clone, clone.parent
        self.models = INSTANCE.state / "models-of-mine"
        self.names = {
            "llama-cpp": "of-readme",
            "/srv/nfs-ssd/llamacpp": str(self.models),
            "db.home": postgres.environment(INSTANCE)["PGHOST"],
            "verify-full": "disable",  # a socket
            "$HOME": str(self.home),
        }
        programs = [tools.path("kubectl"), tools.path("postgres") / "bin"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "PULUMI"))}
        self.env = kept | {
            "PATH": os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
            "KUBECONFIG": str(INSTANCE.kubeconfig),
            "HF_ENDPOINT": f"http://127.0.0.1:{INSTANCE.ports.hub}",
            "INSTANCE": MINE.name,
        }

    def named(self, text: str) -> str:
        for theirs, ours in self.names.items():
            text = text.replace(theirs, ours)
        return text

    def types(self, *lines: str, **env: str) -> subprocess.CompletedProcess[str]:
        argv = ["sh", "-ec", "\n".join(lines)]
        return subprocess.run(
            argv, cwd=self.clone, env={**self.env, **env}, capture_output=True, text=True, check=False
        )

    def edits_the_copy(self, namespace: str = "of-readme") -> str:
        """The command that stands for an editor."""
        value = raw("cpu")
        model = {**value["models"]["gemma-3-270m-q4"]}
        value["namespace"], value["models"] = namespace, {MODEL: model}
        value["volume"]["local"] = {"path": str(self.models), "node": nodes.NODE}
        value["server"]["image"] = value["fetch"]["image"] = images.references()["runtime"]
        value["fetch"]["endpoint"] = f"http://{NODE_IP}:{HUB_PORT}"
        del value["cluster"], value["immich"]
        content = {"config": {"pulumi:disable-default-providers": ["kubernetes"], config.KEY: value}}
        (self.home / "edited.yaml").write_text(yaml.safe_dump(content))
        return f"cp {self.home}/edited.yaml Pulumi.home.yaml"


@pytest.fixture
def person(output: str, tmp_path: Path) -> Iterator[Person]:  # noqa: ARG001 - the cluster runs
    clone = copy_to(tmp_path / "clone")
    made = Person(clone)
    made.models.mkdir(exist_ok=True)
    os.chown(made.models, 0, 0)
    yield made
    assert made.types("make clean STACK=home CLUSTER=current").returncode == 0
    MINE.passphrase.unlink(missing_ok=True)


def test_the_readme_leads_from_a_cluster_and_a_postgres_to_a_chat(person: Person) -> None:
    section = parts.section("carried out by tests/cluster/readme/test_your_cluster.py -->\n")
    # A configuration of llama-swap's own is for whoever has one: tests/ops/adopt/test_command.py.
    written = parts.in_blocks(section.partition("\n### From llama-swap")[0])
    assert len(written) <= 8
    asked = [person.named(command) for command in written]
    edit = next(number for number, command in enumerate(asked) if command.startswith("cp ")) + 1

    done = person.types(*asked[:edit], person.edits_the_copy(), *asked[edit:])

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"asking {MODEL}: " in done.stdout
    assert f"{MODEL}: " in done.stdout.partition("tokens/s")[0].rpartition("\n")[2]
    assert "choose one" not in done.stdout + done.stderr
    assert not {"building", "importing"} & set(done.stdout.split()), "nothing is built for a cluster that is there"
    assert (person.models.stat().st_uid, person.models.stat().st_gid) == (cluster.POD_UID, cluster.POD_UID)
    assert {path.stem for path in MINE.run.glob("*.pid")} == {"forward-endpoint"}, (
        "no cluster and no Postgres of its own"
    )
    assert not MINE.passphrase.exists(), "the operator's counts"
    assert request("/v1/models", base=f"http://127.0.0.1:{MINE.ports.endpoint}")[0] == 401
    assert get("service", "-n", "of-readme")["items"][0]["spec"]["type"] == "ClusterIP"

    shell = [command for command in asked if command.startswith("export ")]
    key = person.types(*shell, "make -s key STACK=home CLUSTER=current").stdout.strip()
    assert chat(MODEL, key, f"http://127.0.0.1:{MINE.ports.endpoint}")[0] == 200
    known_only_by_its_passphrase(person, shell)

    assert person.types("make down STACK=home CLUSTER=current").returncode == 0
    assert daemons.members(MINE) == set()
    assert get("deployment", "-n", "of-readme")["items"], "what runs in someone's cluster is not ours to stop"


def known_only_by_its_passphrase(person: Person, shell: list[str]) -> None:
    """Another machine on the same Postgres is told what it lacks, changes nothing, and goes on when it has it."""
    preview, elsewhere = "make preview STACK=home CLUSTER=current", {"LOCAL_LLM_STATE": str(person.home / "elsewhere")}

    without = person.types(*shell, f"unset {PASSPHRASE}", preview, **elsewhere)
    assert "a passphrase that this machine does not have" in without.stderr, without.stdout + without.stderr
    assert "next: copy" in without.stderr
    wrong = person.types(*shell, f"export {PASSPHRASE}=/etc/hostname", preview, **elsewhere)
    assert f"locked with another passphrase than the one in {PASSPHRASE}" in wrong.stderr, wrong.stdout + wrong.stderr
    assert not list((person.home / "elsewhere").glob("passphrases.d/*"))

    right = person.types(*shell, preview, **elsewhere)
    assert right.returncode == 0, right.stdout + right.stderr


def test_without_a_word_about_the_state_nothing_is_begun_and_the_way_out_works_as_printed(person: Person) -> None:
    person.types("cp Pulumi.prod.yaml Pulumi.home.yaml", person.edits_the_copy("of-nobody"), "make lock STACK=home")

    refused = person.types("make preview STACK=home CLUSTER=current")

    assert "nothing says where the state lies" in refused.stderr
    assert "or keep the state on this machine alone: add STATE=embedded" in refused.stderr
    assert not MINE.state.exists()
    given = person.types("make preview STACK=home CLUSTER=current STATE=embedded")
    assert "the namespace of-nobody does not exist" in given.stderr, given.stdout + given.stderr
