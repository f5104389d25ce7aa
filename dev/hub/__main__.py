"""`python -m dev.hub`: serve a directory of repositories until a signal ends it."""

import argparse
import signal
import threading
from pathlib import Path

from dev.hub import Hub


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.hub", description="Serve ROOT/<org>/<name>/<file> as a hub.")
    parser.add_argument("--listen", default="127.0.0.1", help="address of this machine or of its network namespace")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--cdn-port", type=int, default=8091)
    parser.add_argument("--root", type=Path, required=True)
    arguments = parser.parse_args()
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with Hub(arguments.root, arguments.listen, arguments.port, arguments.cdn_port) as hub:
        print(f"hub at {hub.endpoint}", flush=True)
        while not ended.wait(1.0):  # a longer one is not ended by a signal that comes just before it
            pass


main()
