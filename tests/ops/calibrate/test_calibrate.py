"""`ops calibrate` as a person runs it: a real process, a server in Prometheus's place, texts of nvidia-smi."""

import re

import pytest

from tests.ops.calibrate.measured import HEAD, NODE, Desk


def test_a_loaded_model_becomes_an_entry_with_day_and_build(desk: Desk) -> None:
    shown = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", said=NODE)
    assert re.search(r"models\.qwen3-8b\.measured +│ - +│ 6996 MiB", shown)
    assert "nothing is written without --write" in shown

    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=NODE)

    (entry,) = desk.stack["models"]["qwen3-8b"]["measured"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.pop("date"))
    assert entry == {"mib": 6996, "context": 16384, "build": 10524}, "what is default is not written"
    kept = desk.file.read_text().splitlines()
    lost = [line for line in desk.before.splitlines() if line not in kept]
    assert [line.strip().split(":")[0] for line in lost] == ["qwen3-8b"], "no other line differs, comments included"


def test_a_projector_is_measured_with_the_image_it_was_limited_to(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3vl-8b", "--build", 10600, "--write", said=NODE)

    (entry,) = desk.stack["models"]["qwen3vl-8b"]["measured"]
    assert entry["image_max_tokens"] == 1024
    assert entry["build"] == 10600


def test_measuring_again_replaces_and_another_build_stands_beside(desk: Desk) -> None:
    for mib, build in ((6996, 10524), (7010, 10524), (7050, 10600)):
        text = NODE.replace("6996", str(mib))
        said = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--build", build, "--write", said=text)
        if mib == 7010:
            assert re.search(r"│ 6996 +│ 7010 MiB", said), "old and new stand side by side"

    measured = desk.stack["models"]["qwen3-8b"]["measured"]
    assert [(entry["mib"], entry["build"]) for entry in measured] == [(7010, 10524), (7050, 10600)]


def test_all_processes_of_a_tenant_are_added_up(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=frigate|ffmpeg", "--write", said=NODE)

    measured = desk.stack["gpu"]["tenants"]["frigate"]["measured"]
    assert measured["mib"] == 1250
    assert measured["source"] == "nvidia-smi"
    (line,) = (line for line in desk.before.splitlines() if "immich-ml:" in line)
    assert line in desk.file.read_text().splitlines(), "nobody else was asked for"


def test_a_moment_does_not_lower_a_measured_peak(desk: Desk) -> None:
    desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=frigate|ffmpeg", "--write", said=NODE)
    before = desk.file.read_text()

    said = desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate", "--write", said=NODE)

    assert "kept: one sample is not a peak" in said
    assert desk.file.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}\n4711, /app/llama-server, [N/A]\n", "does not say how much /app/llama-server holds: [N/A]"),
        (f"{HEAD}\n4711, [Insufficient Permissions], [Insufficient Permissions]\n", "[Insufficient Permissions]"),
        (f"{HEAD}\n4711, /app/llama-server, [Not Supported]\n", "[Not Supported]"),
        (f"{HEAD}\n", "nvidia-smi lists no process"),
        ("", "this is not a list of processes from nvidia-smi: nothing"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the driver.\n", "NVIDIA-SMI has failed"),
        (f"{HEAD}\n4711, /app/llama-server, lots\n", "this is not a line of nvidia-smi's list"),
        (f"{HEAD}\n4711, /bin/other, 6996 MiB\n", "0 processes are a llama-server; the card has /bin/other"),
        (f"{HEAD}\n1, llama-server, 6996 MiB\n2, llama-server, 4000 MiB\n", "2 processes are a llama-server"),
        (f"{HEAD}\n4711, llama-server, 0 MiB\n", "holds no memory of the card"),
        (f"{HEAD}\n4711, llama-server, 99999 MiB\n", "99999 MiB  together"),
    ],
)
def test_what_nvidia_smi_would_not_tell_is_not_guessed(desk: Desk, text: str, said: str) -> None:
    assert said in desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=text, code=2)


def test_text_without_units_and_names_with_commas_are_understood(desk: Desk) -> None:
    text = "pid, process_name, used_gpu_memory [MiB]\r\n812, python, with a comma, 1020\r\n"

    said = desk.calibrate("--nvidia-smi", "-", "--tenant", "frigate=with a comma", said=text)

    assert "1020 MiB" in said


def test_a_measurement_that_cannot_be_true_is_told_before_it_is_committed(desk: Desk) -> None:
    said = desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", said=NODE.replace("6996", "600"))

    assert "with these entries a preview is refused" in said
    assert "less than weights and cache" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "pass one of the two"),
        (("--prometheus", "http://127.0.0.1:9"), "cannot be reached"),
        (("--prometheus", "http://127.0.0.1:9", "--model", "qwen3-8b"), "measure a model with --nvidia-smi"),
        (("--nvidia-smi", "nowhere.csv", "--model", "qwen3-8b"), "nowhere.csv: No such file"),
        (("--nvidia-smi", "-"), "the card has processes of"),
        (("--nvidia-smi", "-", "--model", "qwen"), "'qwen' is not a model of the stack"),
        (("--nvidia-smi", "-", "--tenant", "plex"), "'plex' is not a tenant of the stack; it has frigate, immich-ml"),
        (("--prometheus", "http://[/"), "is not usable: an IPv6 address stands in brackets"),
        (("--prometheus", "prometheus:9090"), "is not usable: a URL begins with http"),
        (("--nvidia-smi", "-", "--tenant", "frigate=("), "--tenant 'frigate=('"),
        (("--nvidia-smi", "-", "--tenant", "immich-ml"), "no process belongs to immich-ml"),
    ],
)
def test_what_cannot_be_done_is_told_with_the_next_step(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    assert said in desk.calibrate(*arguments, "--write", said=NODE, code=2)


def test_a_stack_without_a_card_has_nothing_to_measure(desk: Desk) -> None:
    assert "has no card" in desk.calibrate("--nvidia-smi", "-", "--model", "x", stack="cpu", said=NODE, code=2)


def test_the_file_keeps_its_permissions_and_no_draft_is_left(desk: Desk) -> None:
    desk.file.chmod(0o600)

    desk.calibrate("--nvidia-smi", "-", "--model", "qwen3-8b", "--write", said=NODE)

    assert desk.file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in desk.directory.iterdir()} == {
        "Pulumi.t4.yaml",
        "Pulumi.cpu.yaml",
        "models.lock.yaml",
    }
