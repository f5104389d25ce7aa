"""Writes the README.md of a rendered directory: what the directory is, and the commands that apply it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from ops.render.manifests import PATCHES, Manifest, SecretToMake, mark

_TEXT = """\
<!-- {mark} -->
# The stack `{stack}` as plain Kubernetes YAML
What `pulumi up` would declare, to read and to compare; no secret is in it. Without Pulumi, the commands below apply it:
either these or `pulumi up`, never both on one cluster, because Pulumi knows only objects that it made itself.

Plain YAML lacks the rest of `pulumi up`: it refuses another cluster, waits and says what failed, makes Jobs anew that
failed or changed, removes what is no longer declared, and protects the volume. Here each of these is yours.

## Apply
Look first where `kubectl config current-context` leads. These namespaces must exist: {namespaces}.{theirs}
Then, in this directory:
```sh
{commands}
```

## Apply again
- A Job whose files or configuration changed is refused (`field is immutable`), and one that failed stays failed: delete
  it, then apply.
- The name of a ConfigMap with a hash at its end changes with the content, and so pods are made anew. After the rollout
  delete the old ones: those with the label `app.kubernetes.io/part-of=local-llm` that are no longer here.
- Never delete the claim of the weights: they stay on the volume, but a new claim would not be bound to it.
"""
_DEADLINE_S = 3600  # for a Job that has none


def text(stack: str, manifests: Sequence[Manifest], secrets: Sequence[SecretToMake]) -> str:
    groups = sorted({m.group for m in manifests} - {PATCHES})
    blocks = [
        _secrets(secrets),
        _patches(m for m in manifests if m.group == PATCHES),
        *(_stage(group, [m for m in manifests if m.group == group], first=group == groups[0]) for group in groups),
    ]
    namespaces = sorted({o.namespace for o in (*manifests, *secrets) if o.namespace})
    return _TEXT.format(
        mark=mark(stack),
        stack=stack,
        namespaces=", ".join(namespaces),
        theirs="".join(f"\nSo must the {it}." for it in _theirs(manifests, secrets)),
        commands="\n\n".join("\n".join(block) for block in blocks if block),
    )


def _theirs(manifests: Iterable[Manifest], secrets: Iterable[SecretToMake]) -> list[str]:
    """Secrets and ConfigMaps that pods refer to and nothing here makes: a person's token, proxy or authorities."""
    made = {("Secret", secret.namespace, secret.name) for secret in secrets}
    named = dict[tuple[str, str, str], set[str]]()
    for manifest in manifests:
        made.add((manifest.kind, manifest.namespace or "", manifest.name))
        for kind, name, key in _references(manifest.body):
            named.setdefault((kind, manifest.namespace or "", name), set()).update([key] if key else [])
    return [
        f"{kind} `{name}` in {namespace}"
        + (f", with {' and '.join(f'`{key}`' for key in sorted(keys))}" if keys else "")
        for (kind, namespace, name), keys in sorted(named.items())
        if (kind, namespace, name) not in made
    ]


def _references(value: object) -> Iterator[tuple[str, str, str]]:
    """Kind, name and key of every Secret and ConfigMap that a part of a manifest names."""
    if isinstance(value, list | tuple):
        for entry in cast("list[Any]", value):
            yield from _references(entry)
    if not isinstance(value, dict):
        return
    for field, entry in cast("dict[str, Any]", value).items():
        match field, entry:
            case (("secretKeyRef" | "configMapKeyRef"), {"name": str(name), "key": str(key)}):
                yield "Secret" if field == "secretKeyRef" else "ConfigMap", name, key
            case "secret", {"secretName": str(name)}:
                yield "Secret", name, ""
            case "configMap", {"name": str(name)}:
                yield "ConfigMap", name, ""
            case _:
                yield from _references(entry)


def _secrets(secrets: Iterable[SecretToMake]) -> list[str]:
    # printf is a shell builtin, so the value is in no process list; the history shows only how it was made.
    # Each value is made first, with &&: without openssl the Secret would get an empty key, which anybody can guess.
    lines: list[str] = []
    for secret in secrets:
        form = "".join(f"{key}=%s\\n" for key in secret.keys)
        values = " ".join(f'"$value_{n}"' for n in range(len(secret.keys)))
        lines += [f"value_{n}=$(openssl rand -hex 20) &&" for n in range(len(secret.keys))]
        lines += [
            f"  printf '{form}' {values} |",
            f"  kubectl create secret generic {secret.name} --namespace {secret.namespace} --from-env-file=/dev/stdin",
        ]
    return lines and ['# Once. A Secret that "already exists" stays as it is.', *lines]


def _patches(patches: Iterable[Manifest]) -> list[str]:
    lines: list[str] = []
    for patch in patches:
        manager = patch.annotations.get("pulumi.com/patchFieldManager", "local-llm")
        force = " --force-conflicts" if patch.annotations.get("pulumi.com/patchForce") == "true" else ""
        lines += [
            f"kubectl get -f {patch.path} &&",
            f"  kubectl apply --server-side{force} --field-manager={manager} -f {patch.path}",
        ]
    return lines and [
        "# Someone else's objects. They are looked for first: apply would make one that is missing.",
        *lines,
    ]


def _stage(group: str, manifests: Sequence[Manifest], *, first: bool) -> list[str]:
    kinds = ", ".join(dict.fromkeys(m.kind for m in manifests))
    when = "" if first else " Only when those Jobs are complete: with Recreate the old pod goes first."
    lines = [f"# {kinds}.{when}", f"kubectl apply --server-side --field-manager=local-llm -f {group}"]
    for namespace in sorted({m.namespace or "" for m in manifests}):
        jobs = [m for m in manifests if m.kind == "Job" and m.namespace == namespace]
        if jobs:
            deadline = max(job.body["spec"].get("activeDeadlineSeconds", _DEADLINE_S) for job in jobs)
            lines += [
                "# A failed Job is not noticed by this: watch `kubectl get jobs` meanwhile.",
                f"kubectl wait --for=condition=complete --timeout={deadline:.0f}s --namespace {namespace} \\",
                f"  {' '.join(f'job/{job.name}' for job in jobs)}",
            ]
    for m in manifests:
        if m.kind == "Deployment":
            timeout = m.body["spec"].get("progressDeadlineSeconds", _DEADLINE_S)
            lines.append(
                f"kubectl rollout status --timeout={timeout:.0f}s --namespace {m.namespace} deployment/{m.name}"
            )
    return lines
