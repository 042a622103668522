"""What is answered to verbs that no session knows."""

import re

from bounced.receive.replies import RefusedError

_HTTP_METHODS = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI"})
# Methods are many, and anybody may invent more; the version ends the line (RFC 9112 section 3).
_HTTP_VERSION = re.compile(r"(?:^| )HTTP/\d(?:\.\d)?$", re.IGNORECASE)
_NOT_IMPLEMENTED = frozenset({"EXPN", "AUTH", "ETRN", "TURN", "SEND", "SOML", "SAML"})


def refuse_verb(verb: str, argument: str) -> RefusedError:
    """Return the refusal of `verb`; it is final where what follows was not meant for a mail server, or not for us."""
    if verb in _HTTP_METHODS or _HTTP_VERSION.search(argument):
        return RefusedError("554 5.5.1 This is not a web server", is_final=True)
    if verb == "PROXY":
        return RefusedError("554 5.7.1 You are no proxy of ours", is_final=True)
    if verb == "BDAT":
        # A piece of a message comes right behind it (RFC 3030), and a message says nothing that we obey.
        return RefusedError("502 5.5.1 Command not implemented", is_final=True)
    if verb in _NOT_IMPLEMENTED:
        return RefusedError("502 5.5.1 Command not implemented")
    return RefusedError("500 5.5.1 Command not recognized")
