"""The command line. Each command imports its own module, so that `--help` does not wait for the others' libraries."""

import datetime
import math
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from ops.base import here, output, usage
from ops.base.errors import OpsError
from ops.fit.options import require_used
from ops.stack import stack_file
from plan.base.errors import ConfigError, FixableError
from plan.config.numbers import LAYERS_MAX
from plan.vram.estimate import Serving

INT32 = 2**31 - 1  # llama.cpp counts tokens and builds in int32_t
SLOTS = 256  # LLAMA_MAX_SEQ of llama.cpp, src/llama-cparams.h (b10524)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):  # click compares, and no comparison with NaN is true
        raise typer.BadParameter("pass a number")
    return value


def _stack(name: str | None) -> str | None:
    if name is not None:
        try:
            stack_file.path(name)
        except OpsError as error:
            raise typer.BadParameter(error.what) from None
    return name


@app.callback()
def commands() -> None:
    """Commands around the stacks of this clone."""


@app.command()
def lock(
    ids: Annotated[
        list[str] | None, typer.Argument(help="With --update: only these models.", metavar="[ID]...")
    ] = None,
    stack: Annotated[
        str | None, typer.Option(callback=_stack, help="Only the models of Pulumi.STACK.yaml; else of every stack.")
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Resolve locked models again.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only look whether the lock is complete.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take files of this directory; ask no hub.", metavar="DIR")
    ] = None,
    commit: Annotated[
        str | None, typer.Option(help="With --from: the commit of the files, where DIR does not record it.")
    ] = None,
    llama_server: Annotated[
        str | None, typer.Option(help="The llama-server that tells GPU memory, or none.", metavar="PATH")
    ] = None,
) -> None:
    """Resolve the stacks' models at the hub to commits, files and sha256, and write models.lock.yaml.

    Models that are locked already stay as they are, without --update. HF_ENDPOINT names another hub, HF_TOKEN opens
    gated repositories; a token is never stored.

    DIR has a repository's files in OWNER/NAME/, or is a cache of the hub's library (models--OWNER--NAME), or has the
    .gguf files of one repository itself. A cache, or what `hf download --local-dir` wrote, tells the commit; without
    either, --commit does, for the models of one repository at a time. Every file is read whole.

    A llama-server with the RPC backend is started on the header of each model that a stack has on a card: what it says
    of GPU memory goes into the lock. It is LLAMA_SERVER, the one on PATH, or the one that `make` has built.
    """
    from ops.lock import command

    with stack_file.telling_lines(stack):
        command.run(stack, ids or [], command.Origin(source, commit, llama_server), update=update, check=check)


@app.command()
def render(
    directory: Annotated[Path, typer.Argument(help="New, empty, or rendered before.", metavar="DIR")],
    stack: Annotated[str, typer.Option(callback=_stack, help="Render Pulumi.STACK.yaml.")],
    config: Annotated[
        Path | None, typer.Option(help="Read this file instead, such as the completed one that `make env` names.")
    ] = None,
) -> None:
    """Write the whole stack as plain Kubernetes YAML, without Pulumi's CLI, a state or a cluster.

    Equal input gives equal bytes, and no file has a secret in it. DIR/README.md says how to apply them.
    """
    from ops.render import command

    command.run(stack, directory, config)


@app.command()
def weights(
    root: Annotated[Path | None, typer.Option(help="Where the volume of models is mounted.", metavar="DIR")] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            callback=_stack, help="Only the models of Pulumi.STACK.yaml are needed; else those of every stack."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """List what lies on a volume of models, who needs it, and what prune would free. Changes nothing."""
    from ops.weights import command

    with stack_file.telling_lines(stack):
        command.run(root, stack, as_json=as_json)


@app.command()
def fit(
    options: typer.Context,
    stack: Annotated[str | None, typer.Option(callback=_stack, help="The card of a stack, and who holds it.")] = None,
    config: Annotated[Path | None, typer.Option(help="With --stack: read this file instead.")] = None,
    html: Annotated[Path | None, typer.Option(help="With --stack: write a page too.", metavar="FILE")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="With --stack: do not look at the cluster.")] = False,
    gguf: Annotated[
        str | None, typer.Option(help="A GGUF file instead of a stack; for a split model any part.", metavar="F|URL")
    ] = None,
    mmproj: Annotated[str | None, typer.Option(help="With --gguf: its projector.", metavar="F|URL")] = None,
    context: Annotated[int | None, typer.Option(min=1, max=INT32, help="With --gguf: tokens of one request.")] = None,
    kv_type: Annotated[Literal["f16", "q8_0", "q4_0"], typer.Option(help="With --gguf.")] = "f16",
    parallel: Annotated[int, typer.Option(min=1, max=SLOTS, help="With --gguf: requests at a time.")] = 1,
    ubatch: Annotated[int, typer.Option(min=1, max=INT32, help="With --gguf: tokens at a time.")] = 512,
    cpu_moe: Annotated[int, typer.Option(min=0, max=LAYERS_MAX, help="With --gguf: as a stack's cpu_moe.")] = 0,
    image_max_tokens: Annotated[int, typer.Option(min=1, max=INT32, help="With --gguf: of the largest image.")] = 1024,
    card: Annotated[str, typer.Option(help="With --gguf: its name, as RTX 3090. Alone, list shows all.")] = "t4",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show how much GPU memory every model takes, and whether all that may be loaded at once fits on the card.

    Ends with 0 where it fits, with 3 where it does not, with 2 where that cannot be computed; a preview refuses more.
    With --gguf only the header of a file is read, also behind a URL; HF_TOKEN opens gated repositories of the hub.
    """
    with _ending(2):
        if card == "list":
            return _cards(as_json=as_json)
        _require_one("fit", stack, gguf, "--stack NAME and --gguf FILE")
        require_used(options, of_stack=gguf is None)
        if gguf is None:
            from ops.fit import command as of_stack

            with stack_file.telling_lines(stack, config):
                fits = of_stack.run(stack or "", config, html, as_json=as_json, offline=offline)
        else:
            from ops.fit import any_gguf

            how = Serving(0, kv_type, parallel, ubatch, image_max_tokens, expert_layers=cpu_moe)
            fits = any_gguf.run(any_gguf.wish(gguf, mmproj, context, how, card), as_json=as_json)
    raise typer.Exit(0 if fits else 3)


def _cards(*, as_json: bool) -> None:
    from ops.fit import cards

    cards.show_all(as_json=as_json)


def _require_one(command: str, one: object, other: object, options: str) -> None:
    if (one is None) == (other is None):
        raise OpsError(f"{command} needs exactly one of {options}", "pass one of the two")


@app.command()
def verify(
    url: Annotated[str, typer.Option(help="The endpoint, like http://127.0.0.1:8080/v1.")],
    key_env: Annotated[str, typer.Option(help="The variable that holds the API key.")] = "LOCAL_LLM_API_KEY",
    model: Annotated[list[str] | None, typer.Option(help="Ask only this model; repeat it for more. Else all.")] = None,
    stack: Annotated[
        str | None, typer.Option(callback=_stack, help="Ask the models of Pulumi.STACK.yaml, as it says.")
    ] = None,
    min_tokens_s: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1e6,
            callback=_finite,
            help="A slower answer fails. Default: 5, or 0 where the stack has no card.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, max=86400, callback=_finite, help="Seconds of silence that end a question.")
    ] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Ask every model of an endpoint a question with a known answer, and time it. Ends with 1 if an answer is wrong.

    A model with a projector is shown an image, too. `verify: {prompt, expect}` of a model in the stack file replaces
    the first question. Each model has to be loaded for its questions, which unloads the one before.
    """
    from ops.verify import command

    asked = command.Asked(model or [], stack, min_tokens_s)
    with stack_file.telling_lines(stack):
        command.run(url, key_env, asked, timeout, as_json=as_json)


@app.command()
def calibrate(
    stack: Annotated[str, typer.Option(callback=_stack, help="The stack whose Pulumi.STACK.yaml gets the entries.")],
    prometheus: Annotated[str | None, typer.Option(help="Tenants' peaks from this server.", metavar="URL")] = None,
    nvidia_smi: Annotated[
        str | None, typer.Option(help="A node's processes from this text; - is the standard input.", metavar="FILE")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that llama-server had loaded.", metavar="ID")] = None,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Only these; PATTERN: of pods, or processes.", metavar="NAME[=PATTERN]")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="With --prometheus: how far it looks back.")] = 30,
    metric: Annotated[str, typer.Option(help="With --prometheus: MiB, or ..._bytes.")] = "DCGM_FI_DEV_FB_USED",
    pod_label: Annotated[str, typer.Option(help="With --prometheus: the label with a pod's name.")] = "pod",
    build: Annotated[
        int | None, typer.Option(min=1, max=INT32, help="llama.cpp's, where the image's tag has none.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the entries into the file.")] = False,
) -> None:
    """Turn measured GPU memory into `measured:` entries, which previews use instead of estimates.

    For --nvidia-smi run this on the node, while one model is loaded that has seen its longest prompt and largest image:
    nvidia-smi --query-compute-apps=pid,process_name,used_gpu_memory --format=csv
    """
    from ops.calibrate import command
    from ops.calibrate.prometheus import series

    with _ending(2), stack_file.telling_lines(stack):
        _require_one("calibrate", prometheus, nvidia_smi, "--prometheus URL and --nvidia-smi FILE")
        today = datetime.date.today()  # noqa: DTZ011 - the operator's day
        wanted = command.Wanted(model, command.tenants(tenant or []), build, today)
        asked = series(prometheus, metric, pod_label, days) if prometheus is not None else None
        command.run(stack, wanted, asked, nvidia_smi, write=write)


@app.command()
def adopt(
    from_llama_swap: Annotated[Path, typer.Option(help="llama-swap's configuration file.", metavar="FILE")],
    stack: Annotated[
        str | None, typer.Option(callback=_stack, help="Leave out what Pulumi.STACK.yaml has already.")
    ] = None,
    repo: Annotated[
        list[str] | None,
        typer.Option(help="The repository of a model's file, by llama-swap's id.", metavar="ID=OWNER/NAME"),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the models into the file of --stack.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Read a configuration of llama-swap and print its models as a stack file has them.

    What is not carried over is told in a comment, with the reason, and every id in a table. A file that only lies on
    a disk has no repository: OWNER/NAME stands there then, for you to replace. Ends with 1 where llama-server serves
    none of the models.
    """
    from ops.adopt import command

    with stack_file.telling_lines(stack):
        command.run(from_llama_swap, stack, command.repositories(repo or []), write=write, as_json=as_json)


@contextmanager
def _ending(status: int) -> Generator[None]:
    """Print an error that a person can put right, and end with `status`."""
    try:
        yield
    except (FixableError, ConfigError) as error:
        typer.echo(here.typed(f"error: {error}"), err=True)
        raise SystemExit(status) from None


def main(clone: Path | None = None) -> None:
    """Run the command line, on the files of `clone` or else of the current directory."""
    with _ending(1), output.written():
        if clone:
            here.use(clone)
        for number, argument in enumerate(sys.argv[1:], start=1):
            if not argument.isprintable():  # the library that reads the command line would repeat it as it is
                what = f"argument {number} has a sign that acts on a terminal, or that nobody sees"
                raise OpsError(what, "type it again")
        raise SystemExit(_run())


def _run() -> int:
    try:
        return app(prog_name=here.program(), standalone_mode=False) or 0
    except TyperException as error:  # of the command line; the library would repeat a password in it
        usage.tell(error, sys.argv[1:])
        return error.exit_code


if __name__ == "__main__":
    main()
