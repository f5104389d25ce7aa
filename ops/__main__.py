"""The command line. Each command imports its own module, so that `--help` does not wait for the others' libraries."""

from pathlib import Path
from typing import Annotated

import typer

from ops.errors import OpsError
from plan.errors import ConfigError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def commands() -> None:
    """Commands around the stack; run them in the repository's root."""


@app.command()
def lock(
    ids: Annotated[
        list[str] | None, typer.Argument(help="With --update: only these models.", metavar="[ID]...")
    ] = None,
    stack: Annotated[
        str | None, typer.Option(help="Only the models of Pulumi.STACK.yaml; else of every stack.")
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Resolve locked models again.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, ask nobody: is the lock complete?")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="Take files of this directory; ask no hub.", metavar="DIR")
    ] = None,
    commit: Annotated[
        str | None, typer.Option(help="With --from: the commit that the files are of, where nothing else tells it.")
    ] = None,
) -> None:
    """Resolve the stacks' models at the hub to commits, files and sha256, and write models.lock.yaml.

    Models that are locked already stay as they are, without --update. HF_ENDPOINT names another hub, HF_TOKEN opens
    gated repositories; a token is never stored.

    DIR has a repository's files in OWNER/NAME/, or is a cache of the hub's library (models--OWNER--NAME), or has the
    .gguf files of one repository itself. A cache, or what `hf download --local-dir` wrote, tells the commit; without
    either, --commit does, for the models of one repository at a time. Every file is read whole.
    """
    from ops import lock as command

    command.run(stack, ids or [], command.Source(source, commit), update=update, check=check)


@app.command()
def render(
    directory: Annotated[Path, typer.Argument(help="New, empty, or rendered before.", metavar="DIR")],
    stack: Annotated[str, typer.Option(help="Render Pulumi.STACK.yaml.")],
    config: Annotated[
        Path | None, typer.Option(help="Read this file instead, such as the completed one that `make env` names.")
    ] = None,
) -> None:
    """Write the whole stack as plain Kubernetes YAML, without Pulumi's CLI, a state or a cluster.

    Equal input gives equal bytes, and no file has a secret in it. DIR/README.md says how to apply them.
    """
    from ops import render as command

    command.run(stack, directory, config)


@app.command()
def weights(
    root: Annotated[Path | None, typer.Option(help="Where the volume of models is mounted.", metavar="DIR")] = None,
    stack: Annotated[
        str | None, typer.Option(help="Needed is what Pulumi.STACK.yaml names; else what any stack does.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """List what lies on a volume of models, who needs it, and what prune would free. Changes nothing."""
    from ops import weights as command

    command.run(root, stack, as_json=as_json)


@app.command()
def verify(
    url: Annotated[str, typer.Option(help="The endpoint, like http://127.0.0.1:8080/v1.")],
    key_env: Annotated[str, typer.Option(help="The variable that holds the API key.")] = "LOCAL_LLM_API_KEY",
    model: Annotated[list[str] | None, typer.Option(help="Ask this model; again for another. Else all.")] = None,
    stack: Annotated[str | None, typer.Option(help="Ask the models of Pulumi.STACK.yaml, as it says.")] = None,
    min_tokens_s: Annotated[
        float | None, typer.Option(min=0, help="Slower fails. Else 5, or 0 where the stack has no card.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds without a word; a cold load is one of them.")] = 600,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Ask every model of an endpoint a question whose answer is known, and how fast it is. Ends with 1 if one is wrong.

    A model with a projector is shown an image, too. `verify: {prompt, expect}` of a model in the stack file replaces
    the first question. Each model is loaded for it, so the one that was loaded goes.
    """
    from ops import verify as command

    asked = command.Asked(model or [], stack, min_tokens_s)
    command.run(url, key_env, asked, timeout, as_json=as_json)


def main() -> None:
    try:
        app()
    except (OpsError, ConfigError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
