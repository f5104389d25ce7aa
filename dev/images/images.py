"""The embedded node's container images, made on this machine: nothing is ever pulled, so no registry is needed.

`runtime` is Debian with Python and llama-server (and llama-swap where one is on PATH), `pause` holds a pod's
namespaces. Built once into the tools' cache; each instance's containerd gets its own copy.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from dev.images import oci
from dev.machine.daemons import log
from dev.machine.instance import Instance
from dev.machine.steps import DevError, step
from dev.tools import tools
from dev.tools.store import Build, Tool, build

_SUITE = "bookworm"
_PACKAGES = ("ca-certificates", "libgomp1", "libpython3-stdlib", "libstdc++6", "python3-minimal")
# Documentation, and what differs between two runs over the same packages.
_LEFT_OUT = (
    "./dev/*",
    "./usr/share/doc/*",
    "./usr/share/info/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./var/cache/apt/*",
    "./var/cache/ldconfig/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
)
_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
_BUSYBOX = Path("/bin/busybox")
# Part of every cache key: a change of the format or of a recipe makes new images.
_RECIPE = hashlib.sha256(Path(__file__).read_bytes() + Path(oci.__file__).read_bytes()).hexdigest()


def prepare() -> dict[str, Path]:
    """Build the images that are missing; returns each one's OCI layout. Raises DevError with the log's path."""
    needs = {**tools.ensure("debian", "llama"), "rootfs": _ready(_rootfs(), {})}
    return {"runtime": _ready(_runtime(needs["llama"]), needs), "pause": _ready(_pause(), needs)}


def references() -> dict[str, str]:
    """Image -> `llm.local/<image>@sha256:<manifest digest>`, as pods name them; builds what is missing."""
    return {name: _reference(name, layout) for name, layout in prepare().items()}


def find() -> str | None:
    """The runtime image's reference where it is built, else None; builds nothing."""
    llama = tools.find("llama")
    layout = _runtime(llama).directory if llama else None
    return _reference("runtime", layout) if layout and layout.is_dir() else None


def ensure(instance: Instance) -> dict[str, str]:
    """Make the images known to the instance's containerd, which must run; returns `references()`."""
    layouts = prepare()
    present = _present(instance)
    for name, layout in layouts.items():
        if _reference(name, layout) not in present:
            with step(f"importing the {name} image"):
                _import(instance, name, layout)
    return {name: _reference(name, layout) for name, layout in layouts.items()}


def _import(instance: Instance, name: str, layout: Path) -> None:
    # --digests names the image by digest, the only name it gets: the kubelet finds it and there is no tag to move.
    argv = _argv(instance, "images", "import", "--digests", "--base-name", f"llm.local/{name}", "-")
    with tempfile.TemporaryFile(dir=instance.state) as archive:
        oci.write_archive(layout, archive)
        archive.seek(0)
        done = subprocess.run(argv, stdin=archive, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(
            f"containerd refused the {name} image: {done.stderr.strip()}", f"read {log(instance, 'containerd')}"
        )


def _present(instance: Instance) -> set[str]:
    argv = _argv(instance, "images", "list", "--quiet")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DevError(f"containerd of {instance.name} does not answer: {done.stderr.strip()}", "make up")
    return set(done.stdout.split())


def _argv(instance: Instance, *arguments: str) -> list[str]:
    return ["ctr", "--address", str(instance.run / "containerd.sock"), "--namespace", "k8s.io", *arguments]


def _reference(name: str, layout: Path) -> str:
    return f"llm.local/{name}@{oci.digest_of(layout)}"


def _ready(tool: Tool, needs: dict[str, Path]) -> Path:
    return tool.directory if tool.directory.is_dir() else build(tool, needs)


def _rootfs() -> Tool:
    def recipe(this: Build) -> None:
        root = this.scratch / "root"
        this.run("debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, root)
        same = ["--sort=name", "--mtime=@0", "--numeric-owner", *(f"--exclude={path}" for path in _LEFT_OUT)]
        this.run("tar", "--create", "--file", this.into / "layer.tar", *same, "--directory", root, ".")

    return Tool("image-rootfs", _SUITE, recipe, provides=("layer.tar",), inputs=(*_PACKAGES, *_LEFT_OUT))


def _runtime(llama: Path) -> Tool:
    files = {"/app/llama-server": llama / "llama-server"}  # where the official images have it
    if found := shutil.which("llama-swap"):
        files["/app/llama-swap"] = Path(found)

    def recipe(this: Build) -> None:
        oci.write_layer(this.into / "programs.tar", files)
        layers = [this.needs["rootfs"] / "layer.tar", this.into / "programs.tar"]
        oci.write_layout(this.into, layers, {"User": "65532:65532", "Env": [_PATH], "Cmd": ["python3"]})
        (this.into / "programs.tar").unlink()  # the layout holds it under its digest

    inputs = (_RECIPE, str(_rootfs().directory), *map(_identity, files.values()))
    return Tool("image-runtime", _SUITE, recipe, provides=("index.json",), inputs=inputs)


def _pause() -> Tool:
    def recipe(this: Build) -> None:
        oci.write_layer(this.scratch / "busybox.tar", {"/busybox": _BUSYBOX})
        config = {"Entrypoint": ["/busybox", "sleep", "2147483647"], "Env": [_PATH]}
        oci.write_layout(this.into, [this.scratch / "busybox.tar"], config)

    return Tool("image-pause", "1", recipe, provides=("index.json",), inputs=(_RECIPE, _identity(_BUSYBOX)))


def _identity(program: Path) -> str:
    """Changes whenever the program does, without reading it."""
    status = program.stat()
    return f"{program.resolve()} {status.st_size} {status.st_mtime_ns}"
