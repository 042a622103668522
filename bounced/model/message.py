"""A returned message and what the session said around it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from bounced.model.ids import identifier


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP or LMTP session said around a message.

    Attributes:
        sender: The reverse-path without brackets; empty for the null sender.
        recipients: The forward-paths that got 250, in order.
        received_at: When the message was complete, in UTC.
        client: The client's IP address; None over a unix socket or from a file.
        helo: What the client called itself.
        mail_parameters: ESMTP parameters of MAIL as sent (``RET=HDRS``, ``AUTH=<>``).
        rcpt_parameters: ESMTP parameters of RCPT as sent, one tuple per recipient.
    """

    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    client: str | None = None
    helo: str | None = None
    mail_parameters: tuple[str, ...] = ()
    rcpt_parameters: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A returned message as it was accepted.

    Attributes:
        id: Derived from envelope and content: the same mail sent twice has one id.
        envelope: What the session said around it.
        raw: The octets kept, at most the configured first part of the message.
        size: How many octets were sent.
    """

    id: str
    envelope: Envelope
    raw: bytes = field(repr=False)
    size: int

    @classmethod
    def of(cls, envelope: Envelope, raw: bytes, *, size: int | None = None) -> Self:
        """Name a message; `size` is given where `raw` holds only the first part of it."""
        size = len(raw) if size is None else size
        addresses = (envelope.sender, *envelope.recipients)
        # An address in octets that are no UTF-8 is held with lone surrogates.
        parts = [address.encode(errors="surrogatepass") for address in addresses]
        return cls(identifier("msg_", str(len(parts)).encode(), *parts, raw, str(size).encode()), envelope, raw, size)
