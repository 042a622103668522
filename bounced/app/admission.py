"""Which recipients that mail is taken for are genuine."""

from datetime import UTC, datetime

from bounced import receive
from bounced.config import Config
from bounced.identify import read_return_path


class Admission:
    """Tells genuine recipients from others, as configured last.

    Raises:
        ConfigurationError: A key, a pattern or a domain cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.renew(config)

    def renew(self, config: Config) -> None:
        """Take over keys, domains and mode."""
        domains = config.verp.domains if config.verp.mode == "enforce" else []
        written_out = [pattern for pattern in config.receive.recipients if "@" in pattern and "*" not in pattern]
        settings, guarded = config.verp.read_settings(), receive.Recipients(domains)
        always = receive.Recipients([*written_out, *(f"postmaster@{domain}" for domain in domains)])
        self._settings, self._guarded, self._always = settings, guarded, always

    def __call__(self, address: str) -> bool:
        """Return whether `address`, whom we take mail for, is genuine or need not be."""
        if not self._guarded.accepts(address) or self._always.accepts(address):
            return True
        verp = read_return_path(address, self._settings, today=datetime.now(UTC).date())
        return verp is not None and verp.is_verified
