"""A server of a test, in a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingTCPServer


@contextmanager
def serving(server: ThreadingTCPServer) -> Iterator[str]:
    """Answer until the block ends; yields the server's URL, if it speaks HTTP on IPv4."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
