"""How much of everything a client may have."""

from dataclasses import dataclass

from bounced.receive.networks import Networks

_LOOPBACK = Networks(("127.0.0.0/8", "::1"), where="receive.limits.trusted")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of all endpoints together; a client is an IPv4 address or an IPv6 /64.

    Attributes:
        connections: Open connections of all clients.
        connections_per_client: Open connections of one client.
        connections_per_minute: New connections of one client.
        messages_per_minute: Messages of one client.
        trusted: Who is free of the three limits above; so is whoever comes through a unix socket.
        bytes_in_flight: What all messages that are not answered yet may hold in memory.
        recipients_per_message: RFC 5321 section 4.5.3.1.8 asks for 100 at least.
        errors: Mistakes, and refusals for good, without a message that is accepted.
        idle_commands: Commands that achieve nothing, without a message that is accepted.
        idle_seconds: How long a client may be silent; RFC 5321 section 4.5.3.2.7 asks for five minutes.
        session_seconds: How long a session may last, whatever the client says.
        data_bytes_per_second: How fast a message has to come, once `idle_seconds` have gone by.
        handshake_seconds: How long TLS may take to begin.
    """

    connections: int = 2048
    connections_per_client: int = 50
    connections_per_minute: int = 300
    messages_per_minute: int = 3000
    trusted: Networks = _LOOPBACK
    bytes_in_flight: int = 67_108_864
    recipients_per_message: int = 100
    errors: int = 20
    idle_commands: int = 100
    idle_seconds: float = 300
    session_seconds: float = 1200
    data_bytes_per_second: int = 500
    handshake_seconds: float = 30


DEFAULT_LIMITS = Limits()
