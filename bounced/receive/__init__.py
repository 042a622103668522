"""Receive returned mail by SMTP and LMTP.

This room knows the two protocols, TLS, and which recipients are ours; it does
not know what a bounce is. Every message is handed to one callable, and the
client hears 250 only after that has returned.
"""

from bounced.receive.endpoint import Endpoint
from bounced.receive.limits import Limits
from bounced.receive.listen import Servers, serve
from bounced.receive.networks import Networks
from bounced.receive.recipients import Recipients
from bounced.receive.settings import Accept, Settings
from bounced.receive.tls import Certificate

__all__ = [
    "Accept",
    "Certificate",
    "Endpoint",
    "Limits",
    "Networks",
    "Recipients",
    "Servers",
    "Settings",
    "serve",
]
