"""The commands of the README, as a reader finds them: in its blocks, and between backticks in its sentences."""

import re

from tests.stacks import ROOT

_COMMAND = re.compile(r"`((?:make|eval|pulumi|bin/local-llm) [^`]+)`")
_BLOCK = re.compile(r"(?ms)^```sh\n(.*?)^```$")


def section(beginning: str) -> str:
    """From a heading or a comment to the next heading of its rank."""
    return (ROOT / "README.md").read_text().partition(beginning)[2].partition("\n## ")[0]


def in_blocks(text: str) -> list[str]:
    """Each with the lines that belong to it, and without what explains it."""
    found: list[str] = []
    for block in _BLOCK.findall(text):
        lines = block.splitlines()
        while lines:
            found.append(re.sub(r" +# .*", "", lines.pop(0)))
            while found[-1].endswith("\\"):
                found[-1] += f"\n{lines.pop(0)}"
            if here := re.search(r"<<'(\w+)'", found[-1]):
                end = lines.index(here[1]) + 1
                found[-1] = "\n".join([found[-1], *lines[:end]])
                del lines[:end]
    return found


def in_sentences(text: str) -> list[str]:
    return _COMMAND.findall(_BLOCK.sub("", text))
