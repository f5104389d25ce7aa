"""The passphrase that locks the secrets in Pulumi's state: whose it is, where a generated one lies, who else needs it.

An operator's own counts before a generated one, and so does another secrets provider of theirs. A generated one lies
outside the instance's directory, which `make clean` removes: the state in an operator's Postgres outlives that.
"""

import os
import secrets
from pathlib import Path

from dev.machine.instance import Instance
from dev.machine.steps import DevError, say

PHRASE, FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
# "passphrase" and "default" are the passphrase (pulumi 3.259, pkg/cmd/pulumi/stack/secrets.go).
_OURS = {"", "default", "passphrase"}


def supplied(instance: Instance) -> dict[str, str] | None:
    """The variables of an operator's own passphrase, None where there is none; PHRASE wins, as in Pulumi.

    A generated one, which `make env` names in this shell, also for another instance, is none of theirs.
    """
    if PHRASE in os.environ:
        return {}
    given = Path(os.path.abspath(os.environ.get(FILE) or instance.passphrase))  # `pulumi --cwd` would look elsewhere
    made = given.parent == instance.passphrase.parent or given == _old(instance)
    return None if made else {FILE: str(given)}


def generated(instance: Instance) -> dict[str, str]:
    """The variable of the generated passphrase; where an older release left it, until `keep`."""
    old = _old(instance)
    return {FILE: str(old if old.is_file() and not instance.passphrase.exists() else instance.passphrase)}


def is_other(provider: str) -> bool:
    """Whether a stack's `secretsprovider` needs no passphrase."""
    return provider not in _OURS


def keep(instance: Instance) -> None:
    """Bring the passphrase of an older release to where it is safe; a link stays for shells that know the old place.

    Nothing is lost: another one that lies there already is set aside.
    """
    old, safe = _old(instance), instance.passphrase
    if not old.is_file() or old.is_symlink():
        return
    phrase = old.read_text()
    if safe.exists() and safe.read_text() != phrase:
        safe.rename(safe.with_name(f"{safe.name}.{safe.stat().st_mtime_ns}"))
    if not safe.exists():
        _write(safe, phrase)
    old.unlink()
    old.symlink_to(safe)


def require(instance: Instance, stack: str, *, in_use: bool, shared: bool) -> None:
    """See to it that there is a generated passphrase; makes one where none is `in_use` yet. Raises DevError.

    `shared`: the state is not this machine's alone.
    """
    path = instance.passphrase
    if Path(generated(instance)[FILE]).exists():
        return
    if in_use:
        raise DevError(
            f"the secrets of the stack {stack} are locked with a passphrase that this machine does not have",
            f"copy {path} from the machine that made the stack, or its own: export {FILE}=/path/to/it",
        )
    _write(path, secrets.token_urlsafe(32))
    keep = "keep a copy of that file: without it the secrets are lost, and another machine needs it, too"
    say(f"made a passphrase for the secrets in Pulumi's state, in {path}: {keep if shared else 'nothing to do'}")


def require_readable(instance: Instance) -> None:
    """Refuse an operator's file that cannot be read; raises DevError."""
    given = supplied(instance) or {}
    if FILE in given and not os.access(given[FILE], os.R_OK):
        raise DevError(f"{FILE}={given[FILE]} cannot be read", "correct it, or unset it for a generated passphrase")


def wrong(instance: Instance, stack: str) -> DevError:
    """The error for a passphrase that does not open the secrets of the state."""
    of = f"the one in {FILE}" if FILE in (supplied(instance) or {}) else f"the one in {instance.passphrase}"
    whose = f"the one in {PHRASE}" if PHRASE in os.environ else of
    return DevError(
        f"the secrets of the stack {stack} are locked with another passphrase than {whose}",
        f"export {FILE}=/path/to/the/one that the stack was made with; the machine that made the stack has it in "
        f"{instance.passphrase}, unless a person chose it",
    )


def _old(instance: Instance) -> Path:
    return instance.state / "passphrase"


def _write(path: Path, phrase: str) -> None:
    """Write it whole, for root alone: a half one would lock the state for ever."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(phrase)
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(path)
