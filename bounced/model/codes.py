"""The two kinds of codes a mail server answers with."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")


@dataclass(frozen=True, slots=True, order=True)
class Status:
    """An enhanced status code (RFC 3463 section 2): class, subject, detail."""

    class_: int
    subject: int
    detail: int

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, text: str) -> Self | None:
        """Read a code such as ``5.1.1`` that makes up the whole of `text`, or return None."""
        match = _STATUS.fullmatch(text)
        return cls(*map(int, match.groups())) if match else None

    @property
    def is_transient(self) -> bool:
        """Whether the same mail may get through later (4.Y.Z)."""
        return self.class_ == 4  # noqa: PLR2004 - RFC 3463 section 3.1

    @property
    def is_undefined(self) -> bool:
        """Whether only the class means anything (``X.0.0``)."""
        return self.subject == 0 and self.detail == 0

    def __str__(self) -> str:
        return f"{self.class_}.{self.subject}.{self.detail}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A bare SMTP reply code (RFC 5321 section 4.2), never to be mistaken for a table code."""

    code: int

    @property
    def is_transient(self) -> bool:
        """Whether the same command may succeed later (4yz)."""
        return self.code // 100 == 4  # noqa: PLR2004 - the first digit of RFC 5321 section 4.2.1

    def __str__(self) -> str:
        return str(self.code)
