"""`python -m ops` in this process: many cases in the time of one process, and every exception is seen as it is."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from huggingface_hub import constants

from ops.__main__ import main
from tests import stacks

SECRET = "s3cret-thatMustNeverBePrinted"


@dataclass
class Inside:
    """A directory with the tests' stack `t4` and its lock; `said` is all that any command printed."""

    directory: Path
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    said: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        for name in ("Pulumi.t4.yaml", "models.lock.yaml"):
            (self.directory / name).write_bytes((stacks.EXAMPLE / name).read_bytes())
        self.patch.chdir(self.directory)
        self.patch.setenv("COLUMNS", "250")
        for name in ("HF_TOKEN", "LOCAL_LLM_API_KEY", "KUBECONFIG"):
            self.patch.delenv(name, raising=False)

    def hub(self, endpoint: str) -> None:
        self.patch.setenv("HF_ENDPOINT", endpoint)
        self.patch.setattr(constants, "ENDPOINT", endpoint)

    def run(self, *arguments: object, code: int | None = None) -> str:
        """What it printed; it ends with `code`, or with any that is a refusal."""
        self.patch.setattr(sys, "argv", ["ops", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = self.capsys.readouterr()
        printed = captured.out + captured.err
        self.said.append(printed)
        assert ended.value.code in ((code,) if code is not None else (1, 2)), printed
        assert printed.replace("\n", "").isprintable(), ascii(printed)
        assert SECRET not in printed
        return printed
