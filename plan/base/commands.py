"""Commands in a text, completed with what the running command was given, so that they work as they are printed."""

import re

GIVEN = "LOCAL_LLM_GIVEN"  # the environment variable with what `make` was given, for whatever it starts: STACK=prod
# Targets that are about one stack, cluster or instance; the others mean the same with any variables.
_MAKE = re.compile(
    r"\bmake (?:-s )?(?:new-volume up|new-volume|up|preview|verify|chat|engine|down|clean|key|env|lock)\b"
    r"((?: [A-Z_]+=[^\s`;,)\"]+)*)"
)
_KUBECTL = re.compile(r"\bkubectl logs (?=\w+/)")
_PULUMI_UP = re.compile(r"\bpulumi up( --refresh)?(?=`)")


def usual_cluster(stack: str) -> str:
    """Where a stack runs unless CLUSTER says otherwise, as the Makefile has it."""
    return "embedded" if stack == "dev" else "engine"


def with_variables(text: str, given: str) -> str:
    """`text`, where each command of make has what was `given`, like `STACK=prod CLUSTER=current`.

    A command that names a stack or a cluster itself is about that one. It gets the rest where that is the same cluster,
    for an instance is of one.
    """
    ours = _variables(given)

    def completed(found: re.Match[str]) -> str:
        named = _variables(found[1])
        elsewhere = named.keys() & {"STACK", "CLUSTER"}
        if elsewhere and _cluster(named) != _cluster(ours):
            return found[0]
        missing = ours.keys() - named.keys() - ({"STACK", "CLUSTER"} if elsewhere else set[str]())
        return " ".join([found[0], *(f"{name}={value}" for name, value in ours.items() if name in missing)])

    return _MAKE.sub(completed, text)


def by_make(text: str, given: str) -> str:
    """`text`, in which `make up` takes the place of a `pulumi up`, which would need more words than a text has."""
    return with_variables(_PULUMI_UP.sub("make up", text), given)


def in_namespace(text: str, namespace: str, before: str = "") -> str:
    """`text`, whose `kubectl logs` looks in this namespace; `before` is what a shell needs first."""
    return _KUBECTL.sub(lambda _: f"{before}kubectl logs -n {namespace} ", text)


def _variables(words: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words.split())


def _cluster(variables: dict[str, str]) -> str:
    return variables.get("CLUSTER") or usual_cluster(variables.get("STACK", "dev"))
