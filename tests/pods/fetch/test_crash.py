"""A fetch that ends at the worst moment, and a new generation that must not disturb the one being served."""

import json
import signal

import pytest

from dev.hub import Rule
from tests.pods.bench import DATA, SEGMENT, Bench
from tests.soak import SOAK

# Dies by its own hand right before the call that fits: where the power might fail.
DIE = """
def dying(name, fits):
    call = getattr(os, name)
    def instead(source, target, *more, **named):
        if fits(str(target)):
            os.kill(os.getpid(), signal.SIGKILL)
        return call(source, target, *more, **named)
    setattr(os, name, instead)

def after(calls):
    left = iter(range(calls))
    return lambda _: next(left, None) is None
"""
MOMENTS = {
    "before the first byte": "dying('replace', lambda target: target.endswith('.journal'))",
    "between the last byte and the receipt": "dying('replace', lambda target: target.endswith('.ok'))",
    "between the receipt and the blob": ("dying('replace', lambda target: '.' not in target.rpartition('/')[2])"),
    "between the blobs and the links": "dying('symlink', lambda target: 'model.gguf' in target)",
    "between two links": "dying('replace', lambda target: target.endswith('mmproj.gguf'))",
    "between the links and READY": "dying('replace', lambda target: target.endswith('READY.json'))",
    "between READY and current": "dying('replace', lambda target: target.endswith('current'))",
}
# Every call of the two by which a fetch of two files becomes visible.
MORE_MOMENTS = {
    f"after {calls} of {name}": f"dying('{name}', after({calls}))"
    for name, count in (("replace", 9), ("symlink", 3))
    for calls in range(count)
}
if SOAK:
    MOMENTS |= MORE_MOMENTS


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_crash_before_ready_promises_nothing_and_costs_no_byte_twice(bench: Bench, moment: str) -> None:
    bench.manifest["streams"] = 1
    contents = [bench.offer("a-Q4_K_M.gguf"), bench.offer("mmproj-F16.gguf", 5000, "mmproj.gguf")]

    assert bench.fetch(via=bench.python_where(f"{DIE}{moment}"))[0] == -signal.SIGKILL

    links = [bench.generation / name for name in ("model.gguf", "mmproj.gguf")]
    if (bench.generation / "READY.json").exists():
        assert [link.read_bytes() for link in links] == contents, "READY comes last"
    else:
        assert bench.gate()[0] == 1
    code, printed = bench.fetch()
    assert code == 0, printed
    assert [link.read_bytes() for link in links] == contents
    assert sum(row["bytes"] for row in bench.requests()) == sum(map(len, contents)), "all bytes were there already"
    assert bench.gate()[0] == 0
    assert not [path for path in bench.root.rglob("*.part*") if path.is_file()]


def test_a_change_of_quant_leaves_the_old_generation_whole_through_success_and_failure(bench: Bench) -> None:
    old_content, old = bench.offer("a-Q4_K_M.gguf"), bench.generation
    assert bench.fetch()[0] == 0
    untouched = {path: path.lstat().st_mtime_ns for path in (*old.iterdir(), bench.blob())}
    bench.manifest |= {"gen": "ba9876543210", "files": []}
    content = bench.offer("a-Q8_0.gguf")

    def still_serves() -> bool:
        ready = json.loads((old / "READY.json").read_text())
        return (ready["gen"], (old / "model.gguf").read_bytes()) == (old.name, old_content)

    bench.hub.faults.set(Rule("cdn", corrupt_at=3 * SEGMENT + 7, rate_bytes_s=4 << 20))
    with bench.start() as process:
        looks = 0
        while process.poll() is None:
            assert still_serves()
            looks += 1
        assert process.stdout
        assert process.wait() == 65, process.stdout.read()
    assert looks > 10, "or nothing was seen"
    assert (old.parent / "current").readlink().name == old.name
    assert not (bench.generation / "READY.json").exists()

    bench.hub.faults.set(Rule("cdn", range=DATA, rate_bytes_s=4 << 20))
    with bench.start() as process:
        while process.poll() is None:
            assert still_serves()
    assert (process.returncode, (bench.generation / "model.gguf").read_bytes()) == (0, content)
    assert (old.parent / "current").readlink().name == "ba9876543210"
    assert {path: path.lstat().st_mtime_ns for path in untouched} == untouched


def test_a_split_model_with_a_part_missing_is_not_ready_and_the_gate_stays_closed(bench: Bench) -> None:
    names = [f"model-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    parts = [bench.offer(f"a-Q4_K_M-0000{n}-of-00003.gguf", 5000, names[n - 1]) for n in (1, 2, 3)]
    third = bench.manifest["files"][2]["sha256"]
    bench.hub.faults.set(Rule("cdn", path=third, range=DATA, status=404))

    assert bench.fetch()[0] == 69
    assert not (bench.generation / "READY.json").exists()
    code, printed = bench.gate()
    assert (code, "READY.json is missing" in printed) == (1, True)

    bench.hub.faults.set()
    bench.hub.log.clear()
    assert bench.fetch()[0] == 0
    assert sum(row["bytes"] for row in bench.requests()) == 5000, "two parts were there"
    assert [(bench.generation / name).read_bytes() for name in names] == parts
    assert bench.gate()[0] == 0
    bench.blob(1).unlink()
    code, printed = bench.gate()
    assert code == 1, "llama.cpp finds the other parts by their names, and would fail to load"
    assert f"{names[1]} is a dangling link" in printed


def test_a_blob_that_goes_while_the_model_is_published_is_not_promised_and_comes_back(bench: Bench) -> None:
    content = bench.offer("a-Q4_K_M.gguf")
    prune = f"""
replaced = os.replace
def replace(source, target):
    replaced(source, target)
    if str(target).endswith("READY.json"):
        os.unlink({str(bench.blob())!r})
os.replace = replace
"""

    code, printed = bench.fetch(via=bench.python_where(prune))

    assert code == 74, printed
    assert "a-Q4_K_M.gguf went while" in bench.termination.read_text()
    assert bench.gate()[0] == 1
    assert bench.fetch()[0] == 0
    assert bench.blob().read_bytes() == content
    assert bench.gate()[0] == 0
