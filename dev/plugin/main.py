"""Starts the plugin as Pulumi expects it: prints its port, serves until it is ended.

Run by the launcher that install.py writes, as `python -I -S main.py SITE_PACKAGES VERSION [ENGINE_ADDRESS]`.
Imports are what start-up costs, so `pulumi` itself is not imported: bare packages of its name lead to the generated
protocol modules (measured: 0.2 s instead of 0.6 s).
"""

import os
import signal
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

_ENDINGS = {signal.SIGINT, signal.SIGTERM}  # Pulumi interrupts its plugins when it is done with them
_LOOK_EVERY_S = 2.0


def main(site: str, version: str, engine: str = "") -> None:
    engine_pid = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)  # before any thread, so that only sigwait sees them
    _prepare_imports(site)
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from dev.plugin.server import KubernetesPlugin
    from dev.plugin.status import EngineLog

    # Every wait for an object holds a thread; Pulumi runs as many operations at once as it likes.
    server = grpc.server(
        ThreadPoolExecutor(max_workers=256),
        options=[("grpc.max_receive_message_length", 400 * 2**20), ("grpc.max_send_message_length", 400 * 2**20)],
    )
    servicer = KubernetesPlugin(version, EngineLog(engine))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    # Every preview reads one object: this thread has nothing to do while Pulumi connects.
    from dev.plugin import apply  # noqa: F401 # pyright: ignore[reportUnusedImport] - loaded ahead of their use
    from dev.plugin.api import client  # noqa: F401 # pyright: ignore[reportUnusedImport] - loaded ahead of their use
    from dev.plugin.awaiting import waiter  # noqa: F401 # pyright: ignore[reportUnusedImport] - loaded ahead of their use

    while not signal.sigtimedwait(_ENDINGS, _LOOK_EVERY_S) and os.getppid() == engine_pid:
        pass  # a killed Pulumi does not end its plugins
    server.stop(grace=None)
    os._exit(0)  # threads that still wait for an object would hold the process, and Pulumi, for ten seconds


def _prepare_imports(site: str) -> None:
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    sys.path[:0] = [str(Path(__file__).resolve().parents[2]), site]
    for name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        module = ModuleType(name)
        module.__path__ = [f"{site}/{name.replace('.', '/')}"]
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        sys.modules[name] = module
    sys.modules["grpc.aio"] = ModuleType("grpc.aio")  # never used here, and it would bring asyncio along


if __name__ == "__main__":
    main(*sys.argv[1:])
