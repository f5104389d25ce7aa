"""One process of `make fuzz`: `python -m tests.corpus.fuzz.drive TARGET hypothesis|atheris SECONDS DIRECTORY`.

It prints a line now and then, and FOUND lines; it writes cases to tests/corpus/found.
"""

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

_EVERY_S = 10


def by_hypothesis(name: str, seconds: float) -> None:
    """Valid trees with up to three places changed, and texts with changed bytes, until the time is over."""
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    from tests.corpus import texts, values
    from tests.corpus.fuzz.found import Collector
    from tests.corpus.fuzz.targets import TARGETS

    target, collector = TARGETS[name], Collector(name)
    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(values.ODD),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    )
    inputs: Any = st.sampled_from(target.seeds()).flatmap(_spoilt)
    if target.tree:
        tree = target.tree()
        places = st.sampled_from(list(values.places(tree)))
        changes = st.lists(st.tuples(places, anything), min_size=1, max_size=3)
        inputs |= changes.map(lambda them: target.bytes_of(_changed(tree, them)))
    inputs |= st.sampled_from(list(texts.WHOLE.values())) | st.binary(max_size=200)
    until, tried, shown_s = time.monotonic() + seconds, 0, time.monotonic()
    number = 0
    while time.monotonic() < until:

        def once(content: bytes) -> None:
            nonlocal tried, shown_s
            if time.monotonic() < until:
                collector.take(content)
                tried += 1
            if time.monotonic() - shown_s > _EVERY_S:
                shown_s = time.monotonic()
                print(f"{name}, hypothesis: {tried} inputs, {collector.new} new cases", flush=True)

        checks = list(HealthCheck)
        limits = settings(
            max_examples=500, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=checks
        )
        seed(number)(limits(given(inputs)(once)))()
        number += 1
    print(f"{name}, hypothesis: {tried} inputs, {tried / seconds:.0f} a second, {collector.new} new cases", flush=True)


def _spoilt(content: bytes) -> Any:
    from hypothesis import strategies as st

    from tests.corpus import texts

    change = st.tuples(st.sampled_from(texts.CHANGES), st.randoms(use_true_random=False))
    return st.lists(change, min_size=1, max_size=4).map(lambda them: _applied(content, them))


def _applied(content: bytes, changes: Any) -> bytes:
    for change, rng in changes:
        content = change(rng, content) if content else content
    return content


def _changed(tree: Any, changes: Any) -> Any:
    from tests.corpus import values

    for path, value in changes:
        with contextlib.suppress(LookupError, AttributeError, TypeError):  # an earlier change took the place away
            tree = values.put(tree, path, value)
    return tree


def by_atheris(name: str, seconds: float, directory: Path) -> None:
    """Coverage-guided, from the valid inputs and what earlier runs kept in `directory`. Does not return."""
    import atheris

    with atheris.instrument_imports(include=["plan", "ops", "pods", "yaml", "pydantic"], enable_loader_override=False):
        from tests.corpus import texts
        from tests.corpus.fuzz.found import Collector
        from tests.corpus.fuzz.targets import TARGETS

    directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(
        [*TARGETS[name].seeds(), *(text for text in texts.WHOLE.values() if len(text) < 4096)]
    ):
        (directory / f"seed-{number}").write_bytes(seed)
    words = directory.parent / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in texts.ODD_BYTES if len(word) < 40))
    options = [
        f"-max_total_time={seconds:.0f}",
        "-timeout=60",
        "-rss_limit_mb=4096",
        "-max_len=65536",
        f"-dict={words}",
    ]
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", str(directory)], Collector(name).take)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    _target, _how, _seconds, _directory = sys.argv[1:]
    if _how == "hypothesis":
        by_hypothesis(_target, float(_seconds))
    else:
        by_atheris(_target, float(_seconds), Path(_directory))
