"""Certificates that nobody has signed."""

import shutil
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path, name: str = "mx") -> dict[str, str]:
    """Make one for `name` in `folder`, or skip the test; return what ``[receive.tls]`` says of it."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("the openssl command is missing")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    command = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name}".split()
    subprocess.run([openssl, *command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return {"certificate": str(certificate), "key": str(key)}
