"""A lock installs the same packages on every day: here the index has a newer version of each of them."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from dev.tools import packages, tools
from dev.tools.store import Build

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("requirements", "requirements-dev", "requirements-litellm")
LOCKED, LATER = "locked", "later"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+) (?:; .+ )?\\$", re.MULTILINE)


@dataclass(frozen=True)
class Index:
    """Two package indexes of empty wheels that carry the metadata of the real ones, and a lock with their digests.

    One index has the locked versions, the other one has a newer version of each as well.
    """

    directory: Path
    lock: str
    pins: dict[str, str]

    @property
    def file(self) -> Path:
        return self.directory / "lock.txt"

    def url(self, which: str) -> str:
        return (self.directory / which).as_uri()


@pytest.fixture(scope="module", params=LOCKS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The metadata comes from where the lock is installed: this environment, or LiteLLM's own."""
    site = sysconfig.get_path("purelib")
    if request.param == "requirements-litellm":
        (site,) = map(str, tools.ensure("litellm")["litellm"].glob("lib/python3*/site-packages"))
    installed = {canonical(found.metadata["Name"]): found for found in metadata.distributions(path=[site])}
    pins = {pin["name"]: pin["version"] for pin in PIN.finditer((ROOT / f"{request.param}.txt").read_text())}
    made = Index(tmp_path_factory.mktemp(request.param), request.param, pins)
    lines: list[str] = []
    for name, version in pins.items():
        assert installed[name].version == version, f"{site} is not what {request.param}.txt says"
        described = (installed[name].read_text("METADATA") or "").partition("\n\n")[0]  # without the README
        locked = wheel(made.directory, name, version, f"{described}\n")
        numbers = re.match(r"[0-9.]*[0-9]", version)
        assert numbers
        above = f"{numbers[0]}.1"
        newer = wheel(made.directory, name, above, f"Metadata-Version: 2.1\nName: {name}\nVersion: {above}\n")
        for which, wheels in ((LOCKED, [locked]), (LATER, [locked, newer])):
            page = made.directory / which / name / "index.html"
            page.parent.mkdir(parents=True)
            page.write_text("".join(f'<a href="{path.as_uri()}">{path.name}</a>' for path in wheels))
        lines.append(pinned(locked))
    made.file.write_text("".join(lines))
    return made


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock of two packages, one of which wants an extra of the other; that one has a newer version too."""
    needs = "Metadata-Version: 2.1\nName: gateway\nVersion: 1.0\nRequires-Dist: library[mail]>=1.0\n"
    library = "Metadata-Version: 2.1\nName: library\nVersion: {}\nProvides-Extra: mail\n"
    wheels = [wheel(tmp_path, "gateway", "1.0", needs), wheel(tmp_path, "library", "1.0", library.format("1.0"))]
    wheel(tmp_path, "library", "1.1", library.format("1.1"))
    lock = tmp_path / "lock.txt"
    lock.write_text("".join(pinned(path) for path in wheels))
    for name, value in {"CONFIG_FILE": os.devnull, "NO_INDEX": "1", "FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    return lock


def pinned(path: Path) -> str:
    name, version, *_ = path.name.split("-")
    return f"{name.replace('_', '-')}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wheel(directory: Path, name: str, version: str, described: str) -> Path:
    """Write an empty wheel with this description."""
    stem = f"{name.replace('-', '_')}-{version}"
    files = {
        f"{stem}.dist-info/METADATA": described,
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={record_digest(text)},{len(text.encode())}\n" for path, text in files.items()]
    path = directory / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**files, f"{stem}.dist-info/RECORD": "".join(record)}.items():
            archive.writestr(member, text)
    return path


def record_digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def installed_in(environment: Path) -> dict[str, str]:
    sites = map(str, environment.glob("lib/python3*/site-packages"))
    return {canonical(found.metadata["Name"]): found.version for found in metadata.distributions(path=list(sites))}


def install(lock: Path, environment: Path, env: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    venv.create(environment, with_pip=False)
    argv = ["sh", str(ROOT / "dev" / "install.sh"), sys.executable, str(environment), str(lock)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_exactly_the_locked_versions_are_installed_although_there_are_newer_ones(index: Index, tmp_path: Path) -> None:
    ours = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url(LATER)}  # whatever a person's pip is set up for

    done = install(index.file, tmp_path, {**{n: v for n, v in os.environ.items() if not n.startswith("PIP_")}, **ours})

    assert done.returncode == 0, done.stdout + done.stderr
    assert installed_in(tmp_path) == index.pins


def test_the_lock_lists_all_that_its_in_file_needs_extras_too_and_nothing_else(index: Index) -> None:
    uv = [str(Path(sys.prefix) / "bin" / "uv"), "--quiet", "--no-config", "--no-cache"]
    options = ["--no-header", "--no-annotate", "--python-version=3.11", "--index-url", index.url(LOCKED)]

    done = subprocess.run(
        [*uv, "pip", "compile", *options, str(ROOT / f"{index.lock}.in")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert dict(line.split("==") for line in done.stdout.splitlines()) == index.pins


def test_the_gateway_s_environment_is_made_of_its_lock_as_well(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "LITELLM_REQUIREMENTS", small)

    packages.litellm(Build(tmp_path / "environment", tmp_path, tmp_path / "log", {}))

    assert installed_in(tmp_path / "environment") == {"gateway": "1.0", "library": "1.0"}


def test_a_lock_that_lacks_a_package_is_refused_with_its_name(small: Path, tmp_path: Path) -> None:
    small.write_text(small.read_text().splitlines()[0])

    done = install(small, tmp_path / "environment")

    assert done.returncode == 1
    assert "gateway 1.0 requires library, which is not installed" in done.stdout
