"""Certificates that nobody has signed."""

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path) -> dict[str, str]:
    """Make one in `folder`, or skip the test; return what ``[receive.tls]`` says of it."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("the openssl command is missing")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=mx"]
    subprocess.run([openssl, "req", *kind, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {"certificate": str(certificate), "key": str(key)}
