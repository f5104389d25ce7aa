"""What becomes of one model while its command and its keys are gone through."""

from dataclasses import dataclass, field
from typing import Any

from ops.adopt.flags.given import Given
from ops.adopt.llama_swap.container import Container


@dataclass(slots=True)
class Draft:
    """One model: `keys` as a stack file has them, and where each line of the other file has gone.

    `carried` says by which key a flag is served now; `anyway` are flags that every model has here, or that do nothing;
    `left` are lines about what is not carried over, `remarks` those beside a key. `notes` are about many models alike.
    `wants_repo` is true where nothing tells the repository, `from_hub` where llama-server looks for a projector itself.
    """

    swap_id: str
    model_id: str
    container: Container | None = None
    repo: str | None = None
    keys: dict[str, Any] = field(default_factory=dict[str, Any])
    args: dict[str, Any] = field(default_factory=dict[str, Any])
    carried: dict[str, str] = field(default_factory=dict[str, str])
    anyway: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    remarks: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    wants_repo: bool = False
    from_hub: bool = False
    context_of_capabilities: int = 0

    def carry(self, key: str, value: Any, *flags: Given) -> None:
        """Write `value` at `key`, which these flags said."""
        self.keys[key] = value
        self.told(key, *flags)

    def told(self, key: str, *flags: Given) -> None:
        """These flags are said by `key`."""
        self.carried.update({flag.told: key for flag in flags})

    def needless(self, *flags: Given) -> None:
        """These flags say what is so for every model, or nothing that matters here."""
        self.anyway += [flag.told for flag in flags]

    def leave(self, what: str | Given, reason: str) -> None:
        """`what` is not carried over; `reason` is a sentence without its full stop."""
        said = what.told if isinstance(what, Given) else what
        self.left.append(f"{said}: {reason.rstrip('.')}")
