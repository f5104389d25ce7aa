"""Warm: the weights are in this node's memory afterwards, no more of them than fits, and no damaged byte unnoticed."""

import contextlib
import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from pods.warm import pagecache
from tests.plans import planned
from tests.pods.bench import until
from tests.pods.pythons import pythons
from tests.pods.shelf import gen, of
from tests.pods.warm.warming import MIB, Warm, evict, random_bytes, require_resident, resident

RESERVE = 128 * MIB


def test_every_file_is_resident_afterwards_and_the_metrics_say_so(warm: Warm) -> None:
    big, small = warm.model("a", random_bytes(40 * MIB), random_bytes(3 * MIB + 17, 2))
    warm.start()
    (line,) = warm.wait("warmed")

    require_resident(big)
    require_resident(small)
    assert line["model"] == "a"
    assert line["mib"] == 43
    assert warm.metric("local_llm_weights_bytes", "a") == 43 * MIB + 17
    # A kernel that pages out what it thinks is idle (DAMON) may have taken a page back by now.
    assert 0.95 * 43 <= line["resident_mib"] <= 43
    assert 0.95 * 43 * MIB <= warm.metric("local_llm_weights_resident_bytes", "a") <= 43 * MIB + 17
    assert warm.metric("local_llm_warm_complete", "a") == 1
    assert warm.metric("local_llm_warm_read_bytes_total") == 43 * MIB + 17, "a page read twice counts as working set"
    evict(big)
    left = warm.metric("local_llm_weights_resident_bytes", "a")
    assert 0.95 * 3 * MIB <= left <= 3 * MIB + 17, "it is measured, not remembered"


def test_asking_the_kernel_to_read_ahead_would_leave_the_files_cold(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(random_bytes(64 * MIB))
    evict(file)
    with file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
    with contextlib.suppress(AssertionError):
        until(lambda: resident(file) >= 0.95 * 64 * MIB, "residency", 1)
    with pytest.raises(AssertionError, match="would wait"):
        require_resident(file)


def test_it_stops_at_its_budget_and_larger_priorities_come_first(warm: Warm) -> None:
    (last,) = warm.model("a", random_bytes(48 * MIB, 1), priority=1)
    (first,) = warm.model("b", random_bytes(12 * MIB, 2), priority=5)
    warm.manifest["memory_limit_bytes"] = RESERVE + 28 * MIB
    warm.start()
    warm.wait("budget", model="a")

    require_resident(first)
    assert 15 * MIB <= resident(last) <= 17 * MIB, "16 MiB were left"
    assert warm.metric("local_llm_warm_budget_bytes") == 28 * MIB
    assert warm.metric("local_llm_warm_read_bytes_total") == 28 * MIB
    assert warm.metric("local_llm_warm_complete", "a") == 0
    assert warm.metric("local_llm_warm_complete", "b") == 1


def test_a_limit_smaller_than_the_program_reads_nothing(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(MIB))
    warm.manifest["memory_limit_bytes"] = 64 * MIB
    warm.start()
    warm.wait("budget", model="a")
    assert resident(blob) == 0


def test_the_limit_of_its_own_memory_cgroup_bounds_it(warm: Warm) -> None:
    own = re.search(r"^\d+:memory:(.*)$", Path("/proc/self/cgroup").read_text(), re.M)
    place = Path(f"/sys/fs/cgroup/memory{own[1] if own else ''}")
    if os.getuid() != 0 or not own or not place.is_dir():
        pytest.skip("a memory cgroup (v1) can only be made by root where there is one")
    group = place / f"warm-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(RESERVE + 20 * MIB))
        warm.model("a", random_bytes(32 * MIB))
        warm.start(change=f"open('{group}/cgroup.procs', 'w').write(str(os.getpid()))")
        warm.wait("budget", model="a")
        assert warm.metric("local_llm_warm_budget_bytes") == 20 * MIB
        assert warm.process
        warm.process.kill()
        warm.process.wait()
    finally:
        (group / "memory.force_empty").write_text("0")
        until(lambda: not group.exists() or not group.rmdir(), "the end of the cgroup")


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "1000\n"}, 1000),
        ("0::/\n", {"memory.max": "max\n"}, None),
        ("0::/pods/one\n", {"pods/memory.max": "500\n", "pods/one/memory.max": "900\n"}, 500),
        ("4:cpu:/x\n3:memory:/kubepods/host\n0::/\n", {"memory/memory.limit_in_bytes": "700\n"}, 700),
        ("3:cpu,memory:/x\n", {"memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, None),
    ],
    ids=["v2", "v2 without", "v2 above", "v1 in a container", "v1 without"],
)
def test_limits_are_found_in_both_versions_of_cgroups(
    tmp_path: Path, cgroup: str, files: dict[str, str], limit: int | None
) -> None:
    (tmp_path / "self").write_text(cgroup)
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(text)
    assert pagecache.cgroup_limit_bytes(str(tmp_path / "self"), str(tmp_path / "fs")) == limit


def test_it_answers_while_it_waits_and_reads_what_appears(warm: Warm) -> None:
    (blob,) = warm.model("a", random_bytes(MIB), priority=9)
    warm.model("b", b"there")
    ready = warm.shelf.root / "a" / gen(1) / "READY.json"
    aside = ready.rename(warm.shelf.root / "aside")
    warm.start()
    (line,) = warm.wait("waiting")
    assert f"{ready} is missing" in line["reason"]
    warm.wait("warmed", model="b")
    assert warm.get("/healthz") == "ok\n"
    assert warm.metric("local_llm_weights_resident_bytes", "a") == resident(blob) == 0
    aside.rename(ready)
    warm.wait("warmed", model="a")
    require_resident(blob)


@pytest.mark.parametrize("when", ["idle", "in a read that hangs"])
def test_sigterm_ends_it_at_once(warm: Warm, when: str) -> None:
    warm.model("a", random_bytes(MIB))
    warm.start(change="" if when == "idle" else "os.preadv = lambda *_: time.sleep(600)")
    warm.wait("warmed" if when == "idle" else "ready")
    assert warm.process
    warm.process.send_signal(signal.SIGTERM)
    assert warm.process.wait(timeout=300) == 143, "the kubelet would wait for its grace period"


def test_lines_and_metrics_name_a_model_as_clients_do(warm: Warm) -> None:
    warm.model("org-name-q4-1c0ffe", b"1")
    warm.manifest["models"][0]["model"] = "Org/Name:Q4"
    warm.start()
    warm.wait("warmed", model="Org/Name:Q4")
    assert warm.metric("local_llm_warm_complete", "Org/Name:Q4") == 1


def test_the_metrics_are_in_the_text_format(warm: Warm) -> None:
    warm.model("a", b"1")
    warm.model("b", b"2")
    warm.start()
    warm.wait("warmed", 2)
    seen: set[str] = set()
    for line in warm.get("/metrics").splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind == ("counter" if name.endswith("_total") else "gauge")
            seen.add(name)
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'([a-z_]+)(\{model="[ab]"\})? [0-9.]+', line)
            assert match, line
            assert match[1] in seen, "TYPE comes before the first sample"
    assert len(seen) == 8


@pytest.mark.parametrize(
    "wrong", [{"listen": "all"}, {"listen": 0}, {"root": "x"}, {"models": [{"id": "../x"}]}, {"speed": 1}], ids=str
)
def test_a_manifest_that_it_cannot_use_is_refused(warm: Warm, wrong: dict[str, Any]) -> None:
    warm.model("a", b"1")
    assert of(warm.shelf.run("warm", {**warm.manifest, **wrong}, code=78), "failed")


def test_the_sidecar_s_manifest_is_one_that_warm_accepts(warm: Warm) -> None:
    plan = planned("cpu")
    (sidecar,) = plan.server.warm
    warm.manifest |= {**json.loads(sidecar.manifest), "root": str(warm.shelf.root), "listen": warm.port}
    warm.start()
    assert "READY.json is missing" in warm.wait("waiting")[0]["reason"]
    assert warm.get("/healthz") == "ok\n"


@pytest.mark.parametrize("python", pythons())
def test_every_supported_python_warms(warm: Warm, python: str) -> None:
    (blob,) = warm.model("a", random_bytes(MIB))
    warm.start(via=(python,))
    warm.wait("warmed")
    require_resident(blob)
    assert 0.9 * MIB <= warm.metric("local_llm_weights_resident_bytes", "a") <= MIB
