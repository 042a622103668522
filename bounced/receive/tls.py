"""The certificate we show to clients that ask for TLS."""

import ssl
from pathlib import Path

from bounced.errors import ConfigurationError


class Certificate:
    """A certificate chain and its key, which can be read again while we run.

    A session takes `context` when it starts TLS and keeps it, so that a new
    certificate concerns new sessions only.

    Args:
        certificate: The PEM file with the certificate and its chain.
        key: The PEM file with the private key, which must not be encrypted.

    Raises:
        ConfigurationError: The files cannot be read or do not belong together.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.certificate, self.key = certificate, key
        self.context = self._read()

    def reload(self) -> None:
        """Read both files again; when that fails the present certificate stays in use.

        Raises:
            ConfigurationError: The files cannot be read or do not belong together.
        """
        self.context = self._read()

    def _read(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # An empty password makes an encrypted key an error; without one OpenSSL would ask at the terminal.
            context.load_cert_chain(self.certificate, self.key, password="")
        except OSError as error:  # ssl.SSLError is one too
            raise ConfigurationError(
                f"the certificate {self.certificate} with the key {self.key} cannot be used: {error.strerror}",
                where="receive.tls",
                remedy="give two readable PEM files that belong together, the key without a passphrase",
            ) from error
        return context
