"""Every command, key and document that a message names exists, with these options; a new one fails until it is known.

Whether following the advice makes the error go away is tried by tests/plan/test_advice.py and tests/ops/test_advice.py,
for whatever can be run on this machine alone.
"""

import re
import shlex
from typing import Any

import pytest
import typer
import yaml

from dev.generate import config_reference
from dev.tools.catalog import TOOLS
from ops.__main__ import app
from plan.engine.flag_policy import USABLE
from tests.house.hints import FILLED, Hint, hints, texts
from tests.ops.advice import FOLLOWED as RUN
from tests.plan.advice import FOLLOWED as CHANGED
from tests.stacks import ROOT

SPOKEN_TO = ("plan", "observe", "components", "ops", "pods")  # their backquotes hold what a person writes
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {*re.findall(r"^([a-z-]+):", MAKEFILE, re.M)}
VARIABLES = {*re.findall(r"^([A-Z_]+) \??:?=", MAKEFILE, re.M)}
# Verbs of kubectl 1.36 and pulumi 3.259, with the options that messages name; True: one that takes a value.
KUBECTL: dict[str, dict[str, bool]] = {
    "get": {"-n": True, "-A": False, "-o": True, "-f": True},
    "describe": {"-n": True},
    "logs": {"-n": True, "-c": True, "-f": False, "--previous": False},
    "delete": {"-n": True, "-l": True},
    "create": {"-n": True, "--namespace": True, "--from": True, "--from-env-file": True},
    "apply": {"-f": True, "--server-side": False, "--field-manager": True, "--force-conflicts": False},
    "wait": {"--for": True, "--timeout": True, "--namespace": True},
    "rollout": {"--timeout": True, "--namespace": True},
    "config": {},
    "set": {"-n": True, "-c": True},
    "uncordon": {},
    "patch": {"-p": True},
}
KINDS = {
    "all",
    "pv",
    "pvc",
    "namespace",
    "namespaces",
    "node",
    "nodes",
    "pod",
    "pods",
    "job",
    "jobs",
    "cronjob",
    "secret",
    "deploy",
}
KINDS |= {"deployment", "daemonset", "service", "configmap", "csidrivers", "resourcequota", "limitrange"}
PULUMI = {"up": {"--refresh"}, "cancel": set[str](), "import": set[str](), "preview": set[str]()}
OTHERS = {"chown", "df", "ip", "mv", "nvidia-smi"}  # programs of a Linux or a node with a card
# In backquotes, and neither a command nor a key: values, signs, and what other programs call their own things.
WORDS = {
    "#", "${", ";", "-file", "amd", "any", "intel", "chat", "none", "other", "include",
    "keep", "field is immutable", "app.kubernetes.io/part-of=local-llm", FILLED,
}  # fmt: skip
PYTHON, PROGRAM = ".venv/bin/python", "bin/local-llm"
TOLD = {("plan/config/model.py", "bin/local-llm lock")}  # what a key means, no advice
OF_OPS: dict[str, Any] = typer.main.get_command(app).commands  # pyright: ignore[reportAttributeAccessIssue]
COMMANDS = [hint for hint in hints() if hint.said.split()[0] in {PYTHON, PROGRAM, "make", "kubectl", "pulumi", *OTHERS}]
PATHS = [re.sub(r"\[\]|\.<\w+>", "", key.path) for key in config_reference.every_key()]
KEYS = {*PATHS} | {path.rpartition(".")[2] for path in PATHS}


def shown(hint: Hint) -> str:
    return f"{hint.place}: {hint.said}"


def of(program: str) -> list[Hint]:
    found = [hint for hint in COMMANDS if hint.said.split()[0] == program]
    assert found, f"no message names a command of {program} any more: is it still looked for?"
    return found


def words(hint: Hint) -> list[str]:
    """A command's words; what follows the last of them in a running text is cut by its two spaces, or a bracket."""
    return shlex.split(re.split(r"  |\)(?:\"|$)|\\$| &&| of the ", hint.said)[0])


@pytest.mark.parametrize("hint", of(PYTHON), ids=shown)
def test_a_module_that_a_message_names_can_be_run(hint: Hint) -> None:
    _, dash_m, module, *arguments = words(hint)
    assert dash_m == "-m"
    assert (ROOT / module.replace(".", "/") / "__main__.py").exists()
    assert module == "dev.tools"
    assert set(arguments) <= {FILLED, *TOOLS}


@pytest.mark.parametrize("hint", of(PROGRAM), ids=shown)
def test_a_command_of_ours_takes_the_options_that_a_message_names(hint: Hint) -> None:
    _, name, *arguments = words(hint)
    command = OF_OPS[name]
    command.make_parser(command.context_class(command)).parse_args(arguments)


@pytest.mark.parametrize("hint", of("make"), ids=shown)
def test_a_target_of_make_exists_with_its_variables(hint: Hint) -> None:
    _, *rest = words(hint)
    targets = [word for word in rest if "=" not in word and word != "-s"]
    assert targets[0] in {*TARGETS, FILLED}
    assert {word.partition("=")[0] for word in rest if "=" in word} <= VARIABLES


@pytest.mark.parametrize("hint", of("kubectl"), ids=shown)
def test_a_command_of_kubectl_has_a_verb_options_and_a_kind_that_exist(hint: Hint) -> None:
    _, verb, *rest = words(hint)
    options, positional = KUBECTL[verb], list[str]()
    while rest:
        word = rest.pop(0)
        name, given, _ = word.removesuffix(FILLED).partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-"):
            positional.append(word)
        elif options[name] and not given:
            assert rest, f"{name} takes a value"
            rest.pop(0)
    what = {"rollout": positional[1:], "set": positional[1:], "config": [], "uncordon": []}.get(verb, positional)
    kinds = set(re.split(",", what[0].partition("/")[0])) if what else set[str]()
    assert kinds <= {*KINDS, FILLED}


@pytest.mark.parametrize("hint", of("pulumi"), ids=shown)
def test_a_command_of_pulumi_exists(hint: Hint) -> None:
    _, verb, *rest = words(hint)
    assert set(rest) <= PULUMI[verb]


# Help texts name options of other programs, and `ops render` writes a README with kubectl's.
@pytest.mark.parametrize(
    "place", sorted({text.place for text in texts(("ops",)) if re.match("ops/(?!__main__|render)", text.place)})
)
def test_an_option_that_a_message_of_ops_names_is_one_of_its_command(place: str) -> None:
    room = place.split("/")[1]
    commands = [OF_OPS[room]] if room in OF_OPS else [*OF_OPS.values()]
    known = {option for command in commands for it in command.params for option in it.opts} | {"--help"}
    said = " ".join(said for at, said in texts(("ops",)) if at == place and " " in said)
    ours = re.sub(r"(?:nvidia-smi|kubectl|hf|pulumi|bin/local-llm fit) [^`;]*", "", said)
    named = {*re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)}
    assert named <= known


def test_documents_that_messages_name_exist_with_their_headings() -> None:
    named = {(place, path, heading) for place, said in texts() for path, _, heading in
             re.findall(r"\b((?:docs/[\w/-]+|README|CONTRIBUTING|CHANGELOG)\.md)(#([\w-]+))?", said)}  # fmt: skip
    assert named
    for place, path, heading in named:
        assert (ROOT / path).exists() or place.startswith("ops/render"), f"{place}: {path}"  # render writes one
        if heading:
            titles = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.M)
            slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert heading in slugs, f"{place}: {path}#{heading}"


@pytest.mark.parametrize(
    "hint",
    [hint for hint in hints(SPOKEN_TO) if hint.quoted and hint not in COMMANDS and hint.said not in WORDS],
    ids=shown,
)
def test_what_else_stands_in_backquotes_is_a_key_of_the_configuration_or_a_flag(hint: Hint) -> None:
    key = hint.said.partition(":")[0]
    if re.fullmatch(r"[\w.]+", key) and key != FILLED:
        assert key in KEYS
    elif key != FILLED:
        assert key in USABLE
    if ": " in hint.said:
        assert yaml.safe_load(hint.said)


def test_every_command_of_ops_that_a_message_advises_is_followed_by_a_test() -> None:
    advised = {(hint.place, " ".join(words(hint))) for hint in of(PROGRAM) if hint.said.split()[1] == "lock"} - TOLD
    assert advised - RUN.keys() == set(), "add what makes the message appear, and that the command mends it"
    assert RUN.keys() - advised == set(), "no message says that any more"


def test_every_change_of_the_configuration_that_a_message_spells_out_is_followed_by_a_test() -> None:
    spelt = {(hint.place, hint.said) for hint in hints(SPOKEN_TO) if hint.quoted and ":" in hint.said}
    spelt -= {(hint.place, hint.said) for hint in COMMANDS}
    assert spelt - CHANGED.keys() == set(), "add what makes the message appear, and that the change mends it"
    assert CHANGED.keys() - spelt == set(), "no message says that any more"


@pytest.mark.parametrize(
    "text",
    [
        "run `make uup` again",
        "run `bin/local-llm lock --upgrade X`",
        "`kubectl gett pods`",
        "try `bin/local-llm locks`",
        "`modles`",
    ],
)
def test_a_hint_that_does_not_exist_is_found(text: str) -> None:
    """The checks can fail."""
    (said,) = re.findall("`([^`]+)`", text)
    hint = Hint("nowhere.py", said)
    checks = {
        "make": test_a_target_of_make_exists_with_its_variables,
        "bin/local-llm": test_a_command_of_ours_takes_the_options_that_a_message_names,
        "kubectl": test_a_command_of_kubectl_has_a_verb_options_and_a_kind_that_exist,
    }
    check = checks.get(said.split()[0], test_what_else_stands_in_backquotes_is_a_key_of_the_configuration_or_a_flag)
    with pytest.raises(Exception, match=r"No such option|uup|gett|locks|modles"):
        check(hint)
