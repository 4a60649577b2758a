"""A real authority, made by openssl: it signs certificates for servers and clients."""

import subprocess
from pathlib import Path

from tests.conftest import find_component


class Authority:
    """Its own certificate is `file`; everything that it makes lies beside it."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._openssl = find_component("openssl")
        self._folder = folder
        self.file, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN=Test {name}", "-keyout", str(self._key), "-out", str(self.file),
        )  # fmt: skip

    def issue(self, name: str, sans: str = "DNS:localhost,IP:127.0.0.1") -> tuple[Path, Path]:
        """A certificate and its key, signed by this authority."""
        certificate, key, request = (self._folder / f"{name}.{ending}" for ending in ("crt", "key", "csr"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={sans}\n")
        self._run(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        self._run(
            "x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAkey", str(self._key), "-CAcreateserial",
            "-days", "2", "-extfile", str(extensions), "-out", str(certificate),
        )  # fmt: skip
        key.chmod(0o600)
        return certificate, key

    def encrypt(self, key: Path) -> Path:
        """The same key with a passphrase."""
        locked = key.with_suffix(".locked")
        self._run("pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked))
        return locked

    def _run(self, *words: str) -> None:
        subprocess.run([self._openssl, *words], check=True, capture_output=True, timeout=30)
