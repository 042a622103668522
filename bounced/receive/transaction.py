"""What a mail transaction has gathered so far (RFC 5321 section 3.3)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bounced.model import Envelope
from bounced.receive.addresses import Path

# A hundred addresses of the longest that RFC 5321 section 4.5.3.1 knows.
_MAX_OCTETS = 32_768


@dataclass(slots=True)
class Transaction:
    """What MAIL and RCPT have said since the last reset; the fields are those of `Envelope`."""

    sender: str | None = None
    mail_parameters: tuple[str, ...] = ()
    recipients: list[str] = field(default_factory=list)
    rcpt_parameters: list[tuple[str, ...]] = field(default_factory=list)
    _octets: int = 0

    @property
    def is_open(self) -> bool:
        """Whether MAIL was accepted; the null sender counts."""
        return self.sender is not None

    def add(self, path: Path, *, max_recipients: int) -> bool:
        """Add a recipient; False where there is no room for it."""
        octets = sum(len(text) if text.isascii() else 4 * len(text) for text in (path.address, *path.parameters))
        if len(self.recipients) >= max_recipients or self._octets + octets > _MAX_OCTETS:
            return False
        self._octets += octets
        self.recipients.append(path.address)
        self.rcpt_parameters.append(path.parameters)
        return True

    def envelope(self, *, client: str | None, helo: str | None) -> Envelope:
        """Return the envelope of a message that is complete now."""
        return Envelope(
            sender=self.sender or "",
            recipients=tuple(self.recipients),
            received_at=datetime.now(UTC),
            client=client,
            helo=helo,
            mail_parameters=self.mail_parameters,
            rcpt_parameters=tuple(self.rcpt_parameters),
        )
