"""`make bench`: planning for 4, 64 and 512 models of one stack, the reading of the lock included.

Ends with 1 when 512 take more than a second of CPU, or a model among many costs more than its share.
"""

import datetime
import statistics
import sys
import time

import yaml
from rich.console import Console
from rich.table import Table

from dev.pulumi.stackfile import ROOT, complete
from plan import config
from plan.config.stack_file import NO_CLUSTER, Facts
from plan.models import lock
from plan.plan import make_plan

SIZES = (4, 64, 512)
LIMIT_S = 1.0  # at the largest size
_LINEAR = 2.0  # a model among many may cost at most this many times what one among 64 does
_ROUNDS = 5


def main() -> int:
    """Print CPU seconds by size; returns 1 when the largest takes too long, in all or for each of its models."""
    seconds = {size: _seconds(size) for size in SIZES}
    table = Table("models", "parse, read the lock and plan: CPU seconds (median)", "ms a model")
    for size, spent in seconds.items():
        table.add_row(str(size), f"{spent:.3f}", f"{1000 * spent / size:.2f}")
    growth = (seconds[SIZES[-1]] / SIZES[-1]) / (seconds[SIZES[-2]] / SIZES[-2])
    console = Console()
    console.print(table)
    console.print(f"a model among {SIZES[-1]} costs {growth:.2f} times one among {SIZES[-2]} (at most {_LINEAR:.0f})")
    return int(seconds[SIZES[-1]] > LIMIT_S or growth > _LINEAR)


def _seconds(size: int) -> float:
    """Median CPU seconds for `size` models, all with their own id and weights."""
    raw = complete("prod", Facts(NO_CLUSTER))
    seeds, locked = raw["models"], lock.load((ROOT / "models.lock.yaml").read_text())
    ids = {f"model-{number:03d}": list(seeds)[number % len(seeds)] for number in range(size)}
    raw["models"] = {model_id: seeds[seed] for model_id, seed in ids.items()}
    # Its text once for all: a stack file is read by Pulumi, the lock by us.
    text = lock.dump(lock.Lock(version=1, models={model_id: locked.models[seed] for model_id, seed in ids.items()}))
    raw = yaml.safe_load(yaml.safe_dump(raw))
    today = datetime.date(2026, 1, 1)
    spent: list[float] = []
    for _ in range(_ROUNDS + 1):
        begun = time.process_time()
        make_plan(config.parse(raw), lock.load(text), today)
        spent.append(time.process_time() - begun)
    return statistics.median(spent[1:])  # the first compiles the validators


if __name__ == "__main__":
    sys.exit(main())
