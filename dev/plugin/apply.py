"""Create, read, update and delete one object, for a preview or for real.

Creates are plain POSTs, updates server-side applies, Patch resources always applies. Waiting is in await_.py.
Source: the official plugin's provider.go and await.go, v4.32.
"""

import time
from dataclasses import dataclass
from typing import Any

from dev.plugin.api import kinds
from dev.plugin.api.client import APPLY, JSON_PATCH, ApiError, Client, UnreachableError
from dev.plugin.api.managers import CREATE_MANAGER, drop_ignored, take_over, written_by_create
from dev.plugin.api.metadata import PATCH_FORCE, Object, annotation, field, id_of, is_set
from dev.plugin.awaiting.waiter import InitFailedError, Waiter, read_ready
from dev.plugin.diff.normalize import normalize
from dev.plugin.diff.properties import has_unknown, plain
from dev.plugin.diff.prune import prune
from dev.plugin.diff.state import checkpoint, field_manager, parse

_RETRIES_S = (1, 2, 4, 8)  # a namespace or a definition may be created by a resource beside this one
_EXISTS = """
It exists already and Pulumi did not create it. To take it over: `pulumi import`. To set only some of its fields: a
Patch resource. If this is a renamed resource: give it an alias, or delete_before_replace."""


@dataclass(frozen=True, slots=True)
class Request:
    """What Pulumi says about the resource and the run."""

    type_token: str
    preview: bool
    timeout_s: float = 0.0  # 0: the annotation's or the default
    ignore: tuple[str, ...] = ()


class Operations:
    """The four operations on one cluster; `patch_force` lets every apply win conflicts."""

    def __init__(self, client: Client, waiter: Waiter, *, patch_force: bool) -> None:
        self._client = client
        self._waiter = waiter
        self._patch_force = patch_force

    def create(self, inputs: dict[str, Any], request: Request) -> tuple[str, dict[str, Any]]:
        """(id, outputs); in a preview the id is "" and the outputs are the inputs where the server cannot say more.

        Raises ApiError, UnreachableError; InitFailedError when the object was made but did not become ready.
        """
        wanted, is_patch = plain(inputs), kinds.is_patch(request.type_token)
        if request.preview and (has_unknown(wanted) or is_patch):
            return "", inputs
        manager = field_manager(wanted)
        try:
            live = self._create(wanted, manager, request, is_patch=is_patch)
        except (ApiError, UnreachableError) as error:
            if request.preview and _skips_preview(error):
                return "", inputs
            raise _explained(error, manager, creating=True) from None
        version = wanted["apiVersion"]
        if request.preview:
            live.pop("status", None)
            return "", checkpoint(wanted, live, inputs, version, manager)
        try:
            live = self._waiter.until_ready(wanted, live, None, request.timeout_s)
        except InitFailedError as failure:
            failure.outputs = checkpoint(wanted, failure.live, inputs, version, manager)
            raise
        return id_of(live), checkpoint(wanted, live, inputs, version, manager)

    def _create(self, wanted: Object, manager: str, request: Request, *, is_patch: bool) -> Object:
        dry = {"dryRun": "All"} if request.preview else {}
        for wait_s in (*_RETRIES_S, None):
            try:
                if is_patch:
                    return self._apply(wanted, manager, force=self._forces(wanted), preview=request.preview)
                return self._client.create(wanted, {"fieldManager": CREATE_MANAGER, **dry})
            except ApiError as error:
                if error.code != 404 or request.preview or wait_s is None:
                    raise
            time.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    def read(
        self, object_id: str, inputs: dict[str, Any], outputs: dict[str, Any], type_token: str
    ) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """(inputs, outputs) as they are in the cluster, None where the object is gone.

        Raises ApiError, UnreachableError; InitFailedError when the object is there but not ready.
        """
        state = parse(outputs)
        known: Object = normalize(inputs)
        namespace, _, name = object_id.rpartition("/")
        identity = {"name": name, **({"namespace": namespace} if namespace else {})}
        imported = not known.get("kind") and not state.live.get("kind")
        if not known.get("kind"):
            api_version, kind = kinds.from_type(type_token)
            known = {"apiVersion": api_version, "kind": kind, "metadata": identity, **known}
        version = state.initial_api_version or known["apiVersion"]
        manager = field_manager(known, state.field_manager)
        try:
            live = self._client.get({**known, "metadata": identity})
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        found = _importable(live) if imported else prune(live, known)
        result = checkpoint(found, live, inputs, version, manager)
        found = result["__inputs"]  # secrets marked
        if not imported and (reasons := read_ready(self._client, known, live)):
            message = f"Resource '{name}' was created but failed to initialize"
            raise InitFailedError(message, reasons, live, result, inputs=found)
        return found, result

    def update(self, olds: dict[str, Any], news: dict[str, Any], request: Request) -> dict[str, Any]:
        """Outputs after the update; in a preview the inputs where the server cannot say more.

        Raises ApiError, UnreachableError; InitFailedError with the live object when anything went wrong after that.
        """
        wanted, state = normalize(news), parse(olds)
        if request.preview and has_unknown(wanted):
            return news
        manager = field_manager(wanted, state.field_manager)
        failure: Exception
        try:
            live = self._update(wanted, state.live, manager, request)
            if not request.preview:
                if state.field_manager and state.field_manager != manager:
                    self._relinquish(live, state.field_manager)
                live = self._waiter.until_ready(wanted, live, state.live, request.timeout_s)
            return checkpoint(wanted, live, news, state.initial_api_version, manager)
        except (ApiError, UnreachableError) as error:
            if request.preview and (
                isinstance(error, UnreachableError) or error.code == 403 or error.reason == "NoMatch"
            ):
                return news
            explained = _explained(error, manager, creating=False)
            try:
                live = self._client.get(state.live)
            except (ApiError, UnreachableError):
                raise explained from None
            failure = InitFailedError(str(explained), [], live)
        except InitFailedError as error:
            failure = error
        failure.outputs = checkpoint(wanted, failure.live, news, state.initial_api_version, manager)
        raise failure

    def _update(self, wanted: Object, old: Object, manager: str, request: Request) -> Object:
        live = self._client.get(old)
        owned = not kinds.is_patch(request.type_token)
        if owned and not request.preview and (entries := take_over(live, manager)) is not None:
            patch = [
                {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
            ]
            live = self._client.patch(live, patch, JSON_PATCH, {})
        drop_ignored(wanted, live, manager, list(request.ignore))
        force = self._forces(wanted) or (request.preview and written_by_create(live))
        return self._apply(
            wanted, manager, force=force or not field(live, "metadata", "managedFields"), preview=request.preview
        )

    def delete(self, outputs: dict[str, Any], object_id: str, request: Request) -> None:
        """Delete and wait until it is gone; a Patch resource only gives its fields back.

        Raises ApiError, UnreachableError; InitFailedError when the object does not go in time.
        """
        state = parse(outputs)
        target = {**state.live, "metadata": {**state.live.get("metadata", {}), "name": object_id.rpartition("/")[2]}}
        if kinds.is_patch(request.type_token):
            self._relinquish(target, field_manager(state.inputs, state.field_manager))
            return
        wished = annotation(state.inputs, "pulumi.com/deletionPropagationPolicy").capitalize()
        try:
            self._client.delete(target, wished if wished in ("Orphan", "Background") else "Foreground")
        except ApiError as error:
            if error.code == 404:
                return
            raise
        try:
            self._waiter.until_gone(state.inputs, target, request.timeout_s)
        except InitFailedError as failure:
            failure.outputs = checkpoint(
                state.inputs, failure.live, outputs, state.initial_api_version, state.field_manager
            )
            raise

    def _relinquish(self, obj: Object, manager: str) -> None:
        """Apply nothing: fields only we own are removed, shared ones stay with the others."""
        metadata = {key: obj["metadata"][key] for key in ("name", "namespace") if key in obj["metadata"]}
        try:
            self._apply({**obj_type(obj), "metadata": metadata}, manager, force=False, preview=False)
        except ApiError as error:
            if error.reason == "Invalid" and "Required value" in str(error):
                message = f"this Patch resource owns a required field ({error}): set retain_on_delete on it"
                raise ApiError(error.code, {"message": message, "reason": error.reason}, "") from None
            raise

    def _apply(self, wanted: Object, manager: str, *, force: bool, preview: bool) -> Object:
        query = {"fieldManager": manager, "force": str(force).lower(), **({"dryRun": "All"} if preview else {})}
        return self._client.patch(wanted, wanted, APPLY, query)

    def _forces(self, wanted: Object) -> bool:
        return self._patch_force or is_set(wanted, PATCH_FORCE)


def is_unready_job(client: Client, outputs: dict[str, Any]) -> bool:
    """Whether the Job of this state is there and has not completed; no cluster, no answer: False."""
    live = parse(outputs).live
    try:
        return live.get("kind") == "Job" and bool(read_ready(client, {}, client.get(live)))
    except (ApiError, UnreachableError):
        return False


def obj_type(obj: Object) -> Object:
    """apiVersion and kind alone."""
    return {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}


def _importable(live: Object) -> Object:
    """The live object without what only the server writes: inputs for `get` and import."""
    inputs = normalize({key: value for key, value in live.items() if key != "status"})
    if annotations := field(inputs, "metadata", "annotations"):
        for key in ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"):
            annotations.pop(key, None)
        if not annotations:
            inputs["metadata"].pop("annotations")
    return inputs


def _skips_preview(error: ApiError | UnreachableError) -> bool:
    """Whether a preview falls back to the inputs: no server, no right, no kind or namespace yet, to be replaced."""
    if isinstance(error, UnreachableError) or error.missing_namespace:
        return True
    return error.code == 403 or error.reason in ("NoMatch", "AlreadyExists") or "does not support dry run" in str(error)


def _explained(error: ApiError | UnreachableError, manager: str, *, creating: bool) -> Exception:
    if isinstance(error, UnreachableError):
        return error
    text = str(error)
    if error.reason == "AlreadyExists" and creating:
        text += _EXISTS
    elif error.reason == "Conflict":
        text = (
            f"another field manager than {manager!r} owns a field this resource sets: {text}\n"
            f'To win, set the annotation {PATCH_FORCE}: "true" on this resource; to yield, remove the field from it.'
        )
    return ApiError(error.code, {"message": text, "reason": error.reason, "details": error.details}, "")
