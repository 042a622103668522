"""Read the text of a message from whatever pieces it arrives in (RFC 5321 sections 4.1.1.4 and 4.5.2).

Only ``<CRLF>.<CRLF>`` ends a message. Any other mixture of CR, LF and dot is
content, kept as it came: a server that took one of them for the end would let
a message smuggle commands in. Lines may have any length; one real bounce in
ten has a line over the 1000 octets of RFC 5321.
"""

from dataclasses import dataclass

from bounced.receive.budget import Share

_LINE_END = b"\r\n"
_DOT = b"\r\n."
_END = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Body:
    """The kept first part of a message, and how many octets all of it had.

    Attributes:
        kept: The beginning, or nothing of a message that is larger than allowed.
        size: The octets of the whole message.
        is_lost: Whether the memory did not suffice; then `kept` is empty.
    """

    kept: bytes
    size: int
    is_lost: bool = False


class DataReader:
    """Takes the octets after DATA in pieces of any size and undoes the dot-stuffing.

    Time and memory are linear in what is fed, however it is cut; a message
    larger than allowed is read to its end, but no longer kept.

    Args:
        max_bytes: The size beyond which nothing is kept at all.
        share: Where the octets are kept.
        keep_bytes: How many octets of the beginning are kept; None is all.
    """

    def __init__(self, *, max_bytes: int, share: Share, keep_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._keep_bytes = max_bytes if keep_bytes is None else keep_bytes
        self._share = share
        # A dot on the first line counts too: we begin as if after a line end, which size and body leave out again.
        self._held = _LINE_END
        self._size = -len(_LINE_END)

    def feed(self, piece: bytes) -> bytes | None:
        """Take the next octets.

        Returns:
            What follows the end of the message, or None while there is no end.
        """
        data = self._held + piece
        dot = data.find(_DOT)
        end = data.find(_END, dot) if dot >= 0 else -1
        taken = end + len(_LINE_END) if end >= 0 else len(data) - _length_of_possible_end(data)
        # What may be a part of CRLF-dot is held back, so none is ever cut in two here.
        text = data[:taken]
        self._take(text if dot in {-1, end} else text.replace(_DOT, _LINE_END))  # few lines begin with a dot
        if end >= 0:
            return data[end + len(_END) :]
        self._held = data[taken:]
        return None

    def _take(self, text: bytes) -> None:
        start = max(0, -self._size)  # the line end that we began with
        self._size += len(text)
        if self._size > self._max_bytes:
            self._share.drop()
        else:
            self._share.keep(text[start : start + self._keep_bytes - len(self._share.octets)])

    def body(self) -> Body:
        """Return what was read; to be asked for once."""
        return Body(self._share.detach(), self._size, is_lost=self._share.is_revoked)


def _length_of_possible_end(data: bytes) -> int:
    """Return how many of the last octets of `data` may be the beginning of the end."""
    return next((length for length in (4, 3, 2, 1) if data.endswith(_END[:length])), 0)
