"""Recipes for programs built from Go modules, and for Go itself.

Each module directory beside this file holds go.mod and go.sum (and main.go where the program is ours), so that a build
is the same everywhere; Go's own caches make a second build short.
"""

import shutil
from pathlib import Path

from dev.tools.packages import fetch
from dev.tools.store import Build
from dev.tools.versions import GO, KUBERNETES, PULUMI

MODULES = Path(__file__).parent
KUBERNETES_PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "kubelet",
    "kube-proxy",
)
_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    # No stamp of the checkout: it would differ in every clone, and Git refuses a checkout that another user owns.
    "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}
_LDFLAGS = {
    "kubernetes": "-X k8s.io/component-base/version.gitVersion=v{0}"
    " -X k8s.io/component-base/version.gitMajor={1[0]} -X k8s.io/component-base/version.gitMinor={1[1]}".format(
        KUBERNETES, KUBERNETES.split(".")
    ),
    # Without it `pulumi version` prints nothing and the Automation API refuses the CLI.
    "pulumi": f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{PULUMI}",
}


def inputs(*modules: str) -> tuple[str | Path, ...]:
    """Everything in this directory that decides how `modules` turn out."""
    texts = (repr(_ENVIRONMENT), *(_LDFLAGS.get(module, "") for module in modules))
    return (*texts, *(path for module in modules for path in sorted((MODULES / module).glob("*.*"))))


def go(build: Build) -> None:
    unpacked = fetch(build, GO)
    root = (unpacked / "go").rename(build.into / "goroot")
    for program in [*root.glob("bin/*"), *root.glob("pkg/tool/*/*")]:
        program.chmod(0o755)  # unpacking a wheel does not make anything executable
    (build.into / "go").symlink_to("goroot/bin/go")


def kubernetes(build: Build) -> None:
    _compile(build, "kubernetes", ".")
    for program in KUBERNETES_PROGRAMS:
        (build.into / program).symlink_to("kubernetes")


def pulumi(build: Build) -> None:
    _compile(build, "pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
    _compile(build, "pulumi-language-python", "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python")
    # The host looks for this script beside itself; it comes from the CLI's own sdk, which is newer than the host's.
    script = build.into / "pulumi-language-python-exec"
    shutil.copyfile(_source(build, "pulumi", "github.com/pulumi/pulumi/sdk/v3") / "python/cmd" / script.name, script)
    script.chmod(0o755)


def kwok(build: Build) -> None:
    """kwok and, in stages/, how its fast nodes and pods live; failures are stages of the tests' own."""
    _compile(build, "kwok", "sigs.k8s.io/kwok/cmd/kwok")
    stages = _source(build, "kwok", "sigs.k8s.io/kwok") / "kustomize/stage"
    (build.into / "stages").mkdir()
    for life in ("node/fast", "node/heartbeat", "pod/fast"):
        for stage in (stages / life).glob("*.yaml"):
            if stage.name != "kustomization.yaml":
                shutil.copyfile(stage, build.into / "stages" / stage.name)


def coredns(build: Build) -> None:
    _compile(build, "coredns", ".")


def _compile(build: Build, module: str, package: str) -> None:
    """Build `package` of the module directory `module` as the program `module`."""
    ldflags = f"-s -w {_LDFLAGS.get(module, '')}"
    _go(build, module, "build", "-ldflags", ldflags, "-o", str(build.into / module), package)


def _source(build: Build, module: str, dependency: str) -> Path:
    """The unpacked source of a dependency, at the version go.mod names."""
    return Path(_go(build, module, "list", "-m", "-f", "{{.Dir}}", dependency).splitlines()[-1])


def _go(build: Build, module: str, *arguments: str) -> str:
    return build.run(build.needs["go"] / "go", *arguments, cwd=MODULES / module, env=_ENVIRONMENT)
