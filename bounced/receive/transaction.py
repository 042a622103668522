"""What a mail transaction has gathered so far (RFC 5321 section 3.3)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from bounced.model import Envelope


@dataclass(slots=True)
class Transaction:
    """What MAIL and RCPT have said since the last reset; the fields are those of `Envelope`."""

    sender: str | None = None
    mail_parameters: tuple[str, ...] = ()
    recipients: list[str] = field(default_factory=list)
    rcpt_parameters: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether MAIL was accepted; the null sender counts."""
        return self.sender is not None

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
