"""The tools of the embedded machine: which there are, what each needs, and what may stand in for it."""

from dev.machine.instance import STATE
from dev.tools import golang, installed, llama, packages
from dev.tools.store import Tool
from dev.tools.versions import (
    ACCEPTED_GO,
    ACCEPTED_LLAMA_CPP,
    ACCEPTED_PULUMI,
    COREDNS,
    ETCD,
    GEMMA_SHA256,
    GO,
    KUBERNETES,
    KWOK,
    LITELLM,
    LLAMA_CPP,
    POSTGRES,
    PULUMI,
)

_LANGUAGE_HOST = ("pulumi-language-python", "pulumi-language-python-exec")

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "go",
            GO.version,
            golang.go,
            provides=("go",),
            inputs=(GO.requirement,),
            installed=lambda: installed.versioned("go", ("version",), ACCEPTED_GO),
        ),
        Tool(
            "pulumi",
            PULUMI,
            golang.pulumi,
            provides=("pulumi", *_LANGUAGE_HOST),
            inputs=golang.inputs("pulumi", "pulumi-language-python"),
            needs=("go",),
            installed=lambda: installed.versioned("pulumi", ("version",), ACCEPTED_PULUMI, _LANGUAGE_HOST),
        ),
        Tool(
            "kubernetes",
            KUBERNETES,
            golang.kubernetes,
            provides=golang.KUBERNETES_PROGRAMS,
            inputs=(ETCD, *golang.inputs("kubernetes")),
            needs=("go",),
        ),
        Tool("kwok", KWOK, golang.kwok, provides=("kwok", "stages"), inputs=golang.inputs("kwok"), needs=("go",)),
        Tool("coredns", COREDNS, golang.coredns, provides=("coredns",), inputs=golang.inputs("coredns"), needs=("go",)),
        Tool(
            "llama",
            LLAMA_CPP,
            llama.llama,
            provides=llama.PROGRAMS,
            inputs=llama.INPUTS,
            needs=("compiler",),
            installed=lambda: installed.llama_cpp(ACCEPTED_LLAMA_CPP, llama.PROGRAMS),
        ),
        Tool("gemma", "3", llama.gemma, provides=llama.MODELS, inputs=(GEMMA_SHA256,), needs=("llama",)),
        # Not in the cache below the home directory: an unprivileged user, who may not enter root's, runs it.
        Tool("postgres", POSTGRES, packages.postgres, provides=("bin/postgres", "bin/psql"), root=STATE / "tools"),
        Tool(
            "litellm",
            LITELLM,
            packages.litellm,
            provides=("bin/python", "bin/litellm"),
            inputs=(packages.LITELLM_REQUIREMENTS, packages.PYTHON),
        ),
    )
}
