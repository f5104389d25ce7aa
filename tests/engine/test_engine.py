"""What `pulumi up`, `preview` and `destroy` really do with this program; pods are played."""

import json
from pathlib import Path

from dev.cluster.kubectl import kubectl
from dev.machine import postgres
from tests.engine.played import IMMICH, INSTANCE, Stack, image


def test_after_up_everything_is_there_and_a_preview_is_empty_from_anywhere(stack: Stack, tmp_path: Path) -> None:
    assert set(stack.steps().values()) == {"create"}
    stack.up()

    assert stack.get("deployment", "llama-swap")["status"]["availableReplicas"] == 1
    assert stack.get("service", "llama-swap")["spec"]["ports"][0]["port"] == 8080
    assert stack.get("job", "fetch-gemma-3-270m-q4")["status"]["succeeded"] == 1
    assert stack.get("pvc", "llamacpp-models")["status"]["phase"] == "Bound"
    assert stack.unchanged()
    assert stack.unchanged("--refresh")
    assert stack.unchanged(**stack.elsewhere(tmp_path)), (
        "another machine's path, home or default namespace is not a difference"
    )


def test_the_state_lies_in_a_schema_of_its_own_and_holds_no_key_in_clear(stack: Stack) -> None:
    stack.up()

    public = postgres.psql(INSTANCE, r"select count(*) from pg_tables where schemaname = 'public'")
    keys = postgres.psql(INSTANCE, r"select key from pulumi.pulumi_state", user="pulumi").split()
    assert public.strip() == "0"
    assert f".pulumi/stacks/local-llm/{stack.cli.stack}.json" in keys, "a path in the URL would be a prefix here"
    key = kubectl(INSTANCE, "get", "secret", "llama-swap-api", "-n", stack.namespace, "-o", r"jsonpath={.data.api-key}")
    state = stack.pulumi("stack", "export").stdout
    assert key
    assert key not in state


def test_the_contract_is_an_output_that_needs_no_passphrase(stack: Stack) -> None:
    stack.up()

    result = stack.pulumi("stack", "output", "--json", PULUMI_CONFIG_PASSPHRASE_FILE="", PULUMI_CONFIG_PASSPHRASE="")

    contract = json.loads(result.stdout)["contract"]
    assert contract["contract"] == 1
    assert [model["id"] for model in contract["models"]] == ["gemma-3-270m-q3", "gemma-3-270m-q4"]


def test_a_changed_ttl_is_one_visible_replacement_and_really_changes_the_env(stack: Stack) -> None:
    def env() -> dict[str, str]:
        spec = stack.get("deployment", IMMICH, f"{stack.namespace}-immich")["spec"]["template"]["spec"]
        return {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"]}

    stack.up()
    assert env() == {"TZ": "UTC", "MACHINE_LEARNING_MODEL_TTL": "600"}

    kubectl(
        INSTANCE,
        "set",
        "env",
        f"deployment/{IMMICH}",
        "-n",
        f"{stack.namespace}-immich",
        "MACHINE_LEARNING_MODEL_TTL=5",
    )
    stack.raw["immich"]["model_ttl_s"] = 900
    assert list(stack.steps()) == ["immich-patch"]
    stack.up()

    assert env() == {"TZ": "UTC", "MACHINE_LEARNING_MODEL_TTL": "900"}
    assert stack.unchanged()


def test_a_failed_job_says_which_pod_and_why_and_is_replaced_after_the_repair(stack: Stack) -> None:
    good = stack.raw["fetch"]["image"]
    stack.raw["fetch"]["image"] = image("exits-65")
    failed = stack.pulumi("up", "--yes", "--skip-preview")

    assert failed.returncode != 0
    assert "fetch-gemma-3-270m-q4" in failed.stdout
    assert "65" in failed.stdout
    assert kubectl(INSTANCE, "get", "deployment", "-n", stack.namespace, "-o", "name") == "", "no weights, no server"

    stack.raw["fetch"]["image"] = good
    assert stack.steps()["fetch-gemma-3-270m-q4-job"] in {"replace", "create-replacement", "delete-replaced"}
    stack.up()
    assert stack.get("job", "fetch-gemma-3-270m-q4")["status"]["succeeded"] == 1
    assert stack.unchanged()


def test_a_changed_configuration_is_a_new_config_map_and_a_new_pod_and_fetches_nothing(stack: Stack) -> None:
    stack.up()
    before = stack.get("deployment", "llama-swap")["spec"]["template"]
    job = stack.get("job", "fetch-gemma-3-270m-q4")["metadata"]["uid"]

    stack.raw["models"]["gemma-3-270m-q4"]["context"] = 2048
    assert set(stack.steps()) == {"llama-swap-config", "llama-swap-preflight", "llama-swap-deployment"}
    stack.up()

    after = stack.get("deployment", "llama-swap")["spec"]["template"]
    assert after != before
    assert stack.get("job", "fetch-gemma-3-270m-q4")["metadata"]["uid"] == job
    maps = kubectl(INSTANCE, "get", "configmap", "-n", stack.namespace, "-o", "name").split()
    assert len([m for m in maps if "llama-swap-config" in m]) == 1, "the old one is removed after the rollout"


def test_a_destroy_keeps_volume_and_claim_and_the_next_up_finds_them(stack: Stack) -> None:
    stack.up()
    volume = stack.get("pvc", "llamacpp-models")["metadata"]["uid"]

    refused = stack.pulumi("destroy", "--yes")
    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    assert stack.get("deployment", "llama-swap"), "a refused destroy has touched nothing"

    destroyed = stack.pulumi("destroy", "--yes", "--exclude-protected")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert stack.get("pvc", "llamacpp-models")["metadata"]["uid"] == volume
    stack.up()
    assert stack.get("pvc", "llamacpp-models")["metadata"]["uid"] == volume
    assert stack.unchanged()


def test_another_cluster_is_refused_without_a_traceback(stack: Stack) -> None:
    stack.raw["cluster"]["id"] = "00000000-0000-4000-8000-000000000000"

    result = stack.pulumi("up", "--yes", "--skip-preview")

    assert result.returncode != 0
    assert "this stack belongs to the cluster 00000000" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    left = kubectl(INSTANCE, "get", "configmap,secret", "-n", stack.namespace, "-o", "name").split()
    assert left == ["configmap/kube-root-ca.crt"], "the other cluster got something of this stack"


def test_bad_configuration_is_told_without_a_traceback(stack: Stack) -> None:
    stack.raw["gpu"]["modle"] = "t4"

    result = stack.pulumi("preview")

    assert result.returncode != 0
    assert "local-llm:stack.gpu.modle" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
