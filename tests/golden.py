"""The golden files, and `make golden`, which writes them: read the diff before you commit it.

Of the committed stacks: every rendered manifest, and a summary of the plan's other results. Of the tests' own stack:
the file for a LiteLLM gateway, the refusal of a stack that does not fit, and what is said before an `up` of prepared
changes. Of the tests' configurations of llama-swap: the models that they become.
"""

import json
import math
from pathlib import Path

import pytest

from plan import config
from plan.base.errors import ConfigError
from plan.plan import make_plan
from tests import committed, recorded, stacks
from tests.ops.adopt import adopted
from tests.plan.verdict.pages import pages
from tests.plans import TODAY, planned

PLANS = stacks.ROOT / "tests" / "plan" / "goldens"
MANIFESTS = stacks.ROOT / "tests" / "program" / "goldens"


def summary(stack: str) -> str:
    """What a committed stack's plan decides and its manifests do not show."""
    plan = make_plan(config.parse(committed.raw(stack)), committed.locked(), TODAY)
    fit = plan.fit
    card = fit and {
        "capacity_mib": fit.capacity_mib,
        "holders_mib": {row.who: row.mib for row in fit.rows},
        "models_mib": {model_id: math.ceil(taken.upper_mib) for model_id, taken in fit.models.items()},
    }
    shown = {"card": card, "contract": plan.contract, "notes": plan.notes, "tenants": plan.expected.tenancy.tenants}
    return json.dumps(shown, indent=1, sort_keys=True) + "\n"


def refusal() -> str:
    """What is said on the morning when a tenant holds more than twice what it had declared."""
    gpu = stacks.raw("t4")["gpu"]
    gpu["tenants"]["immich-ml"] = {"peak_mib": 6750, "measured": {"mib": 6750, "date": "2026-07-07"}}
    with pytest.raises(ConfigError) as caught:
        planned("t4", gpu=gpu)
    return f"{caught.value}\n"


def plans() -> dict[Path, str]:
    """The content of every file in PLANS."""
    return {
        **{PLANS / f"{stack}.json": summary(stack) for stack in committed.NAMES},
        PLANS / "litellm.yaml": planned("t4").litellm,
        PLANS / "refusal.txt": refusal(),
        **{PLANS / "verdict" / name: text for name, text in pages().items()},
    }


def manifests(stack: str) -> dict[Path, str]:
    """The content of every file in a committed stack's part of MANIFESTS."""
    written = recorded.render_committed(committed.raw(stack), stack)
    return {MANIFESTS / stack / path: text for path, text in written.items()}


def there(directory: Path) -> dict[Path, str]:
    """What lies in `directory` now."""
    return {path: path.read_text() for path in directory.rglob("*") if path.is_file()}


def write() -> None:
    wanted = {**plans(), **adopted.goldens()}
    for stack in committed.NAMES:
        wanted |= manifests(stack)
    for path in {*there(PLANS), *there(MANIFESTS), *there(adopted.GOLDENS)} - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
