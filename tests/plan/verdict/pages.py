"""What a person reads of each kept preview."""

from pathlib import Path

from plan.verdict import preview, shown
from plan.verdict.measured import NOTHING, Measured
from plan.verdict.preview import Preview
from plan.verdict.verdict import Verdict, judge
from tests.plan.verdict.prepared import CHANGES, changed

PREVIEWS = Path(__file__).parent / "previews"
NOTED = ("info", "info#err", "warning")


def kept(name: str) -> Preview:
    return preview.parse((PREVIEWS / f"{name}.json").read_bytes())


def judged(name: str, known: Measured = NOTHING) -> Verdict:
    return judge(kept(name), changed(name).plan(), known)


def page(name: str) -> str:
    return "\n".join([*shown.page(judged(name), kept(name).said(*NOTED)), ""])


def pages() -> dict[str, str]:
    """By the name of the golden file."""
    return {f"{name}.txt": page(name) for name in CHANGES}
