"""Replies that refuse, as exceptions, and the words several commands share.

All replies are fixed texts with an enhanced status code (RFC 2034, RFC 3463):
nothing the client sent and nothing an exception says is ever echoed.
"""

LOCAL_ERROR = "451 4.3.0 Local error, try again later"
TOO_BIG = "552 5.3.4 Message too big"
NO_MEMORY = "452 4.3.1 Too much mail at once, try again later"
STORE_FULL = "452 4.3.1 Storage is full, try again later"


class RefusedError(Exception):
    """A command is answered with `reply` and has no other effect.

    Args:
        reply: The whole reply line.
        is_final: Whether the session ends with it.
    """

    def __init__(self, reply: str, *, is_final: bool = False) -> None:
        self.reply, self.is_final = reply, is_final
        super().__init__(reply)
