"""The whole thing as a person runs it: `python -m dev ...` as a process, real pods, real answers."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import kubectl
from dev.machine import daemons
from dev.machine.instance import Instance
from dev.pulumi.stackfile import ROOT

# Two clones may run their tests at once: each names its own. Of one clone each worker has its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "0")
INSTANCE = Instance(f"{(os.environ.get('LOCAL_LLM_TEST_INSTANCE') or 'test')[:8]}-{WORKER}-up")
NAMESPACE = "llama-cpp"
CHAT = "smollm2-135m"  # the model to chat with; the other two are quantizations of one model
MODELS = ("gemma-3-270m-q3", "gemma-3-270m-q4")
EVERY_MODEL = (*MODELS, CHAT)
PROMPT = "Write one sentence about the sea."
STALL = {"origin": "cdn", "stall_after": 1_000_000}  # a download that does not end until the hub hears otherwise


def dev(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; never raises."""
    return subprocess.run(
        _argv(arguments), cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def up() -> str:
    """`make up`, which must succeed; returns what it printed."""
    done = dev("up")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answered(output: str) -> bool:
    """Whether `up` ended with an answer of two models: the one to chat with, and another after a swap."""
    said = r"asking {0}: .+\?*\n(?:.*\S.*\n)+?\[ *[\d.]+s\] {0}: \d+ tokens/s, the first after \d+\.\d s\n"
    return all(re.search(said.format(model), output) for model in (CHAT, MODELS[-1]))


@dataclass
class Run:
    """A command that still runs; `seen` is what it has printed so far."""

    process: subprocess.Popen[str]
    seen: str = ""

    def until(self, pattern: str) -> None:
        """Read on until a line matches; fails when the command ends before."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.seen += line
            if re.search(pattern, line):
                return
        raise AssertionError(f"ended without {pattern!r}: {self.seen}")

    def end(self) -> int:
        assert self.process.stdout
        self.seen += self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait()

    def kill_pulumi(self) -> None:
        """SIGKILL the process group of the Pulumi CLI, its plugins included."""
        pid = self.process.pid
        children = (
            Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        )  # beside kubectl, which looks for events
        programs = {child: Path(f"/proc/{child}/cmdline").read_text().split("\0")[0] for child in children}
        (pulumi,) = (child for child, program in programs.items() if program.endswith("/pulumi"))
        os.killpg(int(pulumi), signal.SIGKILL)


def start() -> Run:
    """Begin `make up` in a process group of its own."""
    argv = _argv(["up"])
    process = subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    return Run(process)


def start_and_wait_for_a_job() -> Run:
    """Begin `make up` and return while Pulumi waits for a download that stalls."""
    running = start()
    running.until("pulumi up of the stack")
    faults(STALL)
    running.until(r"Job .* 1 active")
    return running


def faults(*rules: dict[str, Any]) -> None:
    """Order faults from the hub, which may have been started a moment ago."""
    body = json.dumps(rules).encode()
    eventually(lambda: _hub("/_faults", body) == b"")


def downloads() -> list[dict[str, Any]]:
    """Requests that the hub's CDN has answered since it was started."""
    return [row for row in json.loads(_hub("/_log")) if row["origin"] == "cdn"]


def eventually(attempt: Callable[[], object], timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            assert attempt()
            return
        except (OSError, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def request(path: str, key: str | None = None, body: Any = None, base: str | None = None) -> tuple[int, Any]:
    """One request to the endpoint, as curl would send it; returns the status and the parsed answer."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = json.dumps(body).encode() if body is not None else None
    base = base or f"http://127.0.0.1:{INSTANCE.ports.endpoint}"
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=300) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def chat(model: str, key: str | None = None, base: str | None = None) -> tuple[int, Any]:
    """A completion that only the weights decide."""
    settings = {"temperature": 0, "seed": 1, "max_tokens": 24, "cache_prompt": False, "logprobs": True}
    body = {"model": model, "messages": [{"role": "user", "content": PROMPT}], **settings}
    return request("/v1/chat/completions", key, body, base)


def get(kind: str, *arguments: str) -> Any:
    return json.loads(kubectl.kubectl(INSTANCE, "get", kind, "-o", "json", *arguments))


def key() -> str:
    return dev("key").stdout.strip()


def pids_of(program: str) -> list[int]:
    """Processes of the instance's pods that run `program`."""
    inside = daemons.members(INSTANCE, "kubepods")
    return [pid for pid in inside if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] == program.encode()]


class Watch:
    """Collects the command line of every process that is seen on the machine while it is entered."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._done.wait(0.02):
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(place.read_bytes())
                except OSError:
                    continue

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _argv(arguments: Any) -> list[str]:
    instance = [] if "--instance" in arguments else ["--instance", INSTANCE.name]
    return [sys.executable, "-m", "dev", *instance, *arguments]


def _hub(path: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{INSTANCE.ports.hub}{path}", body, timeout=30) as answer:
        return answer.read()


def host() -> dict[str, str]:
    """What a cluster could change on the host outside its own directories."""
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    return {"rules": "\n".join(line for line in rules.splitlines() if line[:1] not in "#:"), "links": links}


def dev_pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **exported()}
    argv = ["pulumi", *arguments, "--stack", "dev", "--config-file", env["STACK_FILE"], "--non-interactive"]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def exported() -> dict[str, str]:
    """What `make env` gives a shell."""
    script = dev("env").stdout + "\nenv -0"
    return dict(
        row.split("=", 1)
        for row in subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
        if "=" in row
    )


def pods(component: str) -> list[dict[str, Any]]:
    return get("pod", "-n", NAMESPACE, "-l", f"app.kubernetes.io/component={component}")["items"]
