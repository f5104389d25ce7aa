"""What interleavings have found, each played once by hand."""

import time

from tests.pods.bench import SEGMENT, Bench

NO_LOCKS = """
def flock(fd, how): raise OSError(errno.ENOLCK, 'No locks available')
fcntl.flock = flock
"""


def test_a_wrong_byte_in_the_part_of_another_fetcher_is_taken_over_once_and_not_again(bench: Bench) -> None:
    """Both tries took it over, and the Job ended for good with the hub blamed."""
    content = bench.offer("a-Q4_K_M.gguf")
    part = bench.blob(0, ".part")
    part.parent.mkdir()
    part.write_bytes(b"wrong" + content[5:])
    bench.blob(0, ".part.journal").write_text(f"0 {SEGMENT}\n")
    assert time.time() - part.stat().st_mtime < 30, "somebody may still work on it"

    code, printed = bench.fetch(via=bench.python_where(NO_LOCKS))

    assert code == 0, printed
    assert '"corrupt"' in printed
    assert (bench.generation / "model.gguf").read_bytes() == content


REPLACED = """
def ioctl(target, request, source):
    with open({by_hand!r}, 'r+b') as file:
        file.write(b'wrong')
    os.replace({right!r}, {blob!r})
    raise OSError(errno.EOPNOTSUPP, 'no reflinks here')
fcntl.ioctl = ioctl
"""


def test_a_blob_that_another_fetcher_has_repaired_meanwhile_is_not_set_aside(bench: Bench) -> None:
    """It has another name, by which somebody writes into it while its bytes are copied; by then it is another file."""
    content = bench.offer("a-Q4_K_M.gguf")
    assert bench.fetch()[0] == 0
    blob, by_hand, right = bench.blob(), bench.root / "by-hand.gguf", bench.root / "right"
    by_hand.hardlink_to(blob)
    right.write_bytes(content)
    bench.hub.log.clear()

    patch = REPLACED.format(by_hand=str(by_hand), right=str(right), blob=str(blob))
    code, printed = bench.fetch(via=bench.python_where(patch))

    assert code == 0, printed
    assert by_hand.read_bytes() != content, "or nothing was tried"
    assert '"quarantined"' not in printed
    assert (bench.generation / "model.gguf").read_bytes() == content
    assert bench.requests() == []
