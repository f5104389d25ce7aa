"""A certificate authority of the tests' own, and a server's certificate that it signed: made by openssl, once."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Authority:
    """`ca` is what a client has to trust; `certificate` and `key` are a server's, for `names`."""

    ca: Path
    certificate: Path
    key: Path


def make(directory: Path, *names: str, days: int = 30, strict: bool = True) -> Authority:
    """An authority; the server's certificate is valid for `days`. Not `strict`: as many a company has it."""
    made = Authority(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ca_key, request = directory / "ca.key", directory / "server.csr"
    subject = ["-subj", f"/CN=an authority of {names[0]}"]
    basic = [] if strict else ["-addext", "basicConstraints=CA:TRUE"]
    _openssl("req", "-x509", *_KEY, "-keyout", ca_key, "-out", made.ca, "-days", "30", *subject, *basic)
    alternatives = ",".join(f"{'IP' if name[0].isdigit() else 'DNS'}:{name}" for name in names)
    _openssl("req", *_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={names[0]}")
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName={alternatives}\nauthorityKeyIdentifier=keyid\n")
    signed = ["-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-extfile", extensions]
    _openssl("x509", "-req", "-in", request, "-out", made.certificate, "-days", days, *signed)
    return made


def subject_hash(certificate: Path) -> str:
    """The name that OpenSSL looks for in a directory of authorities."""
    return _openssl("x509", "-in", certificate, "-noout", "-subject_hash").strip()


def _openssl(*arguments: object) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True).stdout
