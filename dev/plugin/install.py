"""Puts the offline plugin where Pulumi looks for plugins, unless the official one is there.

The launcher names this checkout and its virtual environment, so every `make up` writes it again.
"""

import os
import shutil
from pathlib import Path

from dev.machine.steps import DevError

_MARK = "# offline plugin of local-llm"
_BINARY = "pulumi-resource-kubernetes"
_FLAGS = "-I -S -X frozen_modules=on"
_PACKAGES = "pip install --no-deps --require-hashes -r requirements.txt into it"


def install(pulumi_home: Path, venv_python: Path, version: str) -> str:
    """Provide the Kubernetes plugin in the version of its SDK package; returns a line that says which is used.

    An official plugin on PATH or under `pulumi_home` wins. PULUMI_K8S_PLUGIN=/path is linked instead of the offline
    one; raises DevError where no executable lies there.
    """
    target = path(pulumi_home, version)
    if chosen := os.environ.get("PULUMI_K8S_PLUGIN", ""):
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise DevError(f"PULUMI_K8S_PLUGIN={chosen} is no executable file", "correct it, or unset it")
        _replace(target).symlink_to(Path(chosen).resolve())
        return f"kubernetes plugin {version}: {chosen}, asked for by PULUMI_K8S_PLUGIN"
    if (found := shutil.which(_BINARY)) and not _is_ours(Path(found)):
        return f"kubernetes plugin {version}: the official one on PATH, {found}"
    if target.exists() and not target.is_symlink() and not _is_ours(target):
        return f"kubernetes plugin {version}: the official one, {target}"
    main = Path(__file__).resolve().with_name("main.py")
    command = f'exec "{venv_python}" {_FLAGS} "{main}" "{_site(venv_python)}" {version} "$@"'
    launcher = _replace(target)
    launcher.write_text(f"#!/bin/sh\n{_MARK}\n{command}\n")
    launcher.chmod(0o755)
    return f"kubernetes plugin {version}: the offline one of this checkout, as no official one is installed"


def path(pulumi_home: Path, version: str) -> Path:
    """Where Pulumi looks for the plugin."""
    return pulumi_home / "plugins" / f"resource-kubernetes-v{version}" / _BINARY


def sdk_version(venv_python: Path) -> str:
    """Version of the SDK package in the virtual environment: Pulumi asks for exactly this plugin."""
    return _version(_site(venv_python), "pulumi_kubernetes")


def _replace(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    return target


def _is_ours(binary: Path) -> bool:
    with binary.open("rb") as file:
        return _MARK.encode() in file.read(200)


def _site(venv_python: Path) -> Path:
    """The environment's site-packages; raises DevError where the environment has no pulumi."""
    for site in sorted(venv_python.parent.parent.glob("lib/python3*/site-packages")):
        if (site / "pulumi").is_dir():
            return site
    raise DevError(f"{venv_python} has no package pulumi", _PACKAGES)


def _version(site: Path, package: str) -> str:
    for info in site.glob(f"{package}-*.dist-info"):
        return info.name.removesuffix(".dist-info").rpartition("-")[2]
    raise DevError(f"{site} has no package {package}", _PACKAGES)
