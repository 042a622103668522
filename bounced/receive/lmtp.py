"""LMTP (RFC 2033): SMTP with another greeting, and a reply for each recipient after the message."""

from collections.abc import Mapping
from typing import ClassVar

from bounced.receive.smtp import Command, Smtp
from bounced.receive.transaction import Transaction


class Lmtp(Smtp):
    """A session of one LMTP client."""

    service: ClassVar[str] = "LMTP"
    commands: ClassVar[Mapping[str, Command]] = {
        "LHLO": Smtp.commands["EHLO"],
        **{verb: command for verb, command in Smtp.commands.items() if verb not in {"HELO", "EHLO"}},
    }

    def _reply_without_recipients(self) -> str:
        return "503 5.5.1 No valid recipients"  # RFC 2033 section 4.2 allows no other code

    def _answer_message(self, transaction: Transaction, reply: str) -> None:
        # The message was committed once for all, so all have the same fate.
        self._write("\r\n".join([reply] * len(transaction.recipients)))
